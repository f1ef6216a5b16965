// The team: who may be given what, what holds at once, invitations, roles of one's own making.
#include <doctest/doctest.h>

#include "identity/people/accounts.hpp"
#include "identity/standing.hpp"
#include "platform/crypto/crypto.hpp"
#include "support/app.hpp"

using support::App;
using support::By;
using support::Caller;
using support::Json;
using support::Role;
using Rows = std::vector<std::string>;
using Members = boost::json::object;

namespace {
std::string id_of(App const& app, std::string const& email) {
  return "usr_" + app.value("SELECT id FROM staff WHERE email = '" + email + "'");
}
std::string id_of(App const& app, Role role) { return id_of(app, App::email_of(role)); }

std::string const invitations = "/api/settings/invitations";

std::string team(std::string const& id = "") {
  return "/api/settings/team" + (id.empty() ? "" : "/" + id);
}

/// A change of the version that was read a moment ago.
support::Reply patch(Caller const& caller, std::string const& path, Members const& changes) {
  return caller.send(
      "PATCH", path, boost::json::serialize(changes),
      {"Content-Type: application/json", "If-Match: " + caller.get(path).header("etag")});
}
support::Reply remove(Caller const& caller, std::string const& path) {
  return caller.send("DELETE", path, "", {"If-Match: " + caller.get(path).header("etag")});
}

/// Somebody more, with any role, logged in.
Caller somebody(App const& app, std::string const& email, std::string const& role) {
  db::Connection connection{app.database.url()};
  db::transact(connection, [&](db::Tx& tx) {
    identity::people::create_staff(tx,
                                   {email, email.substr(0, email.find('@')), App::password, role});
  });
  auto const reply =
      app.visitor().post("/api/admin/login", {{"email", email}, {"password", App::password}});
  REQUIRE(reply.status == 200);
  return {app.url(), {"Authorization: Bearer " + reply["access_token"]}};
}

/// The link in the newest mail.
std::string newest_link(App const& app) {
  auto const body =
      app.value("SELECT body FROM mails WHERE template = 'invitation' ORDER BY id DESC LIMIT 1");
  auto const from = body.find("/invitation/");
  REQUIRE(from != std::string::npos);
  return body.substr(from + 12, body.find('\n', from) - from - 12);
}

support::Reply invite(Caller const& caller, std::string const& email, std::string const& role,
                      std::string const& locale = "en") {
  return caller.post(invitations,
                     {{"email", email}, {"name", "Ada Smith"}, {"role", role}, {"locale", locale}});
}
support::Reply accept(App const& app, std::string const& token,
                      std::string const& password = "a password of her own") {
  return app.visitor().post("/api/invitations/" + token + "/accept", {{"password", password}});
}

Rows names(support::Reply const& reply, std::string_view member = "name") {
  Rows out;
  for (auto const& row : reply.json.at("data").as_array())
    out.push_back(support::Reply::text(row, member));
  return out;
}

/// The clock of this process moves on, until the end of the test.
struct Later {
  std::chrono::minutes moved{0};
  ~Later() { clock_source::advance(-moved); }
  void operator()(std::chrono::minutes by) {
    clock_source::advance(by);
    moved += by;
  }
};
}  // namespace

TEST_CASE("where no mail server is set, an invitation says which mail is kept") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const kept = invite(owner, "ada@example.com", "support");
  REQUIRE(kept.status == 201);
  auto const mail = owner.get("/api/mails/" + kept["kept_mail"]);
  CHECK(mail["recipient"] == "ada@example.com");
  CHECK(mail["body"].find("/invitation/" + newest_link(app)) != std::string::npos);
  auto const again = owner.post(invitations + "/" + kept["id"] + "/resend", nullptr);
  CHECK(!again["kept_mail"].empty());
  CHECK(again["kept_mail"] != kept["kept_mail"]);
  app.settings.smtp_url = "smtp://127.0.0.1:1";
  auto const sent = owner.post(invitations + "/" + kept["id"] + "/resend", nullptr);
  CHECK(sent.json.at("kept_mail").is_null());
}

