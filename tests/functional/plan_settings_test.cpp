// Plans and prices as staff edit them, and what that changes for whom.
#include <doctest/doctest.h>

#include "support/app.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

boost::json::object plan(boost::json::object const& changes = {}) {
  boost::json::object out{
      {"name", "Enterprise"},
      {"position", 9},
      {"max_users", 500},
      {"storage_limit_mib", 204800},
      {"memory_limit_mib", 4096},
      {"cpu_limit_percent", 400},
      {"trial_days", 0},
      {"support", "dedicated"},
      {"featured", false},
      {"for_sale", true},
      {"prices",
       boost::json::array{
           boost::json::object{{"currency", "eur"}, {"interval", "month"}, {"unit_amount", 49900}},
           boost::json::object{
               {"currency", "jpy"}, {"interval", "year"}, {"unit_amount", 900000}}}}};
  for (auto const& [name, value] : changes) out[name] = value;
  return out;
}
Reply make(Caller const& caller, boost::json::object const& changes = {}) {
  auto body = plan(changes);
  body.emplace("id", "enterprise");
  return caller.post("/api/settings/plans", body);
}
Reply put(Caller const& caller, std::string const& id, boost::json::object const& body,
          std::string const& version) {
  return caller.send("PUT", "/api/settings/plans/" + id, boost::json::serialize(body),
                     {"Content-Type: application/json", "If-Match: " + version});
}
/// As GET shows it, to be sent back.
boost::json::object present(Caller const& caller, std::string const& id) {
  auto const all = caller.get("/api/settings/plans");
  for (auto const& one : all.json.at("data").as_array())
    if (Reply::text(one, "id") == id) {
      auto out = one.as_object();
      for (auto const* name : {"id", "version", "tenants"}) out.erase(name);
      return out;
    }
  return {};
}
}  // namespace

TEST_CASE("a plan is made, offered, and taken out of sale") {
  auto app = App::fresh({.sandbox = true});
  auto const admin = app.as(Role::admin);
  auto const made = make(admin);
  REQUIRE_MESSAGE(made.status == 201, made.body);
  CHECK(make(admin).wrong_fields() == "/id");
  auto const shown = app.visitor().get("/api/plans");
  CHECK(shown["plans.3.id"] == "enterprise");
  CHECK(shown["plans.3.prices.1.currency"] == "jpy");
  CHECK(shown["plans.3.prices.1.unit_amount"] == "900000");
  // It can be bought by whoever comes.
  CHECK(app.sign_up_and_pay(acme({{"plan", "enterprise"}})).status == 201);
  CHECK(app.value("SELECT memory_limit_mib FROM tenants") == "4096");

  auto body = present(admin, "enterprise");
  body["for_sale"] = false;
  CHECK(put(admin, "enterprise", body, made.header("etag")).status == 200);
  CHECK(put(admin, "enterprise", body, made.header("etag"))["code"] == "version_outdated");
  CHECK(app.visitor().get("/api/plans").json.at("plans").as_array().size() == 3);
  CHECK(app.visitor()
            .post("/api/checkout", acme({{"plan", "enterprise"},
                                         {"subdomain", "other"},
                                         {"email", "bob@bob.example"}}))
            .wrong_fields() == "/plan");
  // Who has it keeps it.
  CHECK(app.value("SELECT plan_id FROM tenants") == "enterprise");
  CHECK(app.rows("SELECT action, target FROM audit_logs WHERE action LIKE 'settings.plan%' "
                 "ORDER BY id") ==
        Rows{"settings.plan_made|enterprise", "settings.plan_changed|enterprise"});
}

TEST_CASE("another price is for who comes from now on") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  auto const open = app.sign_up(acme({{"subdomain", "open"}, {"email", "eve@eve.example"}}));
  auto const admin = app.as(Role::admin);
  CHECK(admin.get("/api/settings/plans")["data.1.tenants"] == "2");
  auto body = present(admin, "team");
  body["max_users"] = 30;
  body["name"] = "Team Plus";
  for (auto& price : body["prices"].as_array())
    if (price.at("currency") == "eur" && price.at("interval") == "month")
      price.as_object()["unit_amount"] = 5900;
  REQUIRE(put(admin, "team", body, "\"1\"").status == 200);
  app.settle();
  CHECK(app.stripe("GET", "/v1/products/plan_team")["name"] == "Team Plus");
  CHECK(app.value("SELECT max_users FROM tenants WHERE id = 1") == "25");
  CHECK(app.value("SELECT mrr FROM subscriptions WHERE tenant_id = 1") == "4900");
  // What was shown on a payment page that is open holds.
  CHECK(app.pay(open["checkout_url"]).reply.status == 303);
  app.settle();
  CHECK(app.rows("SELECT payment FROM signups ORDER BY id") == Rows{"paid", "paid"});
  CHECK(app.value("SELECT mrr FROM subscriptions WHERE tenant_id = 2") == "4900");
  app.sign_up_and_pay(acme({{"subdomain", "third"}, {"email", "bob@bob.example"}}));
  CHECK(app.value("SELECT mrr FROM subscriptions WHERE tenant_id = 3") == "5900");
  CHECK(app.value("SELECT max_users FROM tenants WHERE id = 3") == "30");
}

TEST_CASE("what cannot be sold is refused by name") {
  auto app = App::fresh({.sandbox = true});
  auto const admin = app.as(Role::admin);
  CHECK(make(admin, {{"prices", boost::json::array{}}}).wrong_fields() == "/prices");
  CHECK(make(admin, {{"prices", boost::json::array{}}, {"for_sale", false}}).status == 201);
  auto const price =
      boost::json::object{{"currency", "eur"}, {"interval", "month"}, {"unit_amount", 100}};
  auto refused = [&](char const* member, boost::json::value const& value) {
    auto body = plan({{member, value}});
    body.emplace("id", "other");
    return admin.post("/api/settings/plans", body).wrong_fields();
  };
  CHECK(refused("prices", boost::json::array{price, price}) == "/prices/1/currency");
  CHECK(refused("prices", boost::json::array{boost::json::object{
                              {"currency", "xxx"}, {"interval", "month"}, {"unit_amount", 1}}}) ==
        "/prices/0/currency");
  CHECK(refused("prices", boost::json::array{boost::json::object{
                              {"currency", "eur"}, {"interval", "month"}, {"unit_amount", 0}}}) ==
        "/prices/0/unit_amount");
  CHECK(refused("name", "") == "/name");
  CHECK(refused("max_users", 0) == "/max_users");
  CHECK(refused("memory_limit_mib", 1) == "/memory_limit_mib");
  CHECK(put(admin, "none", plan(), "\"1\"")["code"] == "plan_not_found");
  CHECK(admin.send("PUT", "/api/settings/plans/team", boost::json::serialize(plan()),
                   {"Content-Type: application/json"})["code"] == "version_required");
  // Something stays for sale.
  for (auto const* id : {"starter", "team"}) {
    auto body = present(admin, id);
    body["for_sale"] = false;
    CHECK(put(admin, id, body, "\"1\"").status == 200);
  }
  auto body = present(admin, "business");
  body["for_sale"] = false;
  CHECK(put(admin, "business", body, "\"1\"")["code"] == "last_plan_for_sale");
  CHECK(app.as(Role::support).post("/api/settings/plans", plan()).status == 403);
  CHECK(app.visitor().get("/api/settings/plans").status == 401);
}
