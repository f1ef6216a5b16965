// Electronic invoices at the door: who gets them, what they are made from, and what is said where
// something is missing. What stands in them is looked at in tests/invoices.
#include <doctest/doctest.h>

#include "support/app.hpp"

using support::acme;
using support::App;
using support::Caller;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

void set_organisation(App const& app, std::string const& content) {
  app.run("INSERT INTO settings_groups (name, content, version) VALUES ('organisation', '" +
          content + "', 1) ON CONFLICT (name) DO UPDATE SET content = excluded.content");
}
void fill_organisation(App const& app) {
  set_organisation(app,
                   R"({"legal_name":"Ñandú SL","address":"Calle Mayor 1","vat_id":"ESB12345678",)"
                   R"("country":"ES","reporting_zone":"UTC","reporting_currency":"eur"})");
}

std::string tax_of(std::int64_t amount, std::int64_t taxable, std::string const& reason,
                   std::string const& rate = "txr_1") {
  return R"({"amount":)" + std::to_string(amount) + R"(,"taxable_amount":)" +
         std::to_string(taxable) + R"(,"tax_behavior":"exclusive","taxability_reason":")" + reason +
         R"(","tax_rate_details":{"tax_rate":")" + rate + R"("}})";
}
std::string line_of(std::int64_t amount, std::string const& taxes) {
  return R"({"id":"il_1","object":"line_item","amount":)" + std::to_string(amount) +
         R"(,"description":"Team","quantity":1,"taxes":[)" + taxes + "]}";
}

/// An invoice of one currency with these lines and taxes, as the mirror has it.
struct Paper {
  std::string status = "paid", currency = "eur",
              lines = line_of(1000, tax_of(210, 1000, "standard_rated")),
              taxes = tax_of(210, 1000, "standard_rated"),
              customer = R"("customer_tax_exempt":"none")";
  std::int64_t total = 1210;
};
void add_customer(App const& app) {
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) VALUES ('Alba SL', 'Ada', "
      "'ada@alba.example', 'ES', 'es')");
  app.run(
      "INSERT INTO stripe_objects (id, kind, state, fetched_at) VALUES ('txr_1', 'tax_rate', "
      R"('{"id":"txr_1","object":"tax_rate","percentage":21,"tax_type":"vat"}', now()), )"
      "('txr_sales', 'tax_rate', "
      R"('{"id":"txr_sales","object":"tax_rate","percentage":8.25,"tax_type":"sales_tax"}', now()))");
}
/// It replaces the one before.
void set_invoice(App const& app, Paper const& paper) {
  auto const total = std::to_string(paper.total);
  app.run("DELETE FROM billing_invoices");
  app.run("DELETE FROM stripe_objects WHERE id = 'in_1'");
  app.run(
      "INSERT INTO billing_invoices (id, customer_id, number, stripe_invoice_id, status, currency, "
      "amount, amount_paid, amount_remaining, date, finalized_at) OVERRIDING SYSTEM VALUE VALUES "
      "(1, "
      "1, 'ALBA-0001', 'in_1', '" +
      paper.status + "', '" + paper.currency + "', " + total + ", " + total +
      ", 0, '2026-03-01', '2026-03-01')");
  app.run(
      "INSERT INTO stripe_objects (id, kind, customer_id, state, fetched_at) VALUES ('in_1', "
      "'invoice', 1, '{\"id\":\"in_1\",\"object\":\"invoice\",\"total\":" +
      total + ",\"lines\":{\"data\":[" + paper.lines + "]},\"total_taxes\":[" + paper.taxes + "]," +
      paper.customer + "}', now())");
}

/// The codes of what is missing, in their order.
std::string missing(Reply const& reply) {
  CHECK_MESSAGE(reply.status == 409, reply.body);
  CHECK(reply["code"] == "no_electronic_invoice");
  std::string out;
  for (auto const& message : reply.json.at("missing").as_array()) {
    out += (out.empty() ? "" : " ") + Reply::text(message, "code");
    CHECK(has(Reply::text(reply.json, "detail"), Reply::text(message, "text")));
  }
  return out;
}
}  // namespace

