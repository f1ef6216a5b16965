// Customers' own domains: which are taken, what is said about their DNS, certificates at run time,
// and what happens when one dies or the front door forgets. With a real HAProxy and name server.
#include <curl/curl.h>
#include <doctest/doctest.h>
#include <signal.h>

#include "domains/domains.hpp"
#include "provisioning/jobs.hpp"
#include "support/app.hpp"
#include "support/certificates.hpp"
#include "support/dns.hpp"

using support::acme;
using support::App;
using support::DnsServer;
using support::eventually;
using support::make_certificate;
using support::Reply;
using support::Role;
using support::TestCertificate;
using Rows = std::vector<std::string>;

namespace {
constexpr auto path = "/api/tenants/ten_1/domains";
constexpr auto shop = "shop.customer.test";

struct World {
  DnsServer dns;
  App app = App::fresh(
      {.sandbox = true, .front_door = true, .settings = [this](config::Settings& settings) {
         settings.dns_server = dns.address();
         settings.tenant_domain = "platform.test";
         settings.tenant_tls_port = settings.http_port;
       }});
  support::Caller owner = app.as(Role::owner);

  World() {
    app.sign_up_and_pay(acme());
    dns.set("acme.platform.test", "A", "203.0.113.7");
  }

  void settle() {
    for (int round = 0; round < 4; ++round) {
      app.work();
      app.hurry("domains.%");
      app.hurry("tenants.%");
    }
  }
  Reply add(std::string const& domain) { return owner.post(path, {{"domain", domain}}); }
  Reply upload(TestCertificate const& certificate, std::string const& domain = shop) {
    return owner.send("PUT", std::string{path} + "/" + domain + "/certificate",
                      boost::json::serialize(boost::json::object{{"certificate", certificate.chain},
                                                                 {"private_key", certificate.key}}),
                      {"Content-Type: application/json"});
  }
  /// The first of the list.
  std::string seen(std::string const& field) { return owner.get(path)["data.0." + field]; }
  void sweep() {
    app.enqueue(domains::Sweep{});
    settle();
  }
  /// shop.customer.test leads here and has a certificate.
  TestCertificate with_shop() {
    dns.set(shop, "CNAME", "acme.platform.test");
    REQUIRE(add(shop).status == 201);
    settle();
    auto const certificate = make_certificate(shop);
    REQUIRE(upload(certificate).status == 200);
    settle();
    return certificate;
  }

  /// Over TLS, by this name, believing only `certificate`; 0: no TLS with it.
  Reply over_tls(TestCertificate const& certificate, std::string const& where = "/healthz",
                 std::string const& host = shop) const {
    auto const authority = app.directory.path() / "test-authority.pem";
    files::write_atomically(authority, certificate.chain, 0600);
    auto const port = std::to_string(app.settings.http_port);
    auto* const list = curl_slist_append(nullptr, (host + ":" + port + ":127.0.0.1").c_str());
    auto* const curl = curl_easy_init();
    Reply reply;
    auto const append = +[](char* data, std::size_t size, std::size_t count, void* out) {
      static_cast<std::string*>(out)->append(data, size * count);
      return size * count;
    };
    curl_easy_setopt(curl, CURLOPT_URL, ("https://" + host + ":" + port + where).c_str());
    curl_easy_setopt(curl, CURLOPT_RESOLVE, list);
    curl_easy_setopt(curl, CURLOPT_CAINFO, authority.c_str());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply.body);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    long status = 0;
    if (curl_easy_perform(curl) == CURLE_OK)
      curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    reply.status = int(status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    return reply;
  }
  Reply over_http(std::string const& where = "/", std::string const& host = shop) const {
    return support::Caller{"http://127.0.0.1:" + std::to_string(app.settings.tenant_port),
                           {"Host: " + host}}
        .get(where);
  }
  std::string fallback(std::string const& where) const {
    return "http://acme.platform.test:" + std::to_string(app.settings.tenant_port) + where;
  }
};
}  // namespace

