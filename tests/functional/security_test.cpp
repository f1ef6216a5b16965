// Threat rules, acting on what they raise, and the switches of an incident.
#include <doctest/doctest.h>

#include <cstdlib>

#include "identity/guards/login_attempts.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/process/run.hpp"
#include "security/evidence.hpp"
#include "security/incidents.hpp"
#include "security/threats.hpp"
#include "support/app.hpp"

using support::acme;
using support::App;
using support::Caller;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
namespace thresholds = security::thresholds;

int look(App const& app) {
  db::Connection connection{app.database.url()};
  return security::look_for_threats(connection);
}

/// "kind severity" of all events, oldest first.
Rows events(App const& app) {
  return app.rows("SELECT kind || ' ' || severity FROM security_events ORDER BY id");
}

/// Log-in attempts as the doors write them: `accounts` of them, `each` times, from one address.
void attempts(App const& app, std::string const& prefix, int accounts, int each,
              std::string const& address, std::string const& ago = "0 s", bool succeeded = false) {
  app.run(
      "INSERT INTO login_attempts (at, account_hash, method, succeeded, reason, address, "
      "user_agent) SELECT now() - interval '" +
      ago + "', '" + prefix + "' || account, 'password', " + (succeeded ? "true" : "false") + ", " +
      (succeeded ? "NULL" : "'wrong_password'") + ", '" + address +
      "', '' FROM generate_series(1, " + std::to_string(accounts) +
      ") AS account, generate_series(1, " + std::to_string(each) + ")");
}

void session(App const& app, std::string const& id, int staff, std::string const& address,
             std::string const& created_ago, std::string const& used_ago) {
  app.run(
      "INSERT INTO sessions (id, staff_id, created_at, last_used_at, expires_at, address, "
      "user_agent) VALUES ('" +
      id + "', " + std::to_string(staff) + ", now() - interval '" + created_ago +
      "', now() - interval '" + used_ago + "', now() + interval '20 hours', '" + address +
      "', 'test')");
}

void audit_rows(App const& app, std::string const& actor, std::string const& action, int count) {
  app.run("SELECT audit_append(NULL, '" + actor + "', NULL, NULL, '" + action +
          "', 'ten_' || n, NULL, '192.0.2.1', '', NULL, NULL) FROM generate_series(1, " +
          std::to_string(count) + ") AS n");
}

boost::json::object because(std::string const& reason = "the drill of November") {
  return {{"reason", reason}};
}

std::string event_path(std::string const& id, std::string const& action) {
  return "/api/settings/security/events/" + id + "/" + action;
}

/// An event as identity raises it, about this person and address; returns its id.
std::string raise(App const& app, identity::guards::SecurityEvent const& event) {
  db::Connection connection{app.database.url()};
  db::transact(connection, [&](db::Tx& tx) { identity::guards::raise(tx, event); });
  return "sec_" + app.value("SELECT max(id) FROM security_events");
}

support::Reply put(Caller const& caller, std::string const& path, boost::json::object const& body) {
  return caller.send("PUT", path, boost::json::serialize(body), {"Content-Type: application/json"});
}
support::Reply remove(Caller const& caller, std::string const& path) {
  return caller.send("DELETE", path, "", {});
}

/// What other nodes hear with a commit; here somebody changed the rows by hand.
void tell_nodes(App const& app) { app.run("SELECT pg_notify('onboarding', 'identity')"); }
}  // namespace

TEST_CASE("every attempt to log in leaves a row, also a refused one") {
  auto app = App::fresh();
  app.add_staff(Role::admin);
  auto const log_in = [&](std::string const& email, std::string const& password) {
    return app.visitor()
        .post("/api/admin/login", {{"email", email}, {"password", password}}, {"User-Agent: test"})
        .status;
  };
  CHECK(log_in("Admin@example.com", "not the password") == 401);
  CHECK(log_in("nobody@example.com", "not the password") == 401);
  CHECK(log_in("admin@example.com", App::password) == 200);
  CHECK(app.rows("SELECT coalesce(staff_id::text, '-'), method, succeeded, coalesce(reason, '-'), "
                 "address, user_agent FROM login_attempts ORDER BY id") ==
        Rows{"1|password|f|wrong_password|127.0.0.1|test",
             "-|password|f|unknown_account|127.0.0.1|test", "1|password|t|-|127.0.0.1|test"});
  // However the address was spelled, and without the address itself.
  CHECK(app.value("SELECT count(DISTINCT account_hash) FROM login_attempts") == "2");
  CHECK(app.value("SELECT account_hash FROM login_attempts ORDER BY id LIMIT 1") ==
        identity::guards::account_hash_of("admin@EXAMPLE.com"));
  CHECK(app.value("SELECT count(*) FROM login_attempts WHERE login_attempts::text LIKE "
                  "'%nobody%'") == "0");
}

