// People who have not paid cannot shut the door for others.
#include <doctest/doctest.h>

#include "signup/checkout.hpp"
#include "support/app.hpp"
#include "support/second_node.hpp"

using support::acme;
using support::App;
using Rows = std::vector<std::string>;

namespace {
/// A node behind a proxy: it believes where visitors come from.
class Visitors {
 public:
  explicit Visitors(App const& app)
      : node_{app, [](http::ServerSettings& server) { server.behind_proxy = true; }} {}
  support::Reply sign_up(boost::json::object const& form, std::string const& address) const {
    return support::Caller{node_.url(), {"X-Forwarded-For: " + address}}.post("/api/checkout",
                                                                              form);
  }
  support::Reply sign_up(int number, std::string const& address) const {
    auto const name = "visitor-" + std::to_string(number);
    return sign_up(acme({{"subdomain", name}, {"email", "ada@" + name + ".example"}}), address);
  }

 private:
  support::SecondNode node_;
};
}  // namespace

TEST_CASE("one address does not take the places of the others") {
  auto app = App::fresh(
      {.sandbox = true, .settings = [](auto& settings) { settings.tenant_capacity = 10; }});
  Visitors const visitors{app};
  for (int i = 0; i < 14; ++i) {
    auto const reply = visitors.sign_up(i, "198.51.100.7");
    CHECK((reply.status == 201 || reply.status == 429));
    if (reply.status == 201) continue;
    CHECK(reply["code"] == "too_many_unpaid");
    CHECK(std::stoi(reply.header("retry-after")) > 60);
  }
  CHECK(visitors.sign_up(20, "198.51.100.8").status == 201);
  CHECK(visitors.sign_up(21, "203.0.113.9").status == 201);
}

TEST_CASE("a network is one visitor, and so is an e-mail address") {
  auto app = App::fresh({.sandbox = true});
  Visitors const visitors{app};
  int let_in = 0;
  SUBCASE("IPv4 /24") {
    for (int i = 0; i < 30; ++i)
      let_in += visitors.sign_up(i, "198.51.100." + std::to_string(i + 1)).status == 201;
    CHECK(let_in == 8);
    CHECK(visitors.sign_up(40, "198.51.101.1").status == 201);
  }
  SUBCASE("one address of it") {
    for (int i = 0; i < 30; ++i) let_in += visitors.sign_up(i, "198.51.100.7").status == 201;
    CHECK(let_in == 6);
    CHECK(visitors.sign_up(40, "198.51.100.8").status == 201);
  }
  SUBCASE("IPv6 /48") {
    for (int i = 0; i < 30; ++i)
      let_in += visitors.sign_up(i, "2001:db8:7:" + std::to_string(i) + "::1").status == 201;
    CHECK(let_in == 8);
    CHECK(visitors.sign_up(40, "2001:db8:8::1").status == 201);
  }
  SUBCASE("one e-mail address from everywhere") {
    for (int i = 0; i < 10; ++i)
      let_in += visitors
                    .sign_up(acme({{"subdomain", "visitor-" + std::to_string(i)},
                                   {"email", i % 2 ? "ada@acme.example" : "ADA@acme.example"}}),
                             "198.51." + std::to_string(i) + ".1")
                    .status == 201;
    CHECK(let_in == 3);
  }
}

TEST_CASE("who pays makes room for the next one") {
  auto app = App::fresh({.sandbox = true});
  Visitors const visitors{app};
  std::string page;
  for (int i = 0; i < 6; ++i) page = visitors.sign_up(i, "198.51.100.7")["checkout_url"];
  CHECK(visitors.sign_up(8, "198.51.100.7").status == 429);
  CHECK(app.pay(page).reply.status == 303);
  app.deliver_news();
  app.work();
  CHECK(visitors.sign_up(8, "198.51.100.7").status == 201);
}

TEST_CASE("unpaid sign-ups take a share of the places; then the page says so before the form") {
  auto app = App::fresh(
      {.sandbox = true, .settings = [](auto& settings) { settings.tenant_capacity = 10; }});
  Visitors const visitors{app};
  CHECK(app.visitor().get("/api/plans")["availability"] == "open");
  for (int i = 0; i < 5; ++i)
    CHECK(visitors.sign_up(i, "198.51." + std::to_string(i) + ".1").status == 201);
  CHECK(app.visitor().get("/api/plans")["availability"] == "full");
  auto const refused = visitors.sign_up(6, "203.0.113.9");
  CHECK(refused.status == 409);
  CHECK(refused["code"] == "capacity_exhausted");
  // Half of the places are left for those who have paid too late, and for staff.
  auto staff = acme({{"subdomain", "by-staff"}});
  staff.erase("interval");
  staff.erase("currency");
  CHECK(app.as(support::Role::owner).post("/api/tenants", staff).status == 201);

  app.visitor().post("/api/waitlist", {{"email", "Eve@example.com"}, {"locale", "es"}});
  CHECK(app.visitor()
            .post("/api/waitlist", {{"email", "eve@example.com"}, {"locale", "es"}})
            .status == 202);
  CHECK(app.visitor().post("/api/waitlist", {{"email", "nobody"}, {"locale", "es"}}).status == 422);
  app.enqueue(signup::TellWaiting{});
  app.work();
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'place_again'") == "0");

  app.run("UPDATE signups SET lease_until = now() - interval '1 minute' WHERE id = 1");
  app.hurry("signup.expire_lease");
  app.work();
  CHECK(app.visitor().get("/api/plans")["availability"] == "open");
  for (int i = 0; i < 2; ++i) {
    app.enqueue(signup::TellWaiting{});
    app.work();
  }
  CHECK(app.rows("SELECT recipient, locale FROM mails WHERE template = 'place_again'") ==
        Rows{"eve@example.com|es"});
  CHECK(app.value("SELECT count(*) FROM waitlist") == "0");
}

TEST_CASE("where a visitor came from is forgotten when it is of no use any more") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up(acme());
  app.enqueue(signup::TellWaiting{});
  app.work();
  CHECK(app.rows("SELECT address, network FROM signups") == Rows{"127.0.0.1|127.0.0.1"});
  app.run("UPDATE signups SET lease_until = now() - interval '25 hours'");
  app.enqueue(signup::TellWaiting{});
  app.work();
  CHECK(
      app.value("SELECT count(*) FROM signups WHERE address IS NOT NULL OR network IS NOT NULL") ==
      "0");
}
