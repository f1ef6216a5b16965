// The installation's own names below the tenants' domain: nobody else gets them, by no door.
#include <doctest/doctest.h>

#include "app/name_risks.hpp"
#include "domains/names.hpp"
#include "support/app.hpp"
#include "tenants/addresses.hpp"

using support::acme;
using support::App;
using support::Role;

namespace {
App at_example() {
  return App::fresh({.sandbox = true, .settings = [](config::Settings& settings) {
                       // The console's own address is where the test talks to it; the system
                       // test of the same name has one below the domain.
                       settings.support_email = "help@onboard.example.test";
                       settings.tenant_domain = "example.test";
                       settings.mail_from = "Onboarding <no-reply@post.example.test>";
                     }});
}
}  // namespace

TEST_CASE("the names of the console and of mail are reserved, whoever asks and by which door") {
  auto app = at_example();
  for (auto const* name : {"onboard", "Onboard", "post"}) {
    auto const check = app.visitor().get(std::string{"/api/subdomains/"} + name);
    CHECK(check["status"] == "reserved");
    CHECK(check["available"] == "false");
  }
  CHECK(app.visitor().get("/api/subdomains/onboarded")["status"] == "free");
  auto form = acme({{"subdomain", "onboard"}});
  auto const refused = app.visitor().post("/api/checkout", form);
  CHECK(refused.status == 409);
  CHECK(refused["code"] == "subdomain_taken");

  auto const signup = app.sign_up(acme());
  auto const changed =
      app.visitor().send("PATCH", App::status_path(signup), boost::json::serialize(form),
                         {"Content-Type: application/json"});
  CHECK(changed.status == 409);
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  auto staff = app.as(Role::owner);
  auto const renamed = staff.send("PATCH", "/api/tenants/ten_1", R"({"subdomain":"post"})",
                                  {"Content-Type: application/json",
                                   "If-Match: " + staff.get("/api/tenants/ten_1").header("etag")});
  CHECK(renamed.status == 409);
  CHECK(app.value("SELECT subdomain FROM tenants") == "acme");
}

TEST_CASE("a customer's domain is never the console's, nor one that lies above or below it") {
  config::Settings settings;
  settings.public_url = "https://console.example.test:8443";
  settings.tenant_domain = "apps.example.test";
  for (auto const* name : {"console.example.test", "acme.apps.example.test", "apps.example.test",
                           "example.test", "x.console.example.test"})
    CHECK_THROWS_AS((void)domains::read_domain(name, settings), Problem);
  CHECK(domains::read_domain("Shop.customer.test", settings) == "shop.customer.test");
  CHECK(domains::read_domain("www.example.test", settings) == "www.example.test");
}

TEST_CASE("the start says what near names risk, and which tenant has one of ours") {
  auto app = at_example();
  app.sign_up(acme());
  app.settings.public_url = "https://onboard.example.test";
  auto risks = [&] {
    db::Connection connection{app.database.url()};
    db::Tx tx{connection, db::Mode::autocommit};
    std::string all;
    for (auto const& risk : app::name_risks(tx, app.settings)) all += risk + "\n";
    return all;
  };
  CHECK(risks().find("lie below example.test") != std::string::npos);
  CHECK(risks().find("set certificate_file") != std::string::npos);
  CHECK(risks().find("has a name that") == std::string::npos);
  app.settings.public_url = "https://acme.example.test";  // moved to where a tenant is
  CHECK(risks().find("the tenant \"acme\" has a name that") != std::string::npos);
  app.settings.public_url = "https://localhost:4443";
  app.settings.tenant_domain = "localhost";
  app.settings.mail_from = "Onboarding <no-reply@localhost>";
  app.settings.support_email = "support@localhost";
  CHECK(risks().empty());
}
