// D9: what follows from the figures of each period. Three doors, one shape: pages about revenue,
// growth and churn each ask their own, and each may be given to somebody alone.
#include "organisation/organisation.hpp"
#include "reports/mrr_figures.hpp"
#include "reports/reports.hpp"

namespace reports {

namespace {
using ledger::Movement;
using organisation::Organisation;

/// Of each kind; amounts of contraction and churn are positive, too.
struct ByKind {
  std::int64_t new_business, reactivation, expansion, contraction, churn;
  static constexpr auto fields() {
    return ::fields(field("new", &ByKind::new_business),
                    field("reactivation", &ByKind::reactivation),
                    field("expansion", &ByKind::expansion),
                    field("contraction", &ByKind::contraction), field("churn", &ByKind::churn));
  }
};

struct MrrPeriod {
  std::string period;
  bool incomplete;
  std::optional<std::int64_t> mrr_start{}, mrr_end{}, arr_end{};
  std::int64_t customers_start = 0, customers_end = 0;
  std::optional<ByKind> movements{};
  ByKind movement_counts{};
  std::optional<ByKind> movements_month_netted{};
  std::optional<std::int64_t> fx{};
  std::optional<double> nrr{}, grr{}, logo_churn{}, stripe_churn{}, gross_mrr_churn{},
      net_mrr_churn{}, growth{}, quick_ratio{};
  std::optional<std::int64_t> arpa{}, ltv{};
  std::optional<double> nrr_12{}, grr_12{}, logo_retention_12{};
  std::optional<i18n::Message> missing_rate{}, missing_rate_12{};
  static constexpr auto rules() {
    using P = MrrPeriod;
    return ::rules(
        rule(&P::period, {.doc = "A month, a quarter, the first day of a week, or a day",
                          .example = "2026-01"}),
        rule(&P::incomplete, {.doc = "It has not ended, or the range holds a part of it"}),
        rule(&P::mrr_start, {.doc = "MRR at its beginning; minor units"}),
        rule(&P::mrr_end, {.doc = "MRR at its end; of one that has not ended, now"}),
        rule(&P::arr_end, {.doc = "12 × mrr_end"}),
        rule(&P::customers_start, {.doc = "Who paid at its beginning"}),
        rule(&P::customers_end, {.doc = "Who paid at its end"}),
        rule(&P::movements, {.doc = "Changes of each customer and day, netted (D7); positive"}),
        rule(&P::movement_counts, {.doc = "How many of them"}),
        rule(&P::movements_month_netted,
             {.doc = "Each customer's end against the beginning of the period (D8), whatever lay "
                     "between; new is who never before ended a month, a week or a day with MRR"}),
        rule(&P::fx, {.doc = "What exchange rates have changed (D11); 0 in one currency"}),
        rule(&P::nrr, {.doc = "What those who paid at the start pay at the end ÷ mrr_start"}),
        rule(&P::grr, {.doc = "The same with no customer's growth"}),
        rule(&P::logo_churn,
             {.doc = "Of those who paid at the start, who pays nothing at the end"}),
        rule(&P::stripe_churn,
             {.doc = "As Stripe counts: all who left ÷ who paid at the start or came in between"}),
        rule(&P::gross_mrr_churn, {.doc = "(churn + contraction) ÷ mrr_start"}),
        rule(&P::net_mrr_churn,
             {.doc = "(churn + contraction − expansion − reactivation) ÷ mrr_start"}),
        rule(&P::growth, {.doc = "(mrr_end − mrr_start) ÷ mrr_start"}),
        rule(&P::quick_ratio, {.doc = "(new + expansion + reactivation) ÷ (churn + contraction)"}),
        rule(&P::arpa, {.doc = "mrr_end ÷ customers_end; minor units"}),
        rule(&P::ltv, {.doc = "arpa × gross margin ÷ logo_churn; minor units, of months only"}),
        rule(&P::nrr_12, {.doc = "nrr against twelve months before its end; of periods that end "
                                 "with a month"}),
        rule(&P::grr_12, {.doc = "grr against the same"}),
        rule(&P::logo_retention_12,
             {.doc = "Of those who paid twelve months before its end, who pays at its end"}),
        rule(&P::missing_rate, {.doc = "Why amounts are null: nobody has told that rate"}),
        rule(&P::missing_rate_12, {.doc = "Why nrr_12 and grr_12 are null"}));
  }
};

struct Answer {
  std::string currency, timezone;
  ledger::Policy policy;
  std::optional<Time> as_of;
  std::vector<MrrPeriod> periods;
  static constexpr auto rules() {
    return ::rules(rule(&Answer::as_of, {.doc = "As it was asked; null: as it is known now"}));
  }
};

ByKind by_kind(std::array<std::int64_t, ledger::movements> const& of) {
  auto const at = [&](Movement kind) { return of[std::size_t(kind)]; };
  using enum Movement;
  return {at(new_business), at(reactivation), at(expansion), at(contraction), at(churn)};
}

std::optional<std::int64_t> quotient(money::Wide numerator, money::Wide denominator) {
  if (denominator == 0) return {};
  return money::divide(numerator, denominator, money::Rounding::half_up);
}

void say_amounts(MrrPeriod& out, Figures const& figures) {
  auto const& [starts, ends, moved, netted, came, left, retention, year, missing] = figures;
  auto const amounts = by_kind(moved.amounts);
  money::Wide const up = money::Wide{amounts.expansion} + amounts.reactivation;
  money::Wide const down = money::Wide{amounts.churn} + amounts.contraction;
  money::Wide const change = money::Wide{ends.amount} - starts.amount;
  out.mrr_start = starts.amount;
  out.mrr_end = ends.amount;
  out.arr_end = money::times(ends.amount, 12);
  out.movements = amounts;
  out.movements_month_netted = by_kind(netted.amounts);
  out.fx = std::int64_t(change - (up + amounts.new_business - down));
  out.nrr = ratio(retention.retained, starts.amount);
  out.grr = ratio(retention.kept, starts.amount);
  out.gross_mrr_churn = ratio(down, starts.amount);
  out.net_mrr_churn = ratio(down - up, starts.amount);
  out.growth = ratio(change, starts.amount);
  out.quick_ratio = ratio(up + amounts.new_business, down);
  out.arpa = quotient(ends.amount, ends.customers);
}

/// ARPA × margin ÷ logo churn, rounded once.
std::optional<std::int64_t> lifetime_value(Figures const& figures, std::int64_t margin_percent) {
  if (figures.ends.customers == 0 || figures.starts.customers == 0) return {};
  return quotient(
      money::multiply(money::multiply(figures.ends.amount, figures.starts.customers),
                      margin_percent),
      money::multiply(money::multiply(figures.ends.customers, figures.retention.lost), 100));
}

void say_year(MrrPeriod& out, Retention const& year, bool has_amounts) {
  out.logo_retention_12 = ratio(year.before.customers - year.lost, year.before.customers);
  if (year.missing) out.missing_rate_12 = year.missing->message();
  if (year.missing || !has_amounts) return;
  out.nrr_12 = ratio(year.retained, year.before.amount);
  out.grr_12 = ratio(year.kept, year.before.amount);
}

MrrPeriod said(Period const& period, Figures const& figures, bool is_month,
               std::int64_t margin_percent) {
  MrrPeriod out{.period = period.name, .incomplete = period.incomplete};
  out.movement_counts = by_kind(figures.moved.counts);
  out.customers_start = figures.starts.customers;
  out.customers_end = figures.ends.customers;
  out.logo_churn = ratio(figures.retention.lost, out.customers_start);
  out.stripe_churn = ratio(figures.left, out.customers_start + figures.came);
  if (figures.missing)
    out.missing_rate = figures.missing->message();
  else
    say_amounts(out, figures);
  if (is_month && !figures.missing) out.ltv = lifetime_value(figures, margin_percent);
  if (figures.year) say_year(out, *figures.year, !figures.missing);
  return out;
}

Answer answer(db::Tx& tx, MrrQuestion const& question, Organisation const& organisation) {
  auto quick = from_rollups(tx, question);
  auto const figures = quick ? std::move(*quick) : from_steps(tx, question);
  Answer out{question.currency, question.timezone, question.policy, question.as_of, {}};
  for (std::size_t i = 0; i < figures.size(); ++i)
    out.periods.push_back(said(question.periods[i], figures[i],
                               question.granularity == series::Granularity::month,
                               organisation.gross_margin_percent.value_or(100)));
  return out;
}

void add(http::Api& api, settings::Groups const& groups, std::string_view route,
         std::string_view summary) {
  api.add(http::Endpoint<MrrRequest, Answer>{
      .route = route,
      .summary = summary,
      .tag = "Reports",
      .scope = "reports:read",
      .handle =
          [&groups](http::Context& context, MrrRequest const& request) {
            db::Tx tx{context.worker.connection, db::Mode::snapshot};
            return answer(tx, understood(tx, request, groups), *groups.now<Organisation>());
          },
  });
}
}  // namespace

void add_growth(http::Api& api, settings::Groups const& groups) {
  add(api, groups, "GET /api/reports/revenue",
      "Read recurring revenue by period: levels, movements and ratios");
  add(api, groups, "GET /api/reports/growth",
      "Read how recurring revenue grew by period: levels, movements and ratios");
  add(api, groups, "GET /api/reports/churn",
      "Read what was lost of recurring revenue by period: levels, movements and ratios");
}

}  // namespace reports
