// The target of S3-compatible services: against a server of that kind, which believes signatures,
// and at the wire, where they are computed again from what has arrived.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "backups/archive.hpp"
#include "backups/targets.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/files/files.hpp"
#include "platform/files/temporary_directory.hpp"
#include "platform/http/message.hpp"
#include "platform/process/supervisor.hpp"
#include "support/client.hpp"
#include "support/source.hpp"

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
            (support::source_directory() / "tests/s3/node_modules/s3rver/bin/s3rver.js").string(),
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

using Headers = std::map<std::string, std::string>;  // names in lower case

/// As the service computes it, from the request as it came: AWS Signature Version 4, "Signature
/// Calculations for the Authorization Header".
std::string signature_of(std::string const& method, std::string const& target,
                         Headers const& headers, std::string const& secret) {
  auto const& authorization = headers.at("authorization");
  auto part = [&](std::string const& name) {
    auto const at = authorization.find(name + "=") + name.size() + 1;
    return authorization.substr(at, authorization.find_first_of(", ", at) - at);
  };
  auto const names = part("SignedHeaders"), credential = part("Credential");
  auto const scope = credential.substr(credential.find('/') + 1);
  auto const mark = target.find('?');
  std::string path;
  auto const decoded = http::percent_decode(target.substr(0, mark), false).value();
  for (char const c : decoded) path += c == '/' ? "/" : http::percent_encode(std::string{c});
  std::set<std::string> pairs;
  std::string rest = mark == std::string::npos ? "" : target.substr(mark + 1);
  while (!rest.empty()) {
    auto const end = rest.find('&');
    auto const pair = rest.substr(0, end);
    auto const equals = pair.find('=');
    auto again = [](std::string const& text) {
      return http::percent_encode(*http::percent_decode(text, false));
    };
    pairs.insert(again(pair.substr(0, equals)) + "=" + again(pair.substr(equals + 1)));
    rest = end == std::string::npos ? "" : rest.substr(end + 1);
  }
  std::string query, lines;
  for (auto const& pair : pairs) query += (query.empty() ? "" : "&") + pair;
  for (std::size_t at = 0; at <= names.size();) {
    auto const end = std::min(names.find(';', at), names.size());
    auto const name = names.substr(at, end - at);
    lines += name + ":" + headers.at(name) + "\n";
    at = end + 1;
  }
  auto const canonical = method + "\n" + path + "\n" + query + "\n" + lines + "\n" + names + "\n" +
                         headers.at("x-amz-content-sha256");
  auto key = "AWS4" + secret;
  for (std::size_t at = 0; at <= scope.size();) {
    auto const end = std::min(scope.find('/', at), scope.size());
    key = crypto::hmac_sha256(key, scope.substr(at, end - at));
    at = end + 1;
  }
  return crypto::hex(crypto::hmac_sha256(key, "AWS4-HMAC-SHA256\n" + headers.at("x-amz-date") +
                                                  "\n" + scope + "\n" +
                                                  crypto::hex(crypto::sha256(canonical))));
}

std::string base64(std::string const& raw) {
  std::string out(4 * ((raw.size() + 2) / 3) + 1, '\0');
  out.resize(std::size_t(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                         reinterpret_cast<unsigned char const*>(raw.data()),
                                         int(raw.size()))));
  return out;
}

std::string md5(std::string const& text) {
  std::string raw(16, '\0');
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(raw.data()), nullptr,
             EVP_md5(), nullptr);
  return raw;
}

/// What came in at the wire.
struct Arrived {
  std::string method, target, body;
  Headers headers;
};

