// GET /c/pay/{id}: what is bought on one side, the payment on the other. Everything a decision
// needs is read again inside the transaction that pays.
#include "sandbox/checkout_page.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/text/utf8.hpp"
#include "sandbox/card_form.hpp"
#include "sandbox/checkout.hpp"
#include "sandbox/pages.hpp"

namespace sandbox {

namespace {
std::string money(Object const& session, std::int64_t amount, Locale locale) {
  return money::text(amount, text(session, "currency"), locale);
}

std::string every(Object const& price, Locale l) {
  auto const unit = text(price, "recurring.interval");
  auto const count = number(price, "recurring.interval_count", 1);
  if (unit.empty()) return {};
  struct Words {
    std::string_view unit, one_en, many_en, one_es, many_es;
  };
  static constexpr Words words[]{{"day", "per day", "days", "al día", "días"},
                                 {"week", "per week", "weeks", "a la semana", "semanas"},
                                 {"month", "per month", "months", "al mes", "meses"},
                                 {"year", "per year", "years", "al año", "años"}};
  for (auto const& word : words)
    if (word.unit == unit)
      return count == 1 ? std::string{say(l, word.one_en, word.one_es)}
                        : fmt::format("{} {} {}", say(l, "every", "cada"), count,
                                      say(l, word.many_en, word.many_es));
  return {};
}

/// How long today's price holds: a discount may end before the subscription does.
std::string price_after_discount(Object const& session, std::string const& later,
                                 std::string const& rhythm, Locale l) {
  auto const months = number(session, "_discount_months");
  if (months == 0) return fmt::format("{} {} {}", say(l, "Then", "Después"), later, rhythm);
  return fmt::format("{} {} {}, {} {} {}", say(l, "For", "Durante"), months,
                     months == 1 ? say(l, "month", "mes") : say(l, "months", "meses"),
                     say(l, "then", "después"), later, rhythm);
}

/// The form for a promotion code, or the one that is taken.
std::string code_html(Object const& session, Locale l) {
  auto const form = fmt::format(
      "<form class=\"code\" method=\"post\" action=\"/c/pay/{}\"><input type=\"hidden\" "
      "name=\"form_token\" value=\"{}\">",
      text(session, "id"), escaped(text(session, "_form_token")));
  if (!items(session, "_discounts").empty())
    return form + fmt::format(
                      "<button class=\"link\" type=\"submit\" name=\"drop_code\" "
                      "value=\"1\">{}</button></form>\n",
                      say(l, "Take the code off again", "Quitar el código"));
  return form + fmt::format(
                    "<div class=\"field\"><label for=\"promotion_code\">{}</label><input "
                    "id=\"promotion_code\" name=\"promotion_code\" autocomplete=\"off\" "
                    "maxlength=\"100\"></div><button type=\"submit\" name=\"apply_code\" "
                    "value=\"1\">{}</button></form>\n",
                    say(l, "Promotion code", "Código promocional"), say(l, "Apply", "Aplicar"));
}

std::string summary_html(Engine const& engine, Object const& session, Locale l) {
  auto const& lines = items(session, "_line_items");
  auto const cancel = text(session, "cancel_url");
  std::string out = "<section class=\"summary\" aria-labelledby=\"title\">\n<p class=\"merchant\">";
  if (!cancel.empty())
    out += fmt::format("<a id=\"cancel\" href=\"{}\"><span aria-hidden=\"true\">←</span> {}</a> ",
                       escaped(cancel), say(l, "Back", "Volver"));
  out += fmt::format("<span>{}</span></p>\n", escaped(engine.settings.merchant_name));
  auto const mode = text(session, "mode");
  if (mode == "setup") {
    out += fmt::format("<h1 id=\"title\">{}</h1>\n<p>{}</p></section>\n",
                       say(l, "Save a payment method", "Guardar una forma de pago"),
                       say(l, "Nothing is charged now.", "Ahora no se cobra nada."));
    return out;
  }
  auto const& first = lines[0].as_object();
  auto const what = lines.size() == 1
                        ? text(first, "description")
                        : fmt::format("{} {}", lines.size(), say(l, "items", "artículos"));
  out += fmt::format(
      "<h1 id=\"title\">{} {}</h1>\n",
      mode == "subscription" ? say(l, "Subscribe to", "Suscribirse a") : say(l, "Pay for", "Pagar"),
      escaped(what));
  auto const trial_days = number(session, "_subscription_data.trial_period_days");
  bool const trial = has(session, "_subscription_data.trial_period_days") ||
                     has(session, "_subscription_data.trial_end");
  std::int64_t later = 0;
  for (auto const& line : lines)
    if (text(line.as_object(), "price.type") == "recurring")
      later += number(line.as_object(), "amount_total");
  auto const rhythm = every(part(first, "price"), l);
  if (trial) {
    out += fmt::format("<p class=\"amount\">{}</p>\n",
                       trial_days == 1 ? std::string{say(l, "1 day free", "1 día gratis")}
                       : trial_days
                           ? fmt::format("{} {}", trial_days, say(l, "days free", "días gratis"))
                           : std::string{say(l, "Free for now", "Gratis por ahora")});
    out += fmt::format("<p>{} {} {}</p>\n", say(l, "Then", "Después"), money(session, later, l),
                       rhythm);
  } else {
    bool const ends = mode == "subscription" && has(session, "_discount_months");
    out += fmt::format("<p class=\"amount\">{} <small>{}</small></p>\n",
                       money(session, number(session, "amount_total"), l),
                       mode != "subscription" ? std::string{}
                       : ends && number(session, "_discount_months") == 0
                           ? std::string{say(l, "today", "hoy")}
                           : rhythm);
    if (ends)
      out += fmt::format("<p id=\"after-discount\">{}</p>\n",
                         price_after_discount(session, money(session, later, l), rhythm, l));
  }
  out += "<dl class=\"lines\">\n";
  for (auto const& entry : lines) {
    auto const& line = entry.as_object();
    auto const quantity = number(line, "quantity", 1);
    auto const own = every(part(line, "price"), l);
    out +=
        fmt::format("<div><dt>{}{}{}</dt><dd>{}</dd></div>\n", escaped(text(line, "description")),
                    quantity > 1 ? fmt::format(" <span class=\"quiet\">× {}</span>", quantity) : "",
                    own.empty() ? "" : fmt::format("<br><span class=\"quiet\">{}</span>", own),
                    money(session, number(line, "amount_total"), l));
  }
  if (auto const discount = number(session, "total_details.amount_discount"); discount > 0)
    out += fmt::format("<div><dt>{}</dt><dd>−{}</dd></div>\n", say(l, "Discount", "Descuento"),
                       money(session, discount, l));
  out += fmt::format("<div class=\"total\"><dt>{}</dt><dd>{}</dd></div>\n</dl></section>\n",
                     say(l, "Total due today", "Total a pagar hoy"),
                     money(session, number(session, "amount_total"), l));
  if (truth(session, "allow_promotion_codes"))
    out.insert(out.rfind("</section>"), code_html(session, l));
  return out;
}

std::string button_text(Object const& session, Locale l) {
  auto const mode = text(session, "mode");
  auto const amount = number(session, "amount_total");
  if (mode == "setup") return std::string{say(l, "Save", "Guardar")};
  if (amount == 0 && number(session, "total_details.amount_discount") == 0)
    return std::string{say(l, "Start trial", "Empezar la prueba")};
  if (mode == "subscription")
    return fmt::format("{} {}", say(l, "Subscribe and pay", "Suscribirse y pagar"),
                       money(session, amount, l));
  return fmt::format("{} {}", say(l, "Pay", "Pagar"), money(session, amount, l));
}

bool asks_email(Object const& session) {
  return !has(session, "customer") && !has(session, "customer_email") &&
         !has(session, "customer_details.email");
}

http::Response form_page(Engine const& engine, Object const& session, CardForm const& form,
                         Locale l, int status) {
  std::string known;
  if (auto email = text(session, "customer_email");
      !email.empty() || !(email = text(session, "customer_details.email")).empty())
    known = fmt::format("<p class=\"known\"><span class=\"quiet\">{}</span> {}</p>\n",
                        say(l, "E-mail", "Correo"), escaped(email));
  auto const& types = items(session, "payment_method_types");
  bool const bank = std::any_of(types.begin(), types.end(),
                                [](Value const& type) { return type.as_string() == "sepa_debit"; });
  FormLook const look{.locale = l,
                      .action = "/c/pay/" + text(session, "id"),
                      .token = text(session, "_form_token"),
                      .button = button_text(session, l),
                      .asks_email = asks_email(session),
                      .asks_vat_id = truth(session, "tax_id_collection.enabled"),
                      .offers_bank_debit = bank && text(session, "mode") != "setup" &&
                                           number(session, "amount_total") > 0};
  auto const wrong = !form.errors.empty() || !form.refusal.empty();
  auto const title = fmt::format("{}{} · {}", wrong ? say(l, "Error: ", "Error: ") : "",
                                 say(l, "Checkout", "Pago"), engine.settings.merchant_name);
  auto body =
      sandbox_banner(l) + "<main class=\"checkout\">\n" + summary_html(engine, session, l) +
      fmt::format(
          "<section class=\"pay\" aria-labelledby=\"pay-title\">\n<h2 id=\"pay-title\">{}</h2>\n",
          say(l, "Payment", "Forma de pago")) +
      known + render(form, look) + "</section>\n</main>";
  return html({.locale = l,
               .title = title,
               .body = std::move(body),
               .form_targets = {text(session, "success_url")},
               .status = status});
}

http::Response closed_page(Engine const& engine, Object const& session, Locale l) {
  bool const complete = text(session, "status") == "complete";
  auto const back = complete ? success_url_of(session) : text(session, "cancel_url");
  std::string link;
  if (!back.empty())
    link = fmt::format("<p><a class=\"primary\" href=\"{}\">{}</a></p>", escaped(back),
                       complete ? say(l, "Continue", "Continuar")
                                : say(l, "Back to the shop", "Volver a la tienda"));
  auto const heading = complete ? say(l, "This is already paid", "Esto ya está pagado")
                                : say(l, "This checkout has expired", "Este pago ha caducado");
  auto const sentence = complete ? say(l, "The checkout was completed; nothing is charged twice.",
                                       "El pago se completó; no se cobra dos veces.")
                                 : say(l, "Nothing was charged. Go back and start again.",
                                       "No se ha cobrado nada. Vuelve y empieza de nuevo.");
  return html(
      {.locale = l,
       .title = fmt::format("{} · {}", heading, engine.settings.merchant_name),
       .body = sandbox_banner(l) + fmt::format("<main class=\"note\"><h1>{}</h1><p>{}</p>{}</main>",
                                               heading, sentence, link),
       .status = complete ? 200 : 410});
}

struct Session {
  std::optional<Object> object;
  Locale locale = Locale::en;
};

Session session_of(Store& store, http::Request const& request) {
  auto object = store.find(request.path_parameter("id"));
  if (!object || text(*object, "object") != "checkout.session") return {};
  auto const locale = locale_of(text(*object, "locale"), request);
  return {std::move(object), locale};
}

/// The token of the form and a same-origin Origin: nobody else's page can post here.
bool is_own_form(Object const& session,
                 std::vector<std::pair<std::string, std::string>> const& fields) {
  for (auto const& [name, value] : fields)
    if (name == "form_token")
      return crypto::equal_in_constant_time(value, text(session, "_form_token"));
  return false;
}

http::Response pay(Engine& engine, db::Connection& connection, http::Request const& request) {
  auto const fields =
      http::parse_form(request.body).value_or(std::vector<std::pair<std::string, std::string>>{});
  auto form = read_card_form(fields);
  bool const only_fills = std::any_of(fields.begin(), fields.end(),
                                      [](auto const& field) { return field.first == "fill"; });
  db::Tx tx{connection};
  Store store{tx, engine.settings, {}};
  store.lock();
  auto [session, locale] = session_of(store, request);
  if (!session) return plain_page(404, "There is no such checkout session.");
  if (text(*session, "status") == "complete") return see_other(success_url_of(*session));
  if (text(*session, "status") != "open") return closed_page(engine, *session, locale);
  if (!is_own_form(*session, fields)) {
    form.refusal = say(locale, "The form was out of date. Please try again.",
                       "El formulario había caducado. Inténtalo de nuevo.");
    return form_page(engine, *session, form, locale, 403);
  }
  auto const field = [&](std::string_view name) -> std::optional<std::string> {
    for (auto const& [other, value] : fields)
      if (other == name) return std::string{utf8::first(value, 100)};
    return {};
  };
  bool const takes_code = field("apply_code") && truth(*session, "allow_promotion_codes");
  if (takes_code || field("drop_code")) {
    try {
      if (takes_code)
        take_promotion_code(store, *session, field("promotion_code").value_or(""));
      else
        drop_promotion_code(store, *session);
    } catch (ApiError const&) {
      form.refusal = say(locale, "This code is not valid. It may have expired.",
                         "Este código no es válido. Puede haber caducado.");
      return form_page(engine, *session, form, locale, 422);
    }
    tx.commit();
    return see_other("/c/pay/" + text(*session, "id"));
  }
  if (only_fills) return form_page(engine, *session, form, locale, 200);
  if (!check(form, locale, asks_email(*session)))
    return form_page(engine, *session, form, locale, 422);
  if (auto const id = text(*session, "customer"); !id.empty())
    if (auto const customer = store.find(id)) store.follow_clock_of(*customer);
  auto method = method_of(store, form);
  Buyer buyer{form.email, form.cardholder_name, form.vat_id};
  if (has(*session, "customer_email")) buyer.email = text(*session, "customer_email");
  auto const answer = pay_session(store, *session, method, buyer, How::customer_present);
  tx.commit();
  if (store.has_emitted()) engine.deliveries.ring();
  engine.due.ring();
  if (answer.result == PaymentAnswer::Result::completed) return see_other(success_url_of(*session));
  if (answer.result == PaymentAnswer::Result::needs_authentication)
    return see_other("/c/pay/" + text(*session, "id") + "/authenticate");
  form.refusal = refusal_text(answer.decline_code, locale);
  form.card_cvc.clear();
  return form_page(engine, *session, form, locale, 402);
}
}  // namespace

http::Response checkout_page(Engine& engine, db::Connection& connection,
                             http::Request const& request) {
  if (request.method == "POST") return pay(engine, connection, request);
  db::Tx tx{connection, db::Mode::autocommit};
  Store store{tx, engine.settings, {}};
  auto const [session, locale] = session_of(store, request);
  if (!session) return plain_page(404, "There is no such checkout session.");
  if (text(*session, "status") != "open") return closed_page(engine, *session, locale);
  CardForm form;
  if (auto const& types = items(*session, "payment_method_types");
      !types.empty() && types[0].as_string() == "sepa_debit")
    form.method = "bank_debit";
  return form_page(engine, *session, form, locale, 200);
}

http::Response checkout_authentication(Engine& engine, db::Connection& connection,
                                       http::Request const& request) {
  db::Tx tx{connection};
  Store store{tx, engine.settings, {}};
  store.lock();
  auto [session, locale] = session_of(store, request);
  if (!session) return plain_page(404, "There is no such checkout session.");
  if (text(*session, "status") == "complete") return see_other(success_url_of(*session));
  auto const back = "/c/pay/" + text(*session, "id");
  auto const pending = part(*session, "_pending");
  if (text(*session, "status") != "open" || pending.empty()) return see_other(back);
  if (request.method == "GET")
    return authentication_page(
        {.locale = locale,
         .merchant = engine.settings.merchant_name,
         .amount = has(*session, "amount_total")
                       ? money(*session, number(*session, "amount_total"), locale)
                       : std::string{},
         .action = back + "/authenticate",
         .token = text(*session, "_form_token"),
         .form_target = text(*session, "success_url")});
  auto const fields =
      http::parse_form(request.body).value_or(std::vector<std::pair<std::string, std::string>>{});
  if (!is_own_form(*session, fields)) return see_other(back + "/authenticate");
  bool const approved =
      std::find(fields.begin(), fields.end(),
                std::pair<std::string, std::string>{"decision", "approve"}) != fields.end();
  Buyer const buyer{text(pending, "email"), text(pending, "name"), text(pending, "vat_id")};
  session->erase("_pending");
  if (!approved) {
    store.save(*session);
    tx.commit();
    CardForm form{.email = buyer.email, .cardholder_name = buyer.name};
    form.refusal = refusal_text("authentication_failed", locale);
    return form_page(engine, *session, form, locale, 402);
  }
  auto method = store.load("payment_method", text(pending, "method"));
  if (auto const id = text(*session, "customer"); !id.empty())
    if (auto const customer = store.find(id)) store.follow_clock_of(*customer);
  (void)pay_session(store, *session, method, buyer, How::authenticated);
  tx.commit();
  if (store.has_emitted()) engine.deliveries.ring();
  engine.due.ring();
  return see_other(success_url_of(*session));
}

}  // namespace sandbox