TEST_CASE("credential stuffing: one address, many accounts, a short time") {
  auto app = App::fresh();
  attempts(app, "a", thresholds::stuffing_accounts - 1, 5, "203.0.113.1");
  attempts(app, "b", thresholds::stuffing_accounts - 1, 1, "203.0.113.2");
  attempts(app, "old", 1, 1, "203.0.113.2", "11 minutes");
  CHECK(look(app) == 0);
  attempts(app, "one-more", 1, 1, "203.0.113.2");
  CHECK(look(app) == 1);
  CHECK(events(app) == Rows{"credential_stuffing high"});
  CHECK(app.rows("SELECT address, occurrences, detail->>'accounts' FROM security_events") ==
        Rows{"203.0.113.2|10|10"});

  SUBCASE("while it is open it is counted, not raised again") {
    attempts(app, "c", 7, 1, "203.0.113.2");
    CHECK(look(app) == 0);
    CHECK(app.rows("SELECT occurrences FROM security_events") == Rows{"17"});
  }
  SUBCASE("a password that was right makes it worse") {
    attempts(app, "b", 1, 1, "203.0.113.2", "0 s", true);
    look(app);
    CHECK(events(app) == Rows{"credential_stuffing critical"});
  }
  SUBCASE("what was dealt with is not raised again, what comes later is") {
    app.run("UPDATE security_events SET closed_at = now() + interval '1 second'");
    CHECK(look(app) == 0);
    app.run("UPDATE security_events SET closed_at = now() - interval '1 hour'");
    CHECK(look(app) == 1);
    CHECK(events(app).size() == 2);
  }
}

TEST_CASE("password spraying: many accounts, each a few times, from anywhere") {
  auto app = App::fresh();
  for (int n = 1; n < thresholds::spraying_accounts; ++n)
    attempts(app, "a" + std::to_string(n), 1, thresholds::spraying_attempts_each,
             "203.0." + std::to_string(n) + ".9", "50 minutes");
  attempts(app, "often", 1, thresholds::spraying_attempts_each + 1, "203.0.113.7");
  attempts(app, "old", 1, 1, "203.0.113.7", "61 minutes");
  CHECK(look(app) == 0);
  attempts(app, "one-more", 1, 1, "203.0.113.7");
  CHECK(look(app) == 1);
  CHECK(events(app) == Rows{"password_spraying high"});
  CHECK(app.rows("SELECT detail->>'accounts', address FROM security_events") == Rows{"15|"});
}

TEST_CASE("a list of accounts tried quickly from one address is one event, not two") {
  auto app = App::fresh();
  attempts(app, "a", thresholds::spraying_accounts, 1, "203.0.113.1");
  CHECK(look(app) == 1);
  CHECK(events(app) == Rows{"credential_stuffing high"});
}

TEST_CASE("impossible travel: a session in another network while one is in use") {
  auto app = App::fresh();
  app.add_staff(Role::owner);
  app.add_staff(Role::admin);
  session(app, "old", 1, "198.51.100.7", "5 hours", "31 minutes");
  session(app, "near", 1, "203.0.113.5", "0 s", "0 s");
  SUBCASE("not when the other one has been idle") { CHECK(look(app) == 0); }
  SUBCASE("not within one block of addresses") {
    session(app, "block", 2, "203.0.7.1", "1 hour", "1 minute");
    session(app, "same", 2, "203.0.200.9", "0 s", "0 s");
    session(app, "v6", 2, "2001:db8:1::1", "3 hours", "2 hours");
    CHECK(look(app) == 0);
  }
  SUBCASE("not when the other one was ended before") {
    session(app, "ended", 2, "192.0.2.4", "1 hour", "1 minute");
    app.run("UPDATE sessions SET revoked_at = now() - interval '1 minute' WHERE id = 'ended'");
    session(app, "next", 2, "203.0.113.5", "0 s", "0 s");
    CHECK(look(app) == 0);
  }
  SUBCASE("when both are in use") {
    session(app, "other", 2, "2001:db8:1::1", "2 hours", "29 minutes");
    session(app, "fresh", 2, "2001:db9:1::1", "0 s", "0 s");
    CHECK(look(app) == 1);
    CHECK(app.rows("SELECT kind, severity, staff_id, address, detail->>'other_address' FROM "
                   "security_events") ==
          Rows{"impossible_travel|high|2|2001:db9:1::1|2001:db8:1::1"});
    CHECK(look(app) == 0);
  }
}

