// The set of reasons why a tenant stands still: list, place, release.
#include "tenants/endpoints.hpp"
#include "platform/json/checks.hpp"
#include "tenants/detail.hpp"

namespace tenants {

namespace {
constexpr ProblemType hold_not_found{Kind::not_found, "hold_not_found",
                                     "The tenant has no such hold"};

struct NewHold {
  TenantId id;
  Hold reason;
  std::optional<std::string> note;
  std::optional<Time> expires_at;
  static constexpr auto rules() {
    return ::rules(rule(&NewHold::id, {.doc = "Id of the tenant"}),
                   rule(&NewHold::reason, {.example = "abuse"}),
                   rule(&NewHold::note,
                        {.doc = "For colleagues", .max_length = 500, .check = checks::one_line}),
                   rule(&NewHold::expires_at, {.doc = "Released by itself then"}));
  }
};

struct OneHold {
  TenantId id;
  Hold reason;
  static constexpr auto rules() { return ::rules(rule(&OneHold::id, {.doc = "Id of the tenant"})); }
};

HoldView place(http::Context& context, NewHold const& request) {
  if (request.expires_at && *request.expires_at <= clock_source::now())
    throw refusal(wrong<faults::in_the_past>("/expires_at"));
  auto& tx = context.tx;
  require_something_to_hold(lock(tx, request.id));
  place_hold(tx, request.id, request.reason, context.actor.label(), request.note,
             request.expires_at);
  for (auto& hold : holds_in_full(tx, request.id))
    if (hold.reason == request.reason) {
      context.audit_target = request.id.text();
      context.audit_after.text = json::text(hold);
      context.audit_reason = request.note.value_or("");
      return std::move(hold);
    }
  throw std::logic_error{"a hold that was placed is not there"};
}

http::Nothing give_back(http::Context& context, OneHold const& request) {
  auto const before = holds_in_full(context.tx, request.id);
  if (!release_hold(context.tx, request.id, request.reason, context.actor.label()))
    throw Problem{hold_not_found};
  context.audit_target = request.id.text();
  for (auto const& hold : before)
    if (hold.reason == request.reason) context.audit_before.text = json::text(hold);
  return {};
}
}  // namespace

void add_hold_endpoints(http::Api& api) {
  api.add(http::Endpoint<OneTenant, http::Page<HoldView>>{
      .route = "GET /api/tenants/{id}/holds",
      .summary = "List why a tenant stands still",
      .tag = "Tenants",
      .scope = "tenants:read",
      .problems = {tenant_not_found},
      .handle =
          [](http::Context& context, OneTenant const& request) {
            static_cast<void>(get(context.tx, request.id));
            return http::Page<HoldView>{holds_in_full(context.tx, request.id), {}, false};
          },
  });
  api.add(http::Endpoint<NewHold, HoldView>{
      .route = "POST /api/tenants/{id}/holds",
      .summary = "Place a hold: the tenant stands still until there is none",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.hold_placed",
      .problems = {tenant_not_found, state_conflict, not_paid_yet},
      .status = 201,
      .idempotent = true,
      .handle = place,
  });
  api.add(http::Endpoint<OneHold, http::Nothing>{
      .route = "DELETE /api/tenants/{id}/holds/{reason}",
      .summary = "Release a hold",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.hold_released",
      .problems = {tenant_not_found, hold_not_found},
      .handle = give_back,
  });
}

}  // namespace tenants
