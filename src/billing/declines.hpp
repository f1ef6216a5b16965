#pragma once
// Why banks refuse, by Stripe's decline codes, and what to do then.
// https://docs.stripe.com/declines/codes
#include <array>
#include <string>
#include <string_view>

#include "platform/types/fields.hpp"

namespace billing {

/// What whoever looks at a failed payment does about it.
enum class Advice {
  wait,          // it passes by itself: Stripe tries again
  try_again,     // it passes by itself, and nobody tries again
  other_method,  // this one will not be charged any more
  ask_bank,      // which does not say why
  confirm,       // the customer confirms it, on the invoice's page
  correct,       // the customer enters the card once more
  look,          // whether it was paid already
  risk,          // we, or Stripe for us, refuse it: staff look at it there
  customer,      // who has stopped it
};
constexpr auto names_of(Advice) {
  return std::array<std::string_view, 9>{"wait",     "try_again", "other_method",
                                         "ask_bank", "confirm",   "correct",
                                         "look",     "risk",      "customer"};
}

enum class DeclineCode {
  account_closed,
  approve_with_id,
  authentication_not_handled,
  authentication_required,
  bank_account_restricted,
  call_issuer,
  card_declined,
  card_not_supported,
  card_velocity_exceeded,
  could_not_process,
  currency_not_supported,
  debit_not_authorized,
  do_not_honor,
  do_not_try_again,
  duplicate_transaction,
  elevated_risk_level,
  expired_card,
  fraudulent,
  generic_decline,
  highest_risk_level,
  incorrect_address,
  incorrect_cvc,
  incorrect_number,
  incorrect_pin,
  incorrect_zip,
  insufficient_funds,
  invalid_account,
  invalid_amount,
  invalid_cvc,
  invalid_expiry_month,
  invalid_expiry_year,
  invalid_number,
  invalid_pin,
  issuer_not_available,
  lost_card,
  merchant_blacklist,
  mobile_device_authentication_required,
  new_account_information_available,
  no_account,
  no_action_taken,
  not_permitted,
  offline_pin_required,
  online_or_offline_pin_required,
  pickup_card,
  pin_try_exceeded,
  processing_error,
  reenter_transaction,
  refer_to_customer,
  restricted_card,
  revocation_of_all_authorizations,
  revocation_of_authorization,
  rule,
  security_violation,
  service_not_allowed,
  stolen_card,
  stop_payment_order,
  testmode_decline,
  transaction_not_allowed,
  try_again_later,
  withdrawal_count_limit_exceeded,
  other,  // none that we know
};
constexpr auto names_of(DeclineCode) {
  return std::array<std::string_view, 61>{"account_closed",
                                          "approve_with_id",
                                          "authentication_not_handled",
                                          "authentication_required",
                                          "bank_account_restricted",
                                          "call_issuer",
                                          "card_declined",
                                          "card_not_supported",
                                          "card_velocity_exceeded",
                                          "could_not_process",
                                          "currency_not_supported",
                                          "debit_not_authorized",
                                          "do_not_honor",
                                          "do_not_try_again",
                                          "duplicate_transaction",
                                          "elevated_risk_level",
                                          "expired_card",
                                          "fraudulent",
                                          "generic_decline",
                                          "highest_risk_level",
                                          "incorrect_address",
                                          "incorrect_cvc",
                                          "incorrect_number",
                                          "incorrect_pin",
                                          "incorrect_zip",
                                          "insufficient_funds",
                                          "invalid_account",
                                          "invalid_amount",
                                          "invalid_cvc",
                                          "invalid_expiry_month",
                                          "invalid_expiry_year",
                                          "invalid_number",
                                          "invalid_pin",
                                          "issuer_not_available",
                                          "lost_card",
                                          "merchant_blacklist",
                                          "mobile_device_authentication_required",
                                          "new_account_information_available",
                                          "no_account",
                                          "no_action_taken",
                                          "not_permitted",
                                          "offline_pin_required",
                                          "online_or_offline_pin_required",
                                          "pickup_card",
                                          "pin_try_exceeded",
                                          "processing_error",
                                          "reenter_transaction",
                                          "refer_to_customer",
                                          "restricted_card",
                                          "revocation_of_all_authorizations",
                                          "revocation_of_authorization",
                                          "rule",
                                          "security_violation",
                                          "service_not_allowed",
                                          "stolen_card",
                                          "stop_payment_order",
                                          "testmode_decline",
                                          "transaction_not_allowed",
                                          "try_again_later",
                                          "withdrawal_count_limit_exceeded",
                                          "other"};
}

/// Stripe's hard declines: the same method is never charged again by itself.
[[nodiscard]] bool is_hard(std::string_view code);
/// `tries_again`: Stripe will, by itself.
[[nodiscard]] Advice advice_for(std::string_view code, bool tries_again);

// The same in SQL, of a text that holds a code or is null.
[[nodiscard]] std::string hard_sql(std::string_view code);
[[nodiscard]] std::string advice_sql(std::string_view code, std::string_view tries_again);

}  // namespace billing