TEST_CASE("a key that is used from a network where it never was") {
  auto app = App::fresh();
  app.add_staff(Role::owner);
  app.run(
      "INSERT INTO api_keys (name, prefix, hash, scopes, created_by) "
      "VALUES ('robot', 'ob_live_abcd', 'x', '{}', 1)");
  auto const use = [&](std::string const& address) {
    app.run("UPDATE api_keys SET last_used_at = clock_timestamp(), last_used_address = '" +
            address + "'");
  };
  use("198.51.100.7");
  use("198.51.9.9");  // the same /16
  CHECK(look(app) == 0);
  use("203.0.113.8");
  CHECK(look(app) == 1);
  CHECK(app.rows("SELECT kind, severity, api_key_id, address, detail->>'network' FROM "
                 "security_events") ==
        Rows{"key_from_new_network|medium|1|203.0.113.8|203.0.0.0/16"});
  use("198.51.100.7");
  use("203.0.113.8");
  CHECK(look(app) == 0);
}

TEST_CASE("this machine's own addresses are one network, whichever of them it uses") {
  auto app = App::fresh();
  app.add_staff(Role::owner);
  auto const block = [&](std::string const& address) {
    return app.value("SELECT address_block('" + address + "')");
  };
  for (auto const* own : {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"})
    CHECK(block(own) == "127.0.0.0/8");
  CHECK(block("::ffff:198.51.100.7") == block("198.51.100.8"));
  CHECK(block("::2") == "::/32");
  CHECK(block("2001:db8:1::1") == "2001:db8::/32");
  CHECK(block("no address") == "no address");

  app.run(
      "INSERT INTO api_keys (name, prefix, hash, scopes, created_by) "
      "VALUES ('robot', 'ob_live_abcd', 'x', '{}', 1)");
  for (auto const* address : {"127.0.0.1", "::1"})
    app.run(
        std::string{"UPDATE api_keys SET last_used_at = clock_timestamp(), last_used_address = '"} +
        address + "'");
  session(app, "other", 1, "127.0.0.1", "2 hours", "29 minutes");
  session(app, "fresh", 1, "::1", "0 s", "0 s");
  CHECK(look(app) == 0);
}

TEST_CASE("mass export: many exports by one actor in a short time") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  for (int n = 1; n < thresholds::exports; ++n)
    REQUIRE(owner.get("/api/audit/export?format=csv").status == 200);
  audit_rows(app, "somebody", "report.exported", 1);
  CHECK(look(app) == 0);
  REQUIRE(owner.get("/api/audit/export?format=json").status == 200);
  CHECK(look(app) == 1);
  CHECK(app.rows("SELECT kind, severity, staff_id, occurrences FROM security_events") ==
        Rows{"mass_export|medium|1|5"});
}

TEST_CASE("working hours are those of the organisation's clocks") {
  auto app = App::fresh();
  auto const off = [&](std::string const& at, std::string const& zone = "Europe/Madrid") {
    return app.value("SELECT is_off_hours('" + at + "', ROW(true, '" + zone +
                     "', 7, 20, '{1,2,3,4,5}')::security_settings)") == "t";
  };
  CHECK_FALSE(off("2026-11-25 06:00:00+00"));  // a Wednesday, 07:00 in Madrid
  CHECK(off("2026-11-25 05:59:59+00"));
  CHECK_FALSE(off("2026-11-25 18:59:59+00"));
  CHECK(off("2026-11-25 19:00:00+00"));
  CHECK(off("2026-11-28 11:00:00+00"));                               // a Saturday
  CHECK(off("2026-11-27 23:30:00+00"));                               // Saturday there already
  CHECK_FALSE(off("2026-11-27 23:30:00+00", "America/Los_Angeles"));  // still Friday afternoon
}

TEST_CASE("deleting outside of working hours") {
  auto app = App::fresh();
  app.run(
      "UPDATE security_settings SET opens_hour = 0, closes_hour = 24, "
      "working_days = '{1,2,3,4,5,6,7}'");
  audit_rows(app, "owner@example.com", "tenant.deleted", 2);
  audit_rows(app, "owner@example.com", "tenant.created", 3);
  CHECK(look(app) == 0);
  app.run("UPDATE security_settings SET working_days = '{}'");
  CHECK(look(app) == 1);
  CHECK(app.rows("SELECT kind, severity, occurrences, detail->'targets' FROM security_events") ==
        Rows{R"(off_hours_deletion|medium|2|["ten_1", "ten_2"])"});
}

TEST_CASE("owners act on an event; each act is in the trail with its reason") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const admin = app.as(Role::admin);
  auto const id = raise(app, {.kind = "impossible_travel",
                              .severity = identity::guards::Severity::high,
                              .staff_id = identity::StaffId{2},
                              .address = "2001:db8:7::1"});
  auto const list = owner.get("/api/settings/security/events?state=open");
  REQUIRE(list.status == 200);
  CHECK(list["data.0.id"] == id);
  CHECK(list["data.0.email"] == "admin@example.com");
  CHECK(list["data.0.account_locked"] == "false");

  SUBCASE("ending the person's sessions") {
    CHECK(admin.get("/api/admin/me").status == 200);
    CHECK(owner.post(event_path(id, "revoke-sessions"), because()).status == 200);
    CHECK(admin.get("/api/admin/me").status == 401);
    CHECK(
        app.rows("SELECT action, target, reason, after->>'event' FROM audit_logs ORDER BY id DESC "
                 "LIMIT 1") == Rows{"staff.sessions_ended|usr_2|the drill of November|" + id});
  }
  SUBCASE("locking the account") {
    auto const reply = owner.post(event_path(id, "lock-account"), because());
    CHECK(reply.status == 200);
    CHECK(reply["account_locked"] == "true");
    CHECK(admin.get("/api/admin/me").status == 401);
    CHECK(app.value("SELECT count(*) FROM sessions WHERE staff_id = 2 AND revoked_at IS NULL") ==
          "0");
    CHECK(
        app.visitor()
            .post("/api/admin/login", {{"email", "admin@example.com"}, {"password", App::password}})
            .status == 401);
  }
  SUBCASE("but the last owner stays") {
    auto const own = raise(app, {.kind = "impossible_travel",
                                 .severity = identity::guards::Severity::high,
                                 .staff_id = identity::StaffId{1}});
    auto const reply = owner.post(event_path(own, "lock-account"), because());
    CHECK(reply.status == 409);
    CHECK(reply["code"] == "last_owner");
    CHECK(owner.get("/api/admin/me").status == 200);
  }
  SUBCASE("blocking the address: of IPv6 what its owner can choose from") {
    auto reply = owner.post(event_path(id, "block-address"), because());
    CHECK(reply.status == 200);
    CHECK(reply["address_blocked"] == "true");
    CHECK(app.rows("SELECT address, reason, blocked_by, expires_at BETWEEN now() + interval '23 "
                   "hours' AND now() + interval '25 hours' FROM blocked_addresses") ==
          Rows{"2001:db8:7::/64|the drill of November|1|t"});
  }
  SUBCASE("what an event does not name cannot be acted on") {
    CHECK(owner.post(event_path(id, "revoke-key"), because())["code"] == "nothing_to_act_on");
    auto const bare =
        raise(app, {.kind = "mass_export", .severity = identity::guards::Severity::low});
    for (auto const* action : {"revoke-sessions", "lock-account", "block-address"})
      CHECK(owner.post(event_path(bare, action), because())["code"] == "nothing_to_act_on");
    CHECK(owner.post(event_path("sec_99", "lock-account"), because()).status == 404);
  }
  SUBCASE("one's own address is not blocked") {
    auto const own = raise(app, {.kind = "credential_stuffing",
                                 .severity = identity::guards::Severity::high,
                                 .address = "127.0.0.1"});
    CHECK(owner.post(event_path(own, "block-address"), because())["code"] == "own_address");
    CHECK(owner.post("/api/settings/security/blocked-addresses",
                     {{"address", "127.0.0.0/8"}, {"reason", "that is us"}})["code"] ==
          "own_address");
    CHECK(owner.post("/api/settings/security/blocked-addresses",
                     {{"address", "0.0.0.0/0"}, {"reason", "all"}})["code"] == "block_too_wide");
  }
  SUBCASE("closing it, once") {
    auto const closed = owner.post(event_path(id, "close"),
                                   {{"outcome", "false_alarm"}, {"reason", "it was a train"}});
    CHECK(closed.status == 200);
    CHECK(closed["closed_by"] == "owner@example.com");
    CHECK(closed["outcome"] == "false_alarm");
    CHECK(owner.post(event_path(id, "close"), {{"outcome", "resolved"}, {"reason", "again"}})
              .status == 409);
    CHECK(owner.get("/api/settings/security/events?state=open").json.at("data").as_array().empty());
    CHECK(owner.post(event_path(id, "close"), {{"outcome", "whatever"}, {"reason", ""}})
              .wrong_fields() == "/outcome /reason");
  }
  SUBCASE("only owners, and only after they proved who they are") {
    CHECK(admin.post(event_path(id, "lock-account"), because()).status == 403);
    CHECK(app.as(Role::auditor).get("/api/settings/security/events").status == 200);
    CHECK(app.as(Role::support).get("/api/settings/security/events").status == 403);
    app.run("UPDATE sessions SET confirmed_at = now() - interval '6 minutes' WHERE staff_id = 1");
    auto const reply = owner.post(event_path(id, "lock-account"), because());
    CHECK(reply.status == 403);
    CHECK(reply["code"] == "step_up_required");
    CHECK(app.value("SELECT count(*) FROM staff WHERE disabled_at IS NOT NULL") == "0");
  }
}