TEST_CASE("what is no domain of a customer is refused with its reason") {
  World world;
  auto reason = [&](std::string const& domain) {
    auto const reply = world.add(domain);
    CHECK_MESSAGE(reply.status == 422, domain);
    return reply.problem_of("/domain");
  };
  CHECK(reason("https://shop.example.com/") == "not_a_domain");
  CHECK(reason("shop") == "not_a_domain");
  CHECK(reason("-shop.example.com") == "not_a_domain");
  CHECK(reason("shop..example.com") == "not_a_domain");
  CHECK(reason("shop_1.example.com") == "not_a_domain");
  CHECK(reason("*.example.com") == "wildcard");
  CHECK(reason("203.0.113.7") == "address");
  CHECK(reason("2001:db8::1") == "address");
  CHECK(reason("platform.test") == "own_domain");
  CHECK(reason("Other.Platform.TEST.") == "own_domain");
  CHECK(reason("printer.local") == "never_reached");
  CHECK(reason("x.localhost") == "never_reached");

  // Names of other alphabets are kept as DNS has them and shown as people write them.
  auto const made = world.add("Bücher.Example.");
  CHECK(made.status == 201);
  CHECK(made["domain"] == "xn--bcher-kva.example");
  CHECK(made["name"] == "bücher.example");
  CHECK(made["state"] == "waiting_for_dns");
  CHECK(world.add("xn--bcher-kva.example").status == 409);
  CHECK(
      world.app.rows("SELECT action, target FROM audit_logs WHERE action LIKE 'tenant.domain%'") ==
      Rows{"tenant.domain_added|ten_1"});

  CHECK(world.app.visitor().get(path).status == 401);
  CHECK(world.app.as(Role::auditor).post(path, {{"domain", "a.example"}}).status == 403);
  CHECK(world.owner.get("/api/tenants/ten_99/domains").status == 404);
}

TEST_CASE("the diagnosis says where a domain leads instead") {
  World world;
  REQUIRE(world.add(shop).status == 201);
  auto diagnosis = [&] {
    CHECK(world.owner.post(std::string{path} + "/" + shop + "/check", {}).status == 202);
    world.settle();
    auto const list = world.owner.get(path);
    return list["data.0.state"] + " " + list["data.0.problem"] + " " + list["data.0.found"];
  };
  auto& dns = world.dns;
  CHECK(diagnosis() == "waiting_for_dns no_such_name null");
  CHECK(world.seen("expected") == "acme.platform.test");
  dns.set(shop, "NONE", "");
  CHECK(diagnosis() == "waiting_for_dns no_address null");
  dns.set(shop, "A", "198.51.100.9");
  CHECK(diagnosis() == "waiting_for_dns points_elsewhere 198.51.100.9");
  dns.forget(shop);
  dns.set(shop, "CNAME", "acme.plattform.test");
  CHECK(diagnosis() == "waiting_for_dns wrong_name acme.plattform.test");
  dns.set("acme.plattform.test", "A", "198.51.100.9");
  CHECK(diagnosis() == "waiting_for_dns wrong_name acme.plattform.test");
  // Half right is not right: those who come by IPv6 would be elsewhere.
  dns.forget(shop);
  dns.set(shop, "A", "203.0.113.7");
  dns.set(shop, "AAAA", "2001:db8::9");
  CHECK(diagnosis() == "waiting_for_dns points_elsewhere 2001:db8::9");
  dns.forget(shop);
  dns.set(shop, "A", "203.0.113.7");
  CHECK(diagnosis() == "waiting_for_certificate upload_needed null");
  // Nobody answers: the last verdict stands.
  dns.be_silent(true);
  CHECK(diagnosis() == "waiting_for_certificate dns_unreachable null");
  dns.be_silent(false);
  dns.forget(shop);
  dns.set(shop, "CNAME", "ACME.platform.test");
  CHECK(diagnosis() == "waiting_for_certificate upload_needed null");
  // Until there is a certificate, the platform's name is where it leads.
  auto const away = world.over_http("/notes?page=2");
  CHECK(away.status == 307);
  CHECK(away.header("location") == world.fallback("/notes?page=2"));
  // And it is looked at again by itself, a day later.
  CHECK(world.app.value("SELECT check_due_at > now() + interval '23 hours' FROM tenant_domains") ==
        "t");
  dns.forget(shop);
  world.app.run("UPDATE tenant_domains SET check_due_at = now()");
  world.sweep();
  CHECK(world.seen("problem") == "no_such_name");
}