TEST_CASE("a first password is not what everybody knows of the person") {
  auto app = App::fresh();
  REQUIRE(invite(app.as(Role::owner), "ada.smith@example.com", "support").status == 201);
  auto const token = newest_link(app);
  for (auto const* guessable : {"ada.smith@example.com", "ADA.Smith@example.com", "aaaaaaaaaaaa"})
    CHECK(accept(app, token, guessable).wrong_fields() == "/password");
  CHECK(app.value("SELECT count(*) FROM staff WHERE email LIKE 'ada%'") == "0");
  CHECK(accept(app, token).status == 200);
}

TEST_CASE("the team is listed by name, page by page") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  for (auto const* name : {"zoe", "Adam", "beth", "adam", "Carl"})
    app.run(std::string{"INSERT INTO staff (email, name, role, password_hash, disabled_at) VALUES "
                        "(lower('"} +
            name + "') || random() || '@example.com', '" + name + "', 'support', '', " +
            (*name == 'z' ? "now()" : "NULL") + ")");
  Rows seen;
  std::string path = team() + "?limit=2";
  while (!path.empty()) {
    auto const page = owner.get(path);
    REQUIRE(page.status == 200);
    for (auto& name : names(page)) seen.push_back(name);
    auto const link = page.header("link");
    path = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    REQUIRE(seen.size() < 20);
  }
  CHECK(seen == Rows{"Adam", "adam", "beth", "Carl", "Grace Hopper", "zoe"});
  CHECK(names(owner.get(team() + "?state=disabled")) == Rows{"zoe"});
  CHECK(names(owner.get(team() + "?role=owner")) == Rows{"Grace Hopper"});
  CHECK(names(owner.get(team() + "?q=ADAM")) == Rows{"Adam", "adam"});
  CHECK(names(owner.get(team() + "?q=%25")).empty());
  CHECK(owner.get(team() + "?cursor=nonsense").wrong_fields() == "?cursor");
  auto const self = owner.get(team(id_of(app, Role::owner)));
  CHECK(!self["last_login_at"].empty());
  CHECK(self["second_factor"] == "false");
  CHECK(owner.get(team("usr_999")).status == 404);
}

TEST_CASE("a role that is taken away is gone with the next request") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const admin = app.as(Role::admin);
  auto const cookie = app.as(Role::admin, By::cookie);
  CHECK(admin.get(team()).status == 200);
  CHECK(cookie.get(team()).status == 200);
  auto const changed = patch(owner, team(id_of(app, Role::admin)), {{"role", "support"}});
  CHECK(changed.status == 200);
  CHECK(changed["role"] == "support");
  for (auto const& caller : {admin, cookie}) {
    auto const refused = caller.get(team());
    CHECK(refused.status == 403);
    CHECK(refused["permission"] == "team:read");
    CHECK(caller.get("/api/tenants").status == 200);
    CHECK(caller.get("/api/admin/me")["role"] == "support");
  }
  CHECK(app.rows("SELECT before->>'role', after->>'role' FROM audit_logs WHERE action = "
                 "'staff.changed'") == Rows{"admin|support"});

  // Disabled: the sessions end at once, and enabling does not bring them back.
  CHECK(patch(owner, team(id_of(app, Role::admin)), {{"disabled", true}}).status == 200);
  CHECK(admin.get("/api/admin/me").status == 401);
  CHECK(cookie.get("/api/admin/me").status == 401);
  Members const login{{"email", App::email_of(Role::admin)}, {"password", App::password}};
  CHECK(app.visitor().post("/api/admin/login", login).status == 401);
  CHECK(patch(owner, team(id_of(app, Role::admin)), {{"disabled", false}}).status == 200);
  CHECK(admin.get("/api/admin/me").status == 401);
  CHECK(app.visitor().post("/api/admin/login", login).status == 200);

  // Removed: gone from the list, the e-mail is free, what was done stays.
  CHECK(remove(owner, team(id_of(app, Role::admin))).status == 204);
  CHECK(names(owner.get(team())) == Rows{"Grace Hopper"});
  CHECK(app.visitor().post("/api/admin/login", login).status == 401);
  CHECK(invite(owner, App::email_of(Role::admin), "admin").status == 201);
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'staff.removed'") == "1");
}

