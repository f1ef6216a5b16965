// The table of test cards; the numbers are those of Stripe's own documentation.
#include "sandbox/cards.hpp"

#include <algorithm>

namespace sandbox {

namespace {
constexpr TestCard cards[]{
    {"4242424242424242", "visa", "visa"},
    {"4000056655665556", "visa_debit", "visa", "US", "debit"},
    {"5555555555554444", "mastercard", "mastercard"},
    {"2223003122003222", "mastercard_2series", "mastercard"},
    {"5200828282828210", "mastercard_debit", "mastercard", "US", "debit"},
    {"5105105105105100", "mastercard_prepaid", "mastercard", "US", "prepaid"},
    {"378282246310005", "amex", "amex"},
    {"6011111111111117", "discover", "discover"},
    {"3056930009020004", "diners", "diners"},
    {"3566002020360505", "jcb", "jcb"},
    {"6200000000000005", "unionpay", "unionpay"},
    {"4000007240000007", "es", "visa", "ES"},
    {"4000004840008001", "mx", "visa", "MX"},
    {"4000000320000021", "ar", "visa", "AR"},
    {"4000002760000016", "de", "visa", "DE"},
    {"4000008260000000", "gb", "visa", "GB"},
    {"4000000000000077", "bypassPending", "visa"},
    {"4000000000000259", "createDispute", "visa", "US", "credit", Behaviour::disputes},
    {"4000000000000002", "chargeDeclined", "visa", "US", "credit", Behaviour::declines,
     "generic_decline"},
    {"4000000000009995", "chargeDeclinedInsufficientFunds", "visa", "US", "credit",
     Behaviour::declines, "insufficient_funds"},
    {"4000000000009987", "chargeDeclinedLostCard", "visa", "US", "credit", Behaviour::declines,
     "lost_card"},
    {"4000000000009979", "chargeDeclinedStolenCard", "visa", "US", "credit", Behaviour::declines,
     "stolen_card"},
    {"4000000000000069", "chargeDeclinedExpiredCard", "visa", "US", "credit", Behaviour::declines,
     "expired_card"},
    {"4000000000000127", "chargeDeclinedIncorrectCvc", "visa", "US", "credit", Behaviour::declines,
     "incorrect_cvc"},
    {"4000000000000119", "chargeDeclinedProcessingError", "visa", "US", "credit",
     Behaviour::declines, "processing_error"},
    {"4000000000006975", "chargeDeclinedVelocityLimitExceeded", "visa", "US", "credit",
     Behaviour::declines, "card_velocity_exceeded"},
    {"4100000000000019", "chargeDeclinedFraudulent", "visa", "US", "credit", Behaviour::declines,
     "fraudulent"},
    {"4000000000000341", "chargeCustomerFail", "visa", "US", "credit", Behaviour::declines_later,
     "generic_decline"},
    {"4000002500003155", "authenticationRequiredOnSetup", "visa", "US", "credit",
     Behaviour::asks_once},
    {"4000002760003184", "authenticationRequired", "visa", "DE", "credit", Behaviour::asks_always},
    {"4000000000003220", "threeDSecure2Required", "visa", "US", "credit", Behaviour::asks_always},
    {"4000000000003063", "threeDSecureRequired", "visa", "US", "credit", Behaviour::asks_always},
    {"4000008260003178", "authenticationRequiredChargeDeclinedInsufficientFunds", "visa", "GB",
     "credit", Behaviour::declines, "insufficient_funds"},
};
}  // namespace

TestCard const* card_by_number(std::string_view digits) {
  for (auto const& card : cards)
    if (card.number == digits) return &card;
  return nullptr;
}

TestCard const* card_by_token(std::string_view token) {
  for (auto const prefix : {"pm_card_", "tok_"}) {
    if (!token.starts_with(prefix)) continue;
    token.remove_prefix(std::string_view{prefix}.size());
    for (auto const& card : cards)
      if (card.token == token) return &card;
    if (token.starts_with("visa_")) token.remove_prefix(5);
    if (token.starts_with("createDispute")) token = "createDispute";
    for (auto const& card : cards)
      if (card.token == token) return &card;
  }
  return nullptr;
}

TestCard card_like(std::string_view digits) {
  TestCard card{.number = digits, .token = {}, .brand = "visa"};
  if (digits.starts_with('5') || digits.starts_with('2')) card.brand = "mastercard";
  if (digits.starts_with("34") || digits.starts_with("37")) card.brand = "amex";
  if (digits.starts_with("6")) card.brand = "discover";
  if (digits.starts_with("35")) card.brand = "jcb";
  if (digits.starts_with("30") || digits.starts_with("36")) card.brand = "diners";
  return card;
}

bool passes_luhn(std::string_view digits) {
  int sum = 0;
  bool twice = false;
  for (auto i = digits.size(); i-- > 0; twice = !twice) {
    int digit = digits[i] - '0';
    if (twice && (digit *= 2) > 9) digit -= 9;
    sum += digit;
  }
  return sum % 10 == 0;
}

std::optional<std::string> card_digits(std::string_view typed) {
  std::string digits;
  for (char const c : typed) {
    if (c >= '0' && c <= '9')
      digits += c;
    else if (c != ' ' && c != '-')
      return {};
  }
  if (digits.size() < 12 || digits.size() > 19) return {};
  return digits;
}

Refusal refusal_of(std::string_view decline_code) {
  if (decline_code == "insufficient_funds")
    return {"card_declined", "Your card has insufficient funds."};
  if (decline_code == "expired_card") return {"expired_card", "Your card has expired."};
  if (decline_code == "incorrect_cvc")
    return {"incorrect_cvc", "Your card's security code is incorrect."};
  if (decline_code == "processing_error")
    return {"processing_error",
            "An error occurred while processing your card. Try again in a little bit."};
  if (decline_code == "authentication_required")
    return {"authentication_required",
            "Your card was declined. This transaction requires authentication."};
  return {"card_declined", "Your card was declined."};
}

bool is_hard_decline(std::string_view decline_code) {
  static constexpr std::string_view hard[]{"authentication_required",
                                           "highest_risk_level",
                                           "incorrect_number",
                                           "lost_card",
                                           "pickup_card",
                                           "revocation_of_all_authorizations",
                                           "revocation_of_authorization",
                                           "stolen_card",
                                           "transaction_not_allowed"};
  return std::find(std::begin(hard), std::end(hard), decline_code) != std::end(hard);
}

}  // namespace sandbox
