// What staff may change of a tenant: its name, plan, limits and maintenance window.
#include <doctest/doctest.h>

#include <thread>

#include "support/app.hpp"

using support::acme;
using support::App;
using support::Caller;
using support::Json;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
/// Tenants that stand in the rows only: 1 "acme" and 2 "globex", live, on the plan Team.
void fill(App const& app) {
  app.run(R"sql(
    INSERT INTO customers (company, name, email, country, locale)
    VALUES ('Acme Ltd', 'Ada', 'ada@acme.example', 'ES', 'en'), ('Globex', 'Hank', 'hank@globex.example', 'US', 'en');
    INSERT INTO tenants (customer_id, subdomain, plan_id, state, max_users, storage_limit_mib,
                         memory_limit_mib, cpu_limit_percent, provisioner, blueprint, live_at)
    SELECT i, (ARRAY['acme', 'globex'])[i], 'team', 'live', 25, 25600, 1024, 100, 'process', 'sample', now()
      FROM generate_series(1, 2) AS i)sql");
}

Reply patch(Caller const& caller, std::string const& tag, Json const& body,
            std::string const& id = "ten_1") {
  support::Headers headers{"Content-Type: application/json"};
  if (!tag.empty()) headers.push_back("If-Match: " + tag);
  return caller.send("PATCH", "/api/tenants/" + id, boost::json::serialize(body), headers);
}

Reply put(Caller const& caller, std::string const& path, Json const& body) {
  return caller.send("PUT", path, boost::json::serialize(body), {"Content-Type: application/json"});
}

std::string in(std::chrono::seconds time) {
  return clock_source::rfc3339(clock_source::now() + time);
}
}  // namespace

TEST_CASE("limits change, with an event for each and both sides in the trail") {
  auto app = App::fresh();
  fill(app);
  auto const support_person = app.as(Role::support);
  auto const before = support_person.get("/api/tenants/ten_1");
  CHECK(before.header("etag") == "\"1\"");
  CHECK(before["maintenance.active"] == "false");

  auto const after = patch(support_person, "\"1\"",
                           {{"max_users", 40},
                            {"storage_limit", 30000},
                            {"resource_limits", {{"memory_mib", 2048}, {"processes", 500}}}});
  CHECK(after.status == 200);
  CHECK(after.header("etag") == "\"2\"");
  CHECK(after["version"] == "2");
  CHECK(after["limits_applied"] == "false");
  CHECK(app.rows("SELECT max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent, "
                 "process_limit, version FROM tenants WHERE id = 1") ==
        Rows{"40|30000|2048|100|500|2"});
  CHECK(app.rows("SELECT kind, data->>'from', data->>'to', actor FROM activity ORDER BY id") ==
        Rows{"max_users_changed|25|40|support@example.com",
             "storage_limit_changed|25600|30000|support@example.com",
             "memory_limit_changed|1024|2048|support@example.com",
             "process_limit_changed|300|500|support@example.com"});
  CHECK(app.rows("SELECT target, before->>'max_users', after->>'max_users' FROM audit_logs "
                 "WHERE action = 'tenant.changed'") == Rows{"ten_1|25|40"});
  CHECK(app.jobs("tenants.reconcile").size() == 1);
  CHECK(app.jobs("tenants.plan_changed").empty());

  auto const same = patch(support_person, "\"2\"", {{"max_users", 40}});
  CHECK(same.status == 200);
  CHECK(same.header("etag") == "\"2\"");
  CHECK(app.value("SELECT count(*) FROM activity") == "4");
}

