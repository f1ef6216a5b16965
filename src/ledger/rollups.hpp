#pragma once
// The sums over customers that reports answer from, added to in the transaction that writes
// movements: what somebody's former movements had added goes, what the present ones add comes.
#include "ledger/contributions.hpp"
#include "ledger/derive.hpp"
#include "platform/db/db.hpp"

namespace ledger {

/// A movement that comes or goes.
struct Moved {
  std::int64_t customer_id;
  std::string currency;
  Policy policy;
  MovedDay day;
  bool goes;
};

/// How the sums follow. To be made before movements are written and asked to write after that.
class RollupChange {
 public:
  RollupChange(db::Tx& tx, std::vector<Moved> const& moved);
  void write(db::Tx& tx);

 private:
  struct Line {
    std::int64_t customer_id;
    std::string currency;
    Policy policy;
    std::vector<Moved const*> moved{};
    Beginnings begins{};
    std::optional<Day> until{};  // what comes later adds what it did
  };
  std::vector<Beginnings> beginnings(db::Tx& tx) const;

  std::vector<Moved> moved_;
  std::vector<Line> lines_;
};

}  // namespace ledger
