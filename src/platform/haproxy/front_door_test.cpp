// The front door with the real HAProxy: TLS, waiting for the program, routes, refusals.
#include "platform/haproxy/front_door.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "platform/crypto/local_ca.hpp"
#include "platform/files/temporary_directory.hpp"

namespace {
using namespace std::chrono_literals;

int free_port() {
  files::Descriptor const probe{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.sin_port);
}

/// Answers each request with its own head, or with what the test sets.
class EchoProgram {
 public:
  explicit EchoProgram(std::filesystem::path const& path) : path_{path} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    ::unlink(path.c_str());
    listen(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::chmod(path.c_str(), 0666);
  }
  explicit EchoProgram(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(std::uint16_t(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listen(AF_INET, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  ~EchoProgram() {
    stop_ = true;
    thread_.join();
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  std::string headers;  // more lines of the answer; set before requests

 private:
  void listen(int family, sockaddr* address, socklen_t size) {
    socket_ = files::Descriptor{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int const on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    REQUIRE(::bind(socket_.get(), address, size) == 0);
    REQUIRE(::listen(socket_.get(), 16) == 0);
    thread_ = std::thread{[this] {
      while (!stop_) {
        pollfd waiting{socket_.get(), POLLIN, 0};
        if (::poll(&waiting, 1, 10) == 1) answer();
      }
    }};
  }
  void answer() {
    files::Descriptor const connection{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    std::string head;
    char buffer[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
      auto const got = ::recv(connection.get(), buffer, sizeof buffer, 0);
      if (got <= 0) return;
      head.append(buffer, std::size_t(got));
    }
    auto const text = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n" +
                      headers + "Content-Length: " + std::to_string(head.size()) + "\r\n\r\n" +
                      head;
    (void)!::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }

  std::filesystem::path path_;
  files::Descriptor socket_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

struct Answer {
  long status = 0, version = 0;
  std::string head, body;
  bool has(std::string_view text) const {
    return head.find(text) != std::string::npos || body.find(text) != std::string::npos;
  }
};

Answer request(std::string const& url, std::vector<std::string> const& headers = {},
               std::filesystem::path const& authority = {}, char const* method = "GET",
               std::string const& unix_socket = {}) {
  Answer answer;
  auto const append = +[](char* data, std::size_t size, std::size_t count, void* out) {
    static_cast<std::string*>(out)->append(data, size * count);
    return size * count;
  };
  auto* const curl = curl_easy_init();
  curl_slist* list = nullptr;
  for (auto const& header : headers) list = curl_slist_append(list, header.c_str());
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 40L);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_2TLS});
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, append);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer.head);
  if (!authority.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, authority.c_str());
  if (!unix_socket.empty()) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, unix_socket.c_str());
  auto const result = curl_easy_perform(curl);
  CHECK_MESSAGE(result == CURLE_OK, url << ": " << curl_easy_strerror(result));
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_easy_getinfo(curl, CURLINFO_HTTP_VERSION, &answer.version);
  curl_slist_free_all(list);
  curl_easy_cleanup(curl);
  return answer;
}

/// A front door on free ports in a directory of its own.
struct World {
  TemporaryDirectory directory;
  process::Supervisor supervisor;
  crypto::LocalCertificates certificates = crypto::ensure_local_ca(directory.path() / "tls", {});
  haproxy::Settings settings{
      .directory = directory.path() / "haproxy",
      .https_port = free_port(),
      .tenant_port = free_port(),
      .certificate = certificates.server,
      .program = haproxy::FrontDoor::program_socket(directory.path() / "haproxy")};
  std::string console = "https://localhost:" + std::to_string(settings.https_port);
  std::string tenants = "http://127.0.0.1:" + std::to_string(settings.tenant_port);

  Answer get(std::string const& path, std::vector<std::string> const& headers = {}) const {
    return request(console + path, headers, certificates.authority);
  }
  Answer tenant(std::string const& host, char const* method = "GET") const {
    return request(tenants + "/path?query=1", {"Host: " + host}, {}, method);
  }
};
}  // namespace

TEST_CASE("only inner addresses and known words are routes") {
  for (auto const* value : {"127.0.0.1:1", "10.0.0.5:8069", "172.16.0.1:80", "192.168.1.1:65535",
                            "100.64.0.1:80", "suspended", "maintenance", "starting"})
    CHECK_NOTHROW(haproxy::check_route_value(value));
  for (auto const* value :
       {"8.8.8.8:80", "172.32.0.1:80", "169.254.169.254:80", "127.0.0.1", "127.0.0.1:0",
        "127.0.0.1:70000", "127.0.0.1:80 x", "localhost:80", "127.1:80", "", "unknown"})
    CHECK_THROWS_AS(haproxy::check_route_value(value), std::runtime_error);
  CHECK(haproxy::checked_host("Acme.Localhost.") == "acme.localhost");
  CHECK_THROWS_AS((void)haproxy::checked_host("a b"), std::runtime_error);
  CHECK_THROWS_AS((void)haproxy::checked_host("a\nb"), std::runtime_error);
}

TEST_CASE("the console is served over TLS and HTTP/2 with headers that the program can believe") {
  World world;
  haproxy::FrontDoor door{world.settings, world.supervisor};
  EchoProgram program{world.settings.program};
  door.start();
  auto const answer = world.get("/page", {"X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: http",
                                          "Forwarded: for=6.6.6.6", "X-Tenant-Host: evil"});
  CHECK(answer.status == 200);
  CHECK(answer.version == CURL_HTTP_VERSION_2_0);
  CHECK(answer.body.find("6.6.6.6") == std::string::npos);
  CHECK(answer.body.find("evil") == std::string::npos);
  CHECK(answer.has("x-forwarded-proto: https"));
  CHECK((answer.has("x-forwarded-for: 127.0.0.1") || answer.has("x-forwarded-for: ::1")));
  CHECK_FALSE(answer.has("strict-transport-security"));
}

TEST_CASE("answers are compressed unless they may hold secrets") {
  World world;
  haproxy::FrontDoor door{world.settings, world.supervisor};
  EchoProgram program{world.settings.program};
  door.start();
  std::vector<std::string> const gzip{"Accept-Encoding: gzip"};
  CHECK(world.get("/page", gzip).has("content-encoding: gzip"));
  CHECK_FALSE(world.get("/api/plans", gzip).has("content-encoding: gzip"));
  program.headers = "Cache-Control: private, no-transform\r\n";
  CHECK_FALSE(world.get("/page", gzip).has("content-encoding: gzip"));
}

TEST_CASE("a request that finds the program away waits for it") {
  World world;
  haproxy::FrontDoor door{world.settings, world.supervisor};
  door.start();
  auto later = [&](char const* path, char const* method) {
    return std::async(std::launch::async, [&world, path, method] {
      return request(world.console + path, {}, world.certificates.authority, method);
    });
  };
  auto page = later("/page", "GET"), change = later("/api/change", "POST");
  CHECK(page.wait_for(1500ms) == std::future_status::timeout);
  EchoProgram program{world.settings.program};
  CHECK(page.get().status == 200);
  CHECK(change.get().body.starts_with("POST /api/change"));
  // A reload serves on, with another worker.
  auto settings = world.settings;
  settings.strict_transport_seconds = 86400;
  door.reload(settings);
  CHECK(world.get("/page").has("strict-transport-security: max-age=86400"));
  settings.run_as = "";
  settings.certificate = world.directory.path() / "none.pem";
  CHECK_THROWS_WITH_AS(door.reload(settings), doctest::Contains("none.pem"), std::runtime_error);
  CHECK(world.get("/page").status == 200);
}

TEST_CASE("too many requests from one address are turned away with a problem document") {
  World world;
  world.settings.requests_per_address = 5;
  haproxy::FrontDoor door{world.settings, world.supervisor};
  EchoProgram program{world.settings.program};
  door.start();
  Answer last;
  for (int i = 0; i < 7; ++i) last = world.get("/api/plans");
  CHECK(last.status == 429);
  CHECK(last.has("application/problem+json"));
  CHECK(last.has("retry-after: 5"));
  CHECK(last.has(R"("code":"rate_limited","request_id":")"));
}

TEST_CASE("tenants are found by host, moved, suspended and forgotten at run time") {
  World world;
  haproxy::FrontDoor door{world.settings, world.supervisor};
  EchoProgram program{world.settings.program};
  int const acme_port = free_port();
  std::string const acme = "127.0.0.1:" + std::to_string(acme_port);
  door.route("early.localhost", "maintenance");  // before HAProxy runs
  door.start();
  {
    EchoProgram tenant{acme_port};
    door.route("Acme.localhost", acme);
    door.route("acme.localhost", acme);
    CHECK(door.routes() ==
          haproxy::Runtime::Map{{"acme.localhost", acme}, {"early.localhost", "maintenance"}});
    auto const answer = world.tenant("ACME.localhost:8080");
    CHECK(answer.has("GET /path?query=1 HTTP/1.1"));
    CHECK(answer.has("host: ACME.localhost:8080"));
    CHECK(answer.has("x-forwarded-proto: http\r\n"));
  }
  auto const down = world.tenant("acme.localhost");
  CHECK(down.status == 503);
  CHECK(down.has("Su espacio"));
  CHECK(down.has("Your workspace"));

  door.route("acme.localhost", "suspended");
  auto const suspended = world.tenant("acme.localhost");
  CHECK(suspended.has("GET /_tenant/suspended HTTP/1.1"));
  CHECK(suspended.has("x-tenant-host: acme.localhost"));
  CHECK(world.tenant("acme.localhost", "POST").status == 503);
  CHECK(world.tenant("early.localhost").has("/_tenant/maintenance"));
  CHECK(world.tenant("nobody.localhost").has("/_tenant/unknown"));
  door.remove("acme.localhost");
  CHECK(world.tenant("acme.localhost").has("/_tenant/unknown"));

  haproxy::Runtime::Map many;
  for (int i = 0; i < 2000; ++i) many["t" + std::to_string(i) + ".localhost"] = "10.0.0.1:80";
  many["acme.localhost"] = "starting";
  door.replace_all(many);
  CHECK(door.routes() == many);
  CHECK(world.tenant("acme.localhost").has("/_tenant/starting"));

  // HAProxy is killed: it comes back with the same map.
  world.supervisor.signal("haproxy", SIGKILL);
  auto const end = std::chrono::steady_clock::now() + 20s;
  while (world.supervisor.status("haproxy")->restarts == 0 || !door.answers()) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(10ms);
  }
  CHECK(door.routes() == many);
  if (::geteuid() == 0) {
    struct stat worker {};
    auto const pid = *haproxy::Runtime{world.settings.directory / "runtime.sock"}.worker();
    REQUIRE(::stat(("/proc/" + std::to_string(pid)).c_str(), &worker) == 0);
    CHECK(worker.st_uid != 0);
  }
}

TEST_CASE("the console's name is nobody else's, and of its cookies only its own arrive") {
  World world;
  world.settings.tenant_domain = "localhost";
  world.settings.console_url =
      "https://console.localhost:" + std::to_string(world.settings.https_port);
  world.settings.console_cookies = {"__Host-session", "lang"};
  bool is_shared = true;
  SUBCASE("on one port with tenants") {}
  SUBCASE("tenants have a port of their own") { is_shared = false; }
  if (!is_shared) world.settings.tenant_tls_port = free_port();
  haproxy::FrontDoor door{world.settings, world.supervisor};
  EchoProgram program{world.settings.program};
  int const port = free_port();
  EchoProgram impostor{port};
  impostor.headers = "X-Impostor: yes\r\n";
  auto const address = "127.0.0.1:" + std::to_string(port);
  door.route("console.localhost", address);  // a row from before the name was the console's
  door.route("acme.localhost", address);
  door.start();
  for (auto const* path : {"/", "/.well-known/acme-challenge/token"}) {
    auto const plain = request(world.tenants + path, {"Host: Console.localhost.:80"});
    CHECK(plain.status == 307);
    CHECK(plain.has("location: " + world.settings.console_url + path));
    CHECK_FALSE(plain.has("X-Impostor"));
    auto const secure =
        request(world.console + path, {"Host: console.localhost"}, world.certificates.authority);
    CHECK(secure.status == 200);
    CHECK_FALSE(secure.has("X-Impostor"));
  }
  if (!is_shared) {
    auto const other =
        request("https://localhost:" + std::to_string(world.settings.tenant_tls_port) + "/",
                {"Host: console.localhost"}, world.certificates.authority);
    CHECK(other.status == 307);
  }

  auto cookies = [&](std::string const& sent) {
    auto const answer = world.get("/page", {"Host: console.localhost", "Cookie: " + sent});
    auto const at = answer.body.find("cookie: ");
    if (at == std::string::npos) return std::string{"none"};
    return answer.body.substr(at + 8, answer.body.find('\r', at) - at - 8);
  };
  CHECK(cookies("lang=es") == "lang=es");
  CHECK(cookies("a=1; lang=es; b=2; __Host-session=x.y") == "lang=es; __Host-session=x.y");
  CHECK(cookies("__Host-session=x; slang=1; a=\"lang=de\"; lang=en;") ==
        "__Host-session=x; lang=en");
  CHECK((cookies("a=1; b=2") == "" || cookies("a=1; b=2") == "none"));
  auto const bomb = [](std::string const& name, int count) {
    std::string all = "__Host-session=x";
    for (int i = 0; i < count; ++i)
      all += "; " + name + (name == "lang" ? "" : std::to_string(i)) + "=" + std::string(4000, 'x');
    return all;
  };
  CHECK(cookies(bomb("c", 7)) == "__Host-session=x");
  auto const shut_out =
      world.get("/page", {"Host: console.localhost", "Cookie: " + bomb("lang", 3)});
  CHECK(shut_out.status == 431);
  CHECK(shut_out.has("clear-site-data: \"cookies\""));
  CHECK(shut_out.has("demasiadas cookies"));
  // A tenant's own are its own business.
  auto const tenant = request(world.tenants, {"Host: acme.localhost", "Cookie: mine=1"});
  CHECK(tenant.has("mine=1"));
}

TEST_CASE("where the certificate covers tenants nobody stays without TLS") {
  World world;
  world.settings.tenant_domain = "localhost";
  world.settings.tenants_over_tls = true;
  world.settings.tenants_strict_transport_seconds = 1000;
  haproxy::FrontDoor door{world.settings, world.supervisor};
  EchoProgram program{world.settings.program};
  int const port = free_port();
  EchoProgram tenant{port};
  tenant.headers =
      "Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; secure; HttpOnly\r\n"
      "Set-Cookie: c=\"; insecure\"; Path=/\r\n";
  door.route("acme.localhost", "127.0.0.1:" + std::to_string(port));
  door.route("old.localhost", "redirect:acme.localhost");
  door.route("shop.example", "tls:127.0.0.1:" + std::to_string(port));
  door.start();
  auto const tls = ":" + std::to_string(world.settings.https_port);
  for (auto const* method : {"GET", "POST"}) {
    auto const plain = world.tenant("acme.localhost:80", method);
    CHECK(plain.status == 307);
    CHECK(plain.has("location: https://acme.localhost" + tls + "/path?query=1"));
    CHECK_FALSE(plain.has("set-cookie"));
  }
  auto secure = [&](std::string const& host) {
    return request(world.console + "/path", {"Host: " + host}, world.certificates.authority);
  };
  auto const answer = secure("acme.localhost");
  CHECK(answer.status == 200);
  CHECK(answer.has("strict-transport-security: max-age=1000\r"));
  CHECK(answer.has("set-cookie: a=1; Path=/; Secure\r"));
  CHECK(answer.has("set-cookie: b=2; secure; HttpOnly\r"));
  CHECK(answer.has("set-cookie: c=\"; insecure\"; Path=/; Secure\r"));
  CHECK(answer.has("x-forwarded-proto: https"));
  CHECK(secure("old.localhost").has("location: https://acme.localhost/path"));
  CHECK(secure("shop.example").has("strict-transport-security: max-age=86400\r"));
  CHECK_FALSE(secure("console.example").has("strict-transport-security"));
  // Our own questions come by a socket and meet the tenant itself.
  CHECK(request("http://acme.localhost/path", {}, {}, "GET", door.probe_socket()).status == 200);
}

TEST_CASE("a HAProxy that takes its time to load is not taken for one that hangs") {
  World world;
  // As with thousands of certificates, once it is said to be slow.
  auto const program = world.directory.path() / "haproxy.sh",
             slow = world.directory.path() / "slow";
  files::write_atomically(program,
                          "#!/bin/sh\n[ \"$1\" = -W ] && [ -e " + slow.string() +
                              " ] && sleep 6\nexec /usr/sbin/haproxy \"$@\"\n",
                          0755);
  world.settings.executable = program;
  world.settings.longest_silence = 1s;
  haproxy::FrontDoor door{world.settings, world.supervisor};
  EchoProgram const echo{world.settings.program};
  door.start();
  files::write_atomically(slow, "", 0644);
  REQUIRE(world.supervisor.signal("haproxy", SIGKILL));
  auto const restarts = [&] { return world.supervisor.status("haproxy")->restarts; };
  auto const end = std::chrono::steady_clock::now() + 60s;
  while (!(restarts() > 0 && door.answers()) && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(20ms);
  CHECK(door.answers());
  CHECK(restarts() == 1);
  door.stop();
}

TEST_CASE("a front door that cannot start says what to do") {
  World world;
  auto refusal = [&](haproxy::Settings const& settings) -> std::string {
    try {
      haproxy::FrontDoor{settings, world.supervisor}.start();
    } catch (std::runtime_error const& error) {
      return error.what();
    }
    return "started";
  };
  auto settings = world.settings;
  settings.executable = "/no/such/haproxy";
  CHECK(refusal(settings).find("apt install haproxy") != std::string::npos);
  settings = world.settings;
  settings.certificate = "/no/such.pem";
  CHECK(refusal(settings).find("cannot read the certificate") != std::string::npos);
  EchoProgram const squatter{world.settings.tenant_port};
  CHECK(refusal(world.settings).find("set tenant_port to another port") != std::string::npos);
  settings = world.settings;
  settings.bind_addresses = {"example.org"};
  CHECK(refusal(settings).find("numeric address") != std::string::npos);
}
