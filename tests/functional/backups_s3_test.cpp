// The target of S3-compatible services, against a server of that kind that checks signatures.
#include <doctest/doctest.h>

#include <fstream>

#include "backups/archive.hpp"
#include "backups/targets.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/files/temporary_directory.hpp"
#include "platform/process/supervisor.hpp"
#include "support/client.hpp"

namespace fs = std::filesystem;
using support::eventually;

namespace {
/// s3rver from tests/s3, with the bucket `backups` and its built-in keys.
struct Service {
  Service() {
    process::Spec spec{.name = "s3"};
    spec.launch = {
        .executable = "/usr/bin/node",
        .arguments = {
            std::string{ONBOARDING_SOURCE} + "/tests/s3/node_modules/s3rver/bin/s3rver.js",
            "--directory", directory.path().string(), "--address", "127.0.0.1", "--port",
            std::to_string(port), "--configure-bucket", "backups", "--silent"}};
    REQUIRE(fs::exists(spec.launch.arguments.front()));  // ./test installs it
    supervisor.start(std::move(spec));
    REQUIRE(eventually([&] {
      http_client::Request request;
      request.url = "http://127.0.0.1:" + std::to_string(port) + "/backups";
      try {
        return http_client::send(request).status > 0;
      } catch (http_client::Failure const&) {
        return false;
      }
    }));
    settings.backup_s3_url = "http://127.0.0.1:" + std::to_string(port) + "/backups/of this/house";
    settings.backup_s3_access_key = settings.backup_s3_secret_key = "S3RVER";
  }
  fs::path file(std::string const& text) const {
    auto path = directory.path() / "given";
    std::ofstream{path, std::ios::binary} << text;
    return path;
  }

  TemporaryDirectory directory;
  int port = support::free_port();
  process::Supervisor supervisor;
  config::Settings settings;
};

std::string contents(fs::path const& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

template <class Work>
std::string failure_of(Work&& work) {
  try {
    work();
  } catch (provisioning::StepFailure const& failure) {
    return failure.code + ": " + failure.what();
  }
  return "";
}
}  // namespace

TEST_CASE("archives go to an S3-compatible service and come back as they were") {
  Service service;
  auto const target = backups::s3_target(service.settings);
  CHECK(target->name() == "s3");
  CHECK(target->list().empty());

  std::string large;
  for (int i = 0; i < 100; ++i) large += crypto::random_token(96 * 1024);
  target->store(service.file(large), "ten_1/large.tar.zst");
  target->store(service.file("small"), "ten_2/small.tar.zst");
  CHECK(!fs::exists(service.directory.path() / "given"));
  auto found = target->list();
  std::sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.location < b.location; });
  REQUIRE(found.size() == 2);
  CHECK(found[0].location == "ten_1/large.tar.zst");
  CHECK(found[0].size == std::int64_t(large.size()));

  auto const back = service.directory.path() / "back";
  target->fetch("ten_1/large.tar.zst", back);
  CHECK(crypto::sha256(contents(back)) == crypto::sha256(large));
  // Again over the same place: a repeated job.
  target->store(service.file("other"), "ten_2/small.tar.zst");
  target->fetch("ten_2/small.tar.zst", back);
  CHECK(contents(back) == "other");

  target->remove("ten_1/large.tar.zst");
  target->remove("ten_1/large.tar.zst");
  CHECK(target->list().size() == 1);
  CHECK(failure_of([&] {
          target->fetch("ten_1/large.tar.zst", back);
        }).starts_with("backup_missing"));
}

TEST_CASE("a service that refuses or is away is named, without its key") {
  Service service;
  std::string code = "backup_target_refused";
  // s3rver looks at who asks, not at the signature.
  SUBCASE("a stranger's key") { service.settings.backup_s3_access_key = "NOBODY"; }
  SUBCASE("a bucket that is not there") {
    auto& url = service.settings.backup_s3_url;
    url.replace(url.find("/backups"), 8, "/elsewhere");
  }
  SUBCASE("nobody answers") {
    service.supervisor.stop("s3");
    code = "backup_target_failed";
  }
  auto const target = backups::s3_target(service.settings);
  for (auto const& failure :
       {failure_of([&] { target->store(service.file("x"), "ten_1/x.tar.zst"); }),
        failure_of([&] { static_cast<void>(target->list()); })}) {
    CAPTURE(failure);
    CHECK(failure.starts_with(code));
    CHECK(failure.find("127.0.0.1") != std::string::npos);
    CHECK(failure.find(service.settings.backup_s3_secret_key) == std::string::npos);
  }
}

TEST_CASE("an address without a bucket stops the start") {
  config::Settings settings;
  settings.backup_s3_url = "https://s3.example.com";
  CHECK_THROWS_AS(static_cast<void>(backups::s3_target(settings)), config::Mistake);
}
