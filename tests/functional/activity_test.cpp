// What happened, as the stream keeps it: each thing once, by whom, with fields instead of
// sentences.
#include <doctest/doctest.h>

#include "activity/activity.hpp"
#include "platform/files/files.hpp"
#include "support/app.hpp"
#include "support/source.hpp"

using support::acme;
using support::App;
using support::Caller;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
Reply remove(Caller const& caller, std::string const& path) {
  return caller.send("DELETE", "/api/tenants/ten_1" + path, {}, {});
}

/// A script that may change tenants.
Caller robot(App& app) {
  auto const key = app.as(Role::owner)
                       .post("/api/settings/api-keys",
                             {{"name", "robot"}, {"scopes", {"tenants:read", "tenants:write"}}});
  REQUIRE(key.status == 201);
  return {app.url(), {"Authorization: Bearer " + key["key"]}};
}

void write(App const& app, activity::About const& about, std::string_view actor,
           activity::Fact const& fact) {
  db::Connection connection{app.database.url()};
  db::transact(connection, [&](db::Tx& tx) { activity::record(tx, about, actor, fact); });
}

/// A customer and the tenant of it, without a payment.
void make_tenant(App& app) {
  REQUIRE(app.as(Role::support)
              .post("/api/tenants", {{"company", "Acme Ltd"},
                                     {"name", "Ada"},
                                     {"email", "ada@acme.example"},
                                     {"country", "ES"},
                                     {"locale", "en"},
                                     {"subdomain", "acme"},
                                     {"plan", "team"}})
              .status == 201);
}
}  // namespace

TEST_CASE("from sign-up to purge each thing is told once, with who did it") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  auto const told = [&] {
    return app.rows(
        "SELECT kind, coalesce(data->>'to_state', data->>'hold', data->>'template', ''), "
        "actor_kind, actor, tenant_id, customer_id, subject FROM activity ORDER BY id");
  };
  CHECK(told() == Rows{"state_changed|reserved|visitor|visitor|1|1|acme",
                       "state_changed|awaiting_payment|visitor|visitor|1|1|acme",
                       "state_changed|queued|system|billing|1|1|acme",
                       "state_changed|provisioning|system|provisioning|1|1|acme",
                       "state_changed|live|system|provisioning|1|1|acme",
                       "health_changed||system|monitoring|1|1|acme",
                       "mail_sent|payment_received|system|mail|1|1|acme",
                       "mail_sent|tenant_ready|system|mail|1|1|acme"});

  app.run("TRUNCATE activity RESTART IDENTITY");
  auto const key = robot(app);
  CHECK(remove(key, "?action=suspend&note=Asked%20by%20phone").status == 200);
  auto const prefix = app.value("SELECT prefix FROM api_keys");
  CHECK(told() == Rows{"hold_placed|admin|key|" + prefix + "|1|1|acme",
                       "state_changed|suspending|key|" + prefix + "|1|1|acme"});
  CHECK(app.value("SELECT count(*) FROM activity, api_keys WHERE actor_id = api_keys.id") == "2");
  app.work();

  app.run("TRUNCATE activity RESTART IDENTITY");
  auto const admin = app.as(Role::admin);
  CHECK(remove(admin, "?action=delete&confirm=acme&ends=now").status == 200);
  app.work();
  app.deliver_news();
  app.work();
  CHECK(admin.post("/api/tenants/ten_1/purge", {{"confirm", "acme"}}).status == 200);
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "purged");
  CHECK(told() == Rows{"billing_end_requested||staff|admin@example.com|1|1|acme",
                       "deletion_requested||staff|admin@example.com|1|1|acme",
                       "state_changed|archiving|staff|admin@example.com|1|1|acme",
                       "hold_placed|billing|system|billing|1|1|acme",
                       "billing_ended||system|billing|1|1|acme",
                       "backup_made||system|provisioning|1|1|acme",
                       "state_changed|archived|system|provisioning|1|1|acme",
                       "mail_sent|tenant_ends|system|mail|1|1|acme",
                       "state_changed|purging|staff|admin@example.com|1|1|acme",
                       "backup_made||system|provisioning|1|1|acme",
                       "state_changed|purged|system|provisioning|1|1|acme"});
  CHECK(app.value("SELECT count(*) FROM activity JOIN staff ON staff.id = actor_id "
                  "WHERE actor_kind = 'staff' AND staff.email = actor") == "4");

  // What is gone is still told, by the name that it had.
  auto const events = app.as(Role::auditor).get("/api/tenants/ten_1/events");
  CHECK(events["data.0.subject"] == "acme");
  CHECK(events.json.at("data").as_array().size() == told().size());
}

