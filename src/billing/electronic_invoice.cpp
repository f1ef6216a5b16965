// From the mirror to the business terms of EN 16931. The sums are Stripe's: where the standard
// would have others, there is no document.
#include "billing/electronic_invoice.hpp"

#include <algorithm>
#include <utility>

#include "billing/electronic_vat.hpp"
#include "billing/invoice_view.hpp"
#include "billing/reading.hpp"
#include "mirror/mirror.hpp"
#include "organisation/organisation.hpp"
#include "platform/i18n/words.hpp"
#include "platform/money/money.hpp"
#include "platform/text/utf8.hpp"

namespace billing {

namespace {
inline constexpr i18n::Code<"paper_is_draft",
                            "it is a draft: it has no number and may change until "
                            "Stripe finalises it">
    paper_is_draft;
inline constexpr i18n::Code<"paper_is_void", "it was voided at Stripe, so it asks for nothing">
    paper_is_void;
inline constexpr i18n::Code<"paper_not_mirrored",
                            "its details are not known here yet; they come "
                            "with the next comparison with Stripe">
    paper_not_mirrored;
inline constexpr i18n::Code<"seller_name_missing",
                            "the legal name is missing in the settings of the "
                            "organisation (BT-27)">
    seller_name_missing;
inline constexpr i18n::Code<"seller_address_missing",
                            "the address is missing in the settings of "
                            "the organisation (BG-5)">
    seller_address_missing;
inline constexpr i18n::Code<"seller_country_missing",
                            "the country is missing in the settings of the "
                            "organisation (BT-40)">
    seller_country_missing;
inline constexpr i18n::Code<"seller_vat_id_missing",
                            "the VAT number is missing in the settings of "
                            "the organisation (BT-31)">
    seller_vat_id_missing;
inline constexpr i18n::Code<"buyer_vat_id_missing",
                            "the customer pays the VAT and has no VAT number "
                            "on the invoice at Stripe (BT-48)">
    buyer_vat_id_missing;
inline constexpr i18n::Code<"vat_unexplained",
                            "Stripe does not say why line {line} has no VAT: it "
                            "follows from a tax rate, automatic taxes or the "
                            "customer's tax status there (BT-151)">
    vat_unexplained;
inline constexpr i18n::Code<"tax_rate_unknown",
                            "the tax rate {tax_rate} is not known here yet; it "
                            "comes with the next comparison with Stripe">
    tax_rate_unknown;
inline constexpr i18n::Code<"several_taxes",
                            "line {line} has several taxes, and the standard has "
                            "room for one VAT rate a line">
    several_taxes;
inline constexpr i18n::Code<"tax_not_vat",
                            "the tax rate {tax_rate} is no VAT, which the standard "
                            "has no place for">
    tax_not_vat;
inline constexpr i18n::Code<"vat_mixed",
                            "some lines are outside the scope of VAT and others are "
                            "not, which the standard does not allow (BR-O-11)">
    vat_mixed;
inline constexpr i18n::Code<"too_many_decimals",
                            "an amount has three decimals, and the standard "
                            "takes two (BR-DEC-23)">
    too_many_decimals;
inline constexpr i18n::Code<"sums_differ",
                            "the lines and their VAT do not add up to Stripe's total "
                            "as the standard asks for (BR-CO-17)">
    sums_differ;

db::Query const days_in_zone{"billing.electronic_days", R"sql(
  SELECT to_char(at AT TIME ZONE $2, 'YYYY-MM-DD')
    FROM unnest($1::timestamptz[]) WITH ORDINALITY AS times (at, place) ORDER BY place
)sql"};

using Missing = std::vector<i18n::Message>;

[[noreturn]] void refuse(Missing const& missing) {
  std::string sentences;
  for (auto const& message : missing) sentences += (sentences.empty() ? "" : "; ") + message.text;
  throw Problem{no_electronic_invoice, sentences}.with("missing", json::text(missing));
}

std::string trimmed(std::string_view text) { return std::string{utf8::trimmed(text)}; }

/// The three lines that an address has room for; what is left stands on the last.
std::vector<std::string> address_lines(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    auto const end = std::min(text.find('\n', at), text.size());
    auto line = trimmed(text.substr(at, end - at));
    at = end + 1;
    if (line.empty()) continue;
    if (out.size() < 3)
      out.push_back(std::move(line));
    else
      out.back() += ", " + line;
  }
  return out;
}

class Drafting {
 public:
  /// `paper` is the invoice itself, or a credit note of it.
  Drafting(db::Tx& tx, Invoice const& facts, stripe::Object const& invoice,
           stripe::Object const& paper, i18n::Locale locale)
      : tx_{tx},
        facts_{facts},
        invoice_{invoice},
        paper_{paper},
        organisation_{settings::read<organisation::Organisation>(tx, "organisation")},
        rates_{tx, invoice} {
    out_.is_credit_note = &paper != &invoice;
    out_.id = out_.is_credit_note ? stripe::text(paper, "id") : facts.id.text();
    out_.locale = locale;
  }

