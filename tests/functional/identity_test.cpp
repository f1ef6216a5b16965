// Who gets in, who stays out, and what a role may do.
#include <doctest/doctest.h>

#include "identity/people/accounts.hpp"
#include "identity/signing_keys.hpp"
#include "platform/crypto/crypto.hpp"
#include "support/browser.hpp"

using support::App;
using support::Browser;
using support::By;
using support::Caller;
using support::cookie_of;
using support::Later;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
support::Reply log_in(App const& app, std::string const& email, std::string const& password,
                      support::Headers headers = {}) {
  return app.visitor().post("/api/admin/login", {{"email", email}, {"password", password}},
                            std::move(headers));
}

boost::json::value claims_of(std::string const& token) {
  auto const from = token.find('.') + 1;
  return boost::json::parse(crypto::from_base64url(token.substr(from, token.rfind('.') - from)));
}

/// The key that signs tokens, as only somebody with the master key can read it.
std::string signing_key_of(App const& app, std::string const& kid) {
  db::Connection connection{app.database.url()};
  db::Tx tx{connection, db::Mode::autocommit};
  vault::Vault vault{app.master_key};
  return vault.open(tx, app.value("SELECT sealed_key FROM signing_keys WHERE kid = '" + kid + "'"),
                    "signing_keys/" + kid);
}

/// A token with our own signing, as somebody who had guessed the key would make it.
std::string token_of(std::string const& header, std::string const& payload,
                     std::string const& key) {
  auto const text = crypto::base64url(header) + "." + crypto::base64url(payload);
  return text + "." + crypto::base64url(crypto::hmac_sha256(key, text));
}
}  // namespace

TEST_CASE("logging in gives a token for scripts and a cookie for the console") {
  auto app = App::fresh();
  app.add_staff(Role::admin);
  auto const reply = log_in(app, "Admin@Example.com", App::password);
  CHECK(reply.status == 200);
  CHECK(reply["token_type"] == "Bearer");
  CHECK(reply.header("cache-control") == "no-store");

  auto const token = reply["access_token"];
  auto const header = boost::json::parse(crypto::from_base64url(token.substr(0, token.find('.'))));
  CHECK(support::Reply::text(header, "alg") == "HS256");
  CHECK(!support::Reply::text(header, "kid").empty());
  auto const claims = claims_of(token);
  for (auto const* claim : {"iss", "aud", "jti", "exp", "iat", "sub", "sid"})
    CHECK(claims.as_object().contains(claim));
  CHECK(claims.at("exp").as_int64() - claims.at("iat").as_int64() == 15 * 60);
  CHECK(std::stoll(reply["expires_in"]) >= 15 * 60 - 1);
  // Nothing in it that must not be read.
  CHECK(crypto::from_base64url(
            token.substr(token.find('.') + 1, token.rfind('.') - token.find('.') - 1))
            .find("argon2") == std::string::npos);

  std::vector<std::string> cookies;
  for (auto const& [name, value] : reply.headers)
    if (name == "set-cookie") cookies.push_back(value);
  REQUIRE(cookies.size() == 3);
  CHECK(cookies.at(0).starts_with("__Host-session=" + token + ";"));
  CHECK(cookies.at(1).starts_with("__Host-refresh="));
  CHECK(cookies.at(2).starts_with("__Host-device="));
  for (auto const& cookie : cookies) {
    for (auto const* flag : {"; HttpOnly", "; Secure", "; SameSite=Strict", "; Path=/"})
      CHECK(cookie.find(flag) != std::string::npos);
    CHECK(cookie.find("Domain") == std::string::npos);
  }
  // The refresh token stands in its cookie and nowhere else, in the database only as a hash.
  auto const refresh = cookie_of(reply, "__Host-refresh");
  CHECK(reply.body.find(refresh) == std::string::npos);
  CHECK(app.value("SELECT count(*) FROM refresh_tokens WHERE hash LIKE '%" + refresh + "%'") ==
        "0");

  auto const me = Caller{app.url(), {"Authorization: Bearer " + token}}.get("/api/admin/me");
  CHECK(me["email"] == "admin@example.com");
  CHECK(me["role"] == "admin");
  CHECK(app.value("SELECT address FROM sessions") == "127.0.0.1");
  CHECK(app.rows("SELECT action, target FROM audit_logs") == Rows{"session.started|usr_1"});
  CHECK(app.value("SELECT password_hash LIKE '$argon2id$%' FROM staff") == "t");
}