TEST_CASE("a change says which version it is of") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  app.add_staff(Role::support);
  auto const path = team(id_of(app, Role::support));
  auto const send = [&](Members const& changes, support::Headers headers) {
    headers.push_back("Content-Type: application/json");
    return owner.send("PATCH", path, boost::json::serialize(changes), headers);
  };
  CHECK(send({{"name", "New"}}, {}).status == 428);
  auto const tag = owner.get(path).header("etag");
  auto const first = send({{"name", "First"}}, {"If-Match: " + tag});
  CHECK(first.status == 200);
  CHECK(first.header("etag") == owner.get(path).header("etag"));
  auto const second = send({{"name", "Second"}}, {"If-Match: " + tag});
  CHECK(second.status == 412);
  CHECK(second["current.name"] == "First");
  CHECK(second["yours.name"] == "Second");
  CHECK(app.value("SELECT name FROM staff WHERE role = 'support'") == "First");
}

TEST_CASE("the last owner cannot be demoted, disabled or removed") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const self = team(id_of(app, Role::owner));
  auto const demoted = patch(owner, self, {{"role", "admin"}});
  CHECK(demoted.status == 422);
  CHECK(demoted.problem_of("/role") == "last_owner");
  CHECK(patch(owner, self, {{"disabled", true}}).problem_of("/disabled") == "last_owner");
  CHECK(remove(owner, self).problem_of("{id}") == "last_owner");
  CHECK(owner.get(team()).status == 200);

  auto const second = somebody(app, "second@example.com", "owner");
  CHECK(patch(owner, self, {{"role", "admin"}}).status == 200);
  CHECK(remove(second, team(id_of(app, "second@example.com"))).status == 422);
}

TEST_CASE("two owners who demote each other at one moment: one of them stays") {
  auto app = App::fresh();
  auto const one = app.as(Role::owner);
  auto const other = somebody(app, "other@example.com", "owner");
  auto const third = somebody(app, "third@example.com", "owner");
  auto const one_path = team(id_of(app, Role::owner)),
             other_path = team(id_of(app, "other@example.com"));
  support::Reply by_one, by_other;
  {
    std::thread first{[&] { by_one = patch(one, other_path, {{"role", "support"}}); }};
    std::thread second{[&] { by_other = patch(other, one_path, {{"role", "support"}}); }};
    first.join();
    second.join();
  }
  CHECK((by_one.status == 200) != (by_other.status == 200));
  auto const refused = by_one.status == 200 ? by_other : by_one;
  CHECK(refused.status == 403);
  CHECK(app.value("SELECT count(*) FROM staff WHERE role = 'owner'") == "2");
}

