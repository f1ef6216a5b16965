// A promotion code and a VAT number, given on Stripe's payment page, and the number later on the
// customer's own page.
#include "support/portal.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

std::string promotion(App const& app, std::string const& percent,
                      std::vector<std::pair<std::string, std::string>> more = {}) {
  std::vector<std::pair<std::string, std::string>> coupon{
      {"id", "welcome"}, {"percent_off", percent}, {"duration", "once"}};
  REQUIRE(app.at_stripe("/v1/coupons", coupon).status == 200);
  more.insert(
      more.end(),
      {{"promotion[type]", "coupon"}, {"promotion[coupon]", "welcome"}, {"code", "WELCOME"}});
  auto const code = app.at_stripe("/v1/promotion_codes", more);
  REQUIRE_MESSAGE(code.status == 200, code.body);
  return code["id"];
}
Page take_code(Page const& page, std::string const& code) {
  return page.submit({{"promotion_code", code}, {"apply_code", "1"}});
}
Page pay(Page const& page, std::string const& vat_id = "") {
  return page.submit({{"method", "card"},
                      {"card_number", "4242 4242 4242 4242"},
                      {"card_expiry", "12 / 34"},
                      {"card_cvc", "123"},
                      {"cardholder_name", "Ada Smith"},
                      {"vat_id", vat_id},
                      {"pay", "1"}});
}
void run_news(App& app) {
  app.deliver_news();
  app.work();
}
}  // namespace

TEST_CASE("a promotion code takes off what it says, and the tenant is built all the same") {
  auto app = App::fresh({.sandbox = true});
  std::string percent, paid;
  SUBCASE("a fifth") { percent = "20", paid = "3920"; }
  SUBCASE("all of it") { percent = "100", paid = "0"; }
  promotion(app, percent);
  auto const signup = app.sign_up(acme());
  auto const page = Page::open(signup["checkout_url"]);
  CHECK(take_code(page, "NO-SUCH").reply.status == 422);
  CHECK(take_code(page, "WELCOME").reply.status == 303);
  CHECK(pay(Page::open(signup["checkout_url"])).reply.status == 303);
  run_news(app);
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  CHECK(app.value("SELECT state FROM tenants") == "queued");
  CHECK(app.value("SELECT amount_paid FROM billing_invoices") == paid);
  CHECK(app.value("SELECT status FROM subscriptions") == "active");
  // The next invoice is at the whole price.
  CHECK(app.rows("SELECT mrr FROM subscriptions") == Rows{"4900"});
}

TEST_CASE("a code that is over, spent or somebody else's takes nothing off") {
  auto app = App::fresh({.sandbox = true});
  SUBCASE("over") {
    promotion(app, "50", {{"expires_at", std::to_string(std::time(nullptr) - 5)}});
  }
  SUBCASE("spent") {
    promotion(app, "50", {{"max_redemptions", "1"}});
    auto const first = app.sign_up(acme({{"subdomain", "first"}, {"email", "bob@b.example"}}));
    CHECK(take_code(Page::open(first["checkout_url"]), "WELCOME").reply.status == 303);
    CHECK(pay(Page::open(first["checkout_url"])).reply.status == 303);
  }
  SUBCASE("taken back") {
    auto const id = promotion(app, "50");
    CHECK(app.at_stripe("/v1/promotion_codes/" + id, {{"active", "false"}}).status == 200);
  }
  auto const signup = app.sign_up(acme());
  CHECK(take_code(Page::open(signup["checkout_url"]), "WELCOME").reply.status == 422);
  CHECK(pay(Page::open(signup["checkout_url"])).reply.status == 303);
  run_news(app);
  CHECK(app.value("SELECT amount_paid FROM billing_invoices ORDER BY id DESC LIMIT 1") == "4900");
}

