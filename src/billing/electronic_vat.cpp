// Reasons by docs.stripe.com/api/invoices/object (taxability_reason), categories by EN 16931-1,
// 6.4.3: nothing is concluded that neither Stripe nor the two countries say.
#include "billing/electronic_vat.hpp"

#include <cmath>

#include "billing/reading.hpp"
#include "mirror/mirror.hpp"
#include "platform/i18n/words.hpp"
#include "platform/json/checks.hpp"

namespace billing {

namespace {
bool is_one_of(std::string_view text, std::initializer_list<std::string_view> all) {
  return std::find(all.begin(), all.end(), text) != all.end();
}

/// Of the European Union, whose VAT it is that a category is about.
bool is_in_union(std::string_view country) {
  return is_one_of(
      country, {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
                "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"});
}
bool leaves_union(Trade const& trade) {
  return is_in_union(trade.seller_country) && !trade.buyer_country.empty() &&
         !is_in_union(trade.buyer_country);
}

/// What is taken at a rate of nothing. Services that cross a border are no zero-rated ones: why
/// they are without VAT has to be told.
std::optional<VatCategory> category_of_zero(Trade const& trade) {
  if (is_in_union(trade.seller_country) && trade.seller_country != trade.buyer_country)
    return category_without_tax(trade);
  return VatCategory::zero_rate;
}

std::string own_word(i18n::Locale locale, std::string_view name) {
  return std::string{i18n::word(locale, "electronic_invoice." + std::string{name}).value_or(name)};
}
}  // namespace

std::vector<ReportedTax> taxes_of(stripe::Object const& object, std::string_view member,
                                  std::string_view former) {
  std::vector<ReportedTax> out;
  for (auto const path : {member, former})
    for (auto const& entry : entries(object, path)) {
      auto const& tax = entry.as_object();
      auto rate = stripe::id_of(tax, "tax_rate_details.tax_rate");
      if (rate.empty()) rate = stripe::id_of(tax, "tax_rate");
      out.push_back({.amount = stripe::integer(tax, "amount"),
                     .is_inclusive = stripe::text(tax, "tax_behavior") == "inclusive" ||
                                     stripe::boolean(tax, "inclusive"),
                     .rate_id = std::move(rate),
                     .reason = stripe::text(tax, "taxability_reason")});
    }
  return out;
}

bool TaxRate::is_vat() const {
  return type.empty() || is_one_of(type, {"vat", "gst", "hst", "igst", "jct"});
}

TaxRates::TaxRates(db::Tx& tx, stripe::Object const& invoice) : tx_{tx} {
  for (auto const& rate : entries(invoice, "default_tax_rates")) know(rate.as_object());
  for (auto const& line : entries(invoice, "lines.data"))
    for (auto const& rate : entries(line.as_object(), "tax_rates")) know(rate.as_object());
}

void TaxRates::know(stripe::Object const& rate) {
  // With automatic taxes the effective one was taken.
  for (auto const* member : {"effective_percentage", "percentage"})
    if (auto const* found = rate.if_contains(member); found && found->is_number()) {
      known_.emplace(stripe::text(rate, "id"),
                     TaxRate{std::llround(found->to_number<double>() * 10'000),
                             stripe::text(rate, "tax_type")});
      return;
    }
}

std::optional<TaxRate> TaxRates::find(std::string const& id) {
  if (!known_.contains(id))
    if (auto const rate = mirror::find(tx_, id)) know(*rate);
  auto const found = known_.find(id);
  return found == known_.end() ? std::nullopt : std::optional{found->second};
}

std::optional<VatCategory> category_of(std::string_view reason, std::optional<std::int64_t> rate,
                                       Trade const& trade) {
  if (reason == "reverse_charge") return VatCategory::reverse_charge;
  if (is_one_of(reason, {"customer_exempt", "product_exempt", "product_exempt_holiday"}))
    return VatCategory::exempt;
  if (reason == "not_subject_to_tax") return VatCategory::outside_scope;
  if (reason == "zero_rated") return category_of_zero(trade);
  if (is_one_of(reason, {"not_collecting", "not_supported", "excluded_territory",
                         "jurisdiction_unsupported"}))
    return category_without_tax(trade);
  if (!rate) return {};
  return *rate > 0 ? VatCategory::standard_rate : category_of_zero(trade);
}

std::optional<VatCategory> category_without_tax(Trade const& trade) {
  if (trade.tax_exempt == "reverse") return VatCategory::reverse_charge;
  if (trade.tax_exempt == "exempt") return VatCategory::exempt;
  if (leaves_union(trade)) return VatCategory::outside_scope;
  return {};
}

bool is_vat_id(std::string_view text) {
  auto const country = text.substr(0, 2);
  return text.size() > 2 && (is_one_of(country, {"EL", "XI"}) || !checks::country(country));
}

Exemption exemption_of(Vat const& vat, i18n::Locale locale) {
  switch (vat.category) {
    case VatCategory::standard_rate:
    case VatCategory::zero_rate:
      return {};
    case VatCategory::exempt:
      return {own_word(locale, "exempt"), ""};
    case VatCategory::reverse_charge:
      return {own_word(locale, "reverse_charge"), "VATEX-EU-AE"};
    case VatCategory::outside_scope:
      return {own_word(locale, "outside_scope"), "VATEX-EU-O"};
  }
  return {};
}

std::string allowance_reason(i18n::Locale locale) { return own_word(locale, "discount"); }

std::string rate_text(Vat const& vat) {
  auto text = std::to_string(vat.rate / 10'000);
  if (auto const rest = vat.rate % 10'000) {
    auto const digits = std::to_string(10'000 + rest).substr(1);
    text += "." + digits.substr(0, digits.find_last_not_of('0') + 1);
  }
  return text;
}

std::string decimal_text(std::int64_t minor_units, int places) {
  auto text = std::to_string(minor_units);
  bool const is_negative = text.front() == '-';
  if (is_negative) text.erase(0, 1);
  if (text.size() <= std::size_t(places))
    text.insert(0, std::size_t(places) + 1 - text.size(), '0');
  if (places) text.insert(text.size() - std::size_t(places), ".");
  if (places > 2 && text.back() == '0') text.pop_back();
  return (is_negative ? "-" : "") + text;
}

}  // namespace billing
