#pragma once
// Tenants as staff see them: rows of the list and one in full.
#include "platform/http/endpoint.hpp"
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

enum class Sort {
  newest,
  oldest,
  subdomain,
  subdomain_descending,
  company,
  company_descending,
};
constexpr auto names_of(Sort) {
  return std::array<std::string_view, 6>{"-created_at", "created_at", "subdomain",
                                         "-subdomain",  "company",    "-company"};
}

struct ListRequest {
  std::optional<std::int64_t> limit;
  std::optional<std::string> cursor;
  std::optional<Sort> sort;
  std::optional<std::string> q;
  std::optional<std::vector<State>> state;
  std::optional<std::vector<Health>> health;
  std::optional<std::string> plan;
  static constexpr auto fields() {
    return ::fields(
        field("limit", &ListRequest::limit,
              {.doc = "Rows per page, 50 unless told", .min = 1, .max = 100}),
        field("cursor", &ListRequest::cursor,
              {.doc = "next_cursor of the page before", .max_length = 500}),
        field("sort", &ListRequest::sort),
        field("q", &ListRequest::q,
              {.doc = "Part of the subdomain, company or e-mail", .max_length = 100}),
        field("state", &ListRequest::state, {.doc = "One or more states, comma-separated"}),
        field("health", &ListRequest::health, {.doc = "One or more, comma-separated"}),
        field("plan", &ListRequest::plan, {.doc = "Id of a plan", .max_length = 40}));
  }
};

[[nodiscard]] http::Page<TenantView> list(db::Tx& tx, config::Settings const& settings,
                                          ListRequest const& request);

/// How many rows the filters match, counted up to 1000.
struct CappedCount {
  std::int64_t count;
  bool capped;
  static constexpr auto fields() {
    return ::fields(field("count", &CappedCount::count),
                    field("capped", &CappedCount::capped, {.doc = "There are more"}));
  }
};
[[nodiscard]] CappedCount count(db::Tx& tx, ListRequest const& request);

/// Every tenant that the filters match, by id; at most one more than a batch may have.
inline constexpr int most_in_a_batch = 100'000;
[[nodiscard]] std::vector<TenantId> matching(db::Tx& tx, ListRequest const& request);
/// Those of the ids that there are, each once.
[[nodiscard]] std::vector<TenantId> existing(db::Tx& tx, std::vector<TenantId> const& ids);

struct StateCount {
  State state;
  std::int64_t count;
  bool capped;
  static constexpr auto fields() {
    return ::fields(
        field("state", &StateCount::state),
        field("count", &StateCount::count, {.doc = "Tenants in this state, counted up to 1000"}),
        field("capped", &StateCount::capped, {.doc = "There are more"}));
  }
};
/// Every state with its number of tenants, in the order of a tenant's life.
[[nodiscard]] std::vector<StateCount> count_by_state(db::Tx& tx);

[[nodiscard]] TenantView view(db::Tx& tx, config::Settings const& settings, TenantId id);

}  // namespace tenants