TEST_CASE("a key is revoked from the event that showed the need") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const made =
      owner.post("/api/settings/api-keys", {{"name", "robot"}, {"scopes", {"tenants:read"}}});
  REQUIRE_MESSAGE(made.status == 201, made.body);
  Caller const robot{app.url(), {"Authorization: Bearer " + made["key"]}};
  REQUIRE(robot.get("/api/tenants").status == 200);
  auto const id = raise(app, {.kind = "key_from_new_network",
                              .severity = identity::guards::Severity::medium,
                              .api_key_id = 1});
  auto const reply = owner.post(event_path(id, "revoke-key"), because());
  CHECK(reply.status == 200);
  CHECK(reply["api_key_works"] == "false");
  CHECK(robot.get("/api/tenants").status == 401);
}

TEST_CASE("a blocked address reaches nothing but the probe and the webhook") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  app.run(
      "INSERT INTO blocked_addresses (address, reason, expires_at) "
      "VALUES ('127.0.0.0/8', 'test', now() + interval '1 hour')");
  tell_nodes(app);
  REQUIRE(support::eventually([&] { return owner.get("/api/admin/me").status == 403; }));
  CHECK(owner.get("/api/admin/me")["code"] == "address_blocked");
  for (auto const* path : {"/", "/login", "/api/plans", "/readyz", "/openapi.json"}) {
    CAPTURE(path);
    CHECK(app.visitor().get(path).status == 403);
  }
  CHECK(app.visitor()
            .post("/api/admin/login", {{"email", "owner@example.com"}, {"password", App::password}})
            .status == 403);
  CHECK(app.visitor().get("/healthz").status == 200);
  CHECK(app.visitor().post("/webhook/stripe", {{"id", "evt_1"}}).status == 400);
  // It ends by itself.
  clock_source::advance(std::chrono::hours{2});
  auto const after = app.visitor().get("/api/plans").status;
  clock_source::advance(-std::chrono::hours{2});
  CHECK(after == 200);
}

