// API keys: shown once, believed without the database, as narrow as they were made, over at once.
#include <doctest/doctest.h>

#include "identity/api_keys/api_keys.hpp"
#include "platform/crypto/crypto.hpp"
#include "support/app.hpp"
#include "support/socket.hpp"

using support::App;
using support::Caller;
using support::Role;
using Rows = std::vector<std::string>;
using Members = boost::json::object;

namespace {
std::string const keys_path = "/api/settings/api-keys";

support::Reply make(Caller const& caller, Members more = {}) {
  Members form{{"name", "Nightly export"}, {"scopes", {"tenants:read"}}};
  for (auto const& [name, value] : more) form[name] = value;
  return caller.post(keys_path, form);
}

Caller holder(App const& app, std::string const& key) {
  return {app.url(), {"Authorization: Bearer " + key}};
}

std::string path_of(support::Reply const& key) { return keys_path + "/" + key["id"]; }

support::Reply patch(Caller const& caller, std::string const& path, Members const& changes) {
  return caller.send(
      "PATCH", path, boost::json::serialize(changes),
      {"Content-Type: application/json", "If-Match: " + caller.get(path).header("etag")});
}

/// The clock of this process moves on, until the end of the test.
struct Later {
  std::chrono::hours moved{0};
  ~Later() { clock_source::advance(-moved); }
  void operator()(std::chrono::hours by) {
    clock_source::advance(by);
    moved += by;
  }
};

/// An owner who has just logged in: the clock may have moved since the last time.
Caller owner_now(App const& app) {
  auto const reply = app.visitor().post(
      "/api/admin/login", {{"email", App::email_of(Role::owner)}, {"password", App::password}});
  REQUIRE(reply.status == 200);
  return {app.url(), {"Authorization: Bearer " + reply["access_token"]}};
}
}  // namespace

TEST_CASE("a key opens what its permissions allow, and nothing shows it again") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const made = make(owner);
  CHECK(made.status == 201);
  auto const key = made["key"];
  CHECK(key.starts_with("ob_test_"));  // no real money moves
  CHECK(identity::api_keys::is_well_formed_key(key));
  auto const expected = clock_source::now() + std::chrono::hours{90 * 24};
  auto const expires = clock_source::parse(made["expires_at"]);
  REQUIRE(expires.has_value());
  CHECK(std::chrono::abs(*expires - expected) < std::chrono::minutes{1});

  auto const caller = holder(app, key);
  CHECK(caller.get("/api/tenants").status == 200);
  auto const refused = caller.get("/api/dashboard/metrics");
  CHECK(refused.status == 403);
  CHECK(refused["permission"] == "dashboard:read");
  CHECK(caller.post("/api/tenants", {}).status == 403);
  CHECK(caller.get("/api/admin/me").status == 403);  // a key is not a person
  CHECK(caller.get("/api/settings/sessions").status == 403);
  // Only where a script puts it, not where a browser would send it unasked.
  CHECK(Caller{app.url(), {"Cookie: __Host-session=" + key}}.get("/api/tenants").status == 401);

  for (auto const& reply : {owner.get(keys_path), owner.get(path_of(made))}) {
    CHECK(reply.status == 200);
    CHECK(reply.body.find(key) == std::string::npos);
    CHECK(reply.body.find(key.substr(12, 10)) == std::string::npos);
  }
  CHECK(app.value("SELECT hash FROM api_keys") == crypto::hex(crypto::sha256(key)));
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE coalesce(after::text, '') LIKE '%" +
                  key.substr(12, 10) + "%'") == "0");
  CHECK(support::eventually(
      [&] { return owner.get(path_of(made))["last_used_address"] == "127.0.0.1"; }));
}

TEST_CASE("a key whose checksum is wrong is refused without being looked up") {
  auto app = App::fresh();
  auto const key = make(app.as(Role::owner))["key"];
  auto typo = key;
  typo[20] = typo[20] == 'x' ? 'y' : 'x';
  for (auto const& text : {typo, key.substr(0, 45), key + "0", std::string{"ob_test_"},
                           std::string{"ob_live_"} + key.substr(8), std::string{"ob_"}}) {
    CAPTURE(text);
    auto const refused = holder(app, text).get("/api/tenants");
    CHECK(refused.status == 401);
    CHECK(refused["code"] == "invalid_api_key");
    CHECK(refused["detail"].find("checksum") != std::string::npos);
  }
  auto const stranger = holder(app, identity::api_keys::new_key(false)).get("/api/tenants");
  CHECK(stranger.status == 401);
  CHECK(stranger["detail"].find("no such key") != std::string::npos);
  CHECK(holder(app, identity::api_keys::new_key(true)).get("/api/tenants").status == 401);
  CHECK(holder(app, key).get("/api/tenants").status == 200);
}