TEST_CASE("a certificate is taken when it fits, and served at once by its name alone") {
  World world;
  world.dns.set(shop, "CNAME", "acme.platform.test");
  REQUIRE(world.add(shop).status == 201);
  world.settle();
  auto const good = make_certificate(shop), other = make_certificate("www.customer.test");
  auto wrong = [&](TestCertificate const& certificate, std::string const& pointer) {
    auto const reply = world.upload(certificate);
    CHECK(reply.status == 422);
    return reply.problem_of(pointer);
  };
  CHECK(wrong({"rubbish", good.key}, "/certificate") == "certificate_unreadable");
  CHECK(wrong({good.chain, "rubbish"}, "/private_key") == "key_unreadable");
  CHECK(wrong({good.chain, other.key}, "/private_key") == "key_does_not_match");
  CHECK(wrong({good.chain + other.chain, good.key}, "/certificate") == "chain_out_of_order");
  CHECK(wrong(other, "/certificate") == "other_name");
  CHECK(wrong(make_certificate(shop, -30, -1), "/certificate") == "expired");
  CHECK(wrong(make_certificate(shop, 5, 30), "/certificate") == "not_yet_good");
  CHECK(wrong(make_certificate(shop, -1, 90, 1024), "/private_key") == "key_too_weak");
  CHECK(world.seen("state") == "waiting_for_certificate");
  CHECK(world.over_tls(good).status == 0);

  auto const used = world.upload(good);
  CHECK(used.status == 200);
  CHECK(used["state"] == "active");
  CHECK(used["issuer"] == "Customers of tests");
  CHECK(used["source"] == "upload");
  world.settle();
  CHECK(world.over_tls(good).status == 200);
  CHECK(world.app.value("SELECT sealed_key LIKE 'v1:%' FROM tenant_domains") == "t");
  CHECK(world.app.value("SELECT count(*) FROM audit_logs WHERE before::text LIKE '%PRIVATE%' OR "
                        "after::text LIKE '%PRIVATE%'") == "0");
  // Who comes without TLS is sent on, for now: a certificate may die.
  auto const sent = world.over_http("/notes?page=2");
  CHECK(sent.status == 307);
  CHECK(sent.header("location") == "https://" + std::string{shop} + ":" +
                                       std::to_string(world.app.settings.http_port) +
                                       "/notes?page=2");
  // Its names are not others' names.
  CHECK(world.over_tls(good, "/healthz", "acme.platform.test").status == 0);

  auto const served = [&] { return world.app.front_door().certificates().running()->at(shop); };
  auto const before = served();
  auto const next = make_certificate(shop);
  CHECK(world.upload(next)["renewals"] == "1");
  world.settle();
  CHECK(served() != before);
  CHECK(world.over_tls(next).status == 200);
  CHECK(world.over_tls(good).status == 0);
}

TEST_CASE("a certificate that ends leaves the platform's name, and a new one brings it back") {
  World world;
  auto const certificate = world.with_shop();
  CHECK(world.seen("state") == "active");
  world.app.run("UPDATE tenant_domains SET not_after = now() + interval '24 days'");
  CHECK(world.seen("problem") == "certificate_ends_soon");
  world.app.run("UPDATE tenant_domains SET not_after = now() - interval '1 minute'");
  world.sweep();
  CHECK(world.seen("state") == "certificate_failed");
  CHECK(world.seen("problem") == "certificate_expired");
  auto const away = world.over_http("/notes");
  CHECK(away.status == 307);
  CHECK(away.header("location") == world.fallback("/notes"));
  CHECK(world.over_http("/healthz", "acme.platform.test").status == 200);
  CHECK(world.over_tls(certificate).status == 0);
  CHECK(world.app
            .rows("SELECT actor, target FROM audit_logs "
                  "WHERE action = 'tenant.certificate_failed'")
            .size() == 1);
  CHECK(world.app.value("SELECT count(*) FROM activity WHERE kind = 'certificate_failed'") == "1");
  world.sweep();  // told once
  CHECK(world.app.value("SELECT count(*) FROM activity WHERE kind = 'certificate_failed'") == "1");

  auto const next = make_certificate(shop);
  REQUIRE(world.upload(next).status == 200);
  world.settle();
  CHECK(world.seen("state") == "active");
  CHECK(world.over_tls(next).status == 200);
}

TEST_CASE("an ACME service that does not answer is asked five times, then a person has to look") {
  DnsServer dns;
  World world;
  world.app.settings.acme_directory_url = "https://127.0.0.1:1/directory";
  world.dns.set(shop, "CNAME", "acme.platform.test");
  REQUIRE(world.add(shop).status == 201);
  for (int attempt = 1; attempt <= domains::maximum_attempts; ++attempt) {
    world.sweep();
    CHECK(world.seen("attempts") == std::to_string(attempt));
    CHECK(world.seen("problem") == "acme_failed");
    CHECK(world.seen("found").find("127.0.0.1:1") != std::string::npos);
    world.app.run(
        "UPDATE tenant_domains SET next_attempt_at = now() - interval '1 s' "
        "WHERE next_attempt_at IS NOT NULL");
  }
  CHECK(world.seen("state") == "certificate_failed");
  world.sweep();
  CHECK(world.seen("attempts") == "5");
  CHECK(world.app.value("SELECT count(*) FROM audit_logs WHERE action = "
                        "'tenant.certificate_failed' AND reason LIKE '%127.0.0.1:1%'") == "1");
  // Somebody who has mended it asks for new attempts.
  CHECK(world.owner.post(std::string{path} + "/" + shop + "/check", {}).status == 202);
  world.settle();
  CHECK(world.seen("attempts") == "1");
}

