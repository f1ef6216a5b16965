// What clients send: names of any script, bytes that are no text, times of no calendar. It is taken
// or refused with words, and nothing of it is an error of ours.
#include <doctest/doctest.h>

#include "support/app.hpp"

using support::acme;
using support::App;
using support::Headers;
using support::Role;

namespace {

std::string times(int count, std::string_view text) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

Headers const as_json{"Content-Type: application/json"};

}  // namespace

TEST_CASE("a company's length is counted in characters of any script") {
  auto app = App::fresh({.sandbox = true});
  CHECK(app.visitor().post("/api/checkout", acme({{"company", times(120, "Ω")}})).status == 201);
  CHECK(app.value("SELECT length(company) FROM customers") == "120");
  auto const longer = app.visitor().post("/api/checkout", acme({{"company", times(121, "Ω")}}));
  CHECK(longer.status == 422);
  CHECK(longer.problem_of("/company") == "too_long");
  CHECK(app.visitor()
            .post("/api/checkout", acme({{"company", times(120, "😀")}, {"subdomain", "smile"}}))
            .status == 201);
}

TEST_CASE("names that look like something else are refused, wherever one is given") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  for (auto const& [name, code] :
       {std::pair{"Acme \u202Ecod.exe", "bad_direction"},
        std::pair{"Acme \u2066x", "bad_direction"}, std::pair{"\u200B", "blank"},
        std::pair{"\u00A0\u3000\uFEFF", "blank"}, std::pair{"Acme\u0085Ltd", "bad_characters"},
        std::pair{"Acme\u2028Ltd", "bad_characters"},
        std::pair{"Acme\u2029Ltd", "bad_characters"}}) {
    CAPTURE(name);
    auto const refused = [&](support::Reply const& reply, std::string_view pointer) {
      CHECK(reply.status == 422);
      CHECK(reply.problem_of(pointer) == code);
    };
    refused(app.visitor().post("/api/checkout", acme({{"company", name}})), "/company");
    refused(app.visitor().post("/api/checkout", acme({{"name", name}})), "/name");
    refused(
        owner.post(
            "/api/settings/invitations",
            {{"email", "x@example.com"}, {"name", name}, {"role", "support"}, {"locale", "en"}}),
        "/name");
    refused(owner.post("/api/settings/api-keys", {{"name", name}, {"scopes", {"tenants:read"}}}),
            "/name");
    refused(owner.send("PATCH", "/api/settings/profile",
                       boost::json::serialize(boost::json::object{{"name", name}}), as_json),
            "/name");
  }
  CHECK(app.value("SELECT count(*) FROM customers") == "0");
}

TEST_CASE("an address that no mail could reach is refused where it is typed") {
  auto app = App::fresh({.sandbox = true});
  for (auto const* address :
       {"ad\u200Ba@example.com", "ada@exa\u00ADmple.com", "ada@example.com\u202E",
        "a..b@example.com", ".ada@example.com", "ada.@example.com", "ada@exa_mple.com",
        "ada@-example.com", "ada@example-.com", "ada@1.2.3.4", "ada@example.c"}) {
    CAPTURE(address);
    auto const reply = app.visitor().post("/api/checkout", acme({{"email", address}}));
    CHECK(reply.status == 422);
    CHECK(reply.problem_of("/email") == "bad_email");
  }
  CHECK(app.visitor()
            .post("/api/checkout", acme({{"email", times(65, "a") + "@example.com"}}))
            .problem_of("/email") == "bad_email");
  for (auto const* address : {"ñandú@example.com", "ada@españa.es"})
    CHECK(app.visitor().post("/api/checkout", acme({{"email", address}})).problem_of("/email") ==
          "email_not_ascii");
  CHECK(app.visitor()
            .post("/api/checkout", acme({{"email", "o'neil+x=1@xn--espaa-rta.example"}}))
            .status == 201);
}

