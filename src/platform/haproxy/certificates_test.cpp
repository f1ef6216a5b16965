// Customers' certificates in the real HAProxy: at run time, at the next start, and when one is no
// certificate at all.
#include <curl/curl.h>
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include "platform/crypto/certificates.hpp"
#include "platform/crypto/local_ca.hpp"
#include "platform/files/temporary_directory.hpp"
#include "platform/haproxy/front_door.hpp"

namespace {
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

struct World {
  TemporaryDirectory directory;
  process::Supervisor supervisor;
  crypto::LocalCertificates certificates = crypto::ensure_local_ca(directory.path() / "tls", {});
  haproxy::Settings settings{
      .directory = directory.path() / "haproxy",
      .bind_addresses = {"127.0.0.1"},
      .https_port = free_port(),
      .tenant_port = free_port(),
      .tenant_tls_port = free_port(),
      .certificate = certificates.server,
      .program = haproxy::FrontDoor::program_socket(directory.path() / "haproxy")};
  haproxy::FrontDoor door{settings, supervisor};

  ~World() { supervisor.stop_all(); }

  /// The certificate of this installation, which is one for localhost.
  std::string pem() const { return *files::read(certificates.server); }

  /// Where a request by this name is sent, over TLS on the tenants' own port.
  std::string location(std::string const& host, int port) const {
    auto* const curl = curl_easy_init();
    auto* const list = curl_slist_append(nullptr, ("Host: " + host).c_str());
    curl_easy_setopt(curl, CURLOPT_URL,
                     ("https://localhost:" + std::to_string(port) + "/x").c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_CAINFO, certificates.authority.c_str());
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    CHECK(curl_easy_perform(curl) == CURLE_OK);
    char* target = nullptr;
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &target);
    std::string const found = target ? target : "";
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return found;
  }
};
}  // namespace

TEST_CASE("a certificate is served at once, again after a reload, and not after it was removed") {
  World world;
  world.door.start();
  auto& certificates = world.door.certificates();
  CHECK(certificates.running()->empty());
  certificates.set("shop.test", world.pem());
  auto const held = crypto::read_certificate(world.pem(), world.pem());
  CHECK(certificates.running()->at("shop.test") == held.fingerprint);
  certificates.set("shop.test", world.pem());
  CHECK(certificates.running()->size() == 1);
  world.door.reload(world.settings);
  CHECK(certificates.running()->at("shop.test") == held.fingerprint);
  certificates.remove("shop.test");
  CHECK(certificates.running()->empty());
  certificates.remove("shop.test");
}

TEST_CASE("what HAProxy refuses is not kept, and what it refuses at its start is set aside") {
  World world;
  world.door.start();
  auto& certificates = world.door.certificates();
  auto const file = world.settings.directory / "certificates/shop.test.pem";
  CHECK_THROWS_AS(certificates.set("shop.test", "rubbish\n"), haproxy::CertificateRefused);
  CHECK_FALSE(std::filesystem::exists(file));
  certificates.set("shop.test", world.pem());
  CHECK_THROWS_AS(certificates.set("shop.test", "rubbish\n"), haproxy::CertificateRefused);
  CHECK(*files::read(file) == world.pem());
  // The change that was broken off keeps nobody else waiting.
  certificates.set("www.test", world.pem());

  world.door.stop();
  certificates.write_all({{"shop.test", "spoilt"}, {"www.test", world.pem()}});
  world.door.start();
  CHECK(certificates.running()->empty());
  certificates.set("www.test", world.pem());
  CHECK(certificates.running()->contains("www.test"));

  // What the rows do not know (an older state of them was restored) is kept for a while, unserved.
  certificates.write_all({});
  auto const kept = world.settings.directory / "certificates/www.test.pem.aside";
  CHECK(*files::read(kept) == world.pem());
  certificates.load();
  CHECK(files::read(world.settings.directory / "certificates/www.test.pem") == std::nullopt);
  std::filesystem::last_write_time(
      kept, std::filesystem::file_time_type::clock::now() - std::chrono::days{31});
  certificates.write_all({});
  CHECK_FALSE(std::filesystem::exists(kept));
}

TEST_CASE("on a port of their own, tenants have TLS and the console is not there") {
  World world;
  world.door.route("shop.test", "fallback:acme.example:8080");
  world.door.start();
  auto const port = world.settings.tenant_tls_port;
  CHECK(world.location("shop.test", port) == "http://acme.example:8080/x");
  world.door.route("old.test", "redirect:acme.example");
  CHECK(world.location("old.test", port) == "http://acme.example/x");
}

TEST_CASE("values of customers' domains") {
  for (auto const* value : {"tls:127.0.0.1:1", "tls:suspended", "fallback:acme.example:8080"})
    CHECK_NOTHROW(haproxy::check_route_value(value));
  for (auto const* value : {"tls:", "tls:tls:suspended", "tls:8.8.8.8:80", "fallback:a b"})
    CHECK_THROWS(haproxy::check_route_value(value));
}
