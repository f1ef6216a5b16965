// What the client makes of Incus' answers, at a socket that answers as Incus was seen to.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "platform/files/files.hpp"
#include "provisioning/incus/client.hpp"

namespace {

/// Gives these answers to one request after the other and keeps what was asked.
class Scripted {
 public:
  explicit Scripted(std::vector<std::string> answers) {
    std::string pattern = "/tmp/onboarding-incus-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    directory = pattern;
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    socket().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_.get(), 8) == 0);
    thread_ = std::thread{[this, answers = std::move(answers)] {
      for (auto const& answer : answers) serve(answer);
    }};
  }
  ~Scripted() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    std::filesystem::remove_all(directory);
  }
  Scripted(Scripted const&) = delete;
  Scripted& operator=(Scripted const&) = delete;

  [[nodiscard]] std::string socket() const { return directory + "/socket"; }
  [[nodiscard]] std::vector<std::string> asked() const {
    std::scoped_lock const lock{mutex_};
    return asked_;
  }

 private:
  void serve(std::string const& answer) {
    files::Descriptor const connection{::accept(listener_.get(), nullptr, nullptr)};
    if (!connection) return;
    std::string request(4096, '\0');
    request.resize(std::size_t(
        std::max<ssize_t>(::read(connection.get(), request.data(), request.size()), 0)));
    {
      std::scoped_lock const lock{mutex_};
      asked_.push_back(request.substr(0, request.find_first_of("?&\r")));
    }
    auto const text =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(answer.size()) +
        "\r\n\r\n" + answer;
    (void)!::write(connection.get(), text.data(), text.size());
  }

  std::string directory;
  files::Descriptor listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
  std::thread thread_;
};

constexpr auto begun = R"({"type":"async","operation":"/1.0/operations/1","metadata":{}})";
constexpr auto waited_in_vain =
    R"({"type":"error","error_code":500,"error":"context deadline exceeded","metadata":null})";
constexpr auto goes_on = R"({"type":"sync","metadata":{"status_code":103,"err":""}})";
constexpr auto succeeded =
    R"({"type":"sync","metadata":{"status_code":200,"err":"","metadata":{"return":0}}})";
constexpr auto too_slow =
    R"({"type":"sync","metadata":{"status_code":400,"err":"context deadline exceeded"}})";
constexpr auto forgotten = R"({"type":"error","error_code":404,"error":"Operation not found"})";

provisioning::incus::Answer ask(Scripted const& incus) {
  config::Settings settings;
  settings.incus_url = incus.socket();
  provisioning::incus::Client client{settings};
  return client.ask("POST", "/1.0/instances/a/exec", nullptr, "instance a: backup");
}

}  // namespace

TEST_CASE("an operation that takes longer than one question is waited for") {
  Scripted const incus{{begun, waited_in_vain, goes_on, waited_in_vain, goes_on, succeeded}};
  CHECK(ask(incus).ok());
  CHECK(incus.asked() ==
        std::vector<std::string>{"POST /1.0/instances/a/exec", "GET /1.0/operations/1/wait",
                                 "GET /1.0/operations/1", "GET /1.0/operations/1/wait",
                                 "GET /1.0/operations/1", "GET /1.0/operations/1/wait"});
}

TEST_CASE("an operation that ended between two questions is not asked for again") {
  Scripted const incus{{begun, waited_in_vain, succeeded}};
  CHECK(ask(incus).ok());
}

TEST_CASE("an operation that itself ran out of time has failed") {
  SUBCASE("and is still known") {
    Scripted const incus{{begun, waited_in_vain, too_slow}};
    CHECK(ask(incus).says("context deadline exceeded"));
  }
  SUBCASE("and is already forgotten") {
    Scripted const incus{{begun, waited_in_vain, forgotten}};
    CHECK(ask(incus).says("context deadline exceeded"));
  }
}