TEST_CASE("addresses are blocked and let in again by hand") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const path = std::string{"/api/settings/security/blocked-addresses"};
  auto const made =
      owner.post(path, {{"address", "203.0.113.0/24"}, {"reason", "lists"}, {"hours", 2}});
  REQUIRE(made.status == 201);
  CHECK(owner.get(path)["data.0.address"] == "203.0.113.0/24");
  CHECK(owner.post(path, {{"address", "203.0.113.1/24"}, {"reason", "x"}, {"hours", 0}})
            .wrong_fields() == "/address /hours /reason");
  CHECK(remove(owner, path + "/" + made["id"]).status == 204);
  CHECK(owner.get(path).json.at("data").as_array().empty());
  CHECK(remove(owner, path + "/" + made["id"]).status == 404);
  CHECK(app.rows("SELECT action || ' ' || target FROM audit_logs WHERE action LIKE 'address.%' "
                 "ORDER BY id") ==
        Rows{"address.blocked 203.0.113.0/24", "address.unblocked 203.0.113.0/24"});
}

TEST_CASE("no block shuts out everybody, the machine itself, or whoever asks") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const path = std::string{"/api/settings/security/blocked-addresses"};
  auto const code_of = [&](std::string const& address) {
    auto const reply = owner.post(path, {{"address", address}, {"reason", "lists"}});
    if (reply.status == 201) remove(owner, path + "/" + reply["id"]);
    return reply.status == 201 ? "blocked" : reply["code"];
  };
  for (auto const* wide : {"0.0.0.0/0", "::/0", "128.0.0.0/1", "64.0.0.0/2", "10.0.0.0/7",
                           "::ffff:0:0/96", "::/80", "2000::/3", "2001::/16", "2a00::/31"})
    CHECK_MESSAGE(code_of(wide) == "block_too_wide", wide);
  for (auto const* narrow : {"10.0.0.0/8", "2001:db8::/32", "203.0.113.9", "2001:db8::1", "::2"})
    CHECK_MESSAGE(code_of(narrow) == "blocked", narrow);
  CHECK(code_of("127.0.0.0/8") == "own_address");
  CHECK(code_of("::1") == "block_of_this_machine");

  // All who are logged in come from one network; a single address may be theirs to block.
  app.run("UPDATE sessions SET address = '198.51.100.' || 7");
  CHECK(code_of("198.51.100.0/24") == "block_of_everybody");
  CHECK(code_of("198.51.100.7") == "blocked");
  CHECK(code_of("198.51.101.0/24") == "blocked");
  CHECK(app.value("SELECT count(*) FROM blocked_addresses") == "0");
}

