// The copy of an invoice as its readers find it: text, pages, and the same bytes again.
#include <doctest/doctest.h>

#include "platform/pdf/test_file.hpp"
#include "support/app.hpp"

using support::App;
using support::Role;

namespace {
std::string const arabic = "شركة النور للتجارة";

/// One of so many lines, of an Arabic customer who reads Spanish.
void add_invoice(App const& app, int lines) {
  app.run("INSERT INTO customers (company, name, email, country, locale) VALUES ('" + arabic +
          "', 'محمد', 'm@nur.example', 'AE', 'es')");
  app.run(
      "INSERT INTO billing_invoices (customer_id, number, stripe_invoice_id, status, currency, "
      "subtotal, tax, amount, amount_due, amount_paid, amount_remaining, date, finalized_at, "
      "paid_at) VALUES (1, 'NUR-0001', 'in_Nur1', 'paid', 'kwd', 400000, 20000, 420000, 420000, "
      "420000, 0, '2026-03-01', '2026-03-01', '2026-03-02 23:30:00+00')");
  app.run(
      "INSERT INTO billing_invoice_lines (stripe_line_id, invoice_id, position, description, "
      "amount, discount, tax_inclusive, tax_exclusive, period_start, period_end, is_proration, "
      "quantity) SELECT 'il_' || i, 1, i, CASE WHEN i % 2 = 0 THEN 'خدمة رقم ' || i ELSE 'Servicio "
      "<b>' || i || '</b>' END || '-end', 1000, CASE WHEN i = 1 THEN 50 ELSE 0 END, 0, 50, "
      "'2026-03-01', '2026-04-01', i = 2, 1 FROM generate_series(1, " +
      std::to_string(lines) + ") AS i");
  app.run(
      "INSERT INTO stripe_objects (id, kind, customer_id, state, fetched_at) VALUES ('in_Nur1', "
      "'invoice', 1, '{\"customer_name\":\"Nur LLC\",\"customer_email\":\"bill@nur.example\","
      "\"customer_address\":{\"line1\":\"Street 1\",\"city\":\"Dubai\",\"country\":\"AE\"},"
      "\"customer_tax_ids\":[{\"type\":\"ae_trn\",\"value\":\"TRN123\"}],\"total_taxes\":[{"
      "\"amount\":20000,\"tax_behavior\":\"exclusive\",\"taxable_amount\":400000}]}', now())");
  app.run(
      "INSERT INTO billing_attempts (stripe_charge_id, stripe_invoice_id, customer_id, at, "
      "outcome, "
      "stripe_pm_id, amount, currency) VALUES ('ch_1', 'in_Nur1', 1, '2026-03-02 23:30:00+00', "
      "'succeeded', 'pm_1', 420000, 'kwd')");
  app.run(
      "INSERT INTO payment_methods (customer_id, stripe_pm_id, type, brand, last4) VALUES (1, "
      "'pm_1', 'card', 'visa', '4242')");
  app.run(
      "INSERT INTO settings_groups (name, content, version) VALUES ('organisation', "
      "'{\"legal_name\":\"Ñandú SL\",\"address\":\"Calle Mayor 1\\n28013 Madrid\",\"vat_id\":"
      "\"ESB12345678\",\"reporting_zone\":\"Europe/Madrid\",\"reporting_currency\":\"eur\"}', 1) "
      "ON CONFLICT (name) DO UPDATE SET content = excluded.content");
}

std::string in_one_line(std::string text) {
  for (auto& c : text)
    if (c == '\n') c = ' ';
  return text;
}
}  // namespace

TEST_CASE("a copy says whose it is, what is billed and paid, in the language that was asked for") {
  auto app = App::fresh();
  add_invoice(app, 2);
  auto const finance = app.as(Role::finance);
  auto const reply = finance.get("/api/billing/invoices/inv_1/pdf");
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
  CHECK(reply.header("content-type") == "application/pdf");
  CHECK(has(reply.header("content-disposition"), "filename=\"invoice-NUR-0001.pdf\""));
  File const spanish{reply.body};
  spanish.check_form();
  auto const text = in_one_line(spanish.text());
  for (auto const* part :
       {"Factura NUR-0001", "Copia. La factura legal es la que emitió Stripe.", "Ñandú SL",
        "Calle Mayor 1 28013 Madrid", "ESB12345678", "Nur LLC", "bill@nur.example", "Street 1",
        "TRN123", "01/03/2026", "03/03/2026", "Servicio <b>1</b>-end", "prorrateo", "420,000",
        "Visa •••• 4242", "Pagada", "Página 1 de 1", "in_Nur1"})
    CHECK_MESSAGE(has(text, part), part, text);
  CHECK(has(spanish.structure(), arabic));

  // A night in Madrid later than in UTC, and English words.
  File const english{finance.get("/api/billing/invoices/in_Nur1/pdf?locale=en").body};
  auto const words = in_one_line(english.text());
  for (auto const* part :
       {"Invoice NUR-0001", "Copy. The legal invoice is the one that Stripe issued.", "Billed to",
        "Still to pay", "Page 1 of 1", "KWD"})
    CHECK_MESSAGE(has(words, part), part, words);
  CHECK(has(english.bytes, "/Lang (en)"));
  CHECK(finance.get("/api/billing/invoices/inv_1/pdf?locale=fr").wrong_fields() == "?locale");
  CHECK(app.rows("SELECT target FROM audit_logs WHERE action = 'invoice.downloaded'") ==
        std::vector<std::string>{"inv_1", "inv_1"});
}

TEST_CASE(
    "four hundred lines go on over pages with their heads, each once, and the same bytes again") {
  auto app = App::fresh();
  add_invoice(app, 400);
  auto const finance = app.as(Role::finance);
  auto const path = "/api/billing/invoices/inv_1/pdf?locale=es";
  File const file{finance.get(path).body};
  file.check_form();
  auto const pages = file.pages();
  CHECK(pages > 8);
  auto const text = file.text();
  CHECK(count(text, "1,000") == 400);              // the amount of each
  CHECK(count(text, "Descripción") >= pages - 1);  // the last page may hold sums only
  CHECK(has(text, "Página " + std::to_string(pages) + " de " + std::to_string(pages)));
  clock_source::advance(std::chrono::minutes{5});
  CHECK(finance.get(path).body == file.bytes);
  app.restart();
  CHECK(app.as(Role::finance).get(path).body == file.bytes);
  // What happens to it is another state.
  app.run(
      "INSERT INTO billing_refunds (customer_id, stripe_refund_id, stripe_invoice_id, amount, "
      "currency, status, date) VALUES (1, 're_1', 'in_Nur1', 1000, 'kwd', 'succeeded', "
      "'2026-03-05')");
  File const later{app.as(Role::finance).get(path).body};
  CHECK(later.bytes != file.bytes);
  CHECK(has(later.text(), "Devoluciones"));
}

TEST_CASE("a draft without lines, number or anything known of Stripe is still a document") {
  auto app = App::fresh();
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) VALUES ('', '', '', 'ES', "
      "'en')");
  app.run(
      "INSERT INTO billing_invoices (customer_id, status, currency, amount, date) VALUES (1, "
      "'draft', 'jpy', 0, now())");
  File const file{app.as(Role::finance).get("/api/billing/invoices/inv_1/pdf").body};
  file.check_form();
  CHECK(has(file.text(), "Draft invoice"));
}