TEST_CASE("a suspended tenant shows its page at the domain, and a renamed one keeps it") {
  World world;
  auto const certificate = world.with_shop();
  REQUIRE(world.owner.post("/api/tenants/ten_1/holds", {{"reason", "admin"}}).status == 201);
  world.settle();
  CHECK(world.over_tls(certificate, "/").status == 503);
  CHECK(world.owner.post("/api/tenants/ten_1/resume", {}).status == 200);
  world.settle();
  REQUIRE(eventually([&] { return world.over_tls(certificate).status == 200; }));
  REQUIRE(world.owner
              .send("PATCH", "/api/tenants/ten_1", R"({"subdomain":"acme-new"})",
                    {"Content-Type: application/json",
                     "If-Match: " + world.owner.get("/api/tenants/ten_1").header("etag")})
              .status == 200);
  world.settle();
  CHECK(world.over_tls(certificate).status == 200);
  CHECK(world.seen("expected") == "acme-new.platform.test");
}

TEST_CASE("what the front door forgets comes back, what belongs to nobody goes") {
  World world;
  auto const certificate = world.with_shop();
  auto& door = world.app.front_door();

  door.certificates().remove(shop);
  door.remove(shop);
  CHECK(world.over_tls(certificate).status == 0);
  world.sweep();
  CHECK(world.over_tls(certificate).status == 200);

  door.certificates().set("stranger.test", certificate.chain + certificate.key);
  world.sweep();
  CHECK_FALSE(door.certificates().running()->contains("stranger.test"));
  CHECK(door.certificates().running()->contains(shop));

  // Killed: it starts again by itself, with its files.
  auto const supervised = world.app.supervisor().status("haproxy");
  REQUIRE(supervised);
  REQUIRE(::kill(supervised->pid, SIGKILL) == 0);
  CHECK(eventually([&] { return world.over_tls(certificate).status == 200; }));

  // A file that somebody spoilt keeps nobody's front door shut: the rows say what it holds.
  files::write_atomically(
      world.app.directory.path() / "front_door/certificates/shop.customer.test.pem", "spoilt",
      0600);
  world.app.restart();
  CHECK(world.over_tls(certificate).status == 200);
}

TEST_CASE("a domain that is removed leaves nothing, and so does a tenant that is purged") {
  World world;
  auto const certificate = world.with_shop();
  auto const file = world.app.directory.path() / "front_door/certificates/shop.customer.test.pem";
  auto& door = world.app.front_door();
  auto is_there = [&] {
    return door.routes().contains(shop) || door.certificates().running()->contains(shop) ||
           std::filesystem::exists(file);
  };
  CHECK(is_there());
  CHECK(world.owner.send("DELETE", std::string{path} + "/" + shop, "", {}).status == 204);
  CHECK(world.owner.send("DELETE", std::string{path} + "/" + shop, "", {}).status == 404);
  world.settle();
  CHECK_FALSE(is_there());
  CHECK(world.owner.get(path)["data.0.domain"].empty());
  CHECK(world.app.value("SELECT count(*) FROM jobs WHERE kind LIKE 'domains.%' AND kind <> "
                        "'domains.sweep' AND state = 'waiting'") == "0");
  CHECK(world.over_http().status == 404);

  REQUIRE(world.add(shop).status == 201);
  REQUIRE(world.upload(certificate).status == 200);
  world.settle();
  CHECK(is_there());
  db::Connection connection{world.app.database.url()};
  db::transact(connection,
               [](db::Tx& tx) { tenants::request_deletion(tx, tenants::TenantId{1}, "test"); });
  for (int round = 0; round < 4; ++round) {
    world.settle();
    world.app.hurry("backups.%");
  }
  REQUIRE(world.app.value("SELECT state FROM tenants WHERE id = 1") == "archived");
  CHECK(is_there());
  db::transact(connection, [](db::Tx& tx) { tenants::purge(tx, tenants::TenantId{1}, "test"); });
  for (int round = 0; round < 4; ++round) {
    world.settle();
    world.app.hurry("backups.%");
  }
  REQUIRE(world.app.value("SELECT state FROM tenants WHERE id = 1") == "purged");
  CHECK_FALSE(is_there());
  CHECK(world.app.value("SELECT count(*) FROM tenant_domains") == "0");
}
