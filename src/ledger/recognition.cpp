#include "ledger/recognition.hpp"

#include "platform/money/money.hpp"

namespace ledger {

namespace {
/// Over the service period alone, whenever it was booked.
std::int64_t earned_until(Obligation const& it, Time t) {
  if (it.ends <= it.starts || t >= it.ends) return it.amount;
  if (t <= it.starts) return 0;
  auto const seconds = [](Time from, Time to) {
    return clock_source::unix_seconds(to) - clock_source::unix_seconds(from);
  };
  money::Wide const size = it.amount < 0 ? -money::Wide{it.amount} : money::Wide{it.amount};
  auto const earned = money::divide(money::multiply(size, seconds(it.starts, t)),
                                    seconds(it.starts, it.ends), money::Rounding::half_up);
  return it.amount < 0 ? -earned : earned;
}
}  // namespace

std::int64_t recognised_before(Obligation const& it, Time t) {
  return t <= it.booked ? 0 : earned_until(it, t);
}

std::int64_t recognised_at_once(Obligation const& it) { return earned_until(it, it.booked); }

Recognised recognised_between(Obligation const& it, bool is_mirror, Time starts, Time ends) {
  auto const all = money::subtract(recognised_before(it, ends), recognised_before(it, starts));
  bool const is_booked_here = starts <= it.booked && it.booked < ends;
  if (!is_mirror || !is_booked_here) return {all, 0};
  auto const at_once = recognised_at_once(it);
  return {money::subtract(all, at_once), at_once};
}

}  // namespace ledger
