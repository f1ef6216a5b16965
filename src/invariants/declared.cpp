#include "invariants/declared.hpp"

#include <algorithm>

#include "invariants/checking.hpp"

namespace invariants {

namespace {
std::string statement(std::string_view finds) {
  return "SELECT subject, link_kind, link_id, details FROM (" + std::string{finds} +
         ") AS found (subject, link_kind, link_id, details) ORDER BY subject LIMIT " +
         std::to_string(most_counted);
}

std::deque<Invariant> made_of(std::vector<std::vector<Declared>> const& subjects) {
  std::deque<Invariant> out;
  for (auto const& subject : subjects)
    for (auto const& declared : subject) out.emplace_back(declared);
  return out;
}

std::deque<Invariant> const known = made_of({of_ledger(), of_rollups(), of_money(), of_books(),
                                             of_book_figures(), of_tenants(), of_work()});
}  // namespace

Invariant::Invariant(Declared const& declared)
    : Declared{declared},
      query{"invariants." + std::string{declared.name}, statement(declared.finds)} {}

std::deque<Invariant> const& all() { return known; }

Invariant const* find(std::string_view name) {
  auto const found = std::ranges::find(known, name, &Invariant::name);
  return found == known.end() ? nullptr : &*found;
}

}  // namespace invariants
