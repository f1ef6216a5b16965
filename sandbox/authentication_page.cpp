// The bank's question, simulated: two buttons.
#include "platform/crypto/crypto.hpp"
#include "sandbox/charging.hpp"
#include "sandbox/pages.hpp"
#include "sandbox/setup_intents.hpp"
#include "sandbox/subscriptions.hpp"

namespace sandbox {

namespace {
std::string token_of(Object const& intent) {
  return crypto::hex(crypto::sha256("form " + text(intent, "client_secret")));
}

/// Where the customer goes afterwards.
std::string target_of(Object const& intent) {
  if (auto const url = text(intent, "_return_url"); !url.empty())
    return url + (url.find('?') == url.npos ? "?" : "&") + "payment_intent=" + text(intent, "id");
  if (has(intent, "_invoice")) return "/i/" + text(intent, "_invoice");
  return {};
}

void refuse(Store& store, Object& intent) {
  bool const payment = text(intent, "object") == "payment_intent";
  auto const method = store.find(text(intent, "_method"));
  intent["status"] = "requires_payment_method";
  intent["next_action"] = nullptr;
  intent["payment_method"] = nullptr;
  intent[payment ? "last_payment_error" : "last_setup_error"] =
      Object{{"code", payment ? "payment_intent_authentication_failure"
                              : "setup_intent_authentication_failure"},
             {"message",
              "We are unable to authenticate your payment method. Please choose a different "
              "payment method and try again."},
             {"payment_method", method ? Value(without_private(*method)) : Value(nullptr)},
             {"type", "invalid_request_error"}};
  store.save(intent);
  store.emit(payment ? "payment_intent.payment_failed" : "setup_intent.setup_failed", intent);
  if (has(intent, "_invoice")) settle_invoice(store, intent, Outcome::failed);
}
}  // namespace

http::Response authentication_page(Question const& question) {
  auto const l = question.locale;
  auto const sentence =
      question.amount.empty()
          ? fmt::format(
                "{} {}?",
                say(l, "Do you let your card be kept by", "¿Permites que guarde tu tarjeta"),
                escaped(question.merchant))
          : fmt::format("{} {} {} {}?",
                        say(l, "Do you approve the payment of", "¿Autorizas el pago de"),
                        question.amount, say(l, "to", "a"), escaped(question.merchant));
  auto body =
      sandbox_banner(l) +
      fmt::format(
          "<main class=\"note bank\"><p class=\"quiet\">3-D Secure</p><h1>{}</h1><p>{}</p>"
          "<form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"form_token\" "
          "value=\"{}\">"
          "<button class=\"primary\" id=\"approve\" name=\"decision\" value=\"approve\">{}</button>"
          "<button id=\"refuse\" name=\"decision\" value=\"refuse\">{}</button></form></main>",
          say(l, "Your bank asks you to confirm", "Tu banco te pide que confirmes"), sentence,
          escaped(question.action), escaped(question.token), say(l, "Approve", "Autorizar"),
          say(l, "Fail authentication", "Rechazar"));
  return html({.locale = l,
               .title = std::string{say(l, "Confirm with your bank", "Confirma con tu banco")},
               .body = std::move(body),
               .form_targets = {question.form_target}});
}

http::Response intent_authentication(Engine& engine, db::Connection& connection,
                                     http::Request const& request) {
  db::Tx tx{connection};
  Store store{tx, engine.settings, {}};
  store.lock();
  auto intent = store.find(request.path_parameter("id"));
  if (!intent ||
      (text(*intent, "object") != "payment_intent" && text(*intent, "object") != "setup_intent"))
    return plain_page(404, "There is nothing to confirm here.");
  auto const target = target_of(*intent);
  if (text(*intent, "status") != "requires_action")
    return target.empty()
               ? plain_page(200, "This is settled; there is nothing to confirm any more.")
               : see_other(target);
  auto const locale = locale_of({}, request);
  if (request.method == "GET")
    return authentication_page(
        {.locale = locale,
         .merchant = engine.settings.merchant_name,
         .amount = has(*intent, "amount")
                       ? money::text(number(*intent, "amount"), text(*intent, "currency"), locale)
                       : std::string{},
         .action = request.path,
         .token = token_of(*intent),
         .form_target = target});
  auto const fields =
      http::parse_form(request.body).value_or(std::vector<std::pair<std::string, std::string>>{});
  std::string token, decision;
  for (auto const& [name, value] : fields) {
    if (name == "form_token") token = value;
    if (name == "decision") decision = value;
  }
  if (!crypto::equal_in_constant_time(token, token_of(*intent))) return see_other(request.path);
  store.follow_clock_of(*intent);
  if (decision == "approve") {
    auto method = store.load("payment_method", text(*intent, "_method"));
    if (text(*intent, "object") == "payment_intent")
      confirm_intent(store, *intent, method, How::authenticated);
    else
      confirm_setup(store, *intent, method, How::authenticated);
  } else {
    refuse(store, *intent);
  }
  tx.commit();
  if (store.has_emitted()) engine.deliveries.ring();
  engine.due.ring();
  return target.empty()
             ? plain_page(200, decision == "approve" ? "Confirmed. You may close this page."
                                                     : "Not confirmed. You may close this page.")
             : see_other(target);
}

}  // namespace sandbox
