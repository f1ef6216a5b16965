#pragma once
// When revenue is earned (D17).
#include <cstdint>

#include "platform/clock/clock.hpp"

namespace ledger {

/// A signed amount over its service period, from when it was booked on.
struct Obligation {
  Time booked, starts, ends;
  std::int64_t amount;
};

/// Recognised before `t`, so that what two neighbouring periods recognise adds up, and what is
/// booked in the very instant in which a period begins is that period's.
[[nodiscard]] std::int64_t recognised_before(Obligation const& obligation, Time t);
/// What was over already when it was booked: of a mirror, what was earned before and is taken back.
[[nodiscard]] std::int64_t recognised_at_once(Obligation const& obligation);

/// What a period [starts, ends) recognises of it.
struct Recognised {
  std::int64_t revenue = 0;
  std::int64_t contra = 0;  // earned earlier and taken back
};
[[nodiscard]] Recognised recognised_between(Obligation const& obligation, bool is_mirror,
                                            Time starts, Time ends);

}  // namespace ledger
