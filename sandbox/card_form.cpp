// Works without a script; with one, the test cards fill in at once and digits are grouped.
#include "sandbox/card_form.hpp"

#include <chrono>

#include "platform/text/utf8.hpp"
#include "sandbox/payment_methods.hpp"

namespace sandbox {

namespace {
struct Hint {
  std::string_view number, english, spanish;
};
constexpr Hint hints[]{
    {"4242 4242 4242 4242", "Succeeds", "Se acepta"},
    {"4000 0025 0000 3155", "Asks for 3-D Secure", "Pide 3-D Secure"},
    {"4000 0000 0000 0002", "Is declined", "Se rechaza"},
    {"4000 0000 0000 9995", "Insufficient funds", "Fondos insuficientes"},
    {"4000 0000 0000 0341", "Succeeds now, renewals fail", "Se acepta; fallan las renovaciones"},
};

int current_year() {
  using namespace std::chrono;
  return int(year_month_day{floor<days>(clock_source::now())}.year());
}
int current_month() {
  using namespace std::chrono;
  return int(unsigned(year_month_day{floor<days>(clock_source::now())}.month()));
}

struct Expiry {
  int month = 0, year = 0;
};
/// "12/34", "1234", "12 / 2034".
std::optional<Expiry> expiry_of(std::string_view typed) {
  std::string digits;
  for (char const c : typed) {
    if (c >= '0' && c <= '9')
      digits += c;
    else if (c != ' ' && c != '/' && c != '-')
      return {};
  }
  if (digits.size() != 4 && digits.size() != 6) return {};
  Expiry expiry{std::stoi(digits.substr(0, 2)), std::stoi(digits.substr(2))};
  if (expiry.year < 100) expiry.year += 2000;
  if (expiry.month < 1 || expiry.month > 12) return {};
  return expiry;
}

/// Written without blanks, dots and dashes, in capitals.
std::string vat_id_of(std::string_view typed) {
  std::string out;
  for (char const c : typed)
    if (c >= 'a' && c <= 'z')
      out += char(c - 'a' + 'A');
    else if (c != ' ' && c != '.' && c != '-')
      out += c;
  return out;
}
bool looks_like_vat_id(std::string_view id) {
  auto const is_letter = [](char c) { return c >= 'A' && c <= 'Z'; };
  return id.size() >= 5 && id.size() <= 14 && is_letter(id[0]) && is_letter(id[1]) &&
         std::all_of(id.begin(), id.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

struct Input {
  std::string_view name, label, value, more;
};

std::string field_html(CardForm const& form, Input const& input, bool& focused) {
  auto const wrong = std::find_if(form.errors.begin(), form.errors.end(),
                                  [&](auto const& error) { return error.first == input.name; });
  std::string const described =
      wrong == form.errors.end()
          ? ""
          : fmt::format(" aria-invalid=\"true\" aria-describedby=\"{}-error\"", input.name);
  std::string focus;
  if (wrong != form.errors.end() && !focused) {
    focus = " autofocus";
    focused = true;
  }
  std::string const note = wrong == form.errors.end()
                               ? ""
                               : fmt::format("<p class=\"error\" id=\"{}-error\">{}</p>",
                                             input.name, escaped(wrong->second));
  return fmt::format(
      "<div class=\"field\"><label for=\"{0}\">{1}</label><input id=\"{0}\" name=\"{0}\" "
      "value=\"{2}\"{3}{4}{5}>{6}</div>\n",
      input.name, escaped(input.label), escaped(input.value), input.more, described, focus, note);
}

std::string problems_html(CardForm const& form, Locale locale) {
  if (!form.refusal.empty())
    return fmt::format(
        "<div class=\"problems\" role=\"alert\" id=\"problems\" tabindex=\"-1\"><p>{}</p></div>\n",
        escaped(form.refusal));
  if (form.errors.empty()) return {};
  std::string list;
  for (auto const& [name, sentence] : form.errors)
    list += fmt::format("<li><a href=\"#{}\">{}</a></li>", name, escaped(sentence));
  return fmt::format(
      "<div class=\"problems\" role=\"alert\" id=\"problems\"><p>{}</p><ul>{}</ul></div>\n",
      say(locale, "Please correct the following:", "Corrige lo siguiente:"), list);
}

std::string hints_html(Locale locale) {
  std::string list;
  for (auto const& hint : hints)
    list += fmt::format(
        "<li><button type=\"submit\" name=\"fill\" value=\"{0}\" data-fill=\"{0}\" "
        "formnovalidate><code>{0}</code><span>{1}</span></button></li>",
        hint.number, say(locale, hint.english, hint.spanish));
  return fmt::format(
      "<section class=\"hints\" aria-labelledby=\"hints-title\"><h3 "
      "id=\"hints-title\">{}</h3><ul>{}</ul></section>\n",
      say(locale, "Test cards: press one to fill it in",
          "Tarjetas de prueba: pulsa una para rellenarla"),
      list);
}

std::string choice(std::string_view name, std::string_view value, std::string_view chosen,
                   std::string_view label) {
  return fmt::format(
      "<label class=\"choice\"><input type=\"radio\" name=\"{}\" value=\"{}\"{}> "
      "<span>{}</span></label>\n",
      name, value, value == chosen ? " checked" : "", escaped(label));
}

void check_card(CardForm& form, Locale l) {
  auto const wrong = [&](char const* name, std::string_view english, std::string_view spanish) {
    form.errors.emplace_back(name, say(l, english, spanish));
  };
  auto const digits = card_digits(form.card_number);
  if (!digits || !passes_luhn(*digits))
    wrong("card_number", "The card number is not valid.", "El número de tarjeta no es válido.");
  if (auto const expiry = expiry_of(form.card_expiry); !expiry) {
    wrong("card_expiry", "Type month and year, like 12 / 34.", "Escribe mes y año, como 12 / 34.");
  } else if (expiry->year < current_year() ||
             (expiry->year == current_year() && expiry->month < current_month())) {
    wrong("card_expiry", "The card has expired.", "La tarjeta está caducada.");
  }
  bool const amex = digits && (digits->starts_with("34") || digits->starts_with("37"));
  bool const numeric = form.card_cvc.find_first_not_of("0123456789") == std::string::npos;
  if (!numeric || form.card_cvc.size() != (amex ? 4 : 3))
    wrong("card_cvc", "The security code is incomplete.",
          "El código de seguridad está incompleto.");
}
}  // namespace

std::string render(CardForm const& form, FormLook const& look) {
  auto const l = look.locale;
  bool focused = false;
  std::string email, methods, bank;
  if (look.asks_email)
    email = field_html(form,
                       {"email", say(l, "E-mail", "Correo electrónico"), form.email,
                        " type=\"email\" autocomplete=\"email\" aria-required=\"true\""},
                       focused);
  if (look.offers_bank_debit) {
    methods = fmt::format("<fieldset class=\"methods\"><legend>{}</legend>{}{}</fieldset>\n",
                          say(l, "Pay by", "Pagar con"),
                          choice("method", "card", form.method, say(l, "Card", "Tarjeta")),
                          choice("method", "bank_debit", form.method,
                                 say(l, "Bank debit (takes a while)", "Adeudo bancario (tarda)")));
    bank =
        fmt::format("<fieldset class=\"bank-fields\"><legend>{}</legend>{}{}{}</fieldset>\n",
                    say(l, "What the bank will do", "Qué hará el banco"),
                    choice("bank_result", "succeeds", form.bank_result,
                           say(l, "Pays after a few seconds", "Paga a los pocos segundos")),
                    choice("bank_result", "fails", form.bank_result,
                           say(l, "Refuses after a few seconds", "Rechaza a los pocos segundos")),
                    choice("bank_result", "waits", form.bank_result,
                           say(l, "Leaves us waiting", "Nos hace esperar")));
  }
  std::string card = "<div class=\"card-fields\">\n";
  card += field_html(form,
                     {"card_number", say(l, "Card number", "Número de tarjeta"), form.card_number,
                      " inputmode=\"numeric\" autocomplete=\"cc-number\" placeholder=\"1234 1234 "
                      "1234 1234\" maxlength=\"23\" aria-required=\"true\""},
                     focused);
  card += "<div class=\"pair\">";
  card += field_html(
      form,
      {"card_expiry", say(l, "Expires MM/YY", "Caduca MM/AA"), form.card_expiry,
       " inputmode=\"numeric\" autocomplete=\"cc-exp\" placeholder=\"12 / 34\" maxlength=\"9\" "
       "aria-required=\"true\""},
      focused);
  card += field_html(form,
                     {"card_cvc", "CVC", form.card_cvc,
                      " inputmode=\"numeric\" autocomplete=\"cc-csc\" placeholder=\"123\" "
                      "maxlength=\"4\" aria-required=\"true\""},
                     focused);
  card += "</div>";
  card += "</div>\n";
  auto const name = field_html(
      form,
      {"cardholder_name", say(l, "Name of the holder", "Nombre del titular"), form.cardholder_name,
       " autocomplete=\"cc-name\" maxlength=\"120\" aria-required=\"true\""},
      focused);
  std::string vat_id;
  if (look.asks_vat_id)
    vat_id = field_html(
        form,
        {"vat_id", say(l, "VAT ID, if you buy as a business", "NIF-IVA, si eres una empresa"),
         form.vat_id, " autocomplete=\"off\" maxlength=\"20\""},
        focused);
  return problems_html(form, l) +
         fmt::format(
             "<form class=\"payment\" method=\"post\" action=\"{}\" novalidate>\n<input "
             "type=\"hidden\" name=\"form_token\" value=\"{}\">\n"
             "{}{}{}{}{}{}<button id=\"pay\" class=\"primary\" type=\"submit\" name=\"pay\" "
             "value=\"1\">{}</button>\n{}</form>\n",
             escaped(look.action), escaped(look.token), email, methods, bank, card, name, vat_id,
             escaped(look.button), hints_html(l));
}

CardForm read_card_form(std::vector<std::pair<std::string, std::string>> const& fields) {
  CardForm form;
  for (auto const& [name, value] : fields) {
    auto const kept = std::string{utf8::first(value, 200)};
    if (name == "email") form.email = kept;
    if (name == "card_number") form.card_number = kept;
    if (name == "card_expiry") form.card_expiry = kept;
    if (name == "card_cvc") form.card_cvc = kept;
    if (name == "cardholder_name") form.cardholder_name = kept;
    if (name == "method") form.method = kept;
    if (name == "bank_result") form.bank_result = kept;
    if (name == "vat_id") form.vat_id = vat_id_of(kept);
  }
  for (auto const& [name, value] : fields)
    if (name == "fill") {
      form.method = "card";
      form.card_number = utf8::first(value, 23);
      form.card_expiry = fmt::format("12 / {:02}", (current_year() + 4) % 100);
      form.card_cvc = "123";
      if (form.cardholder_name.empty()) form.cardholder_name = "Jenny Rosen";
    }
  return form;
}

bool check(CardForm& form, Locale l, bool asks_email) {
  form.errors.clear();
  auto const wrong = [&](char const* name, std::string_view english, std::string_view spanish) {
    form.errors.emplace_back(name, say(l, english, spanish));
  };
  if (asks_email) {
    auto const at_sign = form.email.find('@');
    if (at_sign == std::string::npos || at_sign == 0 ||
        form.email.find('.', at_sign) == std::string::npos ||
        form.email.find(' ') != std::string::npos)
      wrong("email", "Type an e-mail address, like name@example.com.",
            "Escribe un correo electrónico, como nombre@ejemplo.com.");
  }
  if (form.by_card()) check_card(form, l);
  if (form.cardholder_name.find_first_not_of(' ') == std::string::npos)
    wrong("cardholder_name", "Type the name of the holder.", "Escribe el nombre del titular.");
  if (!form.vat_id.empty() && !looks_like_vat_id(form.vat_id))
    wrong("vat_id", "Type a VAT ID with its country, like ESB12345678.",
          "Escribe un NIF-IVA con su país, como ESB12345678.");
  return form.errors.empty();
}

Object method_of(Store& store, CardForm const& form) {
  Object const billing{{"email", form.email}, {"name", form.cardholder_name}};
  if (!form.by_card()) {
    auto method =
        new_bank_account(store, "DE89370400440532013000", form.bank_result == "fails", billing);
    if (form.bank_result == "waits") {
      method["_waits"] = true;
      store.save(method);
    }
    return method;
  }
  auto const digits = *card_digits(form.card_number);
  auto const expiry = *expiry_of(form.card_expiry);
  auto const* known = card_by_number(digits);
  return new_card(store, known ? *known : card_like(digits), expiry.month, expiry.year, billing);
}

std::string refusal_text(std::string_view decline_code, Locale l) {
  if (l == Locale::en && decline_code == "authentication_failed")
    return "The payment was not confirmed with the bank. No money was taken.";
  if (l == Locale::en)
    return std::string{refusal_of(decline_code).message} + " No money was taken. Try another card.";
  if (decline_code == "insufficient_funds")
    return "La tarjeta no tiene fondos suficientes. No se ha cobrado nada. Prueba con otra "
           "tarjeta.";
  if (decline_code == "expired_card")
    return "La tarjeta está caducada. No se ha cobrado nada. Prueba con otra tarjeta.";
  if (decline_code == "incorrect_cvc")
    return "El código de seguridad no es correcto. No se ha cobrado nada.";
  if (decline_code == "processing_error")
    return "El banco no pudo procesar la tarjeta. No se ha cobrado nada. Inténtalo de nuevo.";
  if (decline_code == "authentication_failed")
    return "No se confirmó el pago con el banco. No se ha cobrado nada.";
  return "El banco ha rechazado la tarjeta. No se ha cobrado nada. Prueba con otra tarjeta.";
}

}  // namespace sandbox
