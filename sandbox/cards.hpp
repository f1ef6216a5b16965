#pragma once
// Stripe's published test cards and what each of them does.
#include <optional>
#include <string>
#include <string_view>

namespace sandbox {

enum class Behaviour {
  succeeds,
  declines,        // always, with the card's decline code
  declines_later,  // may be kept, but charges in the owner's absence fail
  asks_once,       // authentication at the checkout; after it, no more
  asks_always,     // authentication at every payment
  disputes,        // succeeds, and is disputed
};

struct TestCard {
  std::string_view number, token;  // token as in "pm_card_…" and "tok_…"
  std::string_view brand, country = "US", funding = "credit";
  Behaviour behaviour = Behaviour::succeeds;
  std::string_view decline_code = {};
};

[[nodiscard]] TestCard const* card_by_number(std::string_view digits);
/// "pm_card_visa", "tok_visa", "pm_card_visa_chargeDeclined"; nullptr when there is none.
[[nodiscard]] TestCard const* card_by_token(std::string_view token);
/// Any number that passes the check: a Visa (or Mastercard, Amex …) that succeeds.
[[nodiscard]] TestCard card_like(std::string_view digits);

[[nodiscard]] bool passes_luhn(std::string_view digits);
/// Without spaces and dashes; none when something else is in it or the length cannot be right.
[[nodiscard]] std::optional<std::string> card_digits(std::string_view typed);

/// The API's code ("card_declined", "expired_card" …) and message for a decline code.
struct Refusal {
  std::string_view code, message;
};
[[nodiscard]] Refusal refusal_of(std::string_view decline_code);
/// Stripe's hard declines: the same method is never charged again by itself.
[[nodiscard]] bool is_hard_decline(std::string_view decline_code);

}  // namespace sandbox
