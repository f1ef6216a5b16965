// In which order images are built and taken away: at every moment there is one to make tenants
// from. Incus is a socket that answers as Incus was seen to.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "platform/files/files.hpp"
#include "platform/files/temporary_directory.hpp"
#include "provisioning/incus/images.hpp"

namespace {
namespace bj = boost::json;
namespace fs = std::filesystem;
constexpr auto owner = "0123456789abcdef0123456789abcdef";

/// Keeps images and one alias, and says yes to everything else.
class FakeIncus {
 public:
  FakeIncus() {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    socket().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_.get(), 8) == 0);
    thread_ = std::thread{[this] {
      while (files::Descriptor const connection{::accept(listener_.get(), nullptr, nullptr)})
        serve(connection.get());
    }};
  }
  ~FakeIncus() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  FakeIncus(FakeIncus const&) = delete;
  FakeIncus& operator=(FakeIncus const&) = delete;
  [[nodiscard]] std::string socket() const { return (directory.path() / "socket").string(); }

  void add(std::string const& fingerprint, std::string const& part) { images[fingerprint] = part; }

  TemporaryDirectory directory;
  std::map<std::string, std::string> images;  // by fingerprint, the part
  std::string alias;                          // what it leads to
  std::vector<std::string> moments;           // after each change: what tenants were made from
  bool refuses_images = false;

 private:
  void serve(int connection) {
    std::string request;
    std::string buffer(65536, '\0');
    auto const is_whole = [&] {
      auto const head = request.find("\r\n\r\n");
      if (head == std::string::npos) return false;
      auto const at = request.find("Content-Length: ");
      return at > head || request.size() >= head + 4 + std::stoul(request.substr(at + 16));
    };
    while (!is_whole()) {
      auto const got = ::read(connection, buffer.data(), buffer.size());
      if (got <= 0) return;
      request.append(buffer, 0, std::size_t(got));
    }
    auto const asked = request.substr(0, request.find_first_of("?\r", request.find(' ') + 1));
    auto const path = asked.substr(0, asked.find(" HTTP"));
    auto const text = bj::serialize(answer(path, request));
    auto const whole =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(text.size()) +
        "\r\n\r\n" + text;
    (void)!::write(connection, whole.data(), whole.size());
  }
  bj::object answer(std::string const& asked, std::string const& request) {
    auto const good = [](bj::value metadata) {
      return bj::object{{"type", "sync"}, {"metadata", std::move(metadata)}};
    };
    bj::object const missing{{"type", "error"}, {"error_code", 404}, {"error", "not found"}};
    bj::object const begun{
        {"type", "async"}, {"operation", "/1.0/operations/1"}, {"metadata", bj::object{}}};
    if (asked == "GET /1.0/images") return good(list());
    if (asked == "POST /1.0/images") {
      if (refuses_images)
        return {{"type", "error"}, {"error_code", 500}, {"error", "no space left"}};
      bool const is_golden = request.find("onboarding-build-") != std::string::npos;
      images[newest_ = is_golden ? "new-golden" : "new-root"] = is_golden ? "golden" : "root";
      return begun;
    }
    if (asked == "GET /1.0/operations/1/wait")
      return good({{"status_code", 200},
                   {"err", ""},
                   {"metadata", {{"return", 0}, {"fingerprint", newest_}}}});
    if (asked.starts_with("GET /1.0/images/aliases/"))
      return alias.empty() ? missing : good({{"target", alias}});
    if (asked.find(" /1.0/images/aliases") != std::string::npos) {
      auto const body = bj::parse(request.substr(request.find("\r\n\r\n") + 4));
      alias = body.at("target").as_string();
      return noted(good(nullptr));
    }
    if (asked.starts_with("DELETE /1.0/images/")) {
      images.erase(asked.substr(19));
      return noted(good(nullptr));
    }
    if (asked.starts_with("GET /1.0/instances/") && asked.ends_with("/state"))
      return good(
          {{"network",
            {{"eth0", {{"addresses", bj::array{{{"family", "inet"}, {"scope", "global"}}}}}}}}});
    if (asked.starts_with("GET /1.0/instances/")) return missing;
    return good(nullptr);
  }
  bj::array list() const {
    bj::array all;
    for (auto const& [fingerprint, part] : images)
      all.push_back(
          {{"fingerprint", fingerprint},
           {"uploaded_at", ""},
           {"size", 1},
           {"aliases", fingerprint == alias ? bj::array{{{"name", "sample-7"}}} : bj::array{}},
           {"properties",
            {{"onboarding.blueprint", "sample"},
             {"onboarding.version", "7"},
             {"onboarding.part", part},
             {"onboarding.installation", owner}}}});
    return all;
  }
  bj::object noted(bj::object answer) {
    moments.push_back(images.contains(alias) ? alias : "nothing");
    return answer;
  }

  std::string newest_;
  files::Descriptor listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::thread thread_;
};

blueprints::Blueprint sample(fs::path const& folder, bool is_prepared) {
  blueprints::Blueprint blueprint;
  blueprint.name = blueprint.title = "sample";
  blueprint.version = "7";
  blueprint.folder = folder / "sample";
  fs::create_directories(blueprint.folder);
  if (is_prepared) blueprint.prepare_script = blueprint.folder / "prepare.sh";
  return blueprint;
}
}  // namespace

TEST_CASE("an image is replaced by its successor, never by nothing") {
  FakeIncus incus;
  config::Settings settings;
  settings.incus_url = incus.socket();
  settings.incus_storage_pool = "default";
  settings.incus_network = "incusbr0";
  provisioning::incus::Client client{settings};
  provisioning::incus::Images images{settings, client, owner, [](std::string const&) {}};
  auto const upload = incus.directory.path() / "upload";
  files::write_atomically(upload, "an archive", 0600);
  bool is_prepared = false;
  SUBCASE("as it was imported") {}
  SUBCASE("prepared in a builder") { is_prepared = true; }
  incus.alias = "former";
  incus.add("former", is_prepared ? "golden" : "root");
  incus.add("left-by-a-killed-build", "root");
  auto const blueprint = sample(incus.directory.path(), is_prepared);
  SUBCASE("and succeeds") {
    auto const present = is_prepared ? "new-golden" : "new-root";
    CHECK(images.build(blueprint, upload).fingerprint == present);
    CHECK(incus.images.size() == 1);
    CHECK(incus.alias == present);
    for (auto const& moment : incus.moments) CHECK(moment != "nothing");
  }
  SUBCASE("and fails") {
    incus.refuses_images = true;
    CHECK_THROWS((void)images.build(blueprint, upload));
    CHECK(incus.alias == "former");
    CHECK(incus.images.contains("former"));
  }
}