  TradeDocument document() {
    head();
    seller();
    buyer();
    trade_ = {.seller_country = out_.seller.country,
              .buyer_country = out_.buyer.country,
              .tax_exempt = stripe::text(invoice_, "customer_tax_exempt")};
    lines();
    if (missing_.empty()) taxes();
    if (missing_.empty()) sums();
    if (missing_.empty()) follow_categories();
    if (missing_.empty()) payment();
    if (!missing_.empty()) refuse(missing_);
    return std::move(out_);
  }

 private:
  /// The first of a kind says enough.
  void lack(i18n::Message message) {
    if (std::ranges::find(missing_, message.code, &i18n::Message::code) == missing_.end())
      missing_.push_back(std::move(message));
  }
  [[nodiscard]] std::string word(std::string_view name) const {
    return std::string{i18n::word(out_.locale, name).value_or(name)};
  }
  [[nodiscard]] std::string day(Time time) const {
    return tx_.all<std::string>(days_in_zone, std::vector{time}, organisation_.reporting_zone)
        .at(0);
  }

  void head() {
    auto const issued = [&](stripe::Object const& paper, Time otherwise) {
      return day(stripe::time(paper, "effective_at").value_or(otherwise));
    };
    auto const invoiced = issued(invoice_, facts_.finalized_at.value_or(facts_.date));
    out_.number = facts_.number.value_or("");
    out_.issued_on = invoiced;
    out_.note = word("invoice_pdf.copy");
    if (out_.is_credit_note) {
      out_.preceding_number = std::exchange(out_.number, stripe::text(paper_, "number"));
      out_.preceding_issued_on = invoiced;
      out_.issued_on = issued(paper_, stripe::time(paper_, "created").value_or(facts_.date));
      out_.note = word("electronic_invoice.copy_of_credit_note");
    }
    out_.currency = facts_.currency;
    for (auto& letter : out_.currency) letter = char(std::toupper(letter));
    out_.decimals = money::decimals(facts_.currency);
  }

  void seller() {
    auto& seller = out_.seller;
    seller.name = trimmed(organisation_.legal_name);
    seller.lines = address_lines(organisation_.address);
    seller.country = organisation_.country.value_or("");
    auto const number = trimmed(organisation_.vat_id);
    if (is_vat_id(number))
      seller.vat_id = number;
    else
      seller.identifier = seller.tax_registration = number;
    if (seller.name.empty()) lack(seller_name_missing());
    if (seller.lines.empty()) lack(seller_address_missing());
    if (seller.country.empty()) lack(seller_country_missing());
    if (number.empty()) lack(seller_vat_id_missing());
  }