TEST_CASE("a name that only an encoded one may look like is no name") {
  auto app = App::fresh();
  CHECK(app.visitor()
            .post("/api/checkout", acme({{"subdomain", "ab--cd"}}))
            .problem_of("/subdomain") != "");
  auto const looked = app.visitor().get("/api/subdomains/ab--cd");
  CHECK(looked["status"] == "invalid");
  CHECK(looked["reason"] == "bad_hyphens");
  CHECK(looked["suggestions.0"] == "ab-cd");
  CHECK(app.visitor().get("/api/subdomains/abc--d")["status"] == "free");
  // Whatever the length of its characters.
  for (int length = 1; length < 60; ++length)
    CHECK(app.visitor().get("/api/subdomains/a" + times(length, "%C3%B1"))["status"] == "invalid");
}

TEST_CASE("whatever an agent calls itself, its failed log-in leaves a row") {
  auto app = App::fresh();
  app.add_staff(Role::owner);
  std::vector<std::string> const agents{"\xFF", times(199, "a") + "é", times(100, "€"),
                                        "\xC3", "a\xED\xA0\x80z",      times(300, "\xF0\x9F")};
  for (auto const& agent : agents) {
    CAPTURE(agent.size());
    boost::json::object login{{"email", App::email_of(Role::owner)}, {"password", "not this one"}};
    CHECK(app.visitor().with({"User-Agent: " + agent}).post("/api/admin/login", login).status ==
          401);
    login["password"] = App::password;
    CHECK(app.visitor().with({"User-Agent: " + agent}).post("/api/admin/login", login).status ==
          200);
  }
  CHECK(app.value("SELECT count(*) FROM login_attempts WHERE NOT succeeded") ==
        std::to_string(agents.size()));
  CHECK(app.value("SELECT count(*) FROM sessions") == std::to_string(agents.size()));
  CHECK(
      app.value("SELECT count(*) FROM login_attempts WHERE user_agent = repeat('a', 199) || 'é'") ==
      "2");
  CHECK(app.value("SELECT max(length(user_agent)) FROM login_attempts") == "200");
  CHECK(app.as(Role::owner).get("/api/settings/sessions").status == 200);
}

TEST_CASE("bytes that are no text do no harm in any header") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  for (auto const* name :
       {"User-Agent", "Accept-Language", "Cookie", "Authorization", "If-Match", "If-None-Match",
        "X-CSRF-Token", "X-Request-Id", "Idempotency-Key", "Origin", "X-Tenant-Host", "Accept",
        "Accept-Encoding", "Stripe-Signature", "X-Forwarded-For", "Content-Type", "Referer"})
    for (auto const* value :
         {"\xFF\xFE", "Bearer \xFF", "ob_live_\xC3\x28", "a=\xFF; __Host-session=\xFF"}) {
      CAPTURE(name);
      auto const odd = std::string{name} + ": " + value;
      CHECK(app.visitor().get("/api/plans", {odd}).status < 500);
      CHECK(owner.get("/api/audit", {odd}).status < 500);
      CHECK(app.visitor()
                .post("/api/admin/login", {{"email", "x"}, {"password", "y"}}, {odd})
                .status < 500);
      auto const page = app.visitor().get("/_tenant/suspended", {odd}).status;
      CHECK((page == 503 || page < 500));
      CHECK(app.visitor().send("POST", "/webhook/stripe", "{}", {odd}).status < 500);
    }
}

TEST_CASE("times of no calendar are refused") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  for (auto const* time :
       {"0000-01-01T00:00:00Z", "0001-01-01T00:00:00%2B01:00", "9999-12-31T23:59:59-01:00",
        "2026-01-01T00:00:00%2B24:00", "2026-01-01T00:00:00%2B01:99"}) {
    CAPTURE(time);
    for (auto const* name : {"from", "to"})
      CHECK(owner.get(std::string{"/api/audit?"} + name + "=" + time).wrong_fields() ==
            std::string{"?"} + name);
  }
  for (auto const* time : {"0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"})
    CHECK(owner.get(std::string{"/api/audit?from="} + time).status == 200);
}

TEST_CASE("a name that nobody has is not there, whatever is sent to it") {
  auto app = App::fresh({.front_door = true});
  for (auto const* method : {"POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    CAPTURE(method);
    CHECK(app.tenant("nobody").send(method, "/web/login", "a=1", {}).status == 404);
  }
  CHECK(app.tenant("nobody").get("/").status == 404);
}
