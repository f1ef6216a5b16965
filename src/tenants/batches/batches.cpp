// The six actions on many tenants: who can be chosen, what is done with each, and when the world
// has followed.
#include "tenants/batches/batches.hpp"

#include "platform/json/checks.hpp"
#include "tenants/demo.hpp"
#include "tenants/operations/operations.hpp"
#include "tenants/plans.hpp"

namespace tenants {

namespace {
constexpr i18n::Code<"state_is", "It is {state}"> state_is;
constexpr i18n::Code<"held_by_staff", "The staff hold it already"> held_by_staff;
constexpr i18n::Code<"not_held_by_staff", "The staff do not hold it"> not_held_by_staff;
constexpr i18n::Code<"no_such_hold", "It has no such hold"> no_such_hold;
constexpr i18n::Code<"has_plan_already", "It has this plan already"> has_plan_already;
constexpr i18n::Code<"uses_more_storage", "It uses {used_bytes} bytes, more than the plan has">
    uses_more_storage;
constexpr i18n::Code<"nothing_to_change", "There is nothing to change"> nothing_to_change;
constexpr i18n::Code<"runs_already", "The same is being done already"> runs_already;
constexpr i18n::Code<"hold_released", "Its hold was released meanwhile"> hold_released;
constexpr i18n::Code<"held_otherwise", "Another hold keeps it: {holds}"> held_otherwise;
constexpr i18n::Code<"subscription_stays", "Its subscription stays as it was: {error}">
    subscription_stays;
constexpr i18n::Code<"plan_not_sold_so",
                     "{plan} is not sold in {currency} per {interval}; its subscription stays as "
                     "it was">
    plan_not_sold_so;
constexpr i18n::Code<"operation_failed", "It failed: {failure}"> operation_failed;
constexpr i18n::Code<"nothing_runs", "It is a demo tenant: nothing runs for it"> nothing_runs;

/// Why, for colleagues; every action takes it.
constexpr Rules reason_rules{
    .doc = "Why, for colleagues", .max_length = 500, .check = checks::one_line};

struct Why {
  std::optional<std::string> reason;
  static constexpr auto rules() { return ::rules(rule(&Why::reason, reason_rules)); }
};
struct WhichHold {
  Hold hold;
  std::optional<std::string> reason;
  static constexpr auto rules() {
    return ::rules(rule(&WhichHold::hold, {.doc = "The one to release"}),
                   rule(&WhichHold::reason, reason_rules));
  }
};
struct NewPlan {
  std::string to_plan;
  std::optional<std::string> reason;
  static constexpr auto rules() {
    return ::rules(rule(&NewPlan::to_plan, {.doc = "Id of the new plan", .max_length = 40}),
                   rule(&NewPlan::reason, reason_rules));
  }
};

list::Hindrance in_state(std::string const& which) {
  return {"tenants.state " + which, state_is.sql("tenants.state")};
}
std::string const is_held =
    "EXISTS (SELECT 1 FROM tenant_holds WHERE tenant_id = tenants.id AND reason = 'admin')";

/// On its way to a state, and kept from it by what a repetition does not mend: it can be tried
/// again.
std::string stuck_in(std::string const& state) {
  return "(tenants.state = '" + state + "' AND tenants.failure_code IS NOT NULL)";
}
/// The code for people; what it stumbled over in detail is for whoever reads the API.
std::string failed_with(std::string const& code, std::string const& detail) {
  return operation_failed.sql(code) +
         " || jsonb_build_object('text', 'It failed: ' || concat_ws(': ', " + code + ", nullif(" +
         detail + ", '')))";
}

list::Outcome changed(bool it_did) {
  return it_did ? list::under_way() : list::skipped(nothing_to_change());
}

list::Action suspend() {
  return list::action<TenantId, Why>(
      {.name = "suspend",
       .doc = "places a hold of the staff's",
       .hindrances = {in_state("IN ('reserved', 'awaiting_payment', 'rolled_back', 'purged')"),
                      // A note of its own is nobody else's to change.
                      {is_held + " AND NOT " + stuck_in("suspending"), held_by_staff.sql()}},
       .apply =
           [](db::Tx& tx, TenantId id, Why const& why, std::string const& actor) {
             bool const is_new = place_hold(tx, id, Hold::admin, actor, why.reason);
             return changed(try_again(tx, id) || is_new);
           },
       .done = "SELECT row_id, CASE WHEN tenants.state NOT IN ('live', 'resuming', 'suspending') "
               "THEN 'ok' WHEN NOT " +
               is_held + " OR " + stuck_in("suspending") +
               " THEN 'failed' END AS outcome, CASE WHEN NOT " + is_held + " THEN " +
               hold_released.sql() + " ELSE " +
               failed_with("tenants.failure_code", "tenants.failure_detail") +
               " END AS why FROM running JOIN tenants ON tenants.id = row_id"});
}

/// A tenant goes on when nothing holds it any more.
std::string has_resumed() {
  return R"sql(
    SELECT row_id, CASE WHEN state NOT IN ('suspending', 'suspended', 'resuming') THEN 'ok'
                        WHEN holds IS NOT NULL OR )sql" +
         stuck_in("resuming") +
         R"sql( THEN 'failed' END AS outcome, CASE WHEN holds IS NOT NULL THEN )sql" +
         held_otherwise.sql("holds") + " ELSE " +
         failed_with("tenants.failure_code", "tenants.failure_detail") +
         R"sql( END AS why
      FROM running JOIN tenants ON tenants.id = row_id,
           LATERAL (SELECT string_agg(reason::text, ', ' ORDER BY reason) AS holds
                      FROM tenant_holds WHERE tenant_id = tenants.id) AS held)sql";
}

