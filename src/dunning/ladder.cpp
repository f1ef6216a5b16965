// The rules, in the order in which they push a step further away.
#include "dunning/ladder.hpp"

#include <algorithm>

namespace dunning {

namespace {
using std::chrono::days;

/// Whoever tries a card every day puts nothing off for ever.
constexpr days most_delay{7};
/// Nobody is suspended on the day of the mail that says so.
constexpr days notice{1};
/// What is harder to take back leaves more time, however late it is already.
constexpr days grace{7};

/// A day after each attempt that falls before it: the next attempt is Stripe's turn, not ours.
Time after_attempts(Facts const& facts, Time nominal) {
  auto at = nominal;
  auto const wait_for = [&](Time attempt) {
    if (attempt > facts.first_failed_at && attempt <= at) at = std::max(at, attempt + days{1});
  };
  for (auto const attempt : facts.attempts) wait_for(attempt);
  if (facts.next_attempt) wait_for(*facts.next_attempt);
  return std::min(at, std::max(nominal, nominal + most_delay));
}

/// What the walk over the steps knows of those before.
struct Walk {
  Facts const& facts;
  Time now;
  std::optional<Time> told{}, held{}, archived{};  // when that was, or will be

  [[nodiscard]] bool is_wanted(Step step) const {
    bool const suspends = facts.ladder.hold && !facts.is_paid_for && !facts.held_since;
    switch (step) {
      case Step::first_mail:
      case Step::second_mail:
      case Step::third_mail:
        return facts.is_asked_for && facts.place == Place::standing;
      case Step::warning:
        return facts.is_asked_for && facts.place == Place::standing && suspends;
      case Step::hold:
        return facts.place == Place::standing && suspends;
      case Step::archive:
        return facts.place == Place::standing && !facts.is_paid_for && held.has_value();
      case Step::purge:
        return archived.has_value() && !facts.is_paid_for &&
               (facts.place == Place::archived || !was_taken(Step::archive));
    }
    return false;
  }
  [[nodiscard]] bool was_taken(Step step) const {
    return std::ranges::any_of(facts.taken, [&](Taken const& one) { return one.step == step; });
  }
  [[nodiscard]] Time began() const { return facts.began_at.value_or(now); }
  [[nodiscard]] Time due(Step step, std::int64_t day) const {
    auto at = after_attempts(facts, facts.first_failed_at + days{day});
    if (facts.not_before) at = std::max(at, *facts.not_before);
    if (step == Step::hold && told) at = std::max(at, *told + notice);
    if (step == Step::archive) at = std::max({at, *held + grace, began() + grace});
    if (step == Step::purge) at = std::max(at, *archived + grace);
    return at;
  }
  void remember(Step step, Time at) {
    if (is_mail(step)) told = at;
    if (step == Step::hold && !held) held = at;
    if (step == Step::archive) archived = at;
  }
};
}  // namespace

std::optional<std::int64_t> Ladder::day_of(Step step) const {
  switch (step) {
    case Step::first_mail:
      return first_mail;
    case Step::second_mail:
      return second_mail;
    case Step::third_mail:
      return third_mail;
    case Step::warning:
      return warning;
    case Step::hold:
      return hold;
    case Step::archive:
      return archive;
    case Step::purge:
      return purge;
  }
  return {};
}

std::vector<Planned> plan(Facts const& facts, Time now) {
  std::vector<Planned> out;
  Walk walk{.facts = facts, .now = now, .held = facts.held_since};
  for (auto const step : every_step) {
    auto const taken = std::ranges::find(facts.taken, step, &Taken::step);
    if (taken != facts.taken.end()) {
      bool const is_done = taken->outcome == Outcome::done;
      out.push_back({step, is_done ? Progress::done : Progress::skipped, taken->acted_at});
      if (is_done && (step != Step::hold || facts.held_since)) walk.remember(step, taken->acted_at);
      continue;
    }
    auto const day = facts.ladder.day_of(step);
    if (!day || !walk.is_wanted(step)) continue;
    auto const at = walk.due(step, *day);
    out.push_back({step, facts.waits ? Progress::waiting : Progress::coming,
                   facts.waits ? std::nullopt : std::optional{at}});
    walk.remember(step, std::max(at, now));  // what is overdue is done now, if at all
  }
  return out;
}

Decision decide(std::vector<Planned> const& plan, Time now) {
  Decision out;
  for (auto const& [step, progress, at] : plan) {
    if (progress != Progress::coming || *at > now) continue;
    if (out.act) out.late.push_back(*out.act);
    out.act = step;
  }
  return out;
}

std::optional<Time> next_look(std::vector<Planned> const& plan) {
  std::optional<Time> out;
  for (auto const& [step, progress, at] : plan)
    if (progress == Progress::coming && (!out || *at < *out)) out = at;
  return out;
}

}  // namespace dunning