TEST_CASE("nobody gives or takes more than they have") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const admin = app.as(Role::admin);
  app.add_staff(Role::support);
  auto const support = team(id_of(app, Role::support));
  auto const promoted = patch(admin, support, {{"role", "owner"}});
  CHECK(promoted.status == 403);
  CHECK(promoted["code"] == "beyond_own_permissions");
  CHECK(promoted["missing"].find("roles:write") != std::string::npos);
  CHECK(patch(admin, team(id_of(app, Role::admin)), {{"role", "owner"}}).status == 403);
  CHECK(patch(admin, team(id_of(app, Role::owner)), {{"disabled", true}}).status == 403);
  CHECK(remove(admin, team(id_of(app, Role::owner))).status == 403);
  CHECK(invite(admin, "friend@example.com", "owner").status == 403);
  CHECK(patch(admin, support, {{"role", "no_such_role"}}).problem_of("/role") == "unknown_value");
  CHECK(patch(admin, support, {{"role", "finance"}}).status == 200);

  // A role that may change roles, and little else, cannot grow by itself or give what it lacks.
  CHECK(owner
            .post("/api/settings/roles",
                  {{"name", "keeper"},
                   {"title", "Keeper"},
                   {"scopes",
                    {"roles:read", "roles:write", "team:read", "team:write", "security:write"}}})
            .status == 201);
  auto const keeper = somebody(app, "keeper@example.com", "keeper");
  auto const grow = patch(keeper, "/api/settings/roles/keeper",
                          {{"scopes", {"roles:read", "roles:write", "tenants:write"}}});
  CHECK(grow["code"] == "beyond_own_permissions");
  CHECK(keeper
            .post("/api/settings/roles",
                  {{"name", "puppet"}, {"title", "Puppet"}, {"scopes", {"tenants:write"}}})
            .status == 403);
  CHECK(patch(keeper, "/api/settings/roles/auditor", {{"second_factor_required", true}}).status ==
        403);
  CHECK(patch(keeper, team(id_of(app, "keeper@example.com")), {{"role", "admin"}}).status == 403);
  CHECK(invite(keeper, "friend@example.com", "auditor").status == 403);
  CHECK(keeper.post(team(id_of(app, Role::owner)) + "/reset-second-factors", nullptr)["code"] ==
        "beyond_own_permissions");
  CHECK(app.value("SELECT count(*) FROM invitations") == "0");
  CHECK(app.value("SELECT count(*) FROM staff WHERE role = 'owner'") == "1");
}

TEST_CASE("dangerous changes ask who one is once more") {
  auto app = App::fresh();
  Later later;
  auto const owner = app.as(Role::owner);
  app.add_staff(Role::support);
  auto const path = team(id_of(app, Role::support));
  later(std::chrono::minutes{6});
  CHECK(patch(owner, path, {{"role", "admin"}})["code"] == "step_up_required");
  CHECK(remove(owner, path)["code"] == "step_up_required");
  CHECK(invite(owner, "ada@example.com", "support")["code"] == "step_up_required");
  CHECK(patch(owner, "/api/settings/roles/support", {{"grace_days", 3}})["code"] ==
        "step_up_required");
  CHECK(owner.post("/api/admin/confirm", {{"password", App::password}}).status == 200);
  CHECK(patch(owner, path, {{"role", "admin"}}).status == 200);
}

TEST_CASE("an invitation becomes a person who is logged in, once") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const sent = invite(owner, "Ada@Example.com", "support", "es");
  CHECK(sent.status == 201);
  CHECK(sent["email"] == "ada@example.com");
  auto const token = newest_link(app);
  CHECK(sent.body.find(token) == std::string::npos);
  CHECK(app.value("SELECT count(*) FROM invitations WHERE token_hash LIKE '%" + token + "%'") ==
        "0");
  CHECK(app.value("SELECT recipient || ' ' || locale FROM mails WHERE template = 'invitation'") ==
        "ada@example.com es");
  CHECK(app.value("SELECT subject FROM mails WHERE template = 'invitation'")
            .starts_with("Grace Hopper te invita"));

  auto const shown = app.visitor().get("/api/invitations/" + token);
  CHECK(shown.status == 200);
  CHECK(shown["email"] == "ada@example.com");
  CHECK(shown["role_title"] == "Support");
  CHECK(accept(app, token, "short").wrong_fields() == "/password");

  auto const accepted = accept(app, token);
  CHECK(accepted.status == 200);
  Caller const ada{app.url(), {"Authorization: Bearer " + accepted["access_token"]}};
  auto const me = ada.get("/api/admin/me");
  CHECK(me["email"] == "ada@example.com");
  CHECK(me["role"] == "support");
  CHECK(me["locale"] == "es");
  CHECK(ada.get("/api/tenants").status == 200);
  CHECK(ada.get(team()).status == 403);
  CHECK(app.visitor()
            .post("/api/admin/login",
                  {{"email", "ada@example.com"}, {"password", "a password of her own"}})
            .status == 200);

  CHECK(accept(app, token, "another password of hers").status == 404);
  CHECK(app.visitor().get("/api/invitations/" + token).status == 404);
  CHECK(names(owner.get(invitations), "id").empty());
  CHECK(invite(owner, "ada@example.com", "support").problem_of("/email") == "already_in_team");
  CHECK(app.rows("SELECT action FROM audit_logs WHERE action LIKE 'invitation.%' ORDER BY id") ==
        Rows{"invitation.sent", "invitation.accepted"});
}