TEST_CASE("a wrong password, an unknown address and a disabled person get the same answer") {
  auto app = App::fresh();
  app.add_staff(Role::admin);
  app.add_staff(Role::support);
  app.run("UPDATE staff SET disabled_at = now() WHERE role = 'support'");
  auto const wrong =
      log_in(app, App::email_of(Role::admin), "not the password", {"X-Request-Id: same-request"});
  auto const unknown =
      log_in(app, "nobody@example.com", "not the password", {"X-Request-Id: same-request"});
  auto const disabled =
      log_in(app, App::email_of(Role::support), App::password, {"X-Request-Id: same-request"});
  CHECK(wrong.status == 401);
  CHECK(wrong["code"] == "invalid_credentials");
  CHECK(unknown.status == 401);
  CHECK(unknown.body == wrong.body);
  CHECK(disabled.status == 401);
  CHECK(disabled.body == wrong.body);
  CHECK(wrong.header("set-cookie").empty());
  CHECK(app.value("SELECT count(*) FROM sessions") == "0");
}

TEST_CASE("guessing is throttled per account, also for accounts that do not exist") {
  auto app = App::fresh();
  app.add_staff(Role::admin);
  for (auto const* email : {"admin@example.com", "nobody@example.com"}) {
    int refused = 0;
    for (int i = 0; i < 12; ++i) {
      auto const reply = log_in(app, email, "guess");
      refused += reply.status == 429;
      if (reply.status == 429) CHECK(std::stoi(reply.header("retry-after")) >= 1);
    }
    CHECK(refused >= 1);
  }
  // The right password does not help while it lasts, and other spellings are the same account.
  app.run("UPDATE login_throttle SET blocked_until = last_at + interval '5 minutes'");
  CHECK(log_in(app, "admin@example.com", App::password).status == 429);
  CHECK(log_in(app, "ADMIN@example.com", App::password).status == 429);
}

TEST_CASE("logging out ends the session at once, for the cookie and for the token") {
  auto app = App::fresh();
  auto const bearer = app.as(Role::owner);
  auto const cookie = app.as(Role::owner, By::cookie);
  auto const token = cookie.headers().front().substr(std::string{"Cookie: __Host-session="}.size());
  Caller const same{app.url(), {"Authorization: Bearer " + token}};
  REQUIRE(same.get("/api/admin/me").status == 200);

  auto const reply = cookie.post("/api/admin/logout", nullptr);
  CHECK(reply.status == 204);
  CHECK(reply.header("set-cookie").find("Max-Age=0") != std::string::npos);
  CHECK(cookie.get("/api/admin/me").status == 401);
  CHECK(same.get("/api/admin/me").status == 401);
  CHECK(bearer.get("/api/admin/me").status == 200);  // another session
  CHECK(app.value("SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL") == "1");

  app.restart();
  CHECK(support::eventually([&] { return same.get("/api/admin/me").status == 401; }));
  CHECK(bearer.get("/api/admin/me").status == 200);
}

TEST_CASE("a new password ends all sessions of that person") {
  auto app = App::fresh();
  auto const before = app.as(Role::owner);
  db::Connection connection{app.database.url()};
  CHECK(db::transact(connection, [](db::Tx& tx) {
    return identity::people::reset_password(tx, "owner@example.com", "another long password");
  }));
  CHECK(support::eventually([&] { return before.get("/api/admin/me").status == 401; }));
  CHECK(log_in(app, "owner@example.com", App::password).status == 401);
  CHECK(log_in(app, "owner@example.com", "another long password").status == 200);
}