/// Answers each request as it is told, one after the other, and keeps what has arrived. A request
/// whose signature is wrong gets 403 instead.
class Wire {
 public:
  struct Answer {
    int status;
    std::string body;
    std::string headers{};
  };
  explicit Wire(std::string region = "us-east-1") : region_{std::move(region)} {
    listening_ = files::Descriptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::listen(listening_.get(), 8) == 0);
    ::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread{[this] { serve(); }};
  }
  ~Wire() {
    ::shutdown(listening_.get(), SHUT_RDWR);
    thread_.join();
  }
  config::Settings settings(std::string const& path = "/bucket/house") const {
    config::Settings settings;
    settings.backup_s3_url = url + path;
    settings.backup_s3_access_key = "AKIDEXAMPLE";
    settings.backup_s3_secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    return settings;
  }

  std::string url;
  std::vector<Answer> answers;
  std::vector<Arrived> arrived;

 private:
  void serve() {
    while (true) {
      files::Descriptor const client{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (!client) return;
      std::string text;
      auto more = [&] {
        char buffer[65536];
        auto const count = ::read(client.get(), buffer, sizeof buffer);
        if (count > 0) text.append(buffer, std::size_t(count));
        return count > 0;
      };
      while (text.find("\r\n\r\n") == std::string::npos && more()) {
      }
      auto const head = text.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      Arrived request;
      auto const first = text.substr(0, text.find("\r\n"));
      request.method = first.substr(0, first.find(' '));
      request.target = first.substr(first.find(' ') + 1);
      request.target.resize(request.target.find(' '));
      for (auto at = text.find("\r\n") + 2; at < head;) {
        auto const end = text.find("\r\n", at);
        auto const line = text.substr(at, end - at);
        auto const colon = line.find(": ");
        auto name = line.substr(0, colon);
        for (auto& c : name) c = char(std::tolower(c));
        request.headers[name] = line.substr(colon + 2);
        at = end + 2;
      }
      auto const length = request.headers.contains("content-length")
                              ? std::stoul(request.headers["content-length"])
                              : 0;
      if (request.headers.contains("expect"))
        (void)!::write(client.get(), "HTTP/1.1 100 Continue\r\n\r\n", 25);
      while (text.size() < head + 4 + length && more()) {
      }
      request.body = text.substr(head + 4);
      auto answer = next(request);
      arrived.push_back(std::move(request));
      auto const reply = "HTTP/1.1 " + std::to_string(answer.status) +
                         " X\r\nContent-Length: " + std::to_string(answer.body.size()) +
                         "\r\nConnection: close\r\n" + answer.headers + "\r\n" + answer.body;
      (void)!::write(client.get(), reply.data(), reply.size());
    }
  }
  Answer next(Arrived const& request) {
    auto const& authorization = request.headers.at("authorization");
    auto const given = authorization.substr(authorization.find("Signature=") + 10);
    if (given != signature_of(request.method, request.target, request.headers,
                              "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY") ||
        request.headers.at("x-amz-content-sha256") != crypto::hex(crypto::sha256(request.body)))
      return {403, "<Error><Code>SignatureDoesNotMatch</Code></Error>"};
    if (authorization.find("/" + region_ + "/s3/") == std::string::npos)
      return {400,
              "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header "
              "is malformed; the region is wrong; expecting '" +
                  region_ + "'</Message><Region>" + region_ + "</Region></Error>"};
    if (answers.empty()) return {200, ""};
    auto answer = answers.front();
    answers.erase(answers.begin());
    return answer;
  }

  std::string region_;
  files::Descriptor listening_;
  std::thread thread_;
};

std::string listing(std::string const& entries) {
  return "<?xml version=\"1.0\"?>\n<ListBucketResult><IsTruncated>false</IsTruncated>" + entries +
         "</ListBucketResult>";
}

