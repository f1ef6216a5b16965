#pragma once
// The life of a tenant. move() is the only way from one state to another: it checks the edge,
// writes the row, the activity, the counters, the job and the notice in the caller's transaction.
#include "activity/activity.hpp"
#include "customers/customers.hpp"
#include "platform/config/config.hpp"
#include "platform/json/problem.hpp"
#include "tenants/states.hpp"

namespace tenants {

using TenantId = Id<"ten">;

inline constexpr ProblemType tenant_not_found{Kind::not_found, "tenant_not_found",
                                              "There is no such tenant"};
inline constexpr ProblemType subdomain_taken{Kind::conflict, "subdomain_taken",
                                             "Somebody has just taken this name"};
inline constexpr ProblemType capacity_exhausted{
    Kind::conflict, "capacity_exhausted", "There is no room for another tenant at the moment"};
inline constexpr ProblemType state_conflict{Kind::conflict, "state_conflict",
                                            "The tenant's state does not allow this"};
inline constexpr ProblemType plan_not_for_sale{Kind::invalid, "plan_not_for_sale",
                                               "There is no such plan and price"};
inline constexpr ProblemType still_billed{Kind::conflict, "still_billed",
                                          "A subscription still bills for the tenant"};
inline constexpr ProblemType still_held{Kind::conflict, "still_held",
                                        "There are reasons left to stand still"};
inline constexpr ProblemType not_paid_yet{Kind::conflict, "not_paid_yet",
                                          "Nobody has paid for the tenant yet"};

/// The row, as verbs and workers need it.
struct Tenant {
  TenantId id;
  customers::CustomerId customer_id;
  std::string subdomain, plan_id;
  std::int64_t plan_quantity;  // it has the plan so many times
  State state;
  std::int64_t max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent, process_limit;
  std::string provisioner, blueprint;
  std::int64_t attempt;
  std::optional<Time> queued_at;
  /// Counts changes of its config; `settled_version` is the one that the world was made to match.
  std::int64_t version, settled_version;
  std::optional<std::string> applied_limits;
  std::optional<i18n::Message> limits_message;  // what keeps them from being applied
  bool maintenance;                             // planned or present, see in_maintenance()
  std::optional<Time> maintenance_from, maintenance_until;
  std::optional<std::string> maintenance_message;
  /// Somebody wants it gone: the worker goes on to archived, or undoes what is being built.
  std::optional<Time> delete_requested_at;
  std::optional<TenantId> cloned_from;

