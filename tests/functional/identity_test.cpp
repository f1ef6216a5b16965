// Who gets in, who stays out, and what a role may do.
#include <doctest/doctest.h>

#include "platform/crypto/crypto.hpp"
#include "support/app.hpp"

using support::App;
using support::By;
using support::Caller;
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
  for (auto const* claim : {"iss", "aud", "jti", "exp", "iat", "sub"})
    CHECK(claims.as_object().contains(claim));
  CHECK(claims.at("exp").as_int64() - claims.at("iat").as_int64() ==
        std::stoll(reply["expires_in"]));
  // Nothing in it that must not be read.
  CHECK(crypto::from_base64url(
            token.substr(token.find('.') + 1, token.rfind('.') - token.find('.') - 1))
            .find("argon2") == std::string::npos);

  auto const cookie = reply.header("set-cookie");
  CHECK(cookie.starts_with("__Host-session=" + token + ";"));
  for (auto const* flag : {"; HttpOnly", "; Secure", "; SameSite=Strict", "; Path=/"})
    CHECK(cookie.find(flag) != std::string::npos);
  CHECK(cookie.find("Domain") == std::string::npos);

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
    return identity::reset_password(tx, "owner@example.com", "another long password");
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
  auto const key = crypto::hmac_sha256(app.master_key, "identity/jwt/1");

  auto changed = [&](std::string const& from, std::string const& to) {
    auto text = plain;
    auto const at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  auto const header = crypto::from_base64url(head);
  auto const expiry = std::to_string(claims_of(token).at("exp").as_int64());
  std::vector<std::string> const bad{
      head + "." + crypto::base64url(changed("\"auditor\"", "\"owner\"")) + "." + signature,
      token.substr(0, token.size() - 2) + (token.ends_with("AA") ? "BB" : "AA"),
      head + "." + payload,
      head + "." + payload + ".",
      crypto::base64url(R"({"alg":"none","typ":"JWT","kid":"1"})") + "." + payload + ".",
      token_of(R"({"alg":"HS512","kid":"1","typ":"JWT"})", plain, key),
      token_of(R"({"alg":"HS256","kid":"2","typ":"JWT"})", plain, key),
      token_of(R"({"alg":"HS256","typ":"JWT"})", plain, key),
      token_of(header, plain, ""),
      token_of(header, plain, app.master_key),
      token_of(header, changed(expiry, "1600000000"), key),
      token_of(header, changed("onboarding-console", "somebody-else"), key),
      token_of(header, changed("\"iss\":\"onboarding\"", "\"iss\":\"elsewhere\""), key),
      token_of(header, changed("\"auditor\"", "\"emperor\""), key),
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

TEST_CASE("every door asks for what it declares") {
  auto app = App::fresh();
  std::vector<Role> const roles{Role::owner, Role::admin, Role::support, Role::finance,
                                Role::auditor};
  int guarded = 0, refused = 0;
  for (auto const& endpoint : app.application().api().endpoints()) {
    CAPTURE(endpoint->method);
    CAPTURE(endpoint->path);
    bool const is_public = endpoint->scope.empty();
    if (endpoint->writes() && endpoint->path != "/webhook/stripe") CHECK(!endpoint->audit.empty());
    if (is_public) continue;
    ++guarded;
    auto path = endpoint->path;
    for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
      path.replace(at, path.find('}') - at + 1, "ten_999");
    auto ask = [&](Caller const& caller) {
      if (endpoint->status == 101)
        return caller
            .get(path, {"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="})
            .status;
      return endpoint->method == "GET" ? caller.get(path).status
                                       : caller.post(path, boost::json::object{}).status;
    };
    CHECK(ask(app.visitor()) == 401);
    int allowed = 0;
    for (auto const role : roles) {
      auto const scopes = identity::scopes_of(role);
      bool const may = std::find(scopes.begin(), scopes.end(), endpoint->scope) != scopes.end();
      allowed += may;
      if (may) continue;
      CHECK(ask(app.as(role)) == 403);
      ++refused;
    }
    CHECK(allowed > 0);  // a scope that nobody has is a spelling mistake
  }
  CHECK(guarded > 5);
  CHECK(refused > 2);
  CHECK(app.value("SELECT count(*) FROM tenants") == "0");
}
