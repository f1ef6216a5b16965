#include "invariants/checking.hpp"

#include "platform/log/log.hpp"

namespace invariants {

namespace {
db::Query const for_so_long{"invariants.for_so_long", R"sql(
  SELECT set_config('statement_timeout', $1 || 'ms', true), set_config('lock_timeout', '3s', true)
)sql"};

/// What took too long, or waited in vain.
constexpr std::string_view no_time = "timeout";

std::vector<Offender> look(db::Connection& connection, Invariant const& invariant,
                           std::chrono::milliseconds at_most) {
  db::Tx tx{connection, db::Mode::snapshot};
  tx.exec(for_so_long, std::to_string(at_most.count()));
  return tx.all<Offender>(invariant.query);
}
}  // namespace

Found check(db::Connection& connection, Invariant const& invariant,
            std::chrono::milliseconds at_most) {
  auto const begun = std::chrono::steady_clock::now();
  Found out;
  auto const fail = [&](std::string_view code, char const* why) {
    out.error = code;
    logging::warning("invariants", "{} could not be checked: {}", invariant.name, why);
  };
  try {
    out.offenders = look(connection, invariant, at_most);
  } catch (db::Failure const& failure) {
    fail(failure.sqlstate, failure.what());
  } catch (db::Busy const& busy) {
    fail(no_time, busy.what());
  }
  out.count = std::int64_t(out.offenders.size());
  if (out.offenders.size() > most_shown) out.offenders.resize(most_shown);
  out.took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun);
  return out;
}

}  // namespace invariants
