#pragma once
// Money: whole minor units with their currency, exact arithmetic, and amounts as people write them.
// Nothing here rounds unless its name says how, and what does not fit throws std::overflow_error.
#include <span>

#include "platform/i18n/i18n.hpp"
#include "platform/types/fields.hpp"

namespace money {

struct Amount {
  std::string currency;
  std::int64_t amount = 0;
  bool operator==(Amount const&) const = default;
  static constexpr auto fields() {
    return ::fields(field("currency", &Amount::currency, {.doc = "ISO 4217, lower case"}),
                    field("amount", &Amount::amount, {.doc = "Minor units"}));
  }
};

/// Digits after the point of a currency: 0, 2 or 3 by ISO 4217, but for three that Stripe counts in
/// its own way, as all our amounts come over its wire.
[[nodiscard]] int decimals(std::string_view currency);

inline constexpr FieldCode not_a_currency{"not_a_currency",
                                          "must be a currency of ISO 4217 in lower case"};
/// Of a code of a currency that is in use, in lower case: nothing.
[[nodiscard]] FieldCode const* currency(std::string_view code);

/// Wide enough for the product of two amounts.
using Wide = __int128;

[[nodiscard]] std::int64_t add(std::int64_t left, std::int64_t right);
[[nodiscard]] std::int64_t subtract(std::int64_t left, std::int64_t right);
/// So many of one amount.
[[nodiscard]] std::int64_t times(std::int64_t amount, std::int64_t quantity);
[[nodiscard]] Wide multiply(Wide left, Wide right);

enum class Rounding {
  toward_zero,  // never more than there is
  half_up,      // a half goes to the larger number
};
/// `numerator ÷ denominator` as whole minor units; throws std::domain_error where the denominator
/// is not positive.
[[nodiscard]] std::int64_t divide(Wide numerator, Wide denominator, Rounding rounding);
/// The part `part ÷ whole` of an amount.
[[nodiscard]] std::int64_t share(std::int64_t amount, std::int64_t part, std::int64_t whole,
                                 Rounding rounding);

/// One sum per currency, in the order of their codes: amounts of two currencies are never added.
class Sums {
 public:
  void add(std::string_view currency, std::int64_t amount);
  [[nodiscard]] std::vector<Amount> const& amounts() const { return amounts_; }
  [[nodiscard]] bool empty() const { return amounts_.empty(); }

 private:
  std::vector<Amount> amounts_;
};

/// "49,00 €" in Spanish, "€49.00" in English: what the pages' Intl.NumberFormat writes for es-ES
/// and en-GB (CLDR, always grouped), so that a mail and a page say the same. Signs stay with their
/// number where a line breaks or text runs from right to left: the space is U+00A0.
[[nodiscard]] std::string text(std::int64_t minor_units, std::string_view currency,
                               i18n::Locale locale);
[[nodiscard]] std::string text(Amount const& amount, i18n::Locale locale);
/// "€49.00 + US$10.00"
[[nodiscard]] std::string text(std::span<Amount const> amounts, i18n::Locale locale);

}  // namespace money
