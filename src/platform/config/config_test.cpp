// Where settings come from, and what a mistake is told.
#include "platform/config/config.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {
std::string temporary_file(std::string const& content) {
  char path[] = "/tmp/onboarding-config-XXXXXX";
  int const file = mkstemp(path);
  REQUIRE(file >= 0);
  std::ofstream{path} << content;
  return path;
}

config::Loaded load(std::map<std::string, std::string> flags, std::vector<char const*> environment,
                    std::string const& file = "") {
  auto const path = temporary_file(file);
  flags.emplace("config", path);
  environment.push_back(nullptr);
  auto cleanup = [&] { std::filesystem::remove(path); };
  try {
    auto loaded = config::load(flags, environment.data());
    cleanup();
    return loaded;
  } catch (...) {
    cleanup();
    throw;
  }
}

std::string mistake(std::map<std::string, std::string> flags, std::vector<char const*> environment,
                    std::string const& file = "") {
  try {
    load(std::move(flags), std::move(environment), file);
  } catch (config::Mistake const& mistake) {
    return mistake.what();
  }
  return "no mistake";
}
}  // namespace

TEST_CASE("flags win over the environment, which wins over the file") {
  auto const file = "[http]\nport = 1111\n[tenant]\nport = 2222\n[sandbox]\nport = 3333\n";
  auto const loaded = load({{"http_port", "4444"}},
                           {"ONBOARDING_HTTP_PORT=5555", "ONBOARDING_TENANT_PORT=6666"}, file);
  CHECK(loaded.settings.http_port == 4444);
  CHECK(loaded.settings.tenant_port == 6666);
  CHECK(loaded.settings.sandbox_port == 3333);
  CHECK(loaded.settings.signup_lease_minutes == 30);
}

TEST_CASE("a wrong setting is named, with a suggestion where one is near") {
  CHECK(mistake({}, {"ONBOARDING_HTP_PORT=1"}) ==
        "unknown setting ONBOARDING_HTP_PORT: did you mean ONBOARDING_HTTP_PORT?");
  CHECK(mistake({{"http_prot", "1"}}, {}) ==
        "unknown setting --http-prot: did you mean --http-port?");
  CHECK(mistake({}, {}, "[http]\nprot = 1\n").find("did you mean [http] port?") !=
        std::string::npos);
  CHECK(mistake({}, {"ONBOARDING_HTTP_PORT=many"}) ==
        "ONBOARDING_HTTP_PORT is \"many\", it must be an integer");
  CHECK(mistake({}, {"ONBOARDING_HTTP_PORT=70000"}) ==
        "ONBOARDING_HTTP_PORT is \"70000\", it must be at most 65535");
  CHECK(mistake({}, {"ONBOARDING_PROVISIONER=docker"}) ==
        "ONBOARDING_PROVISIONER is \"docker\", it must be one of process, incus");
}

TEST_CASE("secrets come from files on request and are never shown") {
  auto const path = temporary_file("sk_test_very_secret\n");
  auto const variable = "ONBOARDING_STRIPE_SECRET_KEY_FILE=" + path;
  auto const loaded = load({}, {variable.c_str()});
  std::filesystem::remove(path);
  CHECK(loaded.settings.stripe_secret_key == "sk_test_very_secret");
  CHECK(config::show(loaded, true, false).find("very_secret") == std::string::npos);
  CHECK(config::show(loaded, true, true).find("very_secret") == std::string::npos);
}
