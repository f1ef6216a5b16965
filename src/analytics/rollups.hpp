#pragma once
// Counters kept up to date in the transaction of the change: a delta is appended, a fold adds
// deltas up, readers see totals plus what is not folded yet.
#include "platform/jobs/jobs.hpp"

namespace analytics {

enum class Metric {
  mrr,  // minor units; the sum over all days is the present MRR (D3, D7)
  mrr_new,
  mrr_expansion,
  mrr_contraction,  // negative amounts
  mrr_churn,        // negative amounts
  mrr_reactivation,
  revenue,          // minor units: payments less refunds and lost disputes (D12)
  failed_payments,  // invoices whose last attempt failed and that are still open
  failed_amount,    // minor units of those
  customers,
  tenants_live,
  tenants_pending,  // queued, being built, or waiting for a retry
  signups_started,
  signups_paid,
  signups_live,
};
constexpr auto names_of(Metric) {
  return std::array<std::string_view, 15>{"mrr",
                                          "mrr_new",
                                          "mrr_expansion",
                                          "mrr_contraction",
                                          "mrr_churn",
                                          "mrr_reactivation",
                                          "revenue",
                                          "failed_payments",
                                          "failed_amount",
                                          "customers",
                                          "tenants_live",
                                          "tenants_pending",
                                          "signups_started",
                                          "signups_paid",
                                          "signups_live"};
}

/// `currency` is empty for counts. `at` decides the day (UTC).
void add(db::Tx& tx, Metric metric, std::string_view currency, Time at, std::int64_t amount);

/// What one day of a calendar changes by, whatever zone its days are of.
struct DayDelta {
  Metric metric;
  std::string currency, day;
  std::int64_t amount;
};
void add(db::Tx& tx, std::vector<DayDelta> const& deltas);

struct Fold {
  static constexpr std::string_view kind = "analytics.fold";
};

/// Registers the fold; it runs every few seconds.
void add_workers(jobs::Engine& engine);

}  // namespace analytics