TEST_CASE("a page of another site cannot write with the cookie") {
  auto app = App::fresh();
  auto const good = app.as(Role::owner, By::cookie).headers();
  auto const cookie = good.at(0), csrf = good.at(1), origin = good.at(2);
  auto retry = [&](support::Headers headers) {
    return Caller{app.url(), headers}.post("/api/tenants/ten_1/retry", nullptr);
  };
  CHECK(retry({cookie, csrf, origin}).status == 404);  // let through: there is no such tenant
  CHECK(retry({cookie, csrf, origin})["code"] == "tenant_not_found");
  for (support::Headers const& headers :
       {support::Headers{cookie, origin}, support::Headers{cookie, csrf},
        support::Headers{cookie, "X-CSRF-Token: wrong", origin},
        support::Headers{cookie, csrf + "x", origin},
        support::Headers{cookie, csrf, "Origin: https://evil.example"},
        support::Headers{cookie, csrf, "Origin: null"},
        support::Headers{cookie, csrf, origin + ".evil.example"},
        support::Headers{cookie, csrf, origin + "0"}}) {
    CHECK(retry(headers).status == 403);
    CHECK(retry(headers)["code"] == "cross_site_request");
  }
  // The token of one session is no good for another.
  app.add_staff(Role::admin);
  auto const other = log_in(app, App::email_of(Role::admin), App::password);
  CHECK(retry({cookie, "X-CSRF-Token: " + other["csrf_token"], origin}).status == 403);
  // Reading needs no more than the cookie, and a bearer token needs no CSRF token.
  CHECK(Caller{app.url(), {cookie}}.get("/api/tenants").status == 200);
  CHECK(app.as(Role::owner).post("/api/tenants/ten_1/retry", nullptr).status == 404);
  CHECK(app.as(Role::owner)
            .with({"Origin: https://evil.example"})
            .post("/api/tenants/ten_1/retry", nullptr)
            .status == 403);
}

TEST_CASE("only a token as we made it is believed") {
  auto app = App::fresh();
  auto const authorization = app.as(Role::auditor).headers().front();
  auto const token = authorization.substr(std::string{"Authorization: Bearer "}.size());
  auto const head = token.substr(0, token.find('.'));
  auto const payload = token.substr(head.size() + 1, token.rfind('.') - head.size() - 1);
  auto const signature = token.substr(token.rfind('.') + 1);
  auto const plain = crypto::from_base64url(payload);
  auto const kid = app.value("SELECT kid FROM signing_keys");
  auto const key = signing_key_of(app, kid);

  auto changed = [&](std::string const& from, std::string const& to) {
    auto text = plain;
    auto const at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  auto const header = crypto::from_base64url(head);
  auto const expiry = std::to_string(claims_of(token).at("exp").as_int64());
  std::vector<std::string> const bad{
      head + "." + crypto::base64url(changed("\"sub\":\"1\"", "\"sub\":\"2\"")) + "." + signature,
      token.substr(0, token.size() - 2) + (token.ends_with("AA") ? "BB" : "AA"),
      head + "." + payload,
      head + "." + payload + ".",
      crypto::base64url(R"({"alg":"none","typ":"JWT","kid":")" + kid + "\"}") + "." + payload + ".",
      crypto::base64url(R"({"alg":"none","typ":"JWT"})") + "." + payload + ".",
      token_of(R"({"alg":"HS512","kid":")" + kid + R"(","typ":"JWT"})", plain, key),
      token_of(R"({"alg":"RS256","kid":")" + kid + R"(","typ":"JWT"})", plain, key),
      token_of(R"({"alg":"HS256","kid":"2","typ":"JWT"})", plain, key),
      token_of(R"({"alg":"HS256","typ":"JWT"})", plain, key),
      token_of(header, plain, ""),
      token_of(header, plain, app.master_key),
      token_of(header, changed(expiry, "1600000000"), key),
      token_of(header, changed("onboarding-console", "somebody-else"), key),
      token_of(header, changed("\"iss\":\"onboarding\"", "\"iss\":\"elsewhere\""), key),
      token_of(header, changed("\"sub\":\"1\"", "\"sub\":\"99\""), key),
      token_of(header, changed("\"sid\"", "\"six\""), key),
      token_of(header, changed("\"jti\"", "\"jtx\""), key),
      token_of(header, "{}", key),
      token + std::string(5000, 'A'),
      "",
      "...",
  };
  // The way of making them is right: an unchanged one is believed.
  CHECK(Caller{app.url(), {"Authorization: Bearer " + token_of(header, plain, key)}}
            .get("/api/admin/me")
            .status == 200);
  for (auto const& candidate : bad) {
    CAPTURE(candidate);
    auto const reply =
        Caller{app.url(), {"Authorization: Bearer " + candidate}}.get("/api/admin/me");
    CHECK(reply.status == 401);
    CHECK(Caller{app.url(), {"Cookie: __Host-session=" + candidate}}.get("/api/admin/me").status ==
          401);
  }
}