TEST_CASE("an invoice is offered in both syntaxes, in the language that was asked for") {
  auto app = App::fresh();
  add_customer(app);
  fill_organisation(app);
  set_invoice(app, {});
  auto const finance = app.as(Role::finance);
  struct Wanted {
    std::string syntax, root;
  };
  for (auto const& [syntax, root] :
       {Wanted{"ubl", "<ubl:Invoice "}, Wanted{"cii", "<rsm:CrossIndustryInvoice "}}) {
    auto const path = "/api/billing/invoices/inv_1/" + syntax;
    auto const reply = finance.get(path);
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    CHECK(reply.header("content-type") == "application/xml");
    CHECK(has(reply.header("content-disposition"),
              "filename=\"invoice-ALBA-0001-" + syntax + ".xml\""));
    for (auto const* part :
         {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>", root.c_str(), "ALBA-0001", "Ñandú SL",
          "ESB12345678", "12.10", "Copia. La factura legal es la que emitió Stripe."})
      CHECK_MESSAGE(has(reply.body, part), part, reply.body);
    CHECK(finance.get(path).body == reply.body);
    CHECK(has(finance.get("/api/billing/invoices/in_1/" + syntax + "?locale=en").body,
              "Copy. The legal invoice is the one that Stripe issued."));
    CHECK(finance.get(path + "?locale=fr").wrong_fields() == "?locale");
    CHECK(finance.get("/api/billing/invoices/inv_99/" + syntax)["code"] == "invoice_not_found");
    CHECK(finance.get("/api/billing/credit-notes/cn_99/" + syntax)["code"] ==
          "credit_note_not_found");
    // An invoice is no credit note.
    CHECK(finance.get("/api/billing/credit-notes/in_1/" + syntax).status == 404);
    CHECK(app.visitor().get(path).status == 401);
  }
  CHECK(app.value("SELECT string_agg(DISTINCT target, ' ') FROM audit_logs WHERE action = "
                  "'invoice.downloaded'") == "inv_1");
}

TEST_CASE("all that is missing in the settings is named at once") {
  auto app = App::fresh();
  add_customer(app);
  set_invoice(app, {});
  auto const finance = app.as(Role::finance);
  CHECK(missing(finance.get("/api/billing/invoices/inv_1/ubl")) ==
        "seller_name_missing seller_address_missing seller_country_missing seller_vat_id_missing");
  set_organisation(app, R"({"legal_name":"Acme","address":" ","vat_id":"B1","country":null})");
  CHECK(missing(finance.get("/api/billing/invoices/inv_1/cii")) ==
        "seller_address_missing seller_country_missing");
  fill_organisation(app);
  CHECK(finance.get("/api/billing/invoices/inv_1/cii").status == 200);
}

TEST_CASE("what is no invoice yet or any more, or has a tax that nobody explains, is told") {
  auto app = App::fresh();
  add_customer(app);
  fill_organisation(app);
  auto const finance = app.as(Role::finance);
  auto const why = [&](Paper const& paper) {
    set_invoice(app, paper);
    auto const ubl = missing(finance.get("/api/billing/invoices/inv_1/ubl"));
    CHECK(missing(finance.get("/api/billing/invoices/inv_1/cii")) == ubl);
    return ubl;
  };
  auto const taxed = [](std::string const& tax, std::int64_t total) {
    return Paper{.lines = line_of(1000, tax), .taxes = tax, .total = total};
  };
  CHECK(why({.status = "draft"}) == "paper_is_draft");
  CHECK(why({.status = "void"}) == "paper_is_void");
  CHECK(why({.lines = "", .taxes = "", .total = 0}) == "paper_not_mirrored");
  CHECK(why({.lines = line_of(1000, ""), .taxes = "", .total = 1000}) == "vat_unexplained");
  CHECK(why(taxed(tax_of(0, 1000, "not_collecting"), 1000)) == "vat_unexplained");
  // A service that crosses a border is no export of goods and no supply of them.
  auto abroad = taxed(tax_of(0, 1000, "zero_rated"), 1000);
  abroad.customer = R"("customer_tax_exempt":"none","customer_address":{"country":"DE"})";
  CHECK(why(abroad) == "vat_unexplained");
  CHECK(why(taxed(tax_of(210, 1000, "standard_rated", "txr_new"), 1210)) == "tax_rate_unknown");
  CHECK(why(taxed(tax_of(83, 1000, "standard_rated", "txr_sales"), 1083)) == "tax_not_vat");
  CHECK(why(taxed(tax_of(0, 1000, "reverse_charge"), 1000)) == "buyer_vat_id_missing");
  auto const twice = tax_of(210, 1000, "standard_rated") + "," + tax_of(52, 1000, "standard_rated");
  CHECK(why(taxed(twice, 1262)) == "several_taxes");
  CHECK(why({.lines = line_of(1000, tax_of(210, 1000, "standard_rated")) + "," +
                      line_of(100, tax_of(0, 100, "not_subject_to_tax")),
             .total = 1310}) == "vat_mixed");
  CHECK(why({.total = 1211}) == "sums_differ");  // something else is in it
  CHECK(why(taxed(tax_of(110, 1000, "standard_rated"), 1110)) == "sums_differ");  // another rate
  auto const dinars = tax_of(211, 1003, "standard_rated");
  CHECK(why({.currency = "kwd", .lines = line_of(1003, dinars), .taxes = dinars, .total = 1214}) ==
        "too_many_decimals");

  // The mirror has no such invoice: one of a demonstration.
  set_invoice(app, {});
  app.run("DELETE FROM stripe_objects WHERE id = 'in_1'");
  CHECK(missing(finance.get("/api/billing/invoices/inv_1/ubl")) == "paper_not_mirrored");
}