TEST_CASE("a change is refused with every reason at once, and nothing of it happens") {
  auto app = App::fresh();
  fill(app);
  auto const owner = app.as(Role::owner);
  auto refused = [&](Json const& body, std::string const& fields,
                     std::string const& tag = "\"1\"") {
    CAPTURE(boost::json::serialize(body));
    auto const reply = patch(owner, tag, body);
    CHECK(reply.status == 422);
    CHECK(reply.wrong_fields() == fields);
    return reply;
  };
  CHECK(refused(boost::json::object{}, "").problem_of("") == "nothing_to_change");
  refused({{"subdomain", "admin"},
           {"max_users", 0},
           {"storage_limit", 1},
           {"resource_limits", {{"memory_mib", 1}, {"cpu_percent", 0}, {"processes", 1}}}},
          "/max_users /resource_limits/cpu_percent /resource_limits/memory_mib "
          "/resource_limits/processes /storage_limit /subdomain");
  refused({{"state", "live"}}, "/state");
  refused({{"max_users", "many"}}, "/max_users");

  app.run(
      "INSERT INTO tenant_health (tenant_id, cpu, ram, disk) VALUES (1, 0, 0, 9000::bigint * "
      "1048576)");
  auto const below =
      refused({{"plan", "enterprise"}, {"storage_limit", 8999}}, "/plan /storage_limit");
  CHECK(below.problem_of("/storage_limit") == "storage_below_use");
  CHECK(refused({{"plan", "starter"}}, "/plan").problem_of("/plan") == "storage_below_use");
  CHECK(patch(owner, "\"1\"", {{"storage_limit", 9500}})["warnings.0"] == "storage_nearly_full");
  app.run(
      "UPDATE tenants SET storage_limit_mib = 25600, version = 1; DELETE FROM activity; "
      "DELETE FROM jobs");

  auto const taken = patch(owner, "\"1\"", {{"subdomain", "globex"}});
  CHECK(taken.status == 409);
  CHECK(taken["code"] == "subdomain_taken");
  CHECK(taken["suggestions.0"] == "globex-app");
  app.run("UPDATE tenants SET state = 'provisioning' WHERE id = 2");
  CHECK(patch(owner, "\"1\"", {{"max_users", 5}}, "ten_2")["code"] == "state_conflict");
  CHECK(patch(owner, "\"1\"", {{"max_users", 5}}, "ten_99").status == 404);
  CHECK(app.value("SELECT count(*) FROM activity") == "0");
  CHECK(app.value("SELECT count(*) FROM jobs WHERE kind LIKE 'tenants.%'") == "0");
  CHECK(app.value("SELECT sum(version) FROM tenants") == "2");
}

TEST_CASE("of two admins who saw the same version, the second is shown both") {
  auto app = App::fresh();
  fill(app);
  auto const first = app.as(Role::owner), second = app.as(Role::admin);
  auto const tag = first.get("/api/tenants/ten_1").header("etag");
  CHECK(patch(first, "", {{"max_users", 30}}).status == 428);
  CHECK(patch(first, tag, {{"max_users", 30}}).status == 200);
  auto const late = patch(second, tag, {{"max_users", 50}});
  CHECK(late.status == 412);
  CHECK(late["current.max_users"] == "30");
  CHECK(late["yours.max_users"] == "50");
  CHECK(app.value("SELECT max_users FROM tenants WHERE id = 1") == "30");

  // At the same moment, one of them wins.
  std::vector<Reply> replies(8);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      replies[std::size_t(i)] = patch(second, "\"2\"", {{"max_users", 100 + i}});
    });
  for (auto& thread : threads) thread.join();
  CHECK(std::count_if(replies.begin(), replies.end(), [](auto& r) { return r.status == 200; }) ==
        1);
  CHECK(std::count_if(replies.begin(), replies.end(), [](auto& r) { return r.status == 412; }) ==
        7);
  CHECK(app.value("SELECT version FROM tenants WHERE id = 1") == "3");
}

TEST_CASE("a former name stays the tenant's for ninety days") {
  auto app = App::fresh();
  fill(app);
  auto const owner = app.as(Role::owner);
  auto const renamed = patch(owner, "\"1\"", {{"subdomain", "acme-europe"}});
  CHECK(renamed.status == 200);
  CHECK(renamed["subdomain"] == "acme-europe");
  CHECK(renamed["aliases.0.subdomain"] == "acme");
  CHECK(
      app.rows("SELECT subdomain, tenant_id, expires_at::date - now()::date FROM tenant_aliases") ==
      Rows{"acme|1|90"});
  CHECK(app.visitor().get("/api/subdomains/acme")["status"] == "taken");
  CHECK(patch(owner, "\"1\"", {{"subdomain", "acme"}}, "ten_2")["code"] == "subdomain_taken");

  // Back to its own old name, and the other way round again.
  CHECK(patch(owner, "\"2\"", {{"subdomain", "acme"}}).status == 200);
  CHECK(app.rows("SELECT subdomain FROM tenant_aliases") == Rows{"acme-europe"});
  app.run("UPDATE tenant_aliases SET expires_at = now() - interval '1 minute'");
  CHECK(patch(owner, "\"1\"", {{"subdomain", "acme-europe"}}, "ten_2").status == 200);
  CHECK(app.rows("SELECT subdomain, tenant_id FROM tenant_aliases") == Rows{"globex|2"});
}

