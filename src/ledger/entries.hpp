#pragma once
// What an invoice and all that belongs to it make in the books: D12 to D14 and D17 of the report
// definitions. A function of the papers alone: no database, no clock, no floating point.
#include "ledger/papers.hpp"

namespace ledger {

enum class Book { cash, receivable, invoiced, dunning, revenue };
constexpr auto names_of(Book) {
  return std::array<std::string_view, 5>{"cash", "receivable", "invoiced", "dunning", "revenue"};
}

enum class Kind {
  payment,  // through Stripe
  other,    // paid otherwise
  refund,
  refund_failed,
  dispute_lost,
  finalised,
  credit_note,
  credit_note_voided,
  voided,
  uncollectible,
  uncollectible_paid,
  settled,  // what is left of a receivable when its invoice is paid: nothing, or what was too much
  failed,   // what was open when the first attempt to collect failed
  recovered,  // and what was paid afterwards, once the invoice is paid
  line,
  proration,
  deleted,
};
constexpr auto names_of(Kind) {
  return std::array<std::string_view, 17>{"payment",
                                          "other",
                                          "refund",
                                          "refund_failed",
                                          "dispute_lost",
                                          "finalised",
                                          "credit_note",
                                          "credit_note_voided",
                                          "voided",
                                          "uncollectible",
                                          "uncollectible_paid",
                                          "settled",
                                          "failed",
                                          "recovered",
                                          "line",
                                          "proration",
                                          "deleted"};
}

struct Entry {
  std::string part;
  Book book;
  Kind kind;
  std::string currency;
  Time at;
  std::int64_t amount;
  // Of revenue.
  std::optional<Time> service_start{}, service_end{};
  std::optional<std::string> reverses{};  // the line that a mirror takes back
  bool operator==(Entry const&) const = default;
};

/// All but the lines that are prorations, which are their items' entries. None has amount zero.
[[nodiscard]] std::vector<Entry> entries_of(Papers const& papers);
[[nodiscard]] std::vector<Entry> entries_of(Item const& item);
[[nodiscard]] std::vector<Entry> entries_of(ChargePapers const& papers);

}  // namespace ledger
