#pragma once
// How long every table keeps its rows, declared beside the verbs that write them: a rule by which
// old rows go, or the reason why they stay. A contract test refuses a table without either.
#include <functional>

#include "platform/db/db.hpp"

namespace retention {

using Seconds = std::chrono::seconds;

/// What goes: rows whose `column` lies further back than `keep`.
struct Terms {
  std::string_view table, column;
  Seconds keep;                           // unless somebody has chosen another period
  Seconds least = std::chrono::hours{1};  // no chosen period is shorter
  std::string_view only{};                // SQL about a row `t`; the others stay
  /// "table.column" of foreign keys that lead here: what they name stays as long as they do.
  std::vector<std::string_view> unless_named_by{};
  std::string_view name{};  // of one rule among several of a table; else the table's
  std::string_view why;
};

class Rule {
 public:
  /// Throws logic_error where `keep` is shorter than `least`, or `least` than a second.
  explicit Rule(Terms terms);
  ~Rule();
  Rule(Rule const&) = delete;
  Rule& operator=(Rule const&) = delete;

  Terms const terms;
  std::string const name;
  db::Query const remove;  // $1: older than so many seconds; $2: at most so many rows

  /// Every rule that is alive, in the order of their names.
  static std::vector<Rule const*> all();
};

/// A table whose rows stay, or go by another way, which `why` names.
class Kept {
 public:
  Kept(std::string_view table, std::string_view why);
  ~Kept();
  Kept(Kept const&) = delete;
  Kept& operator=(Kept const&) = delete;

  std::string_view const table, why;

  static std::vector<Kept const*> all();
};

/// The period that somebody has chosen for a rule; none: that of its declaration.
using Periods = std::function<std::optional<Seconds>(db::Tx&, Rule const&)>;

/// A period that is too short for its rule, in words for people.
struct TooShort : std::runtime_error {
  TooShort(Rule const& rule, Seconds period);
};

/// Throws TooShort; zero and less always are.
void check(Rule const& rule, Seconds period);

/// Removes the oldest rows beyond `period`, at most `rows` of them, and skips those that somebody
/// works on; returns how many went. Throws TooShort.
std::int64_t remove_some(db::Tx& tx, Rule const& rule, Seconds period, std::int64_t rows);

}  // namespace retention