TEST_CASE("links that never were, ran out, were used or taken back are told apart by nobody") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const ask = [&](std::string const& token) {
    return app.visitor().get("/api/invitations/" + token, {"X-Request-Id: same-request"});
  };
  auto const never = ask(crypto::random_token(32));
  CHECK(never.status == 404);
  Rows tokens;
  REQUIRE(invite(owner, "revoked@example.com", "support").status == 201);
  tokens.push_back(newest_link(app));
  auto const id = owner.get(invitations)["data.0.id"];
  CHECK(owner.send("DELETE", invitations + "/" + id, "", {}).status == 204);

  REQUIRE(invite(owner, "resent@example.com", "support").status == 201);
  tokens.push_back(newest_link(app));
  auto const resent = owner.get(invitations)["data.0.id"];
  CHECK(owner.post(invitations + "/" + resent + "/resend", nullptr).status == 200);
  CHECK(ask(newest_link(app)).status == 200);
  CHECK(newest_link(app) != tokens.back());
  CHECK(invite(owner, "resent@example.com", "support")["code"] == "invitation_pending");

  REQUIRE(invite(owner, "used@example.com", "support").status == 201);
  tokens.push_back(newest_link(app));
  CHECK(accept(app, tokens.back()).status == 200);

  REQUIRE(invite(owner, "late@example.com", "support").status == 201);
  tokens.push_back(newest_link(app));
  app.run("UPDATE invitations SET expires_at = now() WHERE email = 'late@example.com'");
  for (auto const& token : tokens) {
    CHECK(ask(token).status == 404);
    CHECK(ask(token).body == never.body);
    CHECK(accept(app, token).status == 404);
  }
  // One that ran out stands in nobody's way.
  CHECK(invite(owner, "late@example.com", "support").status == 201);
}

TEST_CASE("one link accepted by many at one moment makes one person") {
  auto app = App::fresh();
  REQUIRE(invite(app.as(Role::owner), "ada@example.com", "support").status == 201);
  auto const token = newest_link(app);
  std::vector<support::Reply> replies(4);
  {
    std::vector<std::thread> people;
    for (auto& reply : replies) people.emplace_back([&] { reply = accept(app, token); });
    for (auto& person : people) person.join();
  }
  std::multiset<int> statuses;
  for (auto const& reply : replies) statuses.insert(reply.status);
  CHECK(statuses == std::multiset<int>{200, 404, 404, 404});
  CHECK(app.value("SELECT count(*) FROM staff WHERE email = 'ada@example.com'") == "1");
}

TEST_CASE("an invitation is worth what whoever sent it may give now") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const admin = app.as(Role::admin);
  REQUIRE(invite(admin, "ada@example.com", "admin").status == 201);
  auto const token = newest_link(app);
  CHECK(app.visitor().get("/api/invitations/" + token).status == 200);
  CHECK(patch(owner, team(id_of(app, Role::admin)), {{"role", "support"}}).status == 200);
  CHECK(accept(app, token).status == 404);
  CHECK(app.value("SELECT count(*) FROM staff") == "2");
}

TEST_CASE("the mail with the link is for nobody who could not have sent it") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const admin = app.as(Role::admin);
  auto const newest = [&] {
    return "/api/mails/mail_" +
           app.value("SELECT max(id) FROM mails WHERE template = 'invitation'");
  };
  REQUIRE(invite(owner, "boss@example.com", "owner").status == 201);
  auto const token = newest_link(app);
  auto const refused = admin.get(newest());
  CHECK(refused.status == 403);
  CHECK(refused["code"] == "beyond_own_permissions");
  CHECK(refused.body.find(token) == std::string::npos);
  CHECK(owner.get(newest())["body"].find(token) != std::string::npos);
  CHECK(accept(app, token).status == 200);
  CHECK(admin.get(newest()).status == 200);  // the link is worth nothing any more
  REQUIRE(invite(owner, "helper@example.com", "support").status == 201);
  CHECK(admin.get(newest()).status == 200);
}

