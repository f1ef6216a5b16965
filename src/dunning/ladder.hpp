#pragma once
// What happens to a tenant whose invoice could not be collected, and when: a function of facts and
// of the days that were set when its case began. Whoever shows what comes next asks the same one as
// whoever does it.
#include <array>
#include <vector>

#include "platform/clock/clock.hpp"
#include "platform/types/fields.hpp"

namespace dunning {

enum class Step { first_mail, second_mail, third_mail, warning, hold, archive, purge };
constexpr auto names_of(Step) {
  return std::array<std::string_view, 7>{"first_mail", "second_mail", "third_mail", "warning",
                                         "hold",       "archive",     "purge"};
}
inline constexpr std::array every_step{Step::first_mail, Step::second_mail, Step::third_mail,
                                       Step::warning,    Step::hold,        Step::archive,
                                       Step::purge};
/// It takes nothing away, it only says something.
constexpr bool is_mail(Step step) { return step < Step::hold; }

/// Days after the first failure; none: the step is left out.
struct Ladder {
  std::optional<std::int64_t> first_mail{}, second_mail{}, third_mail{}, warning{}, hold{},
      archive{}, purge{};
  [[nodiscard]] std::optional<std::int64_t> day_of(Step step) const;
};

enum class Outcome { done, skipped };
constexpr auto names_of(Outcome) { return std::array<std::string_view, 2>{"done", "skipped"}; }
struct Taken {
  Step step;
  Outcome outcome;
  Time acted_at;
};

/// Where the tenant is in its life, as far as a debt cares.
enum class Place { standing, archived, elsewhere };

struct Facts {
  Time first_failed_at{};          // of the oldest invoice that is open
  std::optional<Time> began_at{};  // of the case: an old debt is found late; none: it begins now
  std::vector<Time> attempts{};    // that failed, oldest first
  std::optional<Time> next_attempt{};  // Stripe's
  bool is_asked_for = true;  // not when its subscription has ended: paying brings nothing back
  bool is_paid_for = false;  // by another subscription, or by time that was paid late
  std::optional<Time> held_since{};  // the billing hold, whoever placed it
  bool waits = false;                // a pause, or a payment that is under way at a bank
  std::optional<Time> not_before{};
  Place place = Place::standing;
  Ladder ladder{};
  std::vector<Taken> taken{};
};

enum class Progress { done, skipped, coming, waiting };
constexpr auto names_of(Progress) {
  return std::array<std::string_view, 4>{"done", "skipped", "coming", "waiting"};
}
struct Planned {
  Step step;
  Progress progress;
  /// When it was done or will be; none: nobody knows, it waits.
  std::optional<Time> at{};
};

/// All steps that were taken and all that would be taken if nothing changed, in their order.
[[nodiscard]] std::vector<Planned> plan(Facts const& facts, Time now);

/// What is to be done now: one step at most. Those that a later one has overtaken are skipped.
struct Decision {
  std::optional<Step> act{};
  std::vector<Step> late{};
};
[[nodiscard]] Decision decide(std::vector<Planned> const& plan, Time now);

/// When to look again if nothing changes; none: only a change brings the next step.
[[nodiscard]] std::optional<Time> next_look(std::vector<Planned> const& plan);

}  // namespace dunning
