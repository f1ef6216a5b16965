// Suspend, resume, archive, bring back, delete, purge. What cannot be undone asks for the tenant's
// name and for a fresh proof of who asks.
#include "tenants/endpoints.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/json/checks.hpp"
#include "tenants/detail.hpp"
#include "tenants/life/endings.hpp"

namespace tenants {

namespace {
enum class Ending { suspend, delete_it };
constexpr auto names_of(Ending) { return std::array<std::string_view, 2>{"suspend", "delete"}; }

constexpr auto ends_doc =
    "To delete: when its subscription ends, with the period that is paid (unless told otherwise) "
    "or "
    "now. Nothing more is charged either way";
constexpr auto refund_doc =
    "To delete, with ends=now: unused gives back what was paid for the rest of the period";

struct EndRequest {
  TenantId id;
  Ending action;
  std::optional<std::string> confirm, note;
  std::optional<BillingEnd> ends;
  std::optional<Refund> refund;
  static constexpr auto fields() {
    return ::fields(
        field("id", &EndRequest::id, {.doc = "Id of the tenant"}),
        field("ends", &EndRequest::ends, {.doc = ends_doc}),
        field("refund", &EndRequest::refund, {.doc = refund_doc}),
        field("action", &EndRequest::action,
              {.doc = "suspend: it stands still, nothing is lost; delete: archived, and purged "
                      "when the archive's time is over"}),
        field("confirm", &EndRequest::confirm,
              {.doc = "Its subdomain, to delete", .max_length = 40}),
        field("note", &EndRequest::note,
              {.doc = "Why, for colleagues", .max_length = 500, .check = checks::one_line}));
  }
};

struct Ended {
  TenantId id;
  Ending action;
  State state;
  std::string message;
  std::optional<BillingEnd> billing;
  std::optional<Time> purge_after;
  static constexpr auto rules() {
    return ::rules(
        rule(&Ended::billing, {.doc = "When its subscription ends; null: nothing bills for it"}),
        rule(&Ended::purge_after, {.doc = "Until then at least it can be brought back"}));
  }
};

struct ArchiveRequest {
  TenantId id;
  std::optional<BillingEnd> ends;
  std::optional<Refund> refund;
  static constexpr auto rules() {
    return ::rules(rule(&ArchiveRequest::id, {.doc = "Id of the tenant"}),
                   rule(&ArchiveRequest::ends, {.doc = ends_doc}),
                   rule(&ArchiveRequest::refund, {.doc = refund_doc}));
  }
};

constexpr FieldCode needs_end_now{"needs_end_now",
                                  "gives back unused time only where the subscription ends now"};

/// What is paid for a period that runs out is used, so nothing of it can go back.
MoneyChoice money_of(std::string_view pointer, std::optional<BillingEnd> ends,
                     std::optional<Refund> refund) {
  MoneyChoice choice;
  choice.ends = ends.value_or(choice.ends);
  choice.refund = refund.value_or(choice.refund);
  if (choice.refund != Refund::none && choice.ends != BillingEnd::now) {
    throw refusal(wrong<needs_end_now>(std::string{pointer}));
  }
  return choice;
}

struct Confirmed {
  TenantId id;
  std::optional<std::string> confirm;
  static constexpr auto rules() {
    return ::rules(rule(&Confirmed::id, {.doc = "Id of the tenant"}),
                   rule(&Confirmed::confirm, {.doc = "Its subdomain", .max_length = 40}));
  }
};

/// The facts that these doors change, for the audit trail.
struct Standing {
  State state;
  std::vector<Hold> holds;
  bool delete_requested;
};
RawJson standing_of(db::Tx& tx, TenantId id) {
  auto const tenant = get(tx, id);
  return {
      json::text(Standing{tenant.state, holds(tx, id), tenant.delete_requested_at.has_value()})};
}

/// Does it under the row's lock, with both sides in the audit trail.
template <class Change>
void audited(http::Context& context, TenantId id, Change&& change) {
  auto const tenant = lock(context.tx, id);
  context.audit_target = id.text();
  context.audit_before = standing_of(context.tx, id);
  change(tenant);
  context.audit_after = standing_of(context.tx, id);
}

struct Deadline {
  std::optional<Time> state_deadline;
};
std::optional<Time> purge_after(db::Tx& tx, Tenant const& tenant) {
  static db::Query const load_deadline{"tenants.load_deadline",
                                       "SELECT state_deadline FROM tenants WHERE id = $1"};
  if (tenant.state == State::archived)
    return tx.one<Deadline>(load_deadline, tenant.id).state_deadline;
  if (is_pending(tenant.state) || is_final(tenant.state) || tenant.state == State::purging)
    return {};
  return clock_source::now() + std::chrono::days{30};
}

std::string message_of(Ending action, Tenant const& tenant) {
  if (action == Ending::suspend)
    return tenant.state == State::suspending || tenant.state == State::suspended
               ? "It is stopped and its address says so. Its data is kept; resume it at any time."
               : "It is held, and stands still as soon as it would run.";
  if (is_pending(tenant.state)) return "Building is given up, and what was made is removed.";
  if (tenant.state == State::purging || is_final(tenant.state)) return "It is removed for good.";
  return "It is stopped, backed up and archived. It can be restored for 30 days.";
}

/// What deleting does to the money; empty where nothing bills.
std::string sentence_of(std::optional<BillingEnd> billing, Refund refund) {
  if (!billing) return {};
  if (*billing == BillingEnd::period_end)
    return " Its subscription ends with the period that is paid.";
  return refund == Refund::unused ? " Its subscription ends now, and the unused time is given back."
                                  : " Its subscription ends now.";
}

Ended end(http::Context& context, EndRequest const& request) {
  bool const deletes = request.action == Ending::delete_it;
  if (deletes) identity::sessions::require_recent_confirmation(context.tx, context.actor);
  auto const money = money_of("?refund", request.ends, request.refund);
  std::optional<BillingEnd> billing;
  context.audit_action = deletes ? "tenant.deleted" : "tenant.suspended";
  context.audit_reason = request.note.value_or("");
  audited(context, request.id, [&](Tenant const& tenant) {
    if (deletes) {
      require_confirmation(tenant, "?confirm", request.confirm);
      if (!is_pending(tenant.state) && is_billed(context.tx, request.id)) billing = money.ends;
      return request_deletion(context.tx, request.id, context.actor.label(), money);
    }
    require_something_to_hold(tenant);
    place_hold(context.tx, request.id, Hold::admin, context.actor.label(), request.note);
  });
  auto const tenant = get(context.tx, request.id);
  return {request.id,   request.action,
          tenant.state, message_of(request.action, tenant) + sentence_of(billing, money.refund),
          billing,      deletes ? purge_after(context.tx, tenant) : std::nullopt};
}

TenantDetail resume(http::Context& context, OneTenant const& request) {
  audited(context, request.id, [&](Tenant const&) {
    if (release_hold(context.tx, request.id, Hold::admin, context.actor.label())) return;
    if (try_again(context.tx, request.id)) return;
    if (auto const left = holds(context.tx, request.id); !left.empty())
      throw Problem{still_held, "Staff hold it no longer; release what else keeps it."}.with(
          "holds", json::text(left));
  });
  return detail_with_version(context, request.id);
}

using Verb = void (*)(db::Tx&, TenantId, std::string_view);
TenantDetail run(http::Context& context, TenantId id, Verb verb) {
  audited(context, id, [&](Tenant const&) { verb(context.tx, id, context.actor.label()); });
  return detail_with_version(context, id);
}
}  // namespace

void add_life_endpoints(http::Api& api) {
  api.add(http::Endpoint<EndRequest, Ended>{
      .route = "DELETE /api/tenants/{id}",
      .summary = "Suspend a tenant, or delete it (asks again who one is)",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.deleted",
      .problems = {tenant_not_found, state_conflict, not_paid_yet, end_chosen},
      .handle = end,
  });
  api.add(http::Endpoint<OneTenant, TenantDetail>{
      .route = "POST /api/tenants/{id}/resume",
      .summary = "Take back a suspension by staff",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.resumed",
      .problems = {tenant_not_found, still_held},
      .handle = resume,
  });
  api.add(http::Endpoint<ArchiveRequest, TenantDetail>{
      .route = "POST /api/tenants/{id}/archive",
      .summary = "Archive a suspended tenant; what bills for it ends",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.archived",
      .problems = {tenant_not_found, state_conflict, end_chosen},
      .handle =
          [](http::Context& context, ArchiveRequest const& request) {
            auto const money = money_of("/refund", request.ends, request.refund);
            audited(context, request.id, [&](Tenant const&) {
              archive(context.tx, request.id, context.actor.label(), money);
            });
            return detail_with_version(context, request.id);
          },
  });
  api.add(http::Endpoint<OneTenant, TenantDetail>{
      .route = "POST /api/tenants/{id}/restore",
      .summary = "Bring a tenant back from the archive",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.restored",
      .problems = {tenant_not_found, state_conflict, still_held},
      .handle =
          [](http::Context& context, OneTenant const& request) {
            return run(context, request.id, restore_from_archive);
          },
  });
  api.add(http::Endpoint<Confirmed, TenantDetail>{
      .route = "POST /api/tenants/{id}/purge",
      .summary = "Remove an archived tenant for good",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.purged",
      .problems = {tenant_not_found, state_conflict},
      .step_up = true,
      .handle =
          [](http::Context& context, Confirmed const& request) {
            require_confirmation(get(context.tx, request.id), "/confirm", request.confirm);
            return run(context, request.id, purge);
          },
  });
}

}  // namespace tenants
