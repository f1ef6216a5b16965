#pragma once
// Checkout sessions: what a customer is asked to pay, and what paying makes.
#include "sandbox/charging.hpp"

namespace sandbox {

/// Who pays, as typed on the page.
struct Buyer {
  std::string email, name;
  std::string vat_id = {};  // none typed: empty
};

struct PaymentAnswer {
  enum class Result { completed, declined, needs_authentication } result;
  std::string decline_code = {};
};

/// Pays an open session: makes the customer, the subscription or payment, and completes it. A
/// decline is kept as a failed charge, and the session stays open for another try.
[[nodiscard]] PaymentAnswer pay_session(Store& store, Object& session, Object& method,
                                        Buyer const& buyer, How how);
/// A code typed on the page; throws what Stripe's page would say. The session is saved.
void take_promotion_code(Store& store, Object& session, std::string const& typed);
void drop_promotion_code(Store& store, Object& session);
void expire_session(Store& store, Object& session);
/// A bank debit that was on its way when the session completed has arrived or come back.
void report_late_payment(Store& store, std::string const& session_id, bool succeeded);
/// The success_url with {CHECKOUT_SESSION_ID} filled in.
[[nodiscard]] std::string success_url_of(Object const& session);

}  // namespace sandbox
