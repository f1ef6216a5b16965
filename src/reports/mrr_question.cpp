#include "reports/mrr_question.hpp"

#include <algorithm>

namespace reports {

namespace {
constexpr std::string_view reporting = "reporting";
constexpr FieldCode no_such_plan{"no_such_plan", "must be a plan's id"};

db::Query const has_plan{"reports.has_plan", "SELECT EXISTS (SELECT FROM plans WHERE id = $1)"};
}  // namespace

FieldCode const* MrrRequest::is_currency(std::string_view code) {
  return code == reporting ? nullptr : money::currency(code);
}

ledger::Day MrrQuestion::end_of(Period const& period) const {
  return std::min(period.next_day, today + std::chrono::days{1});
}

std::optional<ledger::Day> MrrQuestion::year_before(Period const& period) const {
  bool const has_months =
      granularity == series::Granularity::month || granularity == series::Granularity::quarter;
  if (!has_months || period.next_day != ledger::first_of_month(period.next_day)) return {};
  return ledger::plus_months(period.next_day, -12);
}

MrrQuestion understood(db::Tx& tx, MrrRequest const& request, settings::Groups const& groups) {
  if (request.plan && !tx.one<bool>(has_plan, *request.plan))
    throw refusal(wrong<no_such_plan>("?plan"));
  bool const is_converted = request.currency == reporting;
  MrrQuestion out{understood(
      tx,
      Request{request.from, request.to, request.granularity,
              is_converted ? std::nullopt : request.currency, request.timezone, request.as_of},
      groups)};
  out.policy = request.policy.value_or(ledger::Policy::recurring);
  out.plan = request.plan;
  out.country = request.country;
  out.is_converted = is_converted;
  return out;
}

}  // namespace reports