TEST_CASE("read-only mode: everything can be seen, nothing changed") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const path = std::string{"/api/settings/security/read-only"};
  auto const on = put(owner, path, {{"on", true}, {"reason", "a stolen laptop"}});
  REQUIRE_MESSAGE(on.status == 200, on.body);
  CHECK(on["changed_by"] == "owner@example.com");

  auto form = acme();
  form.erase("interval");
  form.erase("currency");
  auto const refused = owner.post("/api/tenants", form);
  CHECK(refused.status == 503);
  CHECK(refused["code"] == "read_only_mode");
  CHECK(!refused.header("retry-after").empty());
  CHECK(app.visitor().post("/api/checkout", acme())["code"] == "read_only_mode");
  CHECK(owner
            .post("/api/settings/password",
                  {{"current_password", App::password}, {"new_password", "another long password"}})
            .status == 503);
  CHECK(owner.get("/api/tenants").status == 200);
  CHECK(owner.get("/api/admin/me")["read_only"] == "true");
  // People still get in and out, Stripe's events are stored.
  app.as(Role::auditor);
  CHECK(app.as(Role::auditor).post("/api/admin/logout", nullptr).status == 204);
  CHECK(app.deliver({"evt_1", "customer.created",
                     R"({"id":"evt_1","object":"event","type":"customer.created","created":1,)"
                     R"("livemode":false,"data":{"object":{"id":"cus_1","object":"customer"}}})"})
            .status == 200);
  CHECK(app.value("SELECT count(*) FROM stripe_events") == "1");
  CHECK(app.value("SELECT count(*) FROM tenants") == "0");
  // The password was not changed.
  CHECK(owner.post("/api/admin/confirm", {{"password", App::password}}).status == 200);

  CHECK(put(owner, path, {{"on", false}, {"reason", "it was found"}}).status == 200);
  CHECK(owner.post("/api/tenants", form).status == 201);
  CHECK(app.rows("SELECT reason FROM audit_logs WHERE action = 'incident.read_only_changed' ORDER "
                 "BY id") == Rows{"a stolen laptop", "it was found"});
  CHECK(put(app.as(Role::admin), path, {{"on", true}, {"reason", "me too"}}).status == 403);
}

TEST_CASE("revoking everything ends every session and, when asked, every key") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const admin = app.as(Role::admin);
  auto const made =
      owner.post("/api/settings/api-keys", {{"name", "robot"}, {"scopes", {"tenants:read"}}});
  REQUIRE(made.status == 201);
  Caller const robot{app.url(), {"Authorization: Bearer " + made["key"]}};
  auto const path = std::string{"/api/settings/security/revoke-everything"};
  CHECK(owner.post(path, {{"confirm", "yes"}, {"api_keys", true}, {"reason", "a leak"}})["code"] ==
        "not_confirmed");
  CHECK(admin.get("/api/admin/me").status == 200);

  bool with_keys = false;
  SUBCASE("sessions alone") {}
  SUBCASE("keys as well") { with_keys = true; }
  auto const reply = owner.post(
      path, {{"confirm", "revoke everything"}, {"api_keys", with_keys}, {"reason", "a leak"}});
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
  CHECK(reply["sessions"] == "2");
  CHECK(reply["api_keys"] == (with_keys ? "1" : "0"));
  CHECK(owner.get("/api/admin/me").status == 401);
  CHECK(admin.get("/api/admin/me").status == 401);
  CHECK(robot.get("/api/tenants").status == (with_keys ? 401 : 200));
}

TEST_CASE("rotating all keys from the page logs nobody out") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const key = app.value("SELECT kid FROM signing_keys WHERE retires_at IS NULL");
  auto const master = *files::read(app.key_file());
  auto const reply = owner.post("/api/settings/security/rotate-keys", because());
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
  CHECK(reply["master_key_replaced"] == "true");
  CHECK(app.value("SELECT kid FROM signing_keys WHERE retires_at IS NULL") != key);
  CHECK(app.value("SELECT count(*) FROM data_keys") == "2");
  CHECK(*files::read(app.key_file()) != master);
  CHECK(owner.get("/api/admin/me").status == 200);
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'incident.keys_rotated'") == "1");
  app.work();
  app.restart();
  CHECK(owner.get("/api/admin/me").status == 200);
}