TEST_CASE("keys expire, and only an owner makes one that never does") {
  auto app = App::fresh();
  Later later;
  auto const owner = app.as(Role::owner);
  auto const in_days = [](int days) {
    return std::string{
        boost::json::parse(json::text(clock_source::now() + std::chrono::hours{24 * days}))
            .as_string()};
  };
  CHECK(make(owner, {{"expires_at", in_days(-1)}}).wrong_fields() == "/expires_at");
  CHECK(make(owner, {{"expires_at", in_days(400)}}).wrong_fields() == "/expires_at");
  CHECK(make(owner, {{"expires_at", in_days(5)}, {"never_expires", true}}).wrong_fields() ==
        "/never_expires");
  CHECK(make(app.as(Role::admin), {{"never_expires", true}}).problem_of("/never_expires") ==
        "only_owner");
  auto const week = holder(app, make(owner, {{"expires_at", in_days(7)}})["key"]);
  auto const for_ever = make(owner, {{"never_expires", true}});
  CHECK(for_ever.json.at("expires_at").is_null());
  CHECK(week.get("/api/tenants").status == 200);
  later(std::chrono::hours{24 * 8});
  auto const expired = week.get("/api/tenants");
  CHECK(expired.status == 401);
  CHECK(expired["detail"] == "It has expired.");
  later(std::chrono::hours{24 * 700});
  CHECK(holder(app, for_ever["key"]).get("/api/tenants").status == 200);
  auto const again = owner_now(app);
  CHECK(again.get(keys_path + "?state=expired")["data.0.state"] == "expired");
  CHECK(again.get(keys_path + "?state=active")["data.0.id"] == for_ever["id"]);
}

TEST_CASE("a revoked key is over at once, on the door and on open sockets") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const made = make(owner, {{"scopes", {"dashboard:read", "tenants:read"}}});
  auto const caller = holder(app, made["key"]);
  support::Socket socket{
      app.settings.http_listen, "/ws/metrics", {"Authorization: Bearer " + made["key"]}};
  CHECK(socket.status() == 101);
  REQUIRE(socket.next().has_value());
  CHECK(caller.get("/api/tenants").status == 200);
  CHECK(owner.send("DELETE", path_of(made), "", {}).status == 204);
  CHECK(caller.get("/api/tenants").status == 401);
  std::optional<std::string> last;
  do last = socket.next();
  while (last && !last->starts_with("closed"));
  CHECK(last == "closed 4401");
  CHECK(owner.send("DELETE", path_of(made), "", {})["code"] == "api_key_is_over");
  auto const view = owner.get(path_of(made));
  CHECK(view["state"] == "revoked");
  CHECK(view["revoked_by"] == "owner@example.com");

  // Sockets ask for the permission, too.
  auto const narrow = make(owner);
  support::Socket refused{
      app.settings.http_listen, "/ws/metrics", {"Authorization: Bearer " + narrow["key"]}};
  CHECK(refused.status() == 403);
}

TEST_CASE("a key works only from where it may") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  CHECK(make(owner, {{"addresses", {"10.0.0.0/8", "10.0.0.1/8", "nonsense"}}}).wrong_fields() ==
        "/addresses/1 /addresses/2");
  auto const elsewhere = make(owner, {{"addresses", {"10.0.0.0/8", "2001:db8::/32"}}});
  auto const refused = holder(app, elsewhere["key"]).get("/api/tenants");
  CHECK(refused.status == 403);
  CHECK(refused["code"] == "address_not_allowed");
  CHECK(app.value("SELECT last_used_at IS NULL FROM api_keys") == "t");
  CHECK(patch(owner, path_of(elsewhere), {{"addresses", {"127.0.0.0/8"}}}).status == 200);
  CHECK(holder(app, elsewhere["key"]).get("/api/tenants").status == 200);
  CHECK(patch(owner, path_of(elsewhere), {{"addresses", boost::json::array{}}}).status == 200);
  CHECK(holder(app, elsewhere["key"]).get("/api/tenants").status == 200);
}