TEST_CASE("the stream is read from the newest on, of everybody, of a customer or of a tenant") {
  auto app = App::fresh();
  make_tenant(app);
  app.run("TRUNCATE activity RESTART IDENTITY");
  write(app, {.tenant = Id<"ten">{1}}, "visitor", activity::AccessUsed{"owner"});
  write(app, {.customer = Id<"cus">{1}}, "mail", activity::MailSent{"mail_1", "place_again", true});
  write(app, {.tenant = Id<"ten">{1}}, "SUPPORT@example.com", activity::QuotaFine{17});
  app.run("UPDATE activity SET at = now() - interval '2 days' WHERE id = 1");
  auto const auditor = app.as(Role::auditor);
  auto const found = [&](std::string const& query) {
    auto const reply = auditor.get("/api/activity?" + query);
    REQUIRE(reply.status == 200);
    std::string ids;
    for (auto const& entry : reply.json.at("data").as_array())
      ids += (ids.empty() ? "" : " ") + Reply::text(entry, "id");
    return ids;
  };
  CHECK(found("") == "act_3 act_2 act_1");
  CHECK(found("tenant=ten_1") == "act_3 act_1");
  CHECK(found("customer=cus_1") == "act_3 act_2 act_1");
  CHECK(found("customer=cus_1&tenant=ten_1&kind=access_used") == "act_1");
  CHECK(found("customer=cus_2") == "");
  CHECK(found("kind=mail_sent") == "act_2");
  auto const yesterday = clock_source::rfc3339(clock_source::now() - std::chrono::hours{24});
  CHECK(found("from=" + yesterday) == "act_3 act_2");
  CHECK(found("to=" + yesterday) == "act_1");
  CHECK(auditor.get("/api/activity?kind=nonsense").wrong_fields() == "?kind");

  auto const page = auditor.get("/api/activity?limit=2");
  CHECK(page["has_more"] == "true");
  CHECK(found("limit=2&cursor=" + page["next_cursor"]) == "act_1");
  CHECK(page["data.0.actor_kind"] == "staff");
  CHECK(page["data.0.data.used_bytes"] == "17");
  CHECK(page["data.1.actor_kind"] == "system");
  CHECK(page["data.1.subject"] == "Acme Ltd");
  CHECK(page.json.at("data").at(1).at("tenant_id").is_null());
  CHECK(app.value("SELECT actor_id = (SELECT id FROM staff WHERE email = 'support@example.com') "
                  "FROM activity WHERE id = 3") == "t");
  CHECK(app.visitor().get("/api/activity").status == 401);

  // Of a program that is newer than this one.
  app.run("UPDATE activity SET kind = 'invented_later', data = '{\"fields\": [1]}' WHERE id = 3");
  CHECK(auditor.get("/api/activity")["data.0.kind"] == "invented_later");
  CHECK(auditor.get("/api/tenants/ten_1/events")["data.0.kind"] == "invented_later");
  CHECK(auditor.get("/api/dashboard/metrics")["activity.0.kind"] == "invented_later");
}

TEST_CASE("the feed shows the newest fifteen however much has happened") {
  auto app = App::fresh();
  make_tenant(app);
  app.run(
      "INSERT INTO activity (kind, tenant_id, customer_id, actor_kind, actor, subject) SELECT "
      "'health_changed', 1, 1, 'system', 'monitoring', 'acme' FROM generate_series(1, 8000)");
  app.run("VACUUM ANALYZE activity");
  CHECK(app.as(Role::auditor).get("/api/dashboard/metrics").json.at("activity").as_array().size() ==
        15);
}

TEST_CASE("what becomes of a mail stands in the activity of the customer that it is about") {
  auto app = App::fresh(
      {.settings = [](config::Settings& settings) { settings.smtp_url = "smtp://127.0.0.1:1"; }});
  make_tenant(app);
  app.run("TRUNCATE activity, jobs RESTART IDENTITY");
  app.run(
      "INSERT INTO mails (template, locale, recipient, subject, body, customer_id, tenant_id) "
      "VALUES ('tenant_ready', 'en', 'ada@acme.example', 's', 'b', 1, 1), "
      "('invitation', 'en', 'staff@example.com', 's', 'b', NULL, NULL)");
  app.enqueue(mail::Deliver{1});
  app.enqueue(mail::Deliver{2});
  app.work();
  CHECK(app.value("SELECT count(*) FROM activity") == "0");  // it is tried again
  app.run("UPDATE mails SET useful_until = now()");
  app.hurry("mail.deliver");
  app.work();
  CHECK(app.rows("SELECT state FROM mails ORDER BY id") == Rows{"failed", "failed"});
  CHECK(app.rows("SELECT kind, customer_id, tenant_id, actor, data->>'mail_id', data->>'template', "
                 "data->>'error' LIKE 'it waited for the mail server%' FROM activity") ==
        Rows{"mail_failed|1|1|mail|mail_1|tenant_ready|t"});
}

