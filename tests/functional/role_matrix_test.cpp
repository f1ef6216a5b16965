// Every endpoint with every role, with nobody, and with API keys that have its permission or not.
#include <doctest/doctest.h>

#include <set>

#include "identity/api_keys/api_keys.hpp"
#include "identity/tokens.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/list/exports.hpp"
#include "support/app.hpp"
#include "support/socket.hpp"

using support::App;
using support::Caller;

namespace {
/// Doors for whoever comes: each one is here on purpose.
std::set<std::string> const open_to_all{
    "DELETE /api/portal/session",
    "DELETE /api/portal/tax-ids/{id}",
    "DELETE /api/portal/tenants/{id}/cancellation",
    "DELETE /api/portal/tenants/{id}/plan-order",
    "GET /api/admin/login/passkey",
    "GET /api/invitations/{token}",
    "GET /api/plans",
    "GET /api/portal",
    "GET /api/portal/invoices",
    "GET /api/portal/invoices/{id}/pdf",
    "GET /api/portal/tenants/{id}/plan-change",
    "GET /api/signups/{token}",
    "GET /api/subdomains/{name}",
    "GET /api/unsubscribe/{token}",
    "GET /healthz",
    "GET /openapi.json",
    "GET /postman.json",
    "GET /readyz",
    "GET /ws/signups/{token}",
    "PATCH /api/signups/{token}",
    "POST /access/{token}",
    "POST /api/admin/login",
    "POST /api/admin/login/2fa",
    "POST /api/admin/login/passkey",
    "POST /api/admin/refresh",
    "POST /api/checkout",
    "POST /api/invitations/{token}/accept",
    "POST /api/portal/card",
    "POST /api/portal/card/refresh",
    "POST /api/portal/links",
    "POST /api/portal/session",
    "POST /api/portal/tax-ids",
    "POST /api/portal/tenants/{id}/cancellation",
    "POST /api/portal/tenants/{id}/plan-order",
    "POST /api/portal/tenants/{id}/stay-offer",
    "POST /api/signups/{token}/checkout",
    "POST /api/signups/{token}/open",
    "POST /api/signups/{token}/refresh",
    "POST /api/unsubscribe/{token}",
    "POST /api/waitlist",
    "POST /pay/{subdomain}",
    "POST /unsubscribe/{token}",
    "POST /webhook/stripe",
};

struct Asker {
  std::string name;
  http::Scopes scopes;
  bool is_person;
  std::int64_t staff_id = 0;
  std::string key{};
};

/// Sessions and keys are put beside the doors here, so that no request changes who may come next.
class Guests {
 public:
  explicit Guests(App& app) : app_{app} {
    db::Connection connection{app.database.url()};
    db::Tx tx{connection, db::Mode::autocommit};
    vault::Vault vault{app.master_key};
    auto const kid = app.value("SELECT kid FROM signing_keys");
    signing_ = identity::signing_key(
        kid,
        vault.open(tx, app.value("SELECT sealed_key FROM signing_keys"), "signing_keys/" + kid));
  }

  Asker person(std::string const& role) {
    auto const id =
        app_.value("INSERT INTO staff (email, name, role, password_hash) VALUES ('" + role +
                   "@example.com', '" + role + "', '" + role + "', '') RETURNING id");
    return {role, {}, true, std::stoll(id)};
  }
  /// Proved a moment ago who they are, so that dangerous doors are judged by permission alone.
  Caller caller(Asker const& asker) const {
    if (!asker.is_person) return {app_.url(), {"Authorization: Bearer " + asker.key}};
    auto const session = crypto::random_token(18);
    app_.run("INSERT INTO sessions (id, staff_id, expires_at, address, user_agent) VALUES ('" +
             session + "', " + std::to_string(asker.staff_id) +
             ", now() + interval '1 hour', '127.0.0.1', 'test')");
    auto const token = identity::issue_token(
        signing_, {.staff_id = asker.staff_id,
                   .session_id = session,
                   .expires_at = clock_source::now() + std::chrono::minutes{10}});
    return {app_.url(), {"Authorization: Bearer " + token}};
  }
  Asker key(std::string const& name, http::Scopes scopes, std::int64_t maker) {
    auto const key = identity::api_keys::new_key(false);
    std::string list;
    for (auto const& scope : scopes) list += (list.empty() ? "" : ",") + scope;
    app_.run("INSERT INTO api_keys (name, prefix, hash, scopes, created_by) VALUES ('" + name +
             "', '" + key.substr(0, 12) + "', '" + crypto::hex(crypto::sha256(key)) + "', '{" +
             list + "}', " + std::to_string(maker) + ")");
    return {name, std::move(scopes), false, 0, key};
  }
  /// This node takes notice of what was put into the database.
  void announce() const {
    db::Connection connection{app_.database.url()};
    db::transact(connection, [](db::Tx& tx) { identity::announce_change(tx); });
  }