TEST_CASE("rotation gives a new key while the old one works on for a while") {
  auto app = App::fresh();
  Later later;
  auto const owner = app.as(Role::owner);
  auto const old = make(owner, {{"addresses", {"127.0.0.1"}}});
  auto const fresh = owner.post(path_of(old) + "/rotate", {{"overlap_hours", 2}});
  CHECK(fresh.status == 201);
  CHECK(fresh["key"] != old["key"]);
  CHECK(fresh["replaces"] == old["id"]);
  CHECK(fresh["name"] == old["name"]);
  CHECK(fresh["scopes"] == old["scopes"]);
  CHECK(fresh["addresses"] == old["addresses"]);
  CHECK(holder(app, old["key"]).get("/api/tenants").status == 200);
  CHECK(holder(app, fresh["key"]).get("/api/tenants").status == 200);
  later(std::chrono::hours{3});
  CHECK(holder(app, old["key"]).get("/api/tenants").status == 401);
  CHECK(holder(app, fresh["key"]).get("/api/tenants").status == 200);
  auto const again = owner_now(app);
  CHECK(again.post(path_of(old) + "/rotate", Members{})["code"] == "api_key_is_over");
  auto const at_once = again.post(path_of(fresh) + "/rotate", {{"overlap_hours", 0}});
  CHECK(at_once.status == 201);
  CHECK(holder(app, fresh["key"]).get("/api/tenants").status == 401);
}

TEST_CASE("a key can do no more than whoever made it, then and now") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const admin = app.as(Role::admin);
  auto const refused = make(admin, {{"scopes", {"roles:write"}}});
  CHECK(refused.status == 403);
  CHECK(refused["code"] == "beyond_own_permissions");
  CHECK(make(admin, {{"scopes", {"no:such"}}}).wrong_fields() == "/scopes/0");
  CHECK(make(admin, {{"scopes", {"self"}}}).wrong_fields() == "/scopes/0");
  CHECK(make(admin, {{"scopes", boost::json::array{}}}).wrong_fields() == "/scopes");

  auto const made = make(admin, {{"scopes", {"tenants:read", "team:read"}}});
  auto const caller = holder(app, made["key"]);
  CHECK(caller.get("/api/settings/team").status == 200);
  auto const person = "/api/settings/team/usr_" +
                      app.value("SELECT id FROM staff WHERE email = 'admin@example.com'");
  CHECK(patch(owner, person, {{"role", "support"}}).status == 200);
  CHECK(caller.get("/api/settings/team").status == 403);
  CHECK(caller.get("/api/tenants").status == 200);
  CHECK(patch(owner, person, {{"disabled", true}}).status == 200);
  CHECK(caller.get("/api/tenants").status == 401);

  // Keys make keys no wider and no longer than themselves.
  auto const soon = std::string{
      boost::json::parse(json::text(clock_source::now() + std::chrono::hours{48})).as_string()};
  auto const parent = make(owner, {{"scopes", {"api_keys:read", "api_keys:write", "tenants:read"}},
                                   {"expires_at", soon}});
  auto const maker = holder(app, parent["key"]);
  CHECK(make(maker, {{"scopes", {"team:write"}}}).status == 403);
  auto const child = make(maker);
  CHECK(child.status == 201);
  CHECK(child["expires_at"] == parent["expires_at"]);
  CHECK(make(maker, {{"never_expires", true}}).status == 422);
  auto const wide = make(owner, {{"scopes", {"team:write"}}});
  CHECK(maker.post(path_of(wide) + "/rotate", Members{}).status == 403);
  CHECK(patch(maker, path_of(child), {{"scopes", {"team:write"}}}).status == 403);
}

TEST_CASE("the last use is noted once a minute, however often a key is used") {
  auto app = App::fresh();
  Later later;
  auto const owner = app.as(Role::owner);
  auto const made = make(owner);
  auto const caller = holder(app, made["key"]);
  auto const writes = [&] {
    return app.value("SELECT xmin FROM api_keys WHERE prefix = '" + made["prefix"] + "'");
  };
  auto const before = writes();
  CHECK(caller.get("/api/tenants").status == 200);
  CHECK(support::eventually([&] { return writes() != before; }));
  auto const noted = writes();
  for (int i = 0; i < 50; ++i) CHECK(caller.get("/api/tenants").status == 200);
  CHECK(writes() == noted);
  later(std::chrono::hours{1});
  CHECK(caller.get("/api/tenants").status == 200);
  CHECK(support::eventually([&] { return writes() != noted; }));
}

TEST_CASE("what a key does is told apart from what people do") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const made = make(owner, {{"scopes", {"tenants:read", "tenants:write"}}});
  auto form = support::acme();
  form.erase("interval");
  form.erase("currency");
  auto const created = holder(app, made["key"]).post("/api/tenants", form);
  CAPTURE(created.body);
  CHECK(created.status == 201);
  CHECK(app.rows("SELECT admin_id IS NULL, 'key_' || api_key_id, actor FROM audit_logs WHERE "
                 "action = 'tenant.created'") == Rows{"t|" + made["id"] + "|" + made["prefix"]});
}

TEST_CASE("keys survive a restart") {
  auto app = App::fresh();
  auto const made = make(app.as(Role::owner));
  app.restart();
  CHECK(holder(app, made["key"]).get("/api/tenants").status == 200);
}
