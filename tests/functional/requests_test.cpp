// What a client may expect of any request, good or bad: a clear answer, and nothing changed.
#include <doctest/doctest.h>

#include "support/app.hpp"

using support::acme;
using support::App;
using support::Role;

namespace {
support::Reply post_text(App const& app, std::string const& body,
                         std::string const& type = "application/json") {
  return app.visitor().send("POST", "/api/checkout", body, {"Content-Type: " + type});
}

void check_nothing_is_stored(App const& app) {
  for (auto const* table : {"customers", "tenants", "signups", "jobs", "audit_logs"})
    CHECK(app.value(std::string{"SELECT count(*) FROM "} + table) == "0");
}
}  // namespace

TEST_CASE("a body that is no JSON is refused, and says where it went wrong") {
  auto app = App::fresh();
  auto const good = boost::json::serialize(acme());
  std::string nested(40, '['), closing(40, ']');
  for (auto const& body :
       {std::string{"company=Acme"}, std::string{"{"}, good + "x", good.substr(0, good.size() - 1),
        std::string{R"({"company":'Acme'})"}, std::string{R"({"company":"a","company":})"},
        std::string{"{\"company\":\"\xff\xfe\"}"}, std::string{"{\"company\":\"\xed\xa0\x80\"}"},
        std::string{R"({"company":"a\u0000b"})"}, std::string{R"({"a\u0000":1})"},
        std::string{"{\"company\":\"a\0b\"}", 17}, R"({"company":)" + nested + closing + "}",
        std::string{"\xef\xbb\xbf"} + good, std::string{"NaN"}, std::string{}}) {
    CAPTURE(body);
    auto const reply = post_text(app, body);
    CHECK(reply.status == 400);
    CHECK(reply["code"] == "malformed_json");
    CHECK(reply.header("content-type") == "application/problem+json");
    CHECK(!reply["request_id"].empty());
  }
  CHECK(post_text(app, "[]").status == 422);
  CHECK(post_text(app, "null").status == 422);
  CHECK(post_text(app, "\"text\"").status == 422);
  check_nothing_is_stored(app);
}

