#pragma once
// What is measured of a period before anything is divided. There are two ways to it: sums that the
// ledger keeps (cost: months), and the steps of all customers (cost: steps; any zone, any belief).
#include <array>

#include "reports/mrr_question.hpp"
#include "reports/rates.hpp"

namespace reports {

struct Balance {
  std::int64_t amount = 0, customers = 0;
};
struct Moves {
  std::array<std::int64_t, ledger::movements> amounts{}, counts{};
  [[nodiscard]] std::int64_t amount(ledger::Movement kind) const {
    return amounts[std::size_t(kind)];
  }
  [[nodiscard]] std::int64_t count(ledger::Movement kind) const {
    return counts[std::size_t(kind)];
  }
};
/// What became of those who paid at a beginning (D9).
struct Retention {
  Balance before;
  std::int64_t retained = 0;  // what they pay at the end
  std::int64_t kept = 0;      // of each the lesser of both
  std::int64_t lost = 0;      // how many of them pay nothing
  std::optional<MissingRate> missing{};
};

struct Figures {
  Balance starts, ends;
  Moves moved;                      // days netted (D7)
  Moves netted;                     // the end against the beginning (D8)
  std::int64_t came = 0, left = 0;  // by day, whoever had nothing and whoever has nothing any more
  Retention retention;
  std::optional<Retention> year;       // against a year before the end
  std::optional<MissingRate> missing;  // amounts say nothing then
};

/// Those of each period. None: the sums do not hold what is asked.
[[nodiscard]] std::optional<std::vector<Figures>> from_rollups(db::Tx& tx,
                                                               MrrQuestion const& question);
[[nodiscard]] std::vector<Figures> from_steps(db::Tx& tx, MrrQuestion const& question);

struct Cohort {
  ledger::Day month;
  std::int64_t size = 0;
  struct End : Balance {
    std::optional<MissingRate> missing{};  // its amount says nothing then
  };
  std::vector<End> ends;  // of its month and each that came after
};
/// Those of the months that the question's periods are.
[[nodiscard]] std::optional<std::vector<Cohort>> cohorts_from_rollups(db::Tx& tx,
                                                                      MrrQuestion const& question);
[[nodiscard]] std::vector<Cohort> cohorts_from_steps(db::Tx& tx, MrrQuestion const& question);

/// Whether the sums say what is asked, but for its periods.
[[nodiscard]] bool rollups_hold(db::Tx& tx, MrrQuestion const& question);

}  // namespace reports