  /// As they stand on the invoice at Stripe, which a later change of the customer does not touch.
  void buyer() {
    auto& buyer = out_.buyer;
    auto const of_address = [&](char const* member) {
      return trimmed(stripe::text(invoice_, "customer_address." + std::string{member}));
    };
    auto const or_else = [](std::string text, std::string const& otherwise) {
      return text.empty() ? otherwise : std::move(text);
    };
    buyer.name = or_else(trimmed(stripe::text(invoice_, "customer_name")), facts_.company);
    buyer.contact = facts_.customer_name;
    buyer.email = or_else(stripe::text(invoice_, "customer_email"), facts_.customer_email);
    for (auto const* member : {"line1", "line2"})
      if (auto line = of_address(member); !line.empty()) buyer.lines.push_back(std::move(line));
    buyer.city = of_address("city");
    buyer.postal_code = of_address("postal_code");
    buyer.subdivision = of_address("state");
    buyer.country = or_else(of_address("country"), facts_.country);
    for (auto const& entry : entries(invoice_, "customer_tax_ids")) {
      auto const& tax_id = entry.as_object();
      auto value = trimmed(stripe::text(tax_id, "value"));
      bool const is_vat = stripe::text(tax_id, "type").ends_with("_vat") && is_vat_id(value);
      auto& place = is_vat ? buyer.vat_id : buyer.identifier;
      if (place.empty()) place = std::move(value);
    }
  }

  void lines() {
    std::map<std::string, stripe::Object const*, std::less<>> invoiced;
    for (auto const& entry : entries(invoice_, "lines.data"))
      invoiced.emplace(stripe::text(entry.as_object(), "id"), &entry.as_object());
    std::vector<Time> starts, ends;
    for (auto const& entry : entries(paper_, "lines.data")) {
      auto const& line = entry.as_object();
      // A line of a credit note covers the time of what it gives back.
      auto const source = invoiced.find(stripe::id_of(line, "invoice_line_item"));
      auto const& timed = source == invoiced.end() ? line : *source->second;
      auto const start = stripe::time(timed, "period.start"),
                 end = stripe::time(timed, "period.end");
      starts.push_back(start.value_or(Time{}));
      // Stripe's end is the moment when the next period begins, the standard's is the last day.
      ends.push_back(start && end && *start < *end ? *end - std::chrono::seconds{1}
                                                   : end.value_or(Time{}));
      add_line(line);
    }
    if (out_.lines.empty()) lack(paper_not_mirrored());
    if (!missing_.empty()) return;
    auto const zone = organisation_.reporting_zone;
    auto const first = tx_.all<std::string>(days_in_zone, starts, zone),
               last = tx_.all<std::string>(days_in_zone, ends, zone);
    for (std::size_t i = 0; i < out_.lines.size(); ++i) {
      if (starts[i] == Time{} || ends[i] == Time{}) continue;
      out_.lines[i].start = first[i];
      out_.lines[i].end = last[i];
    }
  }

  void add_line(stripe::Object const& line) {
    auto const place = std::int64_t(out_.lines.size()) + 1;
    auto const reported = taxes_of(line, "taxes", "tax_amounts");
    TradeLine out{};
    out.vat = vat_of_line(place, reported);
    std::int64_t discount = 0, inside = 0;
    bool holds_tax = false;
    for (auto const& entry : entries(line, "discount_amounts"))
      discount += stripe::integer(entry.as_object(), "amount");
    for (auto const& tax : reported) {
      holds_tax |= tax.is_inclusive;
      if (tax.is_inclusive) inside += tax.amount;
    }
    out.net = stripe::integer(line, "amount") - discount - inside;
    // What was taken off a price that holds the tax, without its part of the tax.
    out.allowance = holds_tax ? money::share(discount, whole_rate, whole_rate + out.vat.rate,
                                             money::Rounding::half_up)
                              : discount;
    auto const gross = out.net + out.allowance;
    // A price is never below zero (BR-27): what is given back is so many less.
    auto const count = number(line, "quantity").value_or(1);
    auto const quantity = count > 0 || (count == 0 && gross == 0) ? count : 1;
    out.quantity = gross < 0 ? -quantity : quantity;
    bool const is_even = quantity > 0 && gross % quantity == 0;
    out.price = std::abs(is_even ? gross / quantity : gross);
    out.price_quantity = is_even || quantity == 0 ? 1 : quantity;
    out.name = trimmed(stripe::text(line, "description"));
    if (out.name.empty()) out.name = stripe::text(line, "id");
    out_.lines.push_back(std::move(out));
  }