TEST_CASE("a session goes on beyond its access token, each refresh token working once") {
  auto app = App::fresh();
  app.add_staff(Role::admin);
  Later later;
  Browser const first{log_in(app, App::email_of(Role::admin), App::password)};
  CHECK(first.caller(app).get("/api/admin/me").status == 200);
  later(std::chrono::minutes{16});
  CHECK(first.caller(app).get("/api/admin/me").status == 401);

  auto const renewed = first.renew(app);
  CHECK(renewed.status == 200);
  Browser const second{renewed};
  CHECK(second.refresh != first.refresh);
  CHECK(second.csrf == first.csrf);  // the same session
  CHECK(second.caller(app).get("/api/admin/me").status == 200);
  CHECK(app.value("SELECT count(*) FROM sessions") == "1");

  // Somebody uses the first one again: the whole family ends, and it is told.
  app.run("UPDATE refresh_tokens SET used_at = used_at - interval '1 minute'");
  auto const stolen = first.renew(app);
  CHECK(stolen.status == 401);
  CHECK(stolen["code"] == "invalid_token");
  CHECK(second.caller(app).get("/api/admin/me").status == 401);
  CHECK(second.renew(app).status == 401);
  CHECK(app.rows("SELECT kind, severity, staff_id FROM security_events") ==
        Rows{"refresh_token_reused|high|1"});
  CHECK(app.value("SELECT revoked_reason FROM sessions") == "refresh_token_reused");
}

TEST_CASE("two tabs that refresh at one moment both stay logged in") {
  auto app = App::fresh();
  app.add_staff(Role::admin);
  Browser const before{log_in(app, App::email_of(Role::admin), App::password)};
  std::vector<support::Reply> replies(6);
  {
    std::vector<std::thread> tabs;
    for (auto& reply : replies) tabs.emplace_back([&] { reply = before.renew(app); });
    for (auto& tab : tabs) tab.join();
  }
  for (auto const& reply : replies) {
    REQUIRE(reply.status == 200);
    CHECK(Browser{reply}.refresh == Browser{replies.front()}.refresh);
    CHECK(Browser{reply}.caller(app).get("/api/admin/me").status == 200);
  }
  CHECK(Browser{replies.back()}.renew(app).status == 200);
  CHECK(app.value("SELECT count(*) FROM security_events") == "0");
}

TEST_CASE("a session ends when it is not used, and in any case after a day") {
  auto app = App::fresh({.settings = [](auto& settings) { settings.session_idle_minutes = 60; }});
  app.add_staff(Role::admin);
  Later later;
  auto const enter = [&] { return log_in(app, App::email_of(Role::admin), App::password); };
  Browser const idle{enter()};
  later(std::chrono::minutes{61});
  CHECK(idle.renew(app).status == 401);

  Browser busy{enter()};
  for (int half_hours = 1; half_hours < 48; ++half_hours) {
    later(std::chrono::minutes{30});
    app.run("DELETE FROM rate_buckets");  // PostgreSQL's clock does not move with ours
    auto const reply = busy.renew(app);
    REQUIRE(reply.status == 200);
    busy = Browser{reply};
    if (half_hours == 47) CHECK(std::stoi(reply["expires_in"]) == 15 * 60);
  }
  later(std::chrono::minutes{25});
  auto const last = busy.renew(app);
  CHECK(last.status == 200);
  CHECK(std::stoi(last["expires_in"]) <= 5 * 60);  // no further than the session
  later(std::chrono::minutes{6});
  CHECK(Browser{last}.caller(app).get("/api/admin/me").status == 401);
  CHECK(Browser{last}.renew(app).status == 401);
  CHECK(app.visitor().post("/api/admin/refresh", nullptr).status == 401);
}