TEST_CASE("guessing links is limited") {
  auto app = App::fresh();
  int refused = 0;
  for (int i = 0; i < 60; ++i)
    refused += app.visitor().get("/api/invitations/" + crypto::random_token(32)).status == 429;
  CHECK(refused > 0);
}

TEST_CASE("roles of one's own making") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  std::string const roles = "/api/settings/roles";
  auto const make = [&](std::string const& name, Json const& scopes) {
    return owner.post(roles, {{"name", name}, {"title", "First line"}, {"scopes", scopes}});
  };
  CHECK(make("first_line", {"tenants:read", "no:such"}).wrong_fields() == "/scopes/1");
  CHECK(make("First Line", {"tenants:read"}).wrong_fields() == "/name");
  CHECK(make("owner", {"tenants:read"}).problem_of("/name") == "name_taken");
  CHECK(make("first_line", {"tenants:read"}).status == 201);
  CHECK(make("first_line", {"tenants:read"}).status == 422);
  CHECK(names(owner.get(roles)) ==
        Rows{"owner", "admin", "support", "finance", "auditor", "first_line"});

  auto const caller = somebody(app, "line@example.com", "first_line");
  CHECK(caller.get("/api/tenants").status == 200);
  CHECK(caller.get("/api/dashboard/metrics").status == 403);
  CHECK(caller.get("/api/admin/me").status == 200);
  auto const path = roles + "/first_line";
  CHECK(patch(owner, path, {{"scopes", {"dashboard:read"}}, {"title", "Second line"}})["title"] ==
        "Second line");
  CHECK(caller.get("/api/tenants").status == 403);
  CHECK(caller.get("/api/dashboard/metrics").status == 200);

  CHECK(remove(owner, path)["code"] == "role_in_use");
  CHECK(owner.send("DELETE", path, "", {}).status == 428);
  CHECK(patch(owner, team(id_of(app, "line@example.com")), {{"role", "support"}}).status == 200);
  REQUIRE(invite(owner, "ada@example.com", "first_line").status == 201);
  CHECK(remove(owner, path)["code"] == "role_in_use");
  auto const invitation = owner.get(invitations)["data.0.id"];
  CHECK(owner.send("DELETE", invitations + "/" + invitation, "", {}).status == 204);
  CHECK(remove(owner, path).status == 204);
  CHECK(owner.get(path).status == 404);

  // Of a built-in role only the second factor can be changed.
  CHECK(patch(owner, roles + "/support", {{"scopes", {"tenants:read"}}})["code"] ==
        "role_is_built_in");
  CHECK(remove(owner, roles + "/support")["code"] == "role_is_built_in");
  auto const asked =
      patch(owner, roles + "/support", {{"second_factor_required", true}, {"grace_days", 3}});
  CHECK(asked["grace_days"] == "3");
  CHECK(app.value("SELECT required_since IS NOT NULL FROM roles WHERE name = 'support'") == "t");
}

TEST_CASE("the permissions are those that the endpoints declare") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const list = owner.get("/api/settings/scopes");
  std::set<std::string> told, declared;
  std::size_t endpoints = 0;
  for (auto const& item : list.json.at("data").as_array()) {
    told.insert(support::Reply::text(item, "scope"));
    endpoints += item.at("endpoints").as_array().size();
  }
  std::size_t guarded = 0;
  for (auto const& endpoint : app.application().api().endpoints()) {
    if (endpoint->scope.empty() || identity::is_given_by_itself(endpoint->scope)) continue;
    declared.insert(endpoint->scope);
    ++guarded;
  }
  CHECK(told == declared);
  CHECK(endpoints == guarded);
  auto const roles = owner.get("/api/settings/roles");
  CHECK(roles.json.at("data").as_array().front().at("scopes").as_array().size() == declared.size());
}
