#pragma once
// What must always be true, declared once: a name, what it says, how bad it is when it is not so,
// why that matters, and the SQL that finds the rows for which it is not so.
#include <deque>

#include "platform/db/db.hpp"

namespace invariants {

enum class Severity { medium, high };
constexpr auto names_of(Severity) { return std::array<std::string_view, 2>{"medium", "high"}; }

struct Declared {
  std::string_view name;  // pages have words for it: invariant.<name>, invariant_why.<name>
  Severity severity;
  std::string_view says, why;
  /// A SELECT of four columns: who offends, in a text that stays the same; the kind and the id of
  /// the page about it, or NULLs; details, a flat object. What is under way is given its time.
  std::string_view finds;
};

struct Invariant : Declared {
  explicit Invariant(Declared const& declared);
  db::Query const query;
};

/// All that are looked at, by subject.
[[nodiscard]] std::deque<Invariant> const& all();
/// None: there is no such invariant.
[[nodiscard]] Invariant const* find(std::string_view name);

// By subject, a file each.
[[nodiscard]] std::vector<Declared> of_ledger();
[[nodiscard]] std::vector<Declared> of_rollups();
[[nodiscard]] std::vector<Declared> of_money();
[[nodiscard]] std::vector<Declared> of_tenants();
[[nodiscard]] std::vector<Declared> of_work();
/// Of the table book_entries.
[[nodiscard]] std::vector<Declared> of_books();
[[nodiscard]] std::vector<Declared> of_book_figures();

}  // namespace invariants