TEST_CASE("people see their sessions and end them") {
  auto app = App::fresh();
  app.add_staff(Role::admin);
  auto const enter = [&](std::string const& agent) {
    return Browser{
        log_in(app, App::email_of(Role::admin), App::password, {"User-Agent: " + agent})};
  };
  auto const desk = enter("Desk"), phone = enter("Phone"), tablet = enter("Tablet");
  auto const list = desk.caller(app).get("/api/settings/sessions");
  CHECK(list.status == 200);
  REQUIRE(list.json.at("data").as_array().size() == 3);
  CHECK(list["data.0.user_agent"] == "Desk");
  CHECK(list["data.0.current"] == "true");
  CHECK(list["data.0.address"] == "127.0.0.1");

  std::string phone_id;
  for (auto const& session : list.json.at("data").as_array())
    if (session.at("user_agent") == "Phone") phone_id = session.at("id").as_string();
  auto const remove = [](Caller const& caller, std::string const& path) {
    return caller.send("DELETE", path, "", {});
  };
  // Nobody ends somebody else's.
  CHECK(remove(app.as(Role::owner), "/api/settings/sessions/" + phone_id).status == 404);
  CHECK(phone.caller(app).get("/api/admin/me").status == 200);
  CHECK(remove(desk.caller(app), "/api/settings/sessions/" + phone_id).status == 204);
  CHECK(phone.caller(app).get("/api/admin/me").status == 401);
  CHECK(phone.renew(app).status == 401);
  CHECK(remove(desk.caller(app), "/api/settings/sessions/" + phone_id)["code"] ==
        "session_not_found");

  auto const others = remove(desk.caller(app), "/api/settings/sessions");
  CHECK(others["ended"] == "1");
  CHECK(tablet.caller(app).get("/api/admin/me").status == 401);
  CHECK(desk.caller(app).get("/api/admin/me").status == 200);
  CHECK(app.rows("SELECT action FROM audit_logs WHERE action LIKE 'session.%ended' ORDER BY id") ==
        Rows{"session.ended", "session.others_ended"});
}

TEST_CASE("people change their password, which ends their other sessions") {
  auto app = App::fresh();
  app.add_staff(Role::admin);
  auto const enter = [&](std::string const& password) {
    return log_in(app, App::email_of(Role::admin), password);
  };
  Browser const here{enter(App::password)}, there{enter(App::password)};
  auto const change = [&](std::string const& now, std::string const& next) {
    return here.caller(app).post("/api/settings/password",
                                 {{"current_password", now}, {"new_password", next}});
  };
  CHECK(change("not it", "a new long password")["code"] == "wrong_password");
  CHECK(change(App::password, "short").wrong_fields() == "/new_password");
  for (auto const* guessable : {"Admin@Example.com", " admin@example.com ", "xxxxxxxxxxxxxx"})
    CHECK(change(App::password, guessable).wrong_fields() == "/new_password");
  CHECK(there.caller(app).get("/api/admin/me").status == 200);
  CHECK(change(App::password, "a new long password").status == 204);
  CHECK(here.caller(app).get("/api/admin/me").status == 200);
  CHECK(there.caller(app).get("/api/admin/me").status == 401);
  CHECK(enter(App::password).status == 401);
  CHECK(enter("a new long password").status == 200);
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'staff.password_changed'") ==
        "1");
}

TEST_CASE("a new signing key takes over while the old one's tokens are still believed") {
  auto app = App::fresh();
  auto const old = app.as(Role::owner);
  db::Connection connection{app.database.url()};
  vault::Vault vault{app.master_key};
  auto const rotate = [&](std::chrono::minutes overlap) {
    db::transact(connection, [&](db::Tx& tx) {
      identity::rotate_signing_key(tx, vault, clock_source::now() + overlap);
    });
  };
  auto const kid_of_new_token = [&] {
    auto const token = log_in(app, App::email_of(Role::owner), App::password)["access_token"];
    return support::Reply::text(
        boost::json::parse(crypto::from_base64url(token.substr(0, token.find('.')))), "kid");
  };
  auto const first = app.value("SELECT kid FROM signing_keys");
  rotate(std::chrono::minutes{20});
  auto const second = app.value("SELECT kid FROM signing_keys WHERE retires_at IS NULL");
  CHECK(second != first);
  CHECK(support::eventually([&] { return kid_of_new_token() == second; }));
  CHECK(old.get("/api/admin/me").status == 200);
  // Without an overlap the old ones end at once.
  app.run("UPDATE signing_keys SET retires_at = now() WHERE kid = '" + first + "'");
  rotate(std::chrono::minutes{-1});
  CHECK(support::eventually([&] { return old.get("/api/admin/me").status == 401; }));
}

TEST_CASE("a log-in brings the profile's language to the pages of a new device") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto language = [&]() -> std::string {
    auto const reply = app.visitor().post(
        "/api/admin/login", {{"email", App::email_of(Role::owner)}, {"password", App::password}});
    for (auto const& [name, value] : reply.headers)
      if (name == "set-cookie" && value.starts_with("lang=")) return value.substr(0, 7);
    return "none";
  };
  CHECK(language() == "none");
  app.run("UPDATE staff SET locale = 'es'");
  CHECK(language() == "lang=es");
}
