#include "billing/declines.hpp"

#include <algorithm>
#include <span>

namespace billing {

namespace {
constexpr std::string_view wait_codes[]{
    "approve_with_id",     "card_velocity_exceeded", "could_not_process",
    "insufficient_funds",  "issuer_not_available",   "processing_error",
    "reenter_transaction", "try_again_later",        "withdrawal_count_limit_exceeded"};
constexpr std::string_view other_method_codes[]{"account_closed",
                                                "bank_account_restricted",
                                                "card_not_supported",
                                                "currency_not_supported",
                                                "do_not_try_again",
                                                "expired_card",
                                                "invalid_account",
                                                "lost_card",
                                                "new_account_information_available",
                                                "no_account",
                                                "offline_pin_required",
                                                "online_or_offline_pin_required",
                                                "pickup_card",
                                                "pin_try_exceeded",
                                                "restricted_card",
                                                "stolen_card",
                                                "testmode_decline"};
constexpr std::string_view confirm_codes[]{"authentication_not_handled", "authentication_required",
                                           "mobile_device_authentication_required"};
constexpr std::string_view correct_codes[]{
    "incorrect_address", "incorrect_cvc", "incorrect_number",     "incorrect_pin",
    "incorrect_zip",     "invalid_cvc",   "invalid_expiry_month", "invalid_expiry_year",
    "invalid_number",    "invalid_pin"};
constexpr std::string_view look_codes[]{"duplicate_transaction"};
constexpr std::string_view risk_codes[]{"elevated_risk_level", "fraudulent", "highest_risk_level",
                                        "merchant_blacklist", "rule"};
constexpr std::string_view customer_codes[]{"debit_not_authorized",
                                            "revocation_of_all_authorizations",
                                            "revocation_of_authorization", "stop_payment_order"};
constexpr std::string_view hard_codes[]{"authentication_required",
                                        "highest_risk_level",
                                        "incorrect_number",
                                        "lost_card",
                                        "pickup_card",
                                        "revocation_of_all_authorizations",
                                        "revocation_of_authorization",
                                        "stolen_card",
                                        "transaction_not_allowed"};

struct Group {
  Advice advice;
  std::span<std::string_view const> codes;
};
// Of all others the bank knows.
constexpr Group groups[]{{Advice::other_method, other_method_codes},
                         {Advice::confirm, confirm_codes},
                         {Advice::correct, correct_codes},
                         {Advice::look, look_codes},
                         {Advice::risk, risk_codes},
                         {Advice::customer, customer_codes}};

std::string one_of(std::string_view code, std::span<std::string_view const> codes) {
  std::string out;
  for (auto const one : codes) out += (out.empty() ? "'" : ", '") + std::string{one} + "'";
  return std::string{code} + " IN (" + out + ")";
}
}  // namespace

bool is_hard(std::string_view code) {
  return std::ranges::find(hard_codes, code) != end(hard_codes);
}

Advice advice_for(std::string_view code, bool tries_again) {
  for (auto const& group : groups)
    if (std::ranges::find(group.codes, code) != group.codes.end()) return group.advice;
  if (std::ranges::find(wait_codes, code) == end(wait_codes)) return Advice::ask_bank;
  return tries_again ? Advice::wait : Advice::try_again;
}

std::string hard_sql(std::string_view code) {
  return "coalesce(" + one_of(code, hard_codes) + ", false)";
}

std::string advice_sql(std::string_view code, std::string_view tries_again) {
  std::string out = "CASE";
  for (auto const& group : groups)
    out +=
        " WHEN " + one_of(code, group.codes) + " THEN '" + std::string{name_of(group.advice)} + "'";
  return out + " WHEN coalesce(" + one_of(code, wait_codes) + ", false) THEN CASE WHEN " +
         std::string{tries_again} + " THEN 'wait' ELSE 'try_again' END ELSE 'ask_bank' END";
}

}  // namespace billing