template <class Work>
std::string failure_of(Work&& work) {
  try {
    work();
  } catch (provisioning::StepFailure const& failure) {
    return failure.code.text() + ": " + failure.what();
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

  CHECK(!target->has("an installation/mark"));
  target->write("an installation/mark", "ours\n");
  CHECK(target->has("an installation/mark"));
  CHECK(target->list().size() == 3);
  target->remove("an installation/mark");

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

TEST_CASE("signatures are those of the service's own example") {
  CHECK(signature_of("GET", "/test.txt",
                     {{"host", "examplebucket.s3.amazonaws.com"},
                      {"range", "bytes=0-9"},
                      {"x-amz-content-sha256",
                       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                      {"x-amz-date", "20130524T000000Z"},
                      {"authorization",
                       "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
                       "aws4_request, SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
                       "Signature=?"}},
                     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") ==
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_CASE("each object comes with its checksums, which a bucket that locks objects asks for") {
  Wire wire;
  auto const settings = wire.settings();
  TemporaryDirectory directory;
  std::ofstream{directory.path() / "given", std::ios::binary} << "an archive";
  backups::s3_target(settings)->store(directory.path() / "given", "ten_1/a.tar.zst");
  REQUIRE(wire.arrived.size() == 1);
  auto const& put = wire.arrived.front();
  CHECK(put.method + " " + put.target == "PUT /bucket/house/ten_1/a.tar.zst");
  CHECK(put.body == "an archive");
  CHECK(put.headers.at("x-amz-checksum-sha256") == base64(crypto::sha256("an archive")));
  CHECK(put.headers.at("content-md5") == base64(md5("an archive")));
  CHECK(put.headers.at("authorization").find("content-md5;host;x-amz-checksum-sha256;") !=
        std::string::npos);
}

TEST_CASE("a prefix may have any character, and files below it are found again") {
  auto const [prefix, listed] = [] {
    SUBCASE("reserved ones") {
      return std::pair{"a&b <c> 'd' \"e\" +f=g%h",
                       "a&amp;b &lt;c&gt; &#39;d&#39; &#x22;e&quot; +f=g%h"};
    }
    SUBCASE("others") { return std::pair{"casa/año ~ (1)*!;", "casa/a&#241;o ~ (1)*!;"}; }
    return std::pair{"", ""};
  }();
  if (!*prefix) return;
  Wire wire;
  auto const settings = wire.settings("/bucket/" + std::string{prefix});
  auto const target = backups::s3_target(settings);
  wire.answers = {{200, listing("<Contents><Key>" + std::string{listed} +
                                "/ten_1/a.tar.zst</Key><LastModified>2026-11-20T10:00:00.000Z"
                                "</LastModified><Size>7</Size></Contents>")},
                  {204, ""}};
  auto const found = target->list();
  REQUIRE(found.size() == 1);
  CHECK(found[0].location == "ten_1/a.tar.zst");
  CHECK(found[0].size == 7);
  CHECK(clock_source::rfc3339(found[0].made) == "2026-11-20T10:00:00.000Z");
  target->remove(found[0].location);
  REQUIRE(wire.arrived.size() == 2);
  CHECK(http::percent_decode(wire.arrived[1].target, false) ==
        "/bucket/" + std::string{prefix} + "/ten_1/a.tar.zst");
}

TEST_CASE("the region is the one that the service says") {
  Wire wire{"eu-central-1"};
  auto const settings = wire.settings();
  auto const target = backups::s3_target(settings);
  wire.answers = {{200, listing("")}, {200, listing("")}};
  CHECK(target->list().empty());
  CHECK(wire.arrived.size() == 2);  // the first was refused and signed again
  CHECK(target->list().empty());
  CHECK(wire.arrived.size() == 3);  // it is known from then on
}

TEST_CASE("a refusal says what the service says, and who can do something about it") {
  using provisioning::ErrorClass;
  struct Case {
    int status;
    std::string code, message;
    ErrorClass kind;
    std::string ours;
  };
  auto const cases = {
      Case{503, "SlowDown", "Please reduce your request rate.", ErrorClass::transient,
           "backup_target_failed"},
      Case{500, "InternalError", "We encountered an internal error.", ErrorClass::transient,
           "backup_target_failed"},
      Case{400, "BadDigest", "The Content-MD5 you specified did not match.", ErrorClass::transient,
           "backup_target_failed"},
      Case{403, "AccessDenied", "Access Denied because object protected by object lock.",
           ErrorClass::needs_a_person, "backup_target_refused"},
      Case{403, "RequestTimeTooSkewed", "The difference is too large.", ErrorClass::needs_a_person,
           "backup_clock_wrong"},
      Case{404, "NoSuchBucket", "The specified bucket does not exist", ErrorClass::needs_a_person,
           "backup_target_refused"},
      Case{400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required",
           ErrorClass::needs_a_person, "backup_target_refused"},
      Case{507, "XMinioStorageFull",
           "Storage backend has reached its minimum free drive threshold.",
           ErrorClass::needs_a_person, "backup_disk_full"},
      Case{400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size",
           ErrorClass::permanent, "backup_too_large"},
  };
  TemporaryDirectory directory;
  for (auto const& [status, code, message, kind, ours] : cases) {
    CAPTURE(code);
    Wire wire;
    auto const settings = wire.settings();
    wire.answers = {{status, "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>" +
                                 message + " &amp; more</Message></Error>"}};
    std::ofstream{directory.path() / "given"} << "x";
    try {
      backups::s3_target(settings)->store(directory.path() / "given", "ten_1/a.tar.zst");
      FAIL("it was taken");
    } catch (provisioning::StepFailure const& failure) {
      CHECK(failure.kind == kind);
      CHECK(failure.code.text() == ours);
      CHECK(std::string{failure.what()}.find(message + " & more") != std::string::npos);
      CHECK(std::string{failure.what()}.find(settings.backup_s3_secret_key) == std::string::npos);
    }
  }
}

TEST_CASE("an answer that is no list is not an empty one") {
  Wire wire;
  auto const settings = wire.settings();
  wire.answers = {{200, "<html>Log in to the network</html>"},
                  {200, "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}};
  auto const target = backups::s3_target(settings);
  for (int i = 0; i < 2; ++i)
    CHECK(
        failure_of([&] { static_cast<void>(target->list()); }).starts_with("backup_target_failed"));
}

TEST_CASE("an address without a bucket stops the start") {
  config::Settings settings;
  settings.backup_s3_url = "https://s3.example.com";
  CHECK_THROWS_AS(static_cast<void>(backups::s3_target(settings)), config::Mistake);
}
