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

TEST_CASE("the form of every value that leads outside is looked at") {
  auto refused = [](char const* entry) { return mistake({}, {entry}) != "no mistake"; };
  for (auto const* good : {"ONBOARDING_PUBLIC_URL=https://console.example.com",
                           "ONBOARDING_PUBLIC_URL=https://[::1]:8",
                           "ONBOARDING_PUBLIC_URL=http://127.0.0.1:8080/",
                           "ONBOARDING_TENANT_DOMAIN=localhost",
                           "ONBOARDING_TENANT_DOMAIN=x.xn--espaa-rta.example",
                           "ONBOARDING_MAIL_FROM=a@localhost",
                           "ONBOARDING_MAIL_FROM=Ñu <n@example.test>",
                           "ONBOARDING_SMTP_URL=smtp://mail:2525",
                           "ONBOARDING_SMTP_URL=smtps://a%40b:p%2Fw@mail.example.com:465",
                           "ONBOARDING_DATABASE_URL=postgresql://u:p@h/d",
                           "ONBOARDING_DATABASE_URL=host=/tmp dbname=x",
                           "ONBOARDING_STRIPE_SECRET_KEY=rk_live_0123456",
                           "ONBOARDING_HTTP_BIND=*",
                           "ONBOARDING_HTTP_BIND=::",
                           "ONBOARDING_HTTP_LISTEN=127.0.0.1:81",
                           "ONBOARDING_STRIPE_WEBHOOK_SECRET=whsec_a,whsec_b",
                           "ONBOARDING_DNS_SERVER=127.0.0.1",
                           "ONBOARDING_INCUS_URL=unix:/run/x",
                           "ONBOARDING_STRIPE_API_BASE=http://localhost:4242",
                           "ONBOARDING_SMTP_URL=",
                           "ONBOARDING_STRIPE_API_BASE=http://[::1]:4242",
                           "ONBOARDING_BACKUP_S3_URL=http://127.0.0.1:9000/bucket/prefix"})
    CHECK_MESSAGE(!refused(good), good);
  for (auto const* bad : {"ONBOARDING_PUBLIC_URL=console.example.com",
                          "ONBOARDING_PUBLIC_URL=https://",
                          "ONBOARDING_PUBLIC_URL=ftp://a.example",
                          "ONBOARDING_PUBLIC_URL=https://a:b:c",
                          "ONBOARDING_PUBLIC_URL=https://a.example:0",
                          "ONBOARDING_PUBLIC_URL=https://a.example?x",
                          "ONBOARDING_TENANT_DOMAIN=.example.com",
                          "ONBOARDING_TENANT_DOMAIN=a..b",
                          "ONBOARDING_TENANT_DOMAIN=-a.example",
                          "ONBOARDING_TENANT_DOMAIN=https://example.com",
                          "ONBOARDING_MAIL_FROM=Name <nobody>",
                          "ONBOARDING_MAIL_FROM=a@b.example>",
                          "ONBOARDING_SMTP_URL=mail.example.com",
                          "ONBOARDING_SMTP_URL=smtp://",
                          "ONBOARDING_SMTP_URL=http://mail.example.com",
                          "ONBOARDING_SMTP_URL=smtp://a b@mail",
                          "ONBOARDING_STRIPE_SECRET_KEY=sk_",
                          "ONBOARDING_STRIPE_SECRET_KEY=whsec_0123456",
                          "ONBOARDING_STRIPE_WEBHOOK_SECRET=whsec_a,sk_test_b",
                          "ONBOARDING_HTTP_BIND=300.1.1.1",
                          "ONBOARDING_STRIPE_API_BASE=http://localhost.evil.example",
                          "ONBOARDING_INCUS_URL=incus",
                          "ONBOARDING_STRIPE_API_BASE=http://127.0.0.1.evil.example",
                          "ONBOARDING_HTTP_LISTEN=8080",
                          "ONBOARDING_BACKUP_S3_URL=https://s3.example.com/"})
    CHECK_MESSAGE(refused(bad), bad);
}
