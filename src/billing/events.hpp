#pragma once
// Stripe's events: stored once by the webhook or the sweep, worked off by a job that looks at the
// object as it is now.
#include "billing/billing.hpp"
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"

namespace billing {

struct ApplyStripeEvent {
  static constexpr std::string_view kind = "billing.apply_stripe_event";
  std::string event_id, object_id;
};

/// Asks Stripe for events that never arrived (after downtime, or a lost delivery): those since the
/// last whole pass.
struct SweepEvents {
  static constexpr std::string_view kind = "billing.sweep_events";
};
/// The same over all that Stripe remembers, thirty days, whatever the watermark says.
struct SweepMonth {
  static constexpr std::string_view kind = "billing.sweep_month";
};

struct Event {
  std::string id, type, object_id;
  Time created;
  std::string payload;
  Time fetched_at;  // when its object was asked for
};

/// What to do with events whose type begins with `prefix`: `fetch` gives the object's present state
/// (outside any transaction), `apply` writes it. The first prefix that fits is taken.
struct Handler {
  std::string prefix;
  std::string path;  // "/v1/invoices/"; the object's id is appended
  std::vector<std::string> expand{};
  /// False: not one of ours, the event is marked ignored.
  std::function<bool(db::Tx&, Event const&, stripe::Object const&)> apply;
  /// Stripe does not know the object any more.
  std::function<bool(db::Tx&, Event const&)> gone{};
  /// The id to ask for, where it is not that of the event's object.
  std::function<std::string(stripe::Object const& carried)> id_of{};
};

class Events {
 public:
  explicit Events(config::Settings const& settings);
  /// Other capabilities add what they care about before the start.
  void on(Handler handler) { handlers_.insert(handlers_.begin(), std::move(handler)); }

  void add_endpoints(http::Api& api);
  void add_workers(jobs::Engine& engine);

 private:
  void apply(jobs::Context& job, ApplyStripeEvent const& args);
  /// Why it is not ours to apply: of another mode or account. Empty: it is.
  std::string foreign_because(Event const& event);
  void sweep(jobs::Context& job, std::string_view kind);

  config::Settings const& settings_;
  stripe::Client client_;
  std::vector<Handler> handlers_;
  std::mutex mutex_;
  std::string account_;  // ours at Stripe; asked for when it is first needed
};

/// Throws readiness::Failed when Stripe's events come only because we ask for them: its deliveries
/// do not reach us, or their signature is refused.
void require_deliveries(db::Tx& tx);

/// Enqueues stored events again: one id, or all dead ones when it is empty. Returns how many.
std::int64_t replay(db::Tx& tx, std::string const& event_id);

}  // namespace billing