 private:
  App& app_;
  identity::SigningKey signing_;
};

bool is_socket(http::Declared const& endpoint) {
  return endpoint.description.starts_with("A WebSocket");
}

std::string address_of(http::Declared const& endpoint) {
  auto path = endpoint.path;
  for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
    path.replace(at, path.find('}') - at + 1, "no-such-thing");
  return path;
}

support::Reply ask(Caller const& caller, http::Declared const& endpoint) {
  auto const path = address_of(endpoint);
  if (endpoint.method == "GET") return caller.get(path);
  return caller.send(endpoint.method, path, endpoint.body.empty() ? "" : "{}",
                     {"Content-Type: application/json"});
}

/// Refused for who asks, not for what is asked.
bool is_turned_away(support::Reply const& reply) {
  auto const code = reply["code"];
  return reply.status == 401 || code == "missing_scope" || code == "authentication_required" ||
         code == "step_up_required";
}
}  // namespace

TEST_CASE("every endpoint with every role, with nobody, and with keys") {
  auto app = App::fresh({.settings = [](config::Settings& settings) {
    settings.rate_per_address = settings.rate_per_person = settings.rate_per_key = 0;
  }});
  app.run(
      "INSERT INTO roles (name, title, scopes) VALUES ('narrow', 'Narrow', '{tenants:read}'), "
      "('empty', 'Empty', '{}')");
  Guests guests{app};
  auto const& endpoints = app.application().api().endpoints();
  auto const all = identity::declared_scopes(app.application().api());

  std::vector<Asker> askers;
  for (auto const role : {"owner", "admin", "support", "finance", "auditor"}) {
    askers.push_back(guests.person(role));
    askers.back().scopes = identity::scopes_of(*enum_from<identity::Role>(role), all);
  }
  for (auto const role : {"narrow", "empty"}) askers.push_back(guests.person(role));
  askers[5].scopes = {"tenants:read"};
  auto const owner = askers.front().staff_id;
  for (auto const& scope : all) {
    auto others = all;
    others.erase(scope);
    askers.push_back(guests.key("with " + scope, {scope}, owner));
    askers.push_back(guests.key("without " + scope, std::move(others), owner));
  }
  guests.announce();
  REQUIRE(support::eventually(
      [&] { return guests.caller(askers.back()).get("/api/settings/team").status != 401; }));

  std::set<std::string> public_doors;
  int let_in = 0, turned_away = 0;
  for (auto const& endpoint : endpoints) {
    auto const door = endpoint->method + " " + endpoint->path;
    CAPTURE(door);
    if (endpoint->writes() && endpoint->path != "/webhook/stripe") CHECK(!endpoint->audit.empty());
    if (endpoint->scope.empty()) {
      if (!endpoint->summary.empty()) public_doors.insert(door);
      continue;
    }
    CHECK(ask(app.visitor(), *endpoint).status == 401);
    if (is_socket(*endpoint))
      CHECK(support::Socket(app.settings.http_listen, address_of(*endpoint), {}).status() == 401);
    bool const is_own = endpoint->scope == http::own_scope;
    bool const is_anybodys = endpoint->scope == list::exports_scope;
    bool anybody = false;
    for (auto const& asker : askers) {
      // Keys that are about another permission say nothing new here.
      if (!asker.is_person && asker.name != "with " + endpoint->scope &&
          asker.name != "without " + endpoint->scope &&
          !((is_own || is_anybodys) && asker.name == "with audit:read"))
        continue;
      CAPTURE(asker.name);
      auto const caller = guests.caller(asker);
      bool const may =
          is_anybodys || (is_own ? asker.is_person : asker.scopes.contains(endpoint->scope));
      anybody |= may;
      auto const reply = ask(caller, *endpoint);
      CAPTURE(reply.status);
      CAPTURE(reply.body);
      if (may) {
        CHECK(!is_turned_away(reply));
        // Stripe is not there.
        CHECK((reply.status < 500 || reply["code"] == "stripe_unavailable"));
        ++let_in;
      } else {
        CHECK(reply.status == 403);
        CHECK(reply["code"] == "missing_scope");
        CHECK(reply["permission"] == endpoint->scope);
        ++turned_away;
      }
      if (is_socket(*endpoint))
        CHECK(support::Socket(app.settings.http_listen, address_of(*endpoint), caller.headers())
                  .status() == (may ? 101 : 403));
    }
    CHECK(anybody);  // a permission that nobody has is a spelling mistake
  }
  CHECK(public_doors == open_to_all);
  CHECK(let_in > 50);
  CHECK(turned_away > 50);
}