TEST_CASE("a body of another type or size is refused") {
  auto app = App::fresh();
  auto const good = boost::json::serialize(acme());
  for (auto const* type :
       {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data"})
    CHECK(post_text(app, good, type)["code"] == "unsupported_media_type");
  CHECK(post_text(app, good, "text/plain").status == 415);
  auto const large = post_text(app, good + std::string(70'000, ' '));
  CHECK(large.status == 413);
  CHECK(large.header("content-type") == "application/problem+json");
  check_nothing_is_stored(app);
}

TEST_CASE("all wrong fields are named at once, and no value is given back") {
  auto app = App::fresh();
  auto const reply = app.visitor().post("/api/checkout", {{"company", ""},
                                                          {"name", "SECRET\nSECRET"},
                                                          {"email", "SECRET at example.com"},
                                                          {"country", "xx"},
                                                          {"locale", "SECRET"},
                                                          {"subdomain", "SECRET-"},
                                                          {"plan", 7},
                                                          {"interval", true},
                                                          {"currency", "SECRET"},
                                                          {"colour", "SECRET"}});
  CHECK(reply.status == 422);
  CHECK(reply["code"] == "validation_failed");
  CHECK(reply.wrong_fields() ==
        "/colour /company /country /currency /email /interval /locale /name /plan /subdomain");
  CHECK(reply.problem_of("/company") == "required");
  CHECK(reply.problem_of("/plan") == "wrong_type");
  CHECK(reply.problem_of("/locale") == "unknown_value");
  CHECK(reply.problem_of("/currency") == "too_long");
  CHECK(reply.problem_of("/colour") == "unknown_field");
  CHECK(reply.body.find("SECRET") == std::string::npos);
  // The bounds come with the code, so that whoever reads another language is told them, too.
  auto const longer = app.visitor().post("/api/checkout", acme({{"currency", "euro"}}));
  CHECK(longer["errors.0.code"] == "too_long");
  CHECK(longer["errors.0.parameters.max"] == "3");
  CHECK(longer["errors.0.detail"] == "must have at most 3 characters");

  CHECK(app.visitor().post("/api/checkout", boost::json::object{}).wrong_fields() ==
        "/company /country /currency /email /interval /locale /name /plan /subdomain");
  CHECK(app.visitor().post("/api/checkout", acme({{"name", nullptr}})).problem_of("/name") ==
        "required");
  for (auto const& [field, value] :
       {std::pair{"company", std::string(121, 'a')}, std::pair{"company", std::string{"   "}},
        std::pair{"name", std::string{"a\x07"}}, std::pair{"email", std::string{"a@b"}},
        std::pair{"email", std::string{"a b@c.example"}},
        std::pair{"email", std::string{"a@b@c.example"}},
        std::pair{"email", std::string{"<a@b.example>"}},
        std::pair{"email", std::string{"a@b.example\r\nBcc: c"}},
        std::pair{"country", std::string{"es"}}, std::pair{"country", std::string{"DA"}}}) {
    CAPTURE(value);
    CHECK(app.visitor().post("/api/checkout", acme({{field, value}})).wrong_fields() ==
          "/" + std::string{field});
  }
  CHECK(app.visitor().post("/api/checkout?company=x", acme()).wrong_fields() == "?company");
  check_nothing_is_stored(app);
}

TEST_CASE("words of any language and signs of any kind are kept as they are") {
  auto app = App::fresh({.sandbox = true});
  std::string const company = "Añejo & Søn <i>'\"`; DROP TABLE customers;-- 株式会社 🚀 {{x}} %s";
  app.sign_up(acme({{"company", company}, {"name", "Ñandú O'Brien"}}));
  CHECK(app.value("SELECT company FROM customers") == company);
  CHECK(app.value("SELECT name FROM customers") == "Ñandú O'Brien");
  CHECK(app.as(Role::owner).get("/api/tenants?q=s%C3%B8n")["data.0.company"] == company);
  CHECK(app.as(Role::owner).get("/api/tenants")["data.0.company"] == company);
}

TEST_CASE("an unknown address, and an address asked in the wrong way") {
  auto app = App::fresh();
  auto const nothing = app.visitor().get("/api/nothing/here");
  CHECK(nothing.status == 404);
  CHECK(nothing.header("content-type") == "application/problem+json");
  CHECK(nothing["status"] == "404");
  CHECK(!nothing["request_id"].empty());
  CHECK(nothing["request_id"] == nothing.header("x-request-id"));

  auto const page = app.visitor().get("/nothing", {"Accept: text/html"});
  CHECK(page.status == 404);
  CHECK(page.header("content-type").starts_with("text/html"));

  auto const wrong = app.visitor().send("DELETE", "/api/plans", "", {});
  CHECK(wrong.status == 405);
  CHECK(wrong.header("allow").find("GET") != std::string::npos);
  CHECK(wrong.header("allow").find("HEAD") != std::string::npos);
  CHECK(app.visitor().send("PUT", "/api/checkout", "{}", {}).header("allow") == "POST");

  for (auto const* odd :
       {"/api/tenants/%", "/api/tenants/%00", "/api/tenants/..%2f..", "/api//plans",
        "/api/subdomains/%ff", "/assets/../../etc/passwd", "/assets/..%2f..%2fetc%2fpasswd"}) {
    CAPTURE(odd);
    auto const status = app.as(Role::owner).get(odd).status;
    CHECK(status >= 400);
    CHECK(status < 500);
  }
}

TEST_CASE("queries are as strict as bodies") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  for (auto const* query : {"limit=0", "limit=101", "limit=-1", "limit=abc", "limit=", "limit=1.5",
                            "limit=99999999999999999999"}) {
    CAPTURE(query);
    auto const reply = owner.get(std::string{"/api/tenants?"} + query);
    CHECK(reply.status == 422);
    CHECK(reply.wrong_fields() == "?limit");
  }
  CHECK(owner.get("/api/tenants?limit=100").status == 200);
  for (auto const* cursor : {"x", "AAAA", "e30", "%20", "eyJhZnRlciI6IngiLCJpZCI6MX0"}) {
    CAPTURE(cursor);
    auto const reply = owner.get(std::string{"/api/tenants?cursor="} + cursor);
    CHECK(reply.status == 422);
    CHECK(reply.wrong_fields() == "?cursor");
  }
  CHECK(owner.get("/api/tenants?stat=live").wrong_fields() == "?stat");
  CHECK(owner.get("/api/tenants?state=alive").wrong_fields() == "?state");
  CHECK(owner.get("/api/tenants?sort=price").wrong_fields() == "?sort");
  CHECK(owner.get("/api/tenants?limit=1&limit=2").wrong_fields() == "?limit");
  CHECK(owner.get("/api/tenants?q=%zz").status == 400);
  CHECK(owner.get("/api/tenants?q=%00").status == 400);
  CHECK(owner.get("/api/tenants/1").wrong_fields() == "{id}");
  CHECK(owner.get("/api/tenants/sgn_1").wrong_fields() == "{id}");
  CHECK(owner.get("/api/tenants/ten_99999999999999999999").wrong_fields() == "{id}");
  CHECK(owner.get("/api/tenants/ten_9").status == 404);
  CHECK(owner.get("/api/tenants/ten_1/events?cursor=act_x").wrong_fields() == "?cursor");
}

TEST_CASE("one id joins request, answer and audit row") {
  auto app = App::fresh({.sandbox = true});
  auto const reply = app.visitor().post("/api/checkout", acme(), {"X-Request-Id: click-42"});
  CHECK(reply.header("x-request-id") == "click-42");
  CHECK(app.value("SELECT request_id FROM audit_logs") == "click-42");
  auto const made = app.visitor().get("/api/plans").header("x-request-id");
  CHECK(made.size() == 32);
  CHECK(app.visitor().get("/api/plans").header("x-request-id") != made);
  for (auto const& odd : {std::string(300, 'x'), std::string{"a b"}, std::string{"a\"b<script>"}})
    CHECK(app.visitor().get("/api/plans", {"X-Request-Id: " + odd}).header("x-request-id") != odd);
}

TEST_CASE("what has not changed is not sent again, and HEAD tells without sending") {
  auto app = App::fresh();
  auto const first = app.visitor().get("/api/plans");
  auto const tag = first.header("etag");
  REQUIRE(!tag.empty());
  auto const again = app.visitor().get("/api/plans", {"If-None-Match: " + tag});
  CHECK(again.status == 304);
  CHECK(again.body.empty());
  CHECK(again.header("etag") == tag);
  app.run("UPDATE plan_prices SET unit_amount = unit_amount + 1");
  auto const changed = app.visitor().get("/api/plans", {"If-None-Match: " + tag});
  CHECK(changed.status == 200);
  CHECK(changed.header("etag") != tag);

  auto const head = app.visitor().send("HEAD", "/api/plans", "", {});
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK(head.header("content-length") == std::to_string(changed.body.size()));
}
