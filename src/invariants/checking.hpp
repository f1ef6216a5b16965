#pragma once
// Looking for rows for which an invariant is not true: in one snapshot, which no writer disturbs
// and which disturbs no writer.
#include "invariants/declared.hpp"

namespace invariants {

/// Nobody reads how many more there are than a thousand.
inline constexpr int most_counted = 1001;
inline constexpr std::size_t most_shown = 100;

struct Offender {
  std::string subject;
  std::optional<std::string> link_kind, link_id;
  RawJson details;
  static constexpr auto rules() {
    return ::rules(
        rule(&Offender::subject, {.doc = "Who or what it is about", .example = "sub_1 si_1"}),
        rule(&Offender::link_kind,
             {.doc = "What the console has a page about: tenant, customer, jobs, findings"}),
        rule(&Offender::link_id, {.doc = "Which one: its id, or a filter of the list"}),
        rule(&Offender::details, {.doc = "What is wrong, by name: texts and numbers"}));
  }
};

struct Found {
  std::vector<Offender> offenders;        // the first of them
  std::int64_t count = 0;                 // up to most_counted
  std::optional<std::string> error = {};  // why it could not be checked
  std::chrono::milliseconds took{};
};

/// Looks now, for so long at most. What PostgreSQL cannot answer is told in `error`; only a lost
/// connection is thrown.
[[nodiscard]] Found check(db::Connection& connection, Invariant const& invariant,
                          std::chrono::milliseconds at_most);

}  // namespace invariants
