// doctest's own main(), compiled once for all test programs. As `sample-app` it is a tenant's
// application instead: tenants are started from the program that provisions them.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <csignal>
#include <string_view>

#include "sample/sample_app.hpp"

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view{argv[1]} == "sample-app") return sample::run(argv[3]);
  std::signal(SIGPIPE, SIG_IGN);
  return doctest::Context{argc, argv}.run();
}
