#pragma once
// What another plan would cost and take away, as Stripe would charge it.
#include "billing/plan_moves.hpp"
#include "platform/http/endpoint.hpp"

namespace billing {

/// When another plan begins.
enum class Moment { now, period_end };
constexpr auto names_of(Moment) { return std::array<std::string_view, 2>{"now", "period_end"}; }

enum class PlanWarning {
  nothing_is_charged,
  not_sold_this_way,
  fewer_users,
  less_storage,
  less_memory,
  storage_below_use,
};
constexpr auto names_of(PlanWarning) {
  return std::array<std::string_view, 6>{"nothing_is_charged", "not_sold_this_way",
                                         "fewer_users",        "less_storage",
                                         "less_memory",        "storage_below_use"};
}

struct PreviewLine {
  std::string description;
  std::int64_t amount;
  bool proration;
  static constexpr auto rules() {
    return ::rules(
        rule(&PreviewLine::proration, {.doc = "For the part of a period that has begun"}));
  }
};

struct PlanPreview {
  std::string plan;
  std::int64_t quantity = 1;
  Moment moment = Moment::now;
  std::optional<Time> takes_effect_at, quoted_at;
  std::optional<std::string> currency;
  std::optional<std::int64_t> amount;
  std::int64_t due_now = 0, credit = 0;
  std::optional<std::int64_t> next_amount;
  std::optional<Time> next_date;
  std::vector<PreviewLine> lines;
  std::vector<PlanWarning> warnings;
  bool has(PlanWarning warning) const {
    return std::find(warnings.begin(), warnings.end(), warning) != warnings.end();
  }
  static constexpr auto rules() {
    using P = PlanPreview;
    return ::rules(
        rule(&P::quantity, {.doc = "So many times the plan and its limits"}),
        rule(&P::moment, {.doc = "When it begins: where that was not asked for, a dearer plan now "
                                 "and a cheaper one with the next period"}),
        rule(&P::takes_effect_at, {.doc = "null: at once"}),
        rule(&P::quoted_at, {.doc = "What is due was worked out for this moment; a change that "
                                    "names it is charged the same to the cent. null: nothing is "
                                    "worked out by time"}),
        rule(&P::currency, {.doc = "null: nothing is charged"}),
        rule(&P::amount, {.doc = "Minor units of the whole for each interval, before discounts "
                                 "and taxes; null: it is not sold this way"}),
        rule(&P::due_now,
             {.doc = "Minor units, charged at once: a dearer plan for the rest of the period. When "
                     "the payment of a change by staff fails, the plan changes all the same and "
                     "the subscription is past due"}),
        rule(&P::credit, {.doc = "Minor units given back for the unused time of the present plan"}),
        rule(
            &P::next_amount,
            {.doc = "Minor units of the next regular invoice, with the credit of a cheaper plan"}));
  }
};

struct PlanQuestion {
  tenants::TenantId tenant;
  std::string plan;
  std::optional<std::int64_t> quantity{};  // none: as it is
  std::optional<Moment> moment{};
};
/// Asks Stripe. Throws Problem{stripe_away}, not_for_sale of "?plan" and beyond_a_tenant of
/// "?quantity".
[[nodiscard]] PlanPreview preview_plan(http::Context& context, PlanQuestion const& question);

void add_plan_preview_endpoint(http::Api& api);

/// What a dearer plan charges at once, as Stripe works it out; minor units.
[[nodiscard]] std::int64_t due_now(stripe::Client const& client, Move const& move,
                                   std::optional<Time> quoted_at);

}  // namespace billing
