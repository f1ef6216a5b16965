#pragma once
// What the last look at each invariant has found.
#include "invariants/checking.hpp"

namespace invariants {

struct Result {
  std::string name;
  Time checked_at;
  std::int64_t duration_ms;
  std::optional<std::int64_t> offenders;
  std::optional<std::string> error;
  std::optional<Time> since;
  RawJson sample;
};
/// At most so many of each one's offenders.
[[nodiscard]] std::vector<Result> results(db::Tx& tx, int most_of_each);
[[nodiscard]] std::optional<Result> result_of(db::Tx& tx, std::string_view name);

void write(db::Tx& tx, Invariant const& invariant, Found const& found);
/// Those that are not declared any more.
void forget_others(db::Tx& tx);

}  // namespace invariants
