#pragma once
// Stripe's events: stored once by the webhook or the sweep, worked off by a job that looks at the
// object as it is now.
#include "billing/billing.hpp"
#include "billing/event_store.hpp"
#include "billing/reading.hpp"
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"

namespace billing {

/// Asks Stripe for events that never arrived (after downtime, or a lost delivery): those since the
/// last whole pass.
struct SweepEvents {
  static constexpr std::string_view kind = "billing.sweep_events";
};
/// The same over all that Stripe remembers, thirty days, whatever the watermark says.
struct SweepMonth {
  static constexpr std::string_view kind = "billing.sweep_month";
};

/// What to do with events whose type begins with `prefix`: the object's present state is
/// asked for (outside any transaction) and written. The first prefix that fits is taken.
struct Handler {
  std::string prefix;
  /// How the object is asked for and written; then `apply` is for what the event itself tells, and
  /// what it returns does not matter.
  ObjectKind const* kind = nullptr;
  std::string path{};  // else: "/v1/coupons/"; the object's id is appended
  std::vector<std::string> expand{};
  /// False: not one of ours, the event is marked ignored.
  std::function<bool(db::Tx&, Event const&, stripe::Object const&)> apply{};
  /// Stripe does not know the object any more.
  std::function<bool(db::Tx&, Event const&)> gone{};
  /// The id to ask for, where it is not that of the event's object.
  std::function<std::string(stripe::Object const& carried)> id_of{};
  /// Whether what the event carries is kept already and cannot change any more: nobody is asked.
  std::function<bool(db::Tx&, stripe::Object const& carried)> is_known{};
};

class Events {
 public:
  explicit Events(config::Settings const& settings);
  /// Other capabilities add what they care about before the start.
  void on(Handler handler) { handlers_.insert(handlers_.begin(), std::move(handler)); }

  void add_endpoints(http::Api& api);
  void add_workers(jobs::Engine& engine);

  /// Which other events of the object are worked off with one.
  enum class Company {
    all,  // that were stored before Stripe is asked: its answer knows what they tell
    none,
  };
  /// Works a stored event off that is not applied yet, whoever asks and has the turn of its object;
  /// `commit` runs what it is given in a transaction. Throws what stripe::Client throws.
  using Commit = std::function<void(std::function<void(db::Tx&)> const&)>;
  void work_off(db::Connection& connection, std::string const& event_id, Commit const& commit,
                Company company = Company::all);

 private:
  struct Told;
  Handler const* handler_of(Event const& event) const;
  /// Those that one answer serves, too; what they say of former values is added to `told`.
  std::vector<Event> served_too(db::Connection& connection, Event const& event,
                                Handler const& handler, Told& told);
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

/// GET /api/billing/events: all that was stored, with what became of it.
void add_event_list(http::Api& api);

}  // namespace billing
