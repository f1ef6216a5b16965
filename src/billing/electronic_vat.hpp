#pragma once
// Which VAT a line has, by the categories of EN 16931, from what Stripe says about its tax.
#include "billing/electronic_invoice.hpp"
#include "stripe/stripe.hpp"

namespace billing {

/// Who sells to whom, as far as VAT depends on it.
struct Trade {
  std::string seller_country, buyer_country;
  std::string tax_exempt;  // Stripe's, of the customer: none, exempt or reverse
};

/// The tax of a line or of a whole paper, as Stripe reports it.
struct ReportedTax {
  std::int64_t amount = 0;
  bool is_inclusive = false;
  std::string rate_id, reason;  // taxability_reason
};
/// Of `taxes` or `total_taxes`, and of what they were called until 2025-03-31.basil.
[[nodiscard]] std::vector<ReportedTax> taxes_of(stripe::Object const& object,
                                                std::string_view member, std::string_view former);

/// A rate in ten-thousandths of a percent, and what it is a rate of.
struct TaxRate {
  std::int64_t rate = 0;
  std::string type;  // Stripe's tax_type; empty: not told
  /// Value added, and not what some states take on sales besides.
  [[nodiscard]] bool is_vat() const;
};

/// The rates that papers name, from the invoice where it has them whole, else from the mirror.
class TaxRates {
 public:
  TaxRates(db::Tx& tx, stripe::Object const& invoice);
  /// None: it is not known yet.
  [[nodiscard]] std::optional<TaxRate> find(std::string const& id);

 private:
  void know(stripe::Object const& rate);
  db::Tx& tx_;
  std::map<std::string, TaxRate, std::less<>> known_;
};

/// One hundred percent as a rate.
inline constexpr std::int64_t whole_rate = 1'000'000;

/// Of a tax with that reason and rate; none: Stripe does not say why nothing is taken.
[[nodiscard]] std::optional<VatCategory> category_of(std::string_view reason,
                                                     std::optional<std::int64_t> rate,
                                                     Trade const& trade);
/// Of what has no tax at all.
[[nodiscard]] std::optional<VatCategory> category_without_tax(Trade const& trade);

/// Begins with the country that gave it (BR-CO-09).
[[nodiscard]] bool is_vat_id(std::string_view text);

}  // namespace billing