TEST_CASE("the organisation's hours are changed with both sides in the trail") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const path = std::string{"/api/settings/security/hours"};
  boost::json::object hours{{"time_zone", "Europe/Madrid"},
                            {"opens_hour", 7},
                            {"closes_hour", 19},
                            {"working_days", {1, 2, 3, 4, 5}}};
  CHECK(put(owner, path, hours).status == 200);
  CHECK(owner.get("/api/settings/security")["hours.time_zone"] == "Europe/Madrid");
  CHECK(app.rows("SELECT before, after FROM audit_logs ORDER BY id DESC LIMIT 1") ==
        Rows{R"({"time_zone": "UTC", "closes_hour": 20}|{"time_zone": "Europe/Madrid", )"
             R"("closes_hour": 19})"});
  hours["time_zone"] = "Europe/Nowhere";
  CHECK(put(owner, path, hours).wrong_fields() == "/time_zone");
  hours["closes_hour"] = 7;
  CHECK(put(owner, path, hours).wrong_fields() == "/closes_hour");
}

TEST_CASE("periods of evidence") {
  auto const text = [](char const* period) {
    auto const found = security::read_period(period);
    return found ? clock_source::rfc3339(found->from).substr(0, 10) + " " +
                       clock_source::rfc3339(found->to).substr(0, 10)
                 : std::string{"none"};
  };
  CHECK(text("2026-Q4") == "2026-10-01 2027-01-01");
  CHECK(text("2026-Q1") == "2026-01-01 2026-04-01");
  CHECK(text("2026-11") == "2026-11-01 2026-12-01");
  CHECK(text("2026-12") == "2026-12-01 2027-01-01");
  CHECK(text("2026") == "2026-01-01 2027-01-01");
  CHECK(text("2024-02-28..2024-02-29") == "2024-02-28 2024-03-01");
  for (auto const* wrong : {"", "2026-Q5", "2026-13", "2026-1", "26-01", "2026-Q", "2026-11-01",
                            "2026-11-02..2026-11-01", "2026-02-31..2026-03-01", "..", "2026-Q44"}) {
    CAPTURE(wrong);
    CHECK(text(wrong) == "none");
  }
}

TEST_CASE("evidence is complete, signed, and shows whoever changed it") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  app.as(Role::auditor);
  raise(app, {.kind = "mass_export", .severity = identity::guards::Severity::medium});
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) "
      "VALUES ('Acme', 'Ada', 'ada@example.com', 'ES', 'en');"
      "INSERT INTO tenants (customer_id, subdomain, plan_id, state, max_users, storage_limit_mib, "
      "memory_limit_mib, cpu_limit_percent, provisioner, blueprint, live_at) "
      "VALUES (1, 'acme', 'team', 'live', 1, 1, 1, 1, 'process', 'sample', now());"
      "INSERT INTO tenant_backups (tenant_id, reason, target, location, blueprint, requested_by, "
      "state, size_bytes, sha256) VALUES (1, 'manual', 'file', 'x', 'sample', 'test', 'verified', "
      "7, "
      "'abc123')");
  auto const archive = app.directory.path() / "evidence.tar.gz";
  auto const now = clock_source::now();
  {
    db::Connection connection{app.database.url()};
    vault::Vault vault{app.key()};
    security::write_evidence(connection, vault, app.settings,
                             identity::declared_scopes(app.application().api()),
                             {now - std::chrono::hours{1}, now + std::chrono::hours{1}}, archive);
  }
  auto const manifest = security::check_evidence(archive);
  CHECK(manifest.files.size() == 12);
  CHECK(manifest.absent.empty());
  CHECK(manifest.public_key == owner.get("/api/settings/security")["public_key"]);

  TemporaryDirectory unpacked;
  auto const tar = [&](std::vector<std::string> arguments) {
    REQUIRE(process::run({.executable = "/bin/tar", .arguments = std::move(arguments)},
                         std::chrono::seconds{60})
                .ending.success());
  };
  auto const in = [&](std::string const& name) { return unpacked.path() / name; };
  tar({"-xzf", archive.string(), "-C", unpacked.path().string()});
  auto const holds = [&](std::string const& name, std::string const& text) {
    CAPTURE(name);
    auto const content = files::read(in(name)).value_or("");
    CHECK_MESSAGE(content.find(text) != std::string::npos, content);
  };
  holds("access_review.csv", "\"auditor@example.com\",\"Grace Hopper\",\"auditor\",\"active\"");
  holds("roles.csv", "audit:read");
  holds("audit.csv", "session.started");
  holds("audit_verification.json", "\"finding\":\"whole\"");
  holds("change_log.csv", "0018_audit_trail");
  holds("security_events.csv", "mass_export");
  holds("log_ins.csv", "password");
  holds("backups.csv", "abc123");
  for (auto const& entry : std::filesystem::directory_iterator{unpacked.path()}) {
    auto const content = *files::read(entry.path());
    CHECK(content.find("argon2id") == std::string::npos);
  }

  auto const why = [&] {
    tar({"-czf", archive.string(), "-C", unpacked.path().string(), "."});
    try {
      (void)security::check_evidence(archive);
    } catch (std::runtime_error const& error) {
      return std::string{error.what()};
    }
    return std::string{"whole"};
  };
  CHECK(why() == "whole");
  SUBCASE("a file") {
    files::write_atomically(in("audit.csv"), "nothing happened", 0600);
    CHECK(why() == "the file audit.csv was altered");
  }
  SUBCASE("a file and its digest") {
    auto text = *files::read(in("manifest.json"));
    text.replace(text.find("\"sha256\":\"") + 10, 2, "zz");
    files::write_atomically(in("manifest.json"), text, 0600);
    CHECK(why() == "the signature of the manifest is wrong");
  }
  SUBCASE("a file less, a file more") {
    std::filesystem::rename(in("roles.csv"), in("rolls.csv"));
    CHECK(why() == "the archive lacks the file roles.csv");
    std::filesystem::copy(in("rolls.csv"), in("roles.csv"));
    CHECK(why() == "the file rolls.csv does not belong to the archive");
  }
}

