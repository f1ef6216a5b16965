#pragma once
// An invoice and what belongs to it, as the books need it: read from Stripe's objects in their
// present shape or a former one. No database, no clock.
#include "stripe/stripe.hpp"

namespace ledger {

struct Line {
  std::string id;
  std::string item{};    // the invoice item of a proration
  std::int64_t net = 0;  // less discounts and the tax inside of it
  std::int64_t tax = 0;  // inside and on top
  std::optional<Time> starts{}, ends{};
  /// What names it in the books: a proration is its item's, which earns before it is invoiced.
  [[nodiscard]] std::string const& key() const { return item.empty() ? id : item; }
};

struct Payment {
  std::string id;
  std::int64_t amount;
  Time at;
  bool through_stripe;
};

struct Invoice {
  std::string id, currency;
  std::int64_t total = 0;
  std::int64_t due = 0;  // when it was finalised, after what the customer's balance took or gave
  std::optional<Time> finalised_at{};  // none: a draft
  std::optional<Time> paid_at{}, voided_at{}, uncollectible_at{};
  std::vector<Line> lines{};
  std::vector<Payment> payments{};  // that have arrived
};

/// A part of a credit note.
struct NoteLine {
  std::string line{};  // of the invoice; empty: of none of them
  std::int64_t net = 0, tax = 0;
};

struct CreditNote {
  std::string id;
  Time at{};
  std::optional<Time> voided_at{};
  std::int64_t total = 0;
  std::int64_t before_payment = 0;                // what it takes off the receivable
  std::vector<NoteLine> lines{};                  // none: it is a sum
  std::map<std::string, std::int64_t> refunds{};  // how much of each it stands for
};

/// What stands before the id of a refund that failed, in `metadata[given_back_for]` of the one that
/// makes it once more.
inline constexpr std::string_view refund_again = "refund-again-";

struct Refund {
  std::string id, currency;
  std::int64_t amount = 0;
  Time at{};
  std::optional<Time> failed_at{};  // also: canceled
  std::string repeats{};            // a refund that failed, which this one makes once more
};

struct Dispute {
  std::string id, currency;
  std::int64_t amount = 0;
  std::optional<Time> lost_at{};
};

/// A payment; of one that did not succeed the amount is zero.
struct Charge {
  std::string id, currency;
  std::int64_t amount = 0;
  Time at{};
};
/// What is known of a payment without an invoice.
struct ChargePapers {
  Charge charge;
  std::vector<Refund> refunds{};
  std::vector<Dispute> disputes{};
};

/// What is known of an invoice.
struct Papers {
  Invoice invoice;
  std::vector<CreditNote> notes{};
  std::vector<Refund> refunds{};
  std::vector<Dispute> disputes{};
  std::optional<Time> first_failure{};  // of an attempt to collect it
};

/// A proration, invoiced or not.
struct Item {
  std::string id, currency;
  std::int64_t net = 0;
  std::optional<Time> starts{}, ends{};
  Time booked{};
  std::optional<Time> deleted_at{};
};

[[nodiscard]] Invoice invoice_of(stripe::Object const& invoice);
[[nodiscard]] CreditNote credit_note_of(stripe::Object const& note);
/// `failed_at`: when events say that it did not arrive.
[[nodiscard]] Refund refund_of(stripe::Object const& refund, std::optional<Time> failed_at);
[[nodiscard]] Charge charge_of(stripe::Object const& charge);
/// `lost_at`: when events say that it was lost.
[[nodiscard]] Dispute dispute_of(stripe::Object const& dispute, std::optional<Time> lost_at);
/// Of an item that is no proration: none. It is earned by its invoice.
[[nodiscard]] std::optional<Item> item_of(stripe::Object const& item);
/// The item of an invoiced line; where the item itself is not known it is booked with its invoice.
[[nodiscard]] Item item_of(Line const& line, Invoice const& invoice,
                           std::optional<Item> const& known);
/// Whether it says that an attempt to collect failed.
[[nodiscard]] bool has_failed(stripe::Object const& charge);

}  // namespace ledger