TEST_CASE("what was told in sentences becomes fields, in the order in which it happened") {
  auto app = App::fresh();
  make_tenant(app);
  app.run("TRUNCATE mails RESTART IDENTITY CASCADE");
  app.run(R"sql(
    DROP TABLE activity; DROP TYPE activity_actor;
    CREATE TABLE tenant_events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id bigint NOT NULL REFERENCES tenants,
        kind text NOT NULL, from_state tenant_state, to_state tenant_state, actor text NOT NULL,
        detail text, created_at timestamptz NOT NULL DEFAULT now());
    INSERT INTO tenant_events (tenant_id, kind, from_state, to_state, actor, detail, created_at)
    SELECT 1, kind, from_state::tenant_state, to_state::tenant_state, actor, detail,
           '2026-01-01'::timestamptz + at * interval '1 minute'
      FROM (VALUES
        (1, 'state_changed', NULL, 'reserved', 'visitor', NULL),
        (2, 'state_changed', 'provisioning', 'provision_failed', 'provisioning', 'timeout'),
        (3, 'hold_placed', NULL, NULL, 'support@example.com', 'abuse: case: 4711'),
        (4, 'hold_released', NULL, NULL, 'ob_test_abcd', 'abuse'),
        (5, 'max_users_changed', NULL, NULL, 'gone@example.com', '25 → 40'),
        (6, 'plan_changed', NULL, NULL, 'support@example.com', 'team → business'),
        (7, 'restart_requested', NULL, NULL, 'support@example.com', 'op_3'),
        (8, 'restart_failed', NULL, NULL, 'support@example.com', 'timeout'),
        (9, 'backup_failed', NULL, NULL, 'backups', 'bak_7, no_space'),
        (10, 'backup_failed', NULL, NULL, 'support@example.com', 'no_space'),
        (11, 'billing_ended', NULL, NULL, 'billing', 'sub_1 ends 2026-02-01T00:00:00Z, 1200 eur given back'),
        (12, 'billing_ended', NULL, NULL, 'billing', 'sub_2 ends 2026-02-01T00:00:00Z'),
        (13, 'limits_applied', NULL, NULL, 'provisioning', 'memory=1024MiB cpu=50% processes=300 disk=25600MiB'),
        (14, 'refunded', NULL, NULL, 'signup', '€49.00 is on its way back.'),
        (15, 'deletion_requested', NULL, NULL, 'support@example.com', ''),
        (16, 'payment_link_sent', NULL, NULL, 'billing', '2'),
        (17, 'domain_changed', NULL, NULL, 'domains', 'a.example: waiting_for_dns → active'),
        (18, 'of_a_plugin', NULL, NULL, 'plugin', NULL)
      ) AS old (at, kind, from_state, to_state, actor, detail) ORDER BY at DESC;
    INSERT INTO mails (template, locale, recipient, subject, body, state, sent_at, customer_id, last_error)
    VALUES ('tenant_ready', 'en', 'ada@acme.example', 's', 'b', 'sent', '2026-01-01 00:02:30+00', 1, NULL),
           ('invitation', 'en', 'x@example.com', 's', 'b', 'sent', '2026-01-01 00:02:40+00', NULL, NULL))sql");
  app.run(*files::read(support::source_directory() / "migrations/0064_activity.sql"));
  CHECK(
      app.rows("SELECT kind, actor_kind, actor_id IS NOT NULL, data FROM activity ORDER BY id") ==
      Rows{
          R"(state_changed|visitor|f|{"to_state": "reserved"})",
          R"(state_changed|system|f|{"code": "timeout", "to_state": "provision_failed", "from_state": "provisioning"})",
          R"(mail_sent|system|f|{"kept": false, "mail_id": "mail_1", "template": "tenant_ready"})",
          R"(hold_placed|staff|t|{"hold": "abuse", "note": "case: 4711"})",
          R"(hold_released|key|f|{"hold": "abuse"})",
          R"(max_users_changed|staff|f|{"to": 40, "from": 25})",
          R"(plan_changed|staff|t|{"to": "business", "from": "team"})",
          R"(operation_requested|staff|t|{"operation": "restart", "operation_id": "op_3"})",
          R"(operation_ended|staff|t|{"code": "timeout", "state": "failed", "operation": "restart"})",
          R"(backup_failed|system|f|{"code": "no_space", "backup_id": "bak_7"})",
          R"(operation_ended|staff|t|{"code": "no_space", "state": "failed", "operation": "backup"})",
          R"(billing_ended|system|f|{"ends_at": "2026-02-01T00:00:00Z", "given_back": [{"amount": 1200, "currency": "eur"}], "subscription": "sub_1"})",
          R"(billing_ended|system|f|{"ends_at": "2026-02-01T00:00:00Z", "given_back": [], "subscription": "sub_2"})",
          R"(limits_applied|system|f|{"process_limit": 300, "memory_limit_mib": 1024, "cpu_limit_percent": 50, "storage_limit_mib": 25600})",
          R"(refunded|system|f|{"detail": "€49.00 is on its way back."})",
          R"(deletion_requested|staff|t|{})",
          R"(payment_link_sent|system|f|{"reason": "invoices", "invoices": 2})",
          R"(domain_changed|system|f|{"to": "active", "from": "waiting_for_dns", "domain": "a.example"})",
          R"(of_a_plugin|system|f|{})"});
  CHECK(app.value("SELECT count(*) FROM activity WHERE subject = 'acme' AND tenant_id = 1 "
                  "AND customer_id = 1") == "18");
  // Who reads it finds both.
  CHECK(app.as(Role::auditor).get("/api/tenants/ten_1/events")["data.0.kind"] == "of_a_plugin");
}
