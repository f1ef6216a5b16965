#pragma once
// Taking money: one payment intent, one payment method, one attempt.
#include "sandbox/store.hpp"

namespace sandbox {

enum class How {
  customer_present,  // at the checkout or on the invoice's page
  off_session,       // in the customer's absence: renewals, API calls
  authenticated,     // the customer has just confirmed with the bank
};

enum class Outcome { succeeded, failed, requires_action, processing };

struct IntentPlan {
  std::int64_t amount;
  std::string currency, customer, description;
  Array payment_method_types = {"card"};
};

/// A new payment intent, inserted, with payment_intent.created.
[[nodiscard]] Object new_intent(Store& store, IntentPlan const& plan);

/// Makes the attempt: a charge, the intent's new state and their events; then settles the invoice
/// that the intent belongs to. Both objects are saved.
Outcome confirm_intent(Store& store, Object& intent, Object& method, How how);
/// A bank debit on its way has arrived or come back; without `fails` its account decides.
void finish_processing(Store& store, Object& intent, std::optional<bool> fails = {});
void cancel_intent(Store& store, Object& intent, std::string_view reason);

/// The 402 of a failed attempt, from the intent's last_payment_error.
[[nodiscard]] ApiError card_error_of(Object const& intent);

}  // namespace sandbox
