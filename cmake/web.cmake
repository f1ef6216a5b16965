# The pages: built by Node from web/, put into the binary with their compressed forms.
find_program(NODE node REQUIRED)
set(WEB_OUTPUT ${CMAKE_BINARY_DIR}/web)
file(GLOB_RECURSE WEB_SOURCES CONFIGURE_DEPENDS web/pages/* web/styles/* web/src/* web/locales/* web/build/* web/pictures/*)
if(NOT EXISTS ${CMAKE_SOURCE_DIR}/web/node_modules)
  message(FATAL_ERROR "web/node_modules is missing: run `npm ci --ignore-scripts` in web/, or ./run, which does it")
endif()
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/generated/web_files.S ${CMAKE_BINARY_DIR}/generated/web_files.cpp
  COMMAND ${NODE} ${CMAKE_SOURCE_DIR}/web/build.mjs --out ${WEB_OUTPUT}
  COMMAND ${NODE} ${CMAKE_SOURCE_DIR}/cmake/embed_web.mjs ${WEB_OUTPUT} ${CMAKE_BINARY_DIR}/generated
  DEPENDS ${WEB_SOURCES} web/build.mjs web/package-lock.json docs/api/openapi.json cmake/embed_web.mjs
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  COMMENT "Building the pages"
  VERBATIM)
target_sources(core PRIVATE ${CMAKE_BINARY_DIR}/generated/web_files.S ${CMAKE_BINARY_DIR}/generated/web_files.cpp)
set_source_files_properties(${CMAKE_BINARY_DIR}/generated/web_files.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)

# What the program writes in words comes from the same catalogues.
set(WORDS ${CMAKE_BINARY_DIR}/generated/words.cpp)
set(CATALOGUES ${CMAKE_SOURCE_DIR}/web/locales/en.json ${CMAKE_SOURCE_DIR}/web/locales/es.json)
add_custom_command(
  OUTPUT ${WORDS}
  COMMAND ${NODE} ${CMAKE_SOURCE_DIR}/cmake/embed_words.mjs ${CMAKE_SOURCE_DIR}/web/locales ${WORDS}
  DEPENDS ${CATALOGUES} cmake/embed_words.mjs
  VERBATIM)
target_sources(platform PRIVATE ${WORDS})
set_source_files_properties(${WORDS} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
