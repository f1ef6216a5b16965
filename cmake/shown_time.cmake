# The library that shows a process another time than the machine's, as a part of the program.
add_library(shown_time SHARED ${CMAKE_SOURCE_DIR}/src/platform/process/shown_time_library.c)
target_compile_options(shown_time PRIVATE -O2 -Wall -Wextra -fvisibility=default)
set(SHOWN_TIME ${CMAKE_BINARY_DIR}/generated/shown_time.S)
file(CONFIGURE OUTPUT ${SHOWN_TIME} @ONLY CONTENT
".section .rodata
.global shown_time_library_start
shown_time_library_start:
.incbin \"${CMAKE_BINARY_DIR}/libshown_time.so\"
.global shown_time_library_end
shown_time_library_end:
.byte 0
.section .note.GNU-stack,\"\",@progbits
")
set_source_files_properties(${SHOWN_TIME} PROPERTIES OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/libshown_time.so)
target_sources(platform PRIVATE ${SHOWN_TIME})