list::Action resume() {
  return list::action<TenantId, Why>(
      {.name = "resume",
       .doc = "releases the hold of the staff's",
       .hindrances = {{"NOT " + is_held + " AND NOT " + stuck_in("resuming"),
                       not_held_by_staff.sql()}},
       .apply =
           [](db::Tx& tx, TenantId id, Why const&, std::string const& actor) {
             return changed(release_hold(tx, id, Hold::admin, actor) || try_again(tx, id));
           },
       .done = has_resumed()});
}

list::Action release() {
  return list::action<TenantId, WhichHold>(
      {.name = "release_hold",
       .doc = "releases a hold",
       .hindrances = {{"NOT EXISTS (SELECT 1 FROM tenant_holds WHERE tenant_id = tenants.id AND "
                       "reason::text = {arguments} ->> 'hold')",
                       no_such_hold.sql()}},
       .apply =
           [](db::Tx& tx, TenantId id, WhichHold const& which, std::string const& actor) {
             return changed(release_hold(tx, id, which.hold, actor));
           },
       .done = has_resumed()});
}

/// The limits are applied and the subscription has followed. A limit below what is used waits for a
/// person: it is not waited for as long as what simply takes its time.
std::string has_changed_plan() {
  return R"sql(
    SELECT row_id,
           CASE WHEN EXISTS (SELECT 1 FROM following AS f
                              WHERE f.tenant_id = tenants.id AND f.state <> 'dead') THEN NULL
                WHEN not_followed IS NOT NULL OR not_charged IS NOT NULL THEN 'failed'
                WHEN settled_version >= (mark->>'version')::bigint OR state <> 'live' THEN 'ok'
                WHEN begun_at < at - interval '15 minutes' AND limits_message IS NOT NULL
                  THEN 'failed' END AS outcome,
           CASE WHEN not_followed IS NOT NULL THEN )sql" +
         subscription_stays.sql("not_followed") + " WHEN not_charged ? 'error' THEN " +
         subscription_stays.sql("not_charged ->> 'error'") + " WHEN not_charged IS NOT NULL THEN " +
         plan_not_sold_so.sql("not_charged ->> 'plan'", "not_charged ->> 'currency'",
                              "not_charged ->> 'interval'") +
         R"sql( ELSE limits_message END AS why
      FROM running JOIN tenants ON tenants.id = row_id,
           LATERAL (SELECT max(coalesce(f.last_error, '')) AS not_followed FROM following AS f
                     WHERE f.tenant_id = tenants.id AND f.state = 'dead'
                       AND f.finished_at >= begun_at) AS dead,
           LATERAL (SELECT (array_agg(jsonb_strip_nulls(data) ORDER BY id DESC))[1] AS not_charged
                      FROM activity AS e
                     WHERE e.tenant_id = tenants.id AND e.kind = 'plan_not_charged'
                       AND e.at >= begun_at) AS refused)sql";
}