  Vat vat_of_line(std::int64_t place, std::vector<ReportedTax> const& reported) {
    if (reported.size() > 1) {
      lack(several_taxes(place));
      return {};
    }
    auto const vat = reported.empty() ? without_tax() : vat_of(reported.front());
    if (vat) return *vat;
    // Without a rate or a country that is already said.
    bool const has_rate = reported.empty() || reported.front().rate_id.empty() ||
                          rates_.find(reported.front().rate_id);
    if (has_rate && !out_.seller.country.empty()) lack(vat_unexplained(place));
    return {};
  }
  [[nodiscard]] std::optional<Vat> without_tax() const {
    auto const category = category_without_tax(trade_);
    return category ? std::optional{Vat{*category}} : std::nullopt;
  }
  std::optional<Vat> vat_of(ReportedTax const& tax) {
    auto const rate = rates_.find(tax.rate_id);
    auto const category =
        category_of(tax.reason, rate ? std::optional{rate->rate} : std::nullopt, trade_);
    if (!category && !rate && !tax.rate_id.empty()) lack(tax_rate_unknown(tax.rate_id));
    if (!category) return {};
    if (category != VatCategory::standard_rate) return Vat{*category};
    if (!rate->is_vat()) lack(tax_not_vat(tax.rate_id));
    return Vat{*category, rate->rate};
  }

  /// The tax is what Stripe took of the whole: it may round it by lines or once.
  void taxes() {
    for (auto const& line : out_.lines) {
      auto group = std::ranges::find(out_.vat, line.vat, &VatGroup::vat);
      if (group == out_.vat.end()) group = out_.vat.insert(group, VatGroup{.vat = line.vat});
      group->taxable += line.net;
    }
    for (auto const& tax : taxes_of(paper_, "total_taxes", former_totals())) {
      auto const vat = vat_of(tax);
      auto const group = std::ranges::find(out_.vat, vat.value_or(Vat{}), &VatGroup::vat);
      if (vat && group != out_.vat.end())
        group->tax += tax.amount;
      else if (tax.amount != 0)
        lack(sums_differ());  // a tax of no line
    }
    std::ranges::sort(out_.vat, {}, &VatGroup::vat);
  }
  [[nodiscard]] std::string_view former_totals() const {
    return out_.is_credit_note ? "tax_amounts" : "total_tax_amounts";
  }

  void sums() {
    for (auto const& line : out_.lines) out_.lines_total += line.net;
    for (auto const& group : out_.vat) {
      out_.vat_total += group.tax;
      if (!is_of_its_rate(group)) lack(sums_differ());
    }
    out_.total = out_.lines_total + out_.vat_total;
    if (out_.total != stripe::integer(paper_, "total")) lack(sums_differ());
    // What Stripe has set against it (payments, balance, credit notes) is settled; of a credit
    // note, all of it: it has lowered what is owed, or has gone back.
    out_.due = out_.is_credit_note ? 0 : facts_.amount_remaining;
    out_.paid = out_.total - out_.due;
    if (out_.decimals > 2 && has_third_decimal()) lack(too_many_decimals());
  }

  /// BR-CO-17 as it is tested: less than one unit of the currency away from what the rate gives.
  /// Stripe's cents of single lines may add up to so much.
  [[nodiscard]] bool is_of_its_rate(VatGroup const& group) const {
    money::Wide const difference =
        money::multiply(group.tax, whole_rate) - money::multiply(group.taxable, group.vat.rate);
    money::Wide unit_of_currency = whole_rate;
    for (int i = 0; i < out_.decimals; ++i) unit_of_currency *= 10;
    auto const away = difference < 0 ? -difference : difference;
    return group.vat.rate ? away * 100 < unit_of_currency * 99 : group.tax == 0;
  }

