// GET /i/{id}: the hosted invoice. Open, it is paid here; the card is then kept for the
// subscription, as the customer came because the old one failed.
#include "platform/crypto/crypto.hpp"
#include "sandbox/card_form.hpp"
#include "sandbox/invoices.hpp"
#include "sandbox/pages.hpp"
#include "sandbox/payment_methods.hpp"

namespace sandbox {

namespace {
std::string token_of(Settings const& settings, Object const& invoice) {
  return crypto::hex(
      crypto::hmac_sha256(settings.secret_key, "invoice form " + text(invoice, "id")));
}

std::string status_text(std::string const& status, Locale l) {
  if (status == "paid") return std::string{say(l, "Paid", "Pagada")};
  if (status == "open") return std::string{say(l, "Open", "Pendiente")};
  if (status == "void") return std::string{say(l, "Void", "Anulada")};
  if (status == "uncollectible") return std::string{say(l, "Uncollectible", "Incobrable")};
  return std::string{say(l, "Draft", "Borrador")};
}

http::Response show(Engine const& engine, Object const& invoice, CardForm const& form, Locale l,
                    int status) {
  auto const currency = text(invoice, "currency");
  auto const money = [&](std::int64_t amount) { return money::text(amount, currency, l); };
  auto const state = text(invoice, "status");
  std::string body =
      sandbox_banner(l) +
      "<main class=\"checkout\"><section class=\"summary\" aria-labelledby=\"title\">";
  body += fmt::format("<p class=\"merchant\"><span>{}</span></p><h1 id=\"title\">{} {}</h1>",
                      escaped(text(invoice, "account_name")), say(l, "Invoice", "Factura"),
                      escaped(text(invoice, "number")));
  body += fmt::format(
      "<p class=\"amount\">{}</p><p><span class=\"state {}\">{}</span> <span "
      "class=\"quiet\">{}</span></p>",
      money(number(invoice, "amount_due")), state, status_text(state, l),
      day_of(number(invoice, "created"), l));
  body += "<dl class=\"lines\">";
  for (auto const& entry : items(invoice, "lines.data"))
    body += fmt::format("<div><dt>{}<br><span class=\"quiet\">{} – {}</span></dt><dd>{}</dd></div>",
                        escaped(text(entry.as_object(), "description")),
                        day_of(number(entry.as_object(), "period.start"), l),
                        day_of(number(entry.as_object(), "period.end"), l),
                        money(number(entry.as_object(), "amount")));
  if (auto const discount = number(invoice, "subtotal") - number(invoice, "total"); discount > 0)
    body += fmt::format("<div><dt>{}</dt><dd>−{}</dd></div>", say(l, "Discount", "Descuento"),
                        money(discount));
  body += fmt::format(
      "<div class=\"total\"><dt>{}</dt><dd>{}</dd></div></dl><p><a "
      "href=\"{}/pdf\">PDF</a></p></section>",
      say(l, "Amount due", "Importe a pagar"), money(number(invoice, "amount_due")),
      escaped("/i/" + text(invoice, "id")));
  if (state == "open" || state == "uncollectible") {
    body += fmt::format(
        "<section class=\"pay\" aria-labelledby=\"pay-title\"><h2 id=\"pay-title\">{}</h2>",
        say(l, "Payment", "Forma de pago"));
    body += render(form, {.locale = l,
                          .action = "/i/" + text(invoice, "id"),
                          .token = token_of(engine.settings, invoice),
                          .button = fmt::format("{} {}", say(l, "Pay", "Pagar"),
                                                money(number(invoice, "amount_remaining"))),
                          .offers_bank_debit = false});
    body += "</section>";
  } else {
    body += fmt::format(
        "<section class=\"pay\"><h2>{}</h2><p>{}</p></section>", status_text(state, l),
        state == "paid"
            ? say(l, "Thank you. Nothing is left to pay.", "Gracias. No queda nada por pagar.")
            : say(l, "Nothing can be paid here.", "Aquí no se puede pagar nada."));
  }
  body += "</main>";
  return html({.locale = l,
               .title = fmt::format("{} {}", say(l, "Invoice", "Factura"), text(invoice, "number")),
               .body = std::move(body),
               .status = status});
}

void keep_method(Store& store, Object const& invoice, Object& method) {
  auto const customer = store.load("customer", text(invoice, "customer"));
  if (!has(method, "customer")) attach(store, method, customer);
  if (auto subscription = store.find(subscription_of(invoice));
      subscription && !has(*subscription, "ended_at")) {
    subscription->insert_or_assign("default_payment_method", text(method, "id"));
    store.save_and_emit(*subscription, "customer.subscription.updated");
  }
}
}  // namespace

http::Response invoice_page(Engine& engine, db::Connection& connection,
                            http::Request const& request) {
  db::Tx tx{connection};
  Store store{tx, engine.settings, {}};
  if (request.method == "POST") store.lock();
  auto invoice = store.find(request.path_parameter("id"));
  if (!invoice || text(*invoice, "object") != "invoice" || text(*invoice, "status") == "draft")
    return plain_page(404, "There is no such invoice.");
  auto const customer = store.find(text(*invoice, "customer"));
  auto const& wanted = customer ? items(*customer, "preferred_locales") : Array{};
  auto const locale = locale_of(
      wanted.empty() ? std::string_view{} : std::string_view{wanted[0].as_string()}, request);
  if (request.method == "GET") return show(engine, *invoice, {}, locale, 200);

  auto const fields =
      http::parse_form(request.body).value_or(std::vector<std::pair<std::string, std::string>>{});
  auto form = read_card_form(fields);
  form.method = "card";
  bool own = false, only_fills = false;
  for (auto const& [name, value] : fields) {
    if (name == "form_token")
      own = crypto::equal_in_constant_time(value, token_of(engine.settings, *invoice));
    if (name == "fill") only_fills = true;
  }
  auto const address = "/i/" + text(*invoice, "id");
  auto const state = text(*invoice, "status");
  if (!own || (state != "open" && state != "uncollectible")) return see_other(address);
  if (only_fills) return show(engine, *invoice, form, locale, 200);
  if (!check(form, locale, false)) return show(engine, *invoice, form, locale, 422);
  store.follow_clock_of(*invoice);
  auto method = method_of(store, form);
  auto const outcome = pay_invoice(store, *invoice, method, How::customer_present);
  if (outcome == Outcome::succeeded) keep_method(store, *invoice, method);
  auto const intent = intent_of(store, text(*invoice, "id"));
  tx.commit();
  if (store.has_emitted()) engine.deliveries.ring();
  engine.due.ring();
  if (outcome == Outcome::requires_action && intent)
    return see_other("/authenticate/" + text(*intent, "id"));
  if (outcome != Outcome::failed) return see_other(address);
  form.refusal = refusal_text(text(method, "_decline_code"), locale);
  form.card_cvc.clear();
  return show(engine, *invoice, form, locale, 402);
}

http::Response receipt_page(Engine& engine, db::Connection& connection,
                            http::Request const& request) {
  db::Tx tx{connection, db::Mode::autocommit};
  Store store{tx, engine.settings, {}};
  auto const charge = store.find(request.path_parameter("id"));
  if (!charge || text(*charge, "object") != "charge" || !truth(*charge, "paid"))
    return plain_page(404, "There is no such receipt.");
  auto const l = locale_of({}, request);
  auto const method = store.find(text(*charge, "payment_method"));
  auto const amount = money::text(number(*charge, "amount"), text(*charge, "currency"), l);
  auto body =
      sandbox_banner(l) +
      fmt::format(
          "<main class=\"note\"><h1>{}</h1><p class=\"amount\">{}</p><p>{} · {} · {}</p></main>",
          say(l, "Receipt", "Recibo"), amount, escaped(engine.settings.merchant_name),
          day_of(number(*charge, "created"), l),
          method ? escaped(name_of_method(*method)) : std::string{});
  return html(
      {.locale = l, .title = std::string{say(l, "Receipt", "Recibo")}, .body = std::move(body)});
}

http::Response invoice_pdf(Engine& engine, db::Connection& connection,
                           http::Request const& request) {
  db::Tx tx{connection, db::Mode::autocommit};
  Store store{tx, engine.settings, {}};
  auto const invoice = store.find(request.path_parameter("id"));
  if (!invoice || text(*invoice, "object") != "invoice" || !has(*invoice, "number"))
    return plain_page(404, "There is no such invoice.");
  std::string lines =
      fmt::format("({} - Invoice {}) Tj T* (Status: {}) Tj T*", engine.settings.merchant_name,
                  text(*invoice, "number"), text(*invoice, "status"));
  auto const plain = [](std::string text) {
    for (auto& c : text)
      if (c == '(' || c == ')' || c == '\\' || static_cast<unsigned char>(c) > 0x7e ||
          static_cast<unsigned char>(c) < 0x20)
        c = ' ';
    return text;
  };
  auto const currency = text(*invoice, "currency");
  for (auto const& line : items(*invoice, "lines.data"))
    lines += fmt::format(" ({}: {} {}) Tj T*", plain(text(line.as_object(), "description")),
                         number(line.as_object(), "amount"), currency);
  lines += fmt::format(" (Total in minor units: {} {}) Tj", number(*invoice, "total"), currency);
  auto const content = "BT /F1 12 Tf 16 TL 60 780 Td " + lines + " ET";
  std::string const objects[]{
      "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
      "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 4 0 R>>>>/Contents 5 "
      "0 R>>",
      "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
      fmt::format("<</Length {}>>\nstream\n{}\nendstream", content.size(), content)};
  std::string pdf = "%PDF-1.4\n",
              table = fmt::format("xref\n0 {}\n0000000000 65535 f \n", std::size(objects) + 1);
  for (std::size_t i = 0; i < std::size(objects); ++i) {
    table += fmt::format("{:010} 00000 n \n", pdf.size());
    pdf += fmt::format("{} 0 obj\n{}\nendobj\n", i + 1, objects[i]);
  }
  auto const at_table = pdf.size();
  pdf += table + fmt::format("trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{}\n%%EOF\n",
                             std::size(objects) + 1, at_table);
  return {.content_type = "application/pdf", .body = std::move(pdf)};
}

}  // namespace sandbox
