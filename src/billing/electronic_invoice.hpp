#pragma once
// An invoice or a credit note of Stripe's by the European standard EN 16931-1, before it is written
// in one of its two syntaxes. BT-… and BG-… are the standard's business terms and groups, BR-… its
// rules.
#include "customers/customers.hpp"
#include "platform/http/endpoint.hpp"

namespace billing {

/// Why VAT is what it is (UNTDID 5305, as BT-151 takes it). Of services, so none of what goods have
/// that cross a border.
enum class VatCategory { standard_rate, zero_rate, exempt, reverse_charge, outside_scope };
constexpr auto names_of(VatCategory) {
  return std::array<std::string_view, 5>{"S", "Z", "E", "AE", "O"};
}

/// A category with its rate, which together make a group of the breakdown (BG-23).
struct Vat {
  VatCategory category;
  std::int64_t rate = 0;  // ten-thousandths of a percent; not there outside of the scope of VAT
  auto operator<=>(Vat const&) const = default;
};

/// BG-4 or BG-7.
struct TradeParty {
  std::string name;                // BT-27, BT-44
  std::string identifier;          // BT-29, BT-46
  std::string vat_id;              // BT-31, BT-48
  std::string tax_registration;    // BT-32
  std::vector<std::string> lines;  // BT-35, BT-36, BT-162; BT-50, BT-51, BT-163
  std::string city, postal_code, subdivision, country;
  std::string contact, email;  // BT-56, BT-58
};

/// BG-16: by what the invoice was paid.
struct PaymentMeans {
  std::string code;            // BT-81, UNTDID 4461
  std::string network, last4;  // of a card, BT-87
};

/// BG-25. Amounts are minor units.
struct TradeLine {
  std::string name;                       // BT-153
  std::optional<std::string> start, end;  // BT-134, BT-135: days
  std::int64_t quantity;                  // BT-129
  std::int64_t price;                     // BT-146, of so many:
  std::int64_t price_quantity;            // BT-149
  std::int64_t allowance;                 // BT-136
  std::int64_t net;                       // BT-131
  Vat vat;
};

/// BG-23.
struct VatGroup {
  Vat vat;
  std::int64_t taxable = 0, tax = 0;  // BT-116, BT-117
};

struct TradeDocument {
  std::string id;               // ours of an invoice, Stripe's of a credit note
  bool is_credit_note = false;  // BT-3: 381 instead of 380
  std::string number;           // BT-1
  std::string issued_on;        // BT-2
  std::string due_on;           // BT-9
  std::string currency;         // BT-5, upper case
  int decimals = 2;             // of the minor units
  i18n::Locale locale;          // of its words
  std::string note;             // BT-22
  std::string preceding_number, preceding_issued_on;  // BG-3
  TradeParty seller, buyer;
  std::optional<PaymentMeans> payment;
  std::string terms;  // BT-20
  std::vector<TradeLine> lines;
  std::vector<VatGroup> vat;
  std::int64_t lines_total = 0;  // BT-106, and BT-109: nothing is taken off the whole
  std::int64_t vat_total = 0;    // BT-110
  std::int64_t total = 0;        // BT-112
  std::int64_t paid = 0;         // BT-113
  std::int64_t due = 0;          // BT-115
};

inline constexpr ProblemType no_electronic_invoice{
    Kind::conflict, "no_electronic_invoice",
    "It lacks what the standard for electronic invoices asks for"};
inline constexpr ProblemType credit_note_not_found{Kind::not_found, "credit_note_not_found",
                                                   "There is no such credit note"};

/// An invoice by our id or Stripe's, its words in this language, the customer's where none is
/// given. `tx` is a snapshot. Throws Problem: invoice_not_found; no_electronic_invoice with a
/// member `missing`, messages that say what is not known and where it is set.
[[nodiscard]] TradeDocument electronic_invoice(db::Tx& tx, std::string_view id,
                                               std::optional<i18n::Locale> locale);
/// A credit note by Stripe's id. Throws Problem: credit_note_not_found, no_electronic_invoice.
[[nodiscard]] TradeDocument electronic_credit_note(db::Tx& tx, std::string_view id,
                                                   std::optional<i18n::Locale> locale);

/// In Universal Business Language 2.1 (EN 16931-3-2).
[[nodiscard]] std::string in_ubl(TradeDocument const& document);
/// In UN/CEFACT Cross Industry Invoice D16B (EN 16931-3-3).
[[nodiscard]] std::string in_cii(TradeDocument const& document);

// What both syntaxes write alike.
/// BT-24.
inline constexpr std::string_view customization = "urn:cen.eu:en16931:2017";
/// UN/ECE Recommendation 20: pieces.
inline constexpr std::string_view unit = "C62";
/// Minor units as a decimal; a third place is written only where something stands there.
[[nodiscard]] std::string decimal_text(std::int64_t minor_units, int places);
/// "21", "5.5".
[[nodiscard]] std::string rate_text(Vat const& vat);
/// Why there is no VAT: BT-120 and BT-121; both empty where there may be some.
struct Exemption {
  std::string text, code;
};
[[nodiscard]] Exemption exemption_of(Vat const& vat, i18n::Locale locale);
/// "Discount", BT-139.
[[nodiscard]] std::string allowance_reason(i18n::Locale locale);

/// GET …/ubl and …/cii of invoices and credit notes.
void add_electronic_invoice_endpoints(http::Api& api);

}  // namespace billing