  [[nodiscard]] bool has_third_decimal() const {
    auto const has = [](std::int64_t amount) { return amount % 10 != 0; };
    return has(out_.due) ||
           std::ranges::any_of(
               out_.lines,
               [&](auto const& line) { return has(line.net) || has(line.allowance); }) ||
           std::ranges::any_of(out_.vat, [&](auto const& group) { return has(group.tax); });
  }

  /// What a category asks for besides.
  void follow_categories() {
    auto const any = [&](VatCategory category) {
      return std::ranges::any_of(out_.vat,
                                 [&](auto const& group) { return group.vat.category == category; });
    };
    auto& buyer = out_.buyer;
    // BR-AE-02
    if (any(VatCategory::reverse_charge) && buyer.vat_id.empty()) lack(buyer_vat_id_missing());
    if (any(VatCategory::outside_scope)) {
      if (out_.vat.size() > 1) lack(vat_mixed());
      // BR-O-02: no numbers of VAT, and still somebody who can be told from others (BR-CO-26).
      for (auto* party : {&out_.seller, &buyer}) {
        if (party->identifier.empty()) party->identifier = party->vat_id;
        party->vat_id.clear();
      }
    }
  }

  void payment() {
    if (out_.is_credit_note) return;
    if (facts_.due_date) out_.due_on = day(*facts_.due_date);
    if (out_.due > 0 && !facts_.due_date)  // BR-CO-25
      out_.terms = word("electronic_invoice.charged_automatically");
    for (auto const& attempt : facts_.attempts) {
      if (attempt.outcome != "succeeded" || !attempt.method_type) continue;
      if (*attempt.method_type == "card")
        out_.payment = {.code = "48",
                        .network = attempt.brand.value_or(""),
                        .last4 = attempt.last4.value_or("")};
      else
        out_.payment = {.code = *attempt.method_type == "sepa_debit" ? "59" : "68"};
    }
  }

  db::Tx& tx_;
  Invoice const& facts_;
  stripe::Object const &invoice_, &paper_;
  organisation::Organisation const organisation_;
  TaxRates rates_;
  Trade trade_;
  TradeDocument out_;
  Missing missing_;
};

/// The invoice as Stripe has it.
stripe::Object mirrored(db::Tx& tx, Invoice const& invoice) {
  if (invoice.stripe_invoice_id)
    if (auto found = mirror::find(tx, *invoice.stripe_invoice_id)) return std::move(*found);
  refuse({paper_not_mirrored()});
}
}  // namespace

TradeDocument electronic_invoice(db::Tx& tx, std::string_view id,
                                 std::optional<i18n::Locale> locale) {
  auto const facts = invoice_in_full(tx, id);
  if (facts.status == InvoiceStatus::draft || !facts.number) refuse({paper_is_draft()});
  if (facts.status == InvoiceStatus::voided) refuse({paper_is_void()});
  auto const invoice = mirrored(tx, facts);
  return Drafting{tx, facts, invoice, invoice, locale.value_or(facts.locale)}.document();
}

TradeDocument electronic_credit_note(db::Tx& tx, std::string_view id,
                                     std::optional<i18n::Locale> locale) {
  auto const note = mirror::find(tx, id);
  if (!note || stripe::text(*note, "object") != "credit_note") throw Problem{credit_note_not_found};
  auto const facts = invoice_in_full(tx, stripe::id_of(*note, "invoice"));
  if (stripe::text(*note, "status") == "void") refuse({paper_is_void()});
  auto const invoice = mirrored(tx, facts);
  return Drafting{tx, facts, invoice, *note, locale.value_or(facts.locale)}.document();
}

}  // namespace billing