list::Action change_plan() {
  std::string const disk =
      "(SELECT disk FROM tenant_health WHERE tenant_id = tenants.id ORDER BY \"timestamp\" DESC "
      "LIMIT 1)";
  return list::action<TenantId, NewPlan>(
      {.name = "change_plan",
       .doc = "gives them another plan with its limits",
       .hindrances = {{"tenants.plan_id = {arguments} ->> 'to_plan'", has_plan_already.sql()},
                      in_state("NOT IN ('live', 'suspending', 'suspended', 'resuming', "
                               "'archived')"),
                      {disk +
                           " > (SELECT 1048576::bigint * storage_limit_mib * "
                           "tenants.plan_quantity FROM plans WHERE id = {arguments} ->> 'to_plan' "
                           "AND storage_limit_mib::bigint * tenants.plan_quantity < "
                           "tenants.storage_limit_mib)",
                       uses_more_storage.sql(disk)}},
       .check =
           [](db::Tx& tx, NewPlan const& wanted, json::Errors& errors) {
             auto const plans = plans_for_sale(tx);
             if (std::none_of(plans.begin(), plans.end(),
                              [&](Plan const& plan) { return plan.id == wanted.to_plan; }))
               errors.push_back(wrong<faults::not_for_sale>("/arguments/to_plan"));
           },
       .apply =
           [](db::Tx& tx, TenantId id, NewPlan const& wanted, std::string const& actor) {
             auto outcome = changed(change(tx, id, {.plan = wanted.to_plan}, actor));
             outcome.mark.text = R"({"version":)" + std::to_string(get(tx, id).version) + "}";
             return outcome;
           },
       .done = "WITH following AS (SELECT (payload->>'tenant_id')::bigint AS tenant_id, state, "
               "finished_at, last_error FROM jobs WHERE kind = 'tenants.plan_changed' AND state IN "
               "('waiting', 'running', 'dead'))" +
               has_changed_plan()});
}

/// Backup and restart: an operation of each tenant's own.
list::Action operate(OperationKind kind, std::string_view doc) {
  auto const runs =
      "EXISTS (SELECT 1 FROM tenant_operations WHERE tenant_id = tenants.id AND kind = '" +
      std::string{name_of(kind)} + "' AND state IN ('queued', 'running'))";
  return list::action<TenantId, Why>(
      {.name = name_of(kind),
       .doc = doc,
       .hindrances = {in_state("<> 'live'"),
                      {"tenants.provisioner = '" + std::string{demo_provisioner} + "'",
                       nothing_runs.sql()},
                      {runs, runs_already.sql()}},
       .apply =
           [kind](db::Tx& tx, TenantId id, Why const&, std::string const& actor) {
             auto const operation = request(tx, id, kind, {"{}"}, actor);
             return list::under_way(
                 {R"({"operation_id":)" + std::to_string(operation.id.value) + "}"});
           },
       .done = "SELECT row_id, CASE state WHEN 'succeeded' THEN 'ok' WHEN 'failed' THEN 'failed' "
               "END AS outcome, " +
               failed_with("error_code", "error_detail") +
               " AS why FROM running JOIN tenant_operations AS o ON o.id = "
               "(mark->>'operation_id')::bigint"});
}
}  // namespace

list::Batch tenant_batch() {
  return {.scope = "tenants:write",
          .audit = "tenant.batch_started",
          .label = "tenants.subdomain",
          .actions = {suspend(), resume(), release(), change_plan(),
                      operate(OperationKind::backup, "makes a backup of each"),
                      operate(OperationKind::restart, "restarts them")}};
}

}  // namespace tenants
