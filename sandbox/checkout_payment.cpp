// What happens when the customer presses "pay": the objects and events come in Stripe's order.
#include "sandbox/checkout.hpp"
#include "sandbox/customers.hpp"
#include "sandbox/payment_methods.hpp"
#include "sandbox/setup_intents.hpp"
#include "sandbox/subscriptions.hpp"
#include "sandbox/tax_ids.hpp"

namespace sandbox {

namespace {
using Result = PaymentAnswer::Result;

Object customer_of(Store& store, Object& session, Buyer const& buyer) {
  if (auto const id = text(session, "customer"); !id.empty()) return store.load("customer", id);
  auto customer = new_customer(store, {});
  customer["email"] = text_or_null(buyer.email);
  customer["name"] = text_or_null(buyer.name);
  if (auto const locale = text(session, "locale"); !locale.empty() && locale != "auto")
    customer["preferred_locales"] = Array{Value(locale)};
  store.insert(customer);
  store.emit("customer.created", customer);
  session["customer"] = text(customer, "id");
  return customer;
}

/// The number of a business is its customer's from now on, and stands on the invoice.
void keep_vat_id(Store& store, Object& session, std::string const& customer, Buyer const& buyer) {
  if (buyer.vat_id.empty()) return;
  Object const entry{{"type", buyer.vat_id.starts_with("GB") ? "gb_vat" : "eu_vat"},
                     {"value", buyer.vat_id}};
  if (!store.newest("tax_id", {{"customer", customer}, {"value", buyer.vat_id}}))
    add_tax_id(store, customer, entry);
  if (session["customer_details"].is_object())
    session["customer_details"].as_object()["tax_ids"] = Array{entry};
}

void complete(Store& store, Object& session, Buyer const& buyer, std::string_view payment_status) {
  auto const now = clock_source::unix_seconds(clock_source::now());
  auto details =
      session["customer_details"].is_object()
          ? session["customer_details"].as_object()
          : Object{{"address", nullptr},         {"business_name", nullptr}, {"email", nullptr},
                   {"individual_name", nullptr}, {"name", nullptr},          {"phone", nullptr},
                   {"tax_exempt", "none"},       {"tax_ids", Array{}}};
  if (!has(details, "email")) details["email"] = text_or_null(buyer.email);
  if (!buyer.name.empty()) details["name"] = buyer.name;
  session["customer_details"] = std::move(details);
  session["status"] = "complete";
  session["payment_status"] = payment_status;
  session["url"] = nullptr;
  session["_completed_at"] = now;
  session.erase("_due");
  session.erase("_pending");
  store.save(session);
  auto const work_time = std::exchange(store.now, now);
  store.emit("checkout.session.completed", session);
  store.now = work_time;
}

/// The decline is written down as a charge that failed; the session can be paid all the same.
PaymentAnswer decline(Store& store, Object& session, Object& method, std::int64_t amount) {
  auto intent = store.find(text(session, "_attempt_intent"));
  if (!intent) {
    intent = new_intent(store, {.amount = amount,
                                .currency = text(session, "currency"),
                                .customer = text(session, "customer")});
    session["_attempt_intent"] = text(*intent, "id");
    store.save(session);
  }
  confirm_intent(store, *intent, method, How::customer_present);
  return {Result::declined, text(method, "_decline_code")};
}

PaymentAnswer subscribe(Store& store, Object& session, Object& method, Buyer const& buyer,
                        How how) {
  auto customer = customer_of(store, session, buyer);
  attach(store, method, customer);
  keep_vat_id(store, session, text(customer, "id"), buyer);
  if (!has(customer, "currency")) {
    customer["currency"] = session["currency"];
    store.save_and_emit(customer, "customer.updated");
  }
  Object parameters = part(session, "_subscription_data");
  Array lines;
  for (auto const& line : items(session, "_line_items")) {
    auto const& price = part(line.as_object(), "price");
    if (text(price, "type") == "recurring") {
      lines.push_back(Object{{"price", text(price, "id")},
                             {"quantity", line.as_object().at("quantity")},
                             {"from_checkout", true}});
      continue;
    }
    insert_invoice_item(store, customer, text(session, "currency"),
                        {.amount = number(line.as_object(), "amount_total"),
                         .quantity = number(line.as_object(), "quantity", 1),
                         .description = text(line.as_object(), "description"),
                         .period_start = store.now,
                         .period_end = store.now,
                         .price = price});
  }
  parameters["items"] = std::move(lines);
  if (auto const* discounts = session.if_contains("_discounts"))
    parameters["discounts"] = *discounts;
  auto const subscription = create_subscription(store, {.customer = customer,
                                                        .parameters = parameters,
                                                        .how = how,
                                                        .method = &method,
                                                        .session = text(session, "id")});
  session["subscription"] = text(subscription, "id");
  session["invoice"] = subscription.at("latest_invoice");
  auto const invoice = store.load("invoice", text(subscription, "latest_invoice"));
  bool const trial = text(subscription, "status") == "trialing";
  complete(store, session, buyer,
           trial                               ? "no_payment_required"
           : text(invoice, "status") == "paid" ? "paid"
                                               : "unpaid");
  return {Result::completed};
}

PaymentAnswer pay_once(Store& store, Object& session, Object& method, Buyer const& buyer, How how) {
  auto const creation = text(session, "customer_creation");
  std::string customer_id = text(session, "customer");
  if (customer_id.empty() && creation == "always")
    customer_id = text(customer_of(store, session, buyer), "id");
  auto const& data = part(session, "_payment_intent_data");
  auto intent = new_intent(store, {.amount = number(session, "amount_total"),
                                   .currency = text(session, "currency"),
                                   .customer = customer_id,
                                   .description = text(data, "description")});
  if (auto const* metadata = data.if_contains("metadata")) intent["metadata"] = *metadata;
  if (auto const usage = text(data, "setup_future_usage"); !usage.empty()) {
    intent["setup_future_usage"] = usage;
    if (!customer_id.empty()) attach(store, method, store.load("customer", customer_id));
  }
  intent["_session"] = text(session, "id");
  store.save(intent);
  auto const outcome = confirm_intent(store, intent, method, how);
  session["payment_intent"] = text(intent, "id");
  complete(store, session, buyer, outcome == Outcome::processing ? "unpaid" : "paid");
  return {Result::completed};
}

PaymentAnswer keep_method(Store& store, Object& session, Object& method, Buyer const& buyer,
                          How how) {
  auto const customer = customer_of(store, session, buyer);
  auto intent = new_setup_intent(store, text(customer, "id"), {});
  if (confirm_setup(store, intent, method, how) == Outcome::failed)
    return {Result::declined, text(method, "_decline_code")};
  session["setup_intent"] = text(intent, "id");
  complete(store, session, buyer, "no_payment_required");
  return {Result::completed};
}
}  // namespace

PaymentAnswer pay_session(Store& store, Object& session, Object& method, Buyer const& buyer,
                          How how) {
  auto const behaviour = Behaviour(number(method, "_behaviour"));
  bool const card = text(method, "type") == "card";
  auto const amount = number(session, "amount_total");
  if (card && behaviour == Behaviour::declines) {
    if (text(session, "mode") == "setup" || amount == 0)
      return {Result::declined, text(method, "_decline_code")};
    return decline(store, session, method, amount);
  }
  bool const asks = behaviour == Behaviour::asks_once || behaviour == Behaviour::asks_always;
  if (card && asks && how != How::authenticated) {
    session["_pending"] = Object{{"method", text(method, "id")},
                                 {"email", buyer.email},
                                 {"name", buyer.name},
                                 {"vat_id", buyer.vat_id}};
    store.save(session);
    return {Result::needs_authentication};
  }
  if (auto attempt = store.find(text(session, "_attempt_intent")))
    cancel_intent(store, *attempt, "abandoned");
  if (how == How::authenticated) {
    method["_authenticated"] = true;
    store.save(method);
  }
  auto const mode = text(session, "mode");
  if (mode == "subscription") return subscribe(store, session, method, buyer, how);
  if (mode == "setup") return keep_method(store, session, method, buyer, how);
  return pay_once(store, session, method, buyer, how);
}

void expire_session(Store& store, Object& session) {
  session.erase("_due");
  if (text(session, "status") == "open") {
    session["status"] = "expired";
    session["url"] = nullptr;
    store.save(session);
    if (auto attempt = store.find(text(session, "_attempt_intent")))
      cancel_intent(store, *attempt, "expired");
    store.emit("checkout.session.expired", session);
  } else {
    store.save(session);
  }
}

void report_late_payment(Store& store, std::string const& session_id, bool succeeded) {
  auto session = store.find(session_id);
  if (!session) return;
  if (succeeded) session->insert_or_assign("payment_status", "paid");
  store.save(*session);
  store.emit(succeeded ? "checkout.session.async_payment_succeeded"
                       : "checkout.session.async_payment_failed",
             *session);
}

}  // namespace sandbox