TEST_CASE("a VAT number given with the payment stands on the invoice, with its state") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  auto const signup = app.sign_up(acme());
  auto const page = Page::open(signup["checkout_url"]);
  CHECK(pay(page, "12345678").reply.status == 422);
  CHECK(pay(page, "es b-12.345.678").reply.status == 303);
  run_news(app);
  CHECK(app.rows("SELECT type, value FROM billing_tax_ids") == Rows{"eu_vat|ESB12345678"});
  auto const invoice = app.stripe("GET", "/v1/invoices");
  CHECK(invoice["data.0.customer_tax_ids.0.value"] == "ESB12345678");
  // The authority answers a moment later.
  REQUIRE(eventually([&] {
    run_news(app);
    return app.value("SELECT status FROM billing_tax_ids") == "verified";
  }));
  auto const browser = open_portal(app);
  CHECK(browser.get("/api/portal")["tax_ids.0.status"] == "verified");

  SUBCASE("one that is refused later is said to be") {
    CHECK(browser.post("/api/portal/tax-ids", {{"value", "PT B111-111-111"}}).status == 204);
    // Given twice, it is there once.
    CHECK(browser.post("/api/portal/tax-ids", {{"value", "PTB111111111"}}).status == 204);
    CHECK(app.value("SELECT count(*) FROM billing_tax_ids") == "2");
    REQUIRE(eventually([&] {
      run_news(app);
      return app.value("SELECT status FROM billing_tax_ids WHERE value = 'PTB111111111'") ==
             "unverified";
    }));
    run_news(app);
    REQUIRE(eventually([&] {
      run_news(app);
      return app.rows(
                 "SELECT recipient, position('PTB111111111' IN body) > 0 FROM mails "
                 "WHERE template = 'vat_id_unknown'") == Rows{"ada@acme.example|t"};
    }));
    CHECK(app.rows("SELECT actor, target FROM audit_logs WHERE action = 'portal.tax_id_given' "
                   "LIMIT 1") == Rows{"cus_1|cus_1"});
  }
  SUBCASE("taken off, the next invoice has none") {
    auto const id = app.value("SELECT stripe_tax_id FROM billing_tax_ids");
    auto const path = "/api/portal/tax-ids/" + id;
    CHECK(browser.send("DELETE", path, "", {}).status == 204);
    CHECK(app.value("SELECT count(*) FROM billing_tax_ids") == "0");
    CHECK(browser.send("DELETE", path, "", {})["code"] == "tax_id_not_found");
    run_news(app);
    CHECK(app.value("SELECT count(*) FROM billing_tax_ids") == "0");
  }
  SUBCASE("what is none is refused by name") {
    for (auto const* wrong : {"12345678", "ZZ123456", "ES", "ES1234 567\n8"})
      CHECK(browser.post("/api/portal/tax-ids", {{"value", wrong}}).wrong_fields() == "/value");
    CHECK(browser.post("/api/portal/tax-ids", {{"value", ""}}).wrong_fields() == "/value");
    CHECK(portal_visitor().post("/api/portal/tax-ids", {{"value", "ESB12345678"}}).status == 401);
    CHECK(portal_visitor().send("DELETE", "/api/portal/tax-ids/txi_1", "", {}).status == 401);
  }
}

TEST_CASE("staff make a promotion code, it works at the payment page, and is taken back") {
  auto app = App::fresh({.sandbox = true});
  auto const admin = app.as(Role::admin);
  Json const terms{{"code", "SPRING"},
                   {"percent_off", 25},
                   {"duration", "repeating"},
                   {"months", 3},
                   {"max_redemptions", 5}};
  auto const made = admin.post("/api/billing/promotions", terms);
  REQUIRE_MESSAGE(made.status == 201, made.body);
  CHECK(made["active"] == "true");
  // The code is taken; pressed twice by accident it is said, and there is one.
  CHECK(admin
            .post("/api/billing/promotions",
                  {{"code", "SPRING"}, {"percent_off", 30}, {"duration", "once"}})
            .wrong_fields() == "/code");
  auto const signup = app.sign_up(acme());
  CHECK(take_code(Page::open(signup["checkout_url"]), "SPRING").reply.status == 303);
  CHECK(pay(Page::open(signup["checkout_url"])).reply.status == 303);
  app.settle();
  CHECK(app.value("SELECT amount_paid FROM billing_invoices") == "3675");
  auto const listed = admin.get("/api/billing/promotions");
  CHECK(listed["data.0.code"] == "SPRING");
  CHECK(listed["data.0.percent_off"] == "25");
  CHECK(listed["data.0.months"] == "3");
  CHECK(listed["data.0.times_redeemed"] == "1");

  auto const end = "/api/billing/promotions/" + made["id"] + "/end";
  CHECK(admin.post(end, nullptr).status == 204);
  CHECK(admin.get("/api/billing/promotions")["data.0.active"] == "false");
  CHECK(admin.post("/api/billing/promotions/a%20b/end", nullptr).status == 422);
  auto const other = app.sign_up(acme({{"subdomain", "other"}, {"email", "bob@bob.example"}}));
  CHECK(take_code(Page::open(other["checkout_url"]), "SPRING").reply.status == 422);
  CHECK(admin.post("/api/billing/promotions/promo_none/end", nullptr)["code"] ==
        "promotion_not_found");
  // Made once more, it is another one that works.
  auto const again = admin.post("/api/billing/promotions", terms);
  CHECK(again.status == 201);
  CHECK(again["id"] != made["id"]);
  CHECK(take_code(Page::open(other["checkout_url"]), "spring").reply.status == 303);
  CHECK(app.rows("SELECT action, target FROM audit_logs WHERE action LIKE 'promotion.%' "
                 "ORDER BY id LIMIT 1") == Rows{"promotion.made|SPRING"});
}