  /// Whether its addresses show the maintenance page at `now`.
  [[nodiscard]] bool in_maintenance(Time now = clock_source::now()) const {
    return maintenance && (!maintenance_from || *maintenance_from <= now) &&
           (!maintenance_until || now < *maintenance_until);
  }
};

/// The row under its lock; Problem{tenant_not_found} when there is none.
[[nodiscard]] Tenant lock(db::Tx& tx, TenantId id);
/// Locks those that nobody else holds, without waiting, and answers which they are.
[[nodiscard]] std::vector<TenantId> lock_free(db::Tx& tx, std::vector<TenantId> const& ids);
/// Without a lock.
[[nodiscard]] Tenant get(db::Tx& tx, TenantId id);

/// Waits until nobody else reserves; held until the transaction ends. For those who look whether a
/// name is theirs already before they reserve it.
void take_turn_to_reserve(db::Tx& tx);

/// Takes the name and a place for a new tenant in state reserved. Throws Problem: subdomain_taken
/// (with suggestions), capacity_exhausted, plan_not_for_sale.
Tenant reserve(db::Tx& tx, config::Settings const& settings, customers::CustomerId customer,
               std::string_view subdomain, std::string_view plan, std::string_view actor,
               Time lease_until);

/// Of something that belongs to it.
inline constexpr i18n::Code<"tenant_is", "its tenant is {state}"> tenant_is;

struct Failure {
  std::string code, detail;
  Time retry_at{};
};

/// Moves to `to`; Problem{state_conflict} when the edge does not exist. `deadline` replaces the
/// state's own timeout. Updates `tenant`.
void move(db::Tx& tx, Tenant& tenant, State to, std::string_view actor,
          std::optional<Failure> const& failure = {}, std::optional<Time> deadline = {});

/// Reserved, or held while its payment was awaited → queued, once: a second call changes nothing.
/// True when this call did it.
bool start_provisioning(db::Tx& tx, TenantId id, std::string_view actor);
/// Gives up what was never paid; a second call changes nothing.
void release(db::Tx& tx, TenantId id, std::string_view actor);

/// For people who place one: throws Problem{state_conflict} of what is gone, and {not_paid_yet}
/// where whoever pays in the next minute would get a tenant that stands still.
void require_something_to_hold(Tenant const& tenant);
/// A tenant runs exactly when it has no hold; the world follows by a job. Placing one again changes
/// its note and its end where they are given. True when something changed.
bool place_hold(db::Tx& tx, TenantId id, Hold reason, std::string_view actor,
                std::optional<std::string> const& note = {}, std::optional<Time> expires_at = {});
/// Giving back the admin hold also takes back a deletion that has not come to archiving.
bool release_hold(db::Tx& tx, TenantId id, Hold reason, std::string_view actor);
[[nodiscard]] std::vector<Hold> holds(db::Tx& tx, TenantId id);
/// Releases those whose time is over.
void expire_holds(db::Tx& tx);

/// Has its job look again at once at a tenant that a failure keeps from leaving its state
/// (note_failure()); false when there is none.
bool try_again(db::Tx& tx, TenantId id);

/// What may be changed of a tenant that stands; none: stays as it is.
struct Changes {
  std::optional<std::string> subdomain{}, plan{};
  std::optional<std::int64_t> plan_quantity{}, max_users{}, storage_limit_mib{}, memory_limit_mib{},
      cpu_limit_percent{}, process_limit{};
  std::optional<Time> plan_quoted_at{};      // for which moment the plan's price was shown
  std::optional<std::int64_t> plan_price{};  // of one, as it was shown
  /// Its subscription has it already, whatever is for sale or in use by now.
  bool plan_is_paid_for = false;
};
/// It stands, so its name, plan and limits can be changed.
[[nodiscard]] bool may_be_changed(State state);
/// Changes the row, writes an event for each thing with before and after, keeps the old name for 90
/// days, and has the world and the subscription follow by jobs. A new plan, or another number of
/// it, brings its limits, those in `changes` come first. True when something changed. Throws
/// Problem: subdomain_taken, plan_not_for_sale, state_conflict.
bool change(db::Tx& tx, TenantId id, Changes const& changes, std::string_view actor);

struct Maintenance {
  std::optional<Time> from{}, until{};
  std::optional<std::string> message{};
};
void set_maintenance(db::Tx& tx, TenantId id, Maintenance const& window, std::string_view actor);
void clear_maintenance(db::Tx& tx, TenantId id, std::string_view actor);

/// What becomes of what bills for a tenant that ends: whoever ends it chooses. Nothing more is
/// charged either way; what ends with its period goes on when the end is taken back.
enum class BillingEnd { now, period_end };
constexpr auto names_of(BillingEnd) { return std::array<std::string_view, 2>{"now", "period_end"}; }
enum class Refund { none, unused };
constexpr auto names_of(Refund) { return std::array<std::string_view, 2>{"none", "unused"}; }
struct MoneyChoice {
  BillingEnd ends = BillingEnd::period_end;
  Refund refund = Refund::none;
};

/// Suspended → archiving; what bills for it ends.
void archive(db::Tx& tx, TenantId id, std::string_view actor, MoneyChoice const& money = {});
/// Archived → resuming, without the holds of deletion; what is unpaid stands still. Or still_held.
void restore_from_archive(db::Tx& tx, TenantId id, std::string_view actor);
/// Whether a subscription may still charge somebody for it.
[[nodiscard]] bool is_billed(db::Tx& tx, TenantId id);
/// Archived → purging, for good. What still bills for it ends first: until then nothing is removed.
void purge(db::Tx& tx, TenantId id, std::string_view actor);
/// Wanted gone, whatever it does now: what runs is held, archived by the worker and purged when
/// the archive's time is over; what is being built is undone. What bills for it ends. A second
/// call changes nothing but what becomes of the money.
void request_deletion(db::Tx& tx, TenantId id, std::string_view actor,
                      MoneyChoice const& money = {});

void set_health(db::Tx& tx, TenantId id, Health health);
/// Something in the tenant's activity that is not a change of state.
void note(db::Tx& tx, TenantId id, std::string_view actor, activity::Fact const& fact);

/// "http://acme.localhost:8080"
[[nodiscard]] std::string url_of(config::Settings const& settings, std::string_view subdomain);

}  // namespace tenants