TEST_CASE("who may read invoices gets them") {
  auto app = App::fresh();
  add_customer(app);
  fill_organisation(app);
  set_invoice(app, {});
  for (auto const role : {Role::owner, Role::admin, Role::support, Role::finance, Role::auditor}) {
    auto const caller = app.as(role);
    for (auto const* syntax : {"ubl", "cii"}) {
      auto const path = std::string{"/api/billing/invoices/inv_1/"} + syntax;
      CHECK(caller.get(path).status == caller.get("/api/billing/invoices/inv_1").status);
    }
  }
}

TEST_CASE("what was sold, taxed and credited at Stripe becomes an invoice and a credit note") {
  auto app = App::fresh({.sandbox = true});
  fill_organisation(app);
  app.sign_up_and_pay(acme());
  app.settle();
  auto const customer = app.value("SELECT stripe_customer_id FROM customers");
  auto const rate = app.at_stripe("/v1/tax_rates", {{"display_name", "IVA"},
                                                    {"percentage", "21"},
                                                    {"inclusive", "false"},
                                                    {"tax_type", "vat"}})["id"];
  app.at_stripe("/v1/invoiceitems", {{"customer", customer},
                                     {"amount", "10000"},
                                     {"currency", "eur"},
                                     {"description", "Set-up"}});
  auto const invoice =
      app.at_stripe("/v1/invoices", {{"customer", customer},
                                     {"default_tax_rates[0]", rate},
                                     {"pending_invoice_items_behavior", "include"}})["id"];
  app.at_stripe("/v1/invoices/" + invoice + "/finalize");
  app.at_stripe("/v1/invoices/" + invoice + "/pay");
  auto const note =
      app.at_stripe("/v1/credit_notes",
                    {{"invoice", invoice}, {"amount", "1210"}, {"refund_amount", "1210"}})["id"];
  app.settle();
  CHECK(app.value("SELECT state ->> 'percentage' FROM stripe_objects WHERE kind = 'tax_rate'") ==
        "21");

  auto const finance = app.as(Role::finance);
  auto const ubl = finance.get("/api/billing/invoices/" + invoice + "/ubl");
  REQUIRE_MESSAGE(ubl.status == 200, ubl.body);
  for (auto const* part : {"Set-up", ">121.00<", ">21.00<", "<cbc:Percent>21</cbc:Percent>",
                           "<cbc:PaymentMeansCode>48</cbc:PaymentMeansCode>"})
    CHECK_MESSAGE(has(ubl.body, part), part, ubl.body);
  auto const credited = finance.get("/api/billing/credit-notes/" + note + "/cii");
  REQUIRE_MESSAGE(credited.status == 200, credited.body);
  for (auto const* part :
       {"<ram:TypeCode>381</ram:TypeCode>", ">12.10<", ">2.10<", "<ram:InvoiceReferencedDocument>"})
    CHECK_MESSAGE(has(credited.body, part), part, credited.body);
  CHECK(app.value("SELECT target FROM audit_logs WHERE action = 'credit_note.downloaded'") == note);

  // Automatic taxes make rates that no event tells of: the invoice does.
  app.run("DELETE FROM stripe_objects WHERE kind = 'tax_rate'");
  app.run("UPDATE stripe_objects SET state = state - 'default_tax_rates' WHERE id = '" + invoice +
          "'");
  CHECK(missing(finance.get("/api/billing/invoices/" + invoice + "/ubl")) == "tax_rate_unknown");
  app.at_stripe("/v1/invoices/" + invoice, {{"description", "Thanks"}});
  app.settle();
  CHECK(finance.get("/api/billing/invoices/" + invoice + "/ubl").body == ubl.body);

  app.run("UPDATE stripe_objects SET state = state || '{\"status\":\"void\"}' WHERE id = '" + note +
          "'");
  CHECK(missing(finance.get("/api/billing/credit-notes/" + note + "/ubl")) == "paper_is_void");
}