TEST_CASE("a tenant is given a discount, and it ends") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  app.settle();
  auto const admin = app.as(Role::admin);
  auto const made = admin.post("/api/billing/promotions",
                               {{"code", "HALF"}, {"percent_off", 50}, {"duration", "forever"}});
  auto const path = std::string{"/api/tenants/ten_1/discount"};
  auto const seen = [&] { return admin.get(path); };
  CHECK(seen()["next_invoice.amount"] == "4900");
  CHECK(seen().json.at("data").as_array().empty());
  // Only looked at: the code is as unused as before.
  CHECK(admin.get(path + "/preview?promotion=" + made["id"])["next_invoice.amount"] == "2450");
  CHECK(admin.get("/api/billing/promotions")["data.0.times_redeemed"] == "0");
  CHECK(admin.post(path, {{"promotion", made["id"]}}).status == 204);
  app.settle();
  CHECK(app.value("SELECT mrr FROM subscriptions") == "2450");
  CHECK(seen()["data.0.code"] == "HALF");
  CHECK(seen()["data.0.percent_off"] == "50");
  CHECK(seen()["data.0.duration"] == "forever");
  CHECK(seen()["next_invoice.amount"] == "2450");
  CHECK(seen()["next_invoice.date"] != "");
  CHECK(admin.get(path + "/preview")["next_invoice.amount"] == "4900");
  // The coupon may be gone at Stripe; what it gave is there and goes on.
  CHECK(app.stripe("DELETE", "/v1/coupons/" + app.stripe("GET", "/v1/coupons")["data.0.id"], {})
            .status == 200);
  CHECK(seen()["data.0.duration"] == "null");
  CHECK(seen()["next_invoice.amount"] == "2450");
  CHECK(admin.send("DELETE", path, "", {}).status == 204);
  app.settle();
  CHECK(app.value("SELECT mrr FROM subscriptions") == "4900");
  CHECK(seen().json.at("data").as_array().empty());
  CHECK(admin.get("/api/tenants/ten_9/discount")["code"] == "tenant_not_found");
  CHECK(app.as(Role::support).get(path).status == 403);
  // Told to end, there is no next invoice to take anything off.
  REQUIRE(app.at_stripe("/v1/subscriptions/" +
                            app.value("SELECT stripe_subscription_id FROM subscriptions"),
                        {{"cancel_at_period_end", "true"}})
              .status == 200);
  CHECK(seen()["is_billed"] == "true");
  CHECK(seen()["next_invoice"] == "null");
  CHECK(admin.post("/api/tenants/ten_9/discount", {{"promotion", made["id"]}})["code"] ==
        "tenant_not_found");
  CHECK(admin.post("/api/tenants/ten_1/discount", {{"promotion", "promo_none"}})["code"] ==
        "promotion_not_found");
  CHECK(app.as(Role::auditor).post("/api/tenants/ten_1/discount", {{"promotion", "x"}}).status ==
        403);
}

TEST_CASE("a promotion code that makes no sense is refused by name") {
  auto app = App::fresh({.sandbox = true});
  auto const admin = app.as(Role::admin);
  auto refused = [&](boost::json::object terms) {
    terms.emplace("code", "SPRING");
    terms.emplace("duration", "once");
    return admin.post("/api/billing/promotions", terms).wrong_fields();
  };
  CHECK(refused({}) == "/percent_off");
  CHECK(refused({{"percent_off", 20}, {"amount_off", 500}, {"currency", "eur"}}) == "/percent_off");
  CHECK(refused({{"amount_off", 500}}) == "/currency");
  CHECK(refused({{"percent_off", 101}}) == "/percent_off");
  CHECK(refused({{"percent_off", 20}, {"duration", "repeating"}}) == "/months");
  CHECK(refused({{"percent_off", 20}, {"code", "A B"}}) == "/code");
  CHECK(refused({{"percent_off", 20}, {"expires_at", "2020-01-01T00:00:00Z"}}) == "/expires_at");
  CHECK(app.stripe("GET", "/v1/coupons").json.at("data").as_array().empty());
}