TEST_CASE("the commands of an incident work when nobody can log in") {
  auto const* binary = std::getenv("ONBOARDING_BINARY");
  if (!binary) {
    MESSAGE("ONBOARDING_BINARY is not set");
    return;
  }
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const command = [&](std::vector<std::string> arguments) {
    return process::run({.executable = binary,
                         .arguments = std::move(arguments),
                         .environment = {{"ONBOARDING_DATABASE_URL", app.database.url()},
                                         {"ONBOARDING_DATA_DIR", app.settings.data_dir},
                                         {"SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22"}}},
                        std::chrono::seconds{60});
  };
  CHECK(command({"incident", "read-only", "on"}).ending.code == 2);
  CHECK(command({"incident", "read-only", "on", "--reason", "drill"}).ending.success());
  CHECK(support::eventually(
      [&] { return app.visitor().post("/api/checkout", acme()).status == 503; }));
  CHECK(command({"incident", "status"}).output.find("drill") != std::string::npos);
  CHECK(command({"incident", "read-only", "off", "--reason", "over"}).ending.success());
  CHECK(command({"incident", "block-address", "203.0.113.0/24", "--reason", "lists"})
            .ending.success());
  CHECK(app.value("SELECT address FROM blocked_addresses") == "203.0.113.0/24");
  for (auto const* address : {"everybody", "0.0.0.0/0", "::/0", "127.0.0.1", "192.0.2.0/24"}) {
    CAPTURE(address);
    auto const refused = command({"incident", "block-address", address, "--reason", "lists"});
    CHECK(refused.ending.code == 2);
    CHECK(refused.output.find(address) != std::string::npos);
  }
  auto const listed = command({"incident", "blocked-addresses"}).output;
  CHECK(listed.starts_with("203.0.113.0/24 until "));
  CHECK(listed.ends_with("by command line: lists\n"));
  app.run("UPDATE sessions SET address = '203.0.113.9'");
  auto const single =
      command({"incident", "block-address", "203.0.113.9/32", "--reason", "stolen laptop"});
  CHECK(single.output.find("shut out now: owner@example.com\n") != std::string::npos);
  CHECK(single.output.find("incident unblock-address 203.0.113.9/32") != std::string::npos);
  CHECK(command({"incident", "unblock-address", "203.0.113.9"}).output ==
        "203.0.113.9/32 is let in again\n");
  CHECK(command({"incident", "unblock-address", "203.0.113.9"}).ending.code == 2);
  CHECK(app.value("SELECT address FROM blocked_addresses") == "203.0.113.0/24");
  CHECK(command({"incident", "revoke-everything", "--api-keys", "--reason", "leak"})
            .ending.success());
  CHECK(support::eventually([&] { return owner.get("/api/admin/me").status == 401; }));

  auto const archive = (app.directory.path() / "e.tar.gz").string();
  auto const made = command({"evidence", "--period", "2026", "--output", archive});
  CHECK_MESSAGE(made.ending.success(), made.output);
  auto const checked = command({"evidence", "verify", archive});
  CHECK_MESSAGE(checked.ending.success(), checked.output);
  CHECK(checked.output.starts_with("whole: 12 files"));
  CHECK(command({"evidence", "verify", archive, "--public-key", "another"}).ending.code == 1);
  CHECK(command({"evidence", "--period", "soon", "--output", archive}).ending.code == 2);
  CHECK(app.rows("SELECT actor, action FROM audit_logs WHERE actor = 'command line' ORDER BY id") ==
        Rows{"command line|incident.read_only_changed", "command line|incident.read_only_changed",
             "command line|address.blocked", "command line|address.blocked",
             "command line|address.unblocked", "command line|incident.everything_revoked",
             "command line|evidence.exported"});
}
