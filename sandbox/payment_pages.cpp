// What the official CLI's fixtures call to pay a checkout session without a browser, and the old
// card sources that some of them still make.
#include "sandbox/api.hpp"
#include "sandbox/checkout.hpp"
#include "sandbox/payment_methods.hpp"

namespace sandbox {

namespace {
Object open_session(Call& call) {
  auto session = call.store.load("checkout.session", call.id());
  if (text(session, "status") != "open")
    throw invalid("This Checkout Session has a status of " + text(session, "status") +
                  " and cannot be paid.");
  return session;
}

Object retrieve_page(Call& call) {
  auto const session = open_session(call);
  return {{"id", new_id("ppage_1")},
          {"object", "checkout.session"},
          {"session_id", text(session, "id")},
          {"amount_total", session.at("amount_total")},
          {"currency", session.at("currency")}};
}

Object confirm_page(Call& call) {
  auto session = open_session(call);
  if (has(call.parameters, "expected_amount") &&
      number(call.parameters, "expected_amount") != number(session, "amount_total"))
    throw invalid("The expected amount does not match the amount of the Checkout Session.",
                  "expected_amount");
  auto method = resolve_payment_method(call.store, call.given("payment_method"), "payment_method");
  Buyer const buyer{text(method, "billing_details.email"), text(method, "billing_details.name")};
  auto const answer = pay_session(call.store, session, method, buyer, How::customer_present);
  if (answer.result == PaymentAnswer::Result::declined) {
    auto const refusal = refusal_of(answer.decline_code);
    throw ApiError{402, "card_error", std::string{refusal.message}, refusal.code}
        .with("decline_code", answer.decline_code)
        .keeping_changes();
  }
  return without_private(session);
}

Object create_source(Call& call) {
  auto const* card = card_by_token(call.given("source"));
  if (!card) throw no_such("token", call.given("source"), "source");
  auto const customer = call.store.load("customer", call.id());
  Object source{{"id", new_id("card_1")},
                {"object", "card"},
                {"brand", "Visa"},
                {"country", card->country},
                {"created", call.store.now},
                {"customer", text(customer, "id")},
                {"cvc_check", "pass"},
                {"exp_month", 12},
                {"exp_year", 2034},
                {"funding", card->funding},
                {"last4", card->number.substr(card->number.size() - 4)},
                {"metadata", Object{}},
                {"name", nullptr}};
  call.store.insert(source);
  call.store.emit("customer.source.created", source);
  return source;
}

Object update_source(Call& call) {
  auto source = call.store.load("card", std::string{call.request.path_parameter("source")});
  merge_metadata(source, call.parameters);
  call.store.save_and_emit(source, "customer.source.updated");
  return source;
}
}  // namespace

std::vector<Endpoint> payment_page_endpoints() {
  return {
      {"GET", "/v1/payment_pages/{id}", {}, retrieve_page},
      {"POST",
       "/v1/payment_pages/{id}/confirm",
       {{"payment_method", Kind::text, Need::required}, {"expected_amount", Kind::amount}},
       confirm_page},
  };
}

std::vector<Endpoint> source_endpoints() {
  return {
      {"POST",
       "/v1/customers/{id}/sources",
       {{"source", Kind::text, Need::required}, {"metadata", Kind::metadata}},
       create_source},
      {"POST",
       "/v1/customers/{id}/sources/{source}",
       {{"metadata", Kind::metadata}},
       update_source},
  };
}

}  // namespace sandbox
