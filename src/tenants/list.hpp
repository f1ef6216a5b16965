#pragma once
// Tenants as staff see them: rows of the list and one in full.
#include "platform/list/list.hpp"
#include "platform/money/money.hpp"
#include "tenants/steps.hpp"

namespace tenants {

struct TenantView {
  TenantId id;
  std::string subdomain, url, company;
  customers::CustomerId customer_id;
  std::string customer_email, plan;
  State state;
  Health health;
  std::vector<Hold> holds;
  bool maintenance;
  std::optional<std::string> subscription_status;
  std::optional<money::Amount> mrr;
  std::string provisioner;
  Time created_at;
  std::optional<Time> live_at, backed_up_at;
  /// All but `maintenance`, of which the page of one tenant says more.
  static constexpr auto common_fields() {
    return ::fields(
        field("id", &TenantView::id), field("subdomain", &TenantView::subdomain),
        field("url", &TenantView::url), field("company", &TenantView::company),
        field("customer_id", &TenantView::customer_id),
        field("customer_email", &TenantView::customer_email), field("plan", &TenantView::plan),
        field("state", &TenantView::state), field("health", &TenantView::health),
        field("holds", &TenantView::holds,
              {.doc = "Reasons to stand still; it runs when there is none"}),
        field("subscription_status", &TenantView::subscription_status, {.doc = "As Stripe has it"}),
        field("mrr", &TenantView::mrr), field("provisioner", &TenantView::provisioner),
        field("created_at", &TenantView::created_at), field("live_at", &TenantView::live_at),
        field("backed_up_at", &TenantView::backed_up_at,
              {.doc = "When its newest good backup was made"}));
  }
  static constexpr auto fields() {
    return std::tuple_cat(common_fields(), ::fields(field("maintenance", &TenantView::maintenance,
                                                          {.doc = "Shown at this moment"})));
  }
};

/// For lists beneath a tenant: throws Problem{tenant_not_found} when the path's {id} is none.
void require_of_path(http::Context& context);

[[nodiscard]] list::List tenant_list(config::Settings const& settings);

struct StateCount {
  State state;
  std::int64_t count;
  bool capped;
  static constexpr auto rules() {
    return ::rules(rule(&StateCount::count, {.doc = "Tenants in this state, counted up to 1000"}),
                   rule(&StateCount::capped, {.doc = "There are more"}));
  }
};
/// Every state with its number of tenants, in the order of a tenant's life.
[[nodiscard]] std::vector<StateCount> count_by_state(db::Tx& tx);

[[nodiscard]] TenantView view(db::Tx& tx, config::Settings const& settings, TenantId id);

}  // namespace tenants