TEST_CASE("a plan brings its limits, and the subscription follows it") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  auto const owner = app.as(Role::owner);
  auto const preview = owner.get("/api/tenants/ten_1/plan-change?plan=business");
  CHECK(preview.status == 200);
  CHECK(preview["currency"] == "eur");
  CHECK(preview["lines.0.proration"] == "true");
  // Nothing of the month is used up yet, to within seconds: the whole difference is charged.
  CHECK(std::stoll(preview["credit"]) > 4800);
  CHECK(std::stoll(preview["due_now"]) > 9800);
  CHECK(std::stoll(preview["due_now"]) <= 10000);
  CHECK(preview["next_amount"] == "14900");
  auto const down = owner.get("/api/tenants/ten_1/plan-change?plan=starter");
  CHECK(down["warnings.0"] == "fewer_users");
  CHECK(owner.get("/api/tenants/ten_1/plan-change?plan=nothing").wrong_fields() == "?plan");
  CHECK(owner.get("/api/tenants/ten_9/plan-change?plan=team").status == 404);

  auto const version = owner.get("/api/tenants/ten_1").header("etag");
  auto const changed =
      patch(owner, version,
            {{"plan", "business"}, {"amount", 14900}, {"resource_limits", {{"cpu_percent", 300}}}});
  CHECK(changed["plan"] == "business");
  CHECK(app.rows("SELECT plan_id, max_users, storage_limit_mib, memory_limit_mib, "
                 "cpu_limit_percent FROM tenants") == Rows{"business|100|102400|2048|300"});
  CHECK(app.jobs("tenants.plan_changed").size() == 1);

  SUBCASE("at once") {}
  SUBCASE("after Stripe was away") {
    app.break_stripe(500, 1, "/v1/subscriptions");
    app.work();
    CHECK(app.value("SELECT mrr FROM subscriptions") == "4900");
    app.hurry("tenants.plan_changed");
  }
  app.work();
  CHECK(app.value("SELECT mrr FROM subscriptions") == "14900");
  auto const subscription = app.stripe(
      "GET", "/v1/subscriptions/" + app.value("SELECT stripe_subscription_id FROM subscriptions"));
  CHECK(subscription["items.data.0.price.unit_amount"] == "14900");
  CHECK(subscription["items.data.0.price.product"] == "plan_business");
  CHECK(Reply::text(subscription.json, "items.data.1").empty());
  CHECK(app.rows("SELECT data->>'plan', data->>'amount', data->>'currency', data->>'interval' "
                 "FROM activity WHERE kind = 'subscription_changed'") ==
        Rows{"business|14900|eur|month"});
  // The job again, as after a crash: nothing is charged twice.
  app.run(
      "UPDATE jobs SET state = 'waiting', finished_at = NULL WHERE kind = 'tenants.plan_changed'");
  app.work();
  CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'subscription_changed'") == "1");
}

TEST_CASE("nobody is charged for a tenant that staff made") {
  auto app = App::fresh({.sandbox = true});
  fill(app);
  auto const owner = app.as(Role::owner);
  auto const preview = owner.get("/api/tenants/ten_1/plan-change?plan=business");
  CHECK(preview["currency"] == "null");
  CHECK(preview["warnings.0"] == "nothing_is_charged");
  CHECK(patch(owner, "\"1\"", {{"plan", "business"}}).status == 200);
  app.work();
  CHECK(app.jobs("tenants.plan_changed") == Rows{"done"});
  CHECK(app.stripe("GET", "/v1/subscriptions").json.at("data").as_array().empty());
}

TEST_CASE("a maintenance window is shown while it lasts") {
  auto app = App::fresh();
  fill(app);
  auto const owner = app.as(Role::owner);
  std::string const path = "/api/tenants/ten_1/maintenance";
  CHECK(owner.get(path)["active"] == "false");
  auto const later = put(owner, path,
                         {{"from", in(std::chrono::hours{1})},
                          {"until", in(std::chrono::hours{2})},
                          {"message", "New disks"}});
  CHECK(later.status == 200);
  CHECK(later["active"] == "false");
  CHECK(owner.get("/api/tenants?q=acme")["data.0.maintenance"] == "false");
  CHECK(app.jobs("tenants.reconcile").size() == 1);

  CHECK(put(owner, path, {{"message", "Now"}})["active"] == "true");
  CHECK(owner.get("/api/tenants/ten_1")["maintenance.message"] == "Now");
  CHECK(owner.get("/api/tenants?q=acme")["data.0.maintenance"] == "true");
  app.run(
      "UPDATE tenants SET maintenance_from = now() - interval '2 hours', maintenance_until = now() "
      "- interval '1 second'");
  CHECK(owner.get(path)["active"] == "false");

  CHECK(put(owner, path, {{"until", in(std::chrono::hours{-1})}}).wrong_fields() == "/until");
  CHECK(
      put(owner, path, {{"from", in(std::chrono::hours{3})}, {"until", in(std::chrono::hours{2})}})
          .problem_of("/until") == "before_from");
  CHECK(put(owner, path, {{"message", std::string(501, 'x')}}).wrong_fields() == "/message");
  CHECK(owner.send("DELETE", path, "", {}).status == 204);
  CHECK(app.value(
            "SELECT maintenance OR maintenance_message IS NOT NULL FROM tenants WHERE id = 1") ==
        "f");
  CHECK(app.rows("SELECT action, count(*) FROM audit_logs WHERE action LIKE 'tenant.maintenance%' "
                 "GROUP BY 1 ORDER BY 1") ==
        Rows{"tenant.maintenance_ended|1", "tenant.maintenance_set|2"});
}
