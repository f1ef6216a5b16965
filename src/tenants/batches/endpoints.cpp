// The doors of batches: start one, look at it, its rows.
#include "tenants/endpoints.hpp"
#include "platform/json/checks.hpp"
#include "platform/list/words.hpp"
#include "tenants/batches/batches.hpp"
#include "tenants/plans.hpp"

namespace tenants {

namespace {
struct Filter {
  std::optional<std::vector<State>> state;
  std::optional<std::vector<Health>> health;
  std::optional<std::string> plan, q;
  static constexpr auto rules() {
    return ::rules(
        rule(&Filter::state, {.max_length = 14}), rule(&Filter::health, {.max_length = 4}),
        rule(&Filter::plan, {.doc = "Id of a plan", .max_length = 40}),
        rule(&Filter::q, {.doc = "Part of the subdomain, company or e-mail", .max_length = 100}));
  }
};

struct NewBatch {
  BatchAction action;
  std::optional<Filter> filter;
  std::optional<std::vector<TenantId>> ids, exclude;
  std::int64_t expected_count;
  std::optional<std::string> reason;
  std::optional<Hold> hold;
  std::optional<std::string> to_plan;
  static constexpr auto rules() {
    return ::rules(
        rule(&NewBatch::filter, {.doc = "As the list takes it; without ids"}),
        rule(&NewBatch::ids, {.doc = "These tenants, whatever the filter", .max_length = 1000}),
        rule(&NewBatch::exclude, {.doc = "But not these", .max_length = 1000}),
        rule(&NewBatch::expected_count,
             {.doc = "How many tenants whoever asks has agreed to", .min = 1, .max = 100'000}),
        rule(&NewBatch::reason,
             {.doc = "Why, for colleagues", .max_length = 500, .check = checks::one_line}),
        rule(&NewBatch::hold, {.doc = "Which one, for release_hold"}),
        rule(&NewBatch::to_plan, {.doc = "Id of the new plan, for change_plan", .max_length = 40}));
  }
};

struct OneBatch {
  BatchId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneBatch::id, {.doc = "Id of the batch", .example = "bat_1"}));
  }
};

constexpr FieldCode ambiguous{"ambiguous", "must not stand beside a filter"};

void require_sensible(db::Tx& tx, NewBatch const& request) {
  Problem problem{validation_failed};
  auto refuse = [&](FieldError error) { problem.errors.push_back(std::move(error)); };
  if (request.ids && request.filter)
    refuse(wrong<ambiguous>("/ids"));
  else if (!request.ids && !request.filter)
    refuse(wrong<faults::required>("/filter"));
  if (request.action == BatchAction::release_hold && !request.hold)
    refuse(wrong<faults::required>("/hold"));
  if (request.action == BatchAction::change_plan) {
    auto const plans = plans_for_sale(tx);
    if (!request.to_plan)
      refuse(wrong<faults::required>("/to_plan"));
    else if (std::none_of(plans.begin(), plans.end(),
                          [&](Plan const& plan) { return plan.id == *request.to_plan; }))
      refuse(wrong<faults::not_for_sale>("/to_plan"));
  }
  if (!problem.errors.empty()) throw problem;
}

Selection selection_of(NewBatch const& request) {
  Selection selection{.filter = {},
                      .ids = request.ids,
                      .exclude = request.exclude.value_or(std::vector<TenantId>{}),
                      .expected_count = request.expected_count};
  if (!request.filter) return selection;
  for (auto const& member : types::members_of<Filter>())
    if (auto const* value = member.type->value(member.of(&*request.filter)))
      selection.filter.emplace_back(member.name, json::url_text(*member.type->inner, value));
  return selection;
}

BatchView start(http::Context& context, NewBatch const& request) {
  require_sensible(context.tx, request);
  auto out =
      start_batch(context.tx, request.action, {request.reason, request.hold, request.to_plan},
                  selection_of(request), context.actor);
  context.audit_target = out.id.text();
  context.audit_after.text = json::text(request);
  context.audit_reason = request.reason.value_or("");
  context.response.headers.push_back({"Location", "/api/tenant-batches/" + out.id.text()});
  return out;
}

list::Codes const codes{"batch_rows", {{"state", "batch_row_state"}}};

list::List row_list() {
  return {
      .name = "batch_rows",
      .route = "GET /api/tenant-batches/{id}/rows",
      .summary = "List what came of a batch for each tenant",
      .tag = "Tenants",
      .scope = "tenants:read",
      .row = &types::type_of<BatchRow>,
      .columns = "page.tenant_id, tenants.subdomain, page.state, page.why, page.finished_at",
      .source = "tenant_batch_rows",
      .key = "tenant_batch_rows.tenant_id",
      .joins = "JOIN tenants ON tenants.id = page.tenant_id",
      .sorts = {{"tenant_id", "tenant_batch_rows.tenant_id", "bigint"}},
      .order = "tenant_id",
      .filters = {list::within<BatchId>("id", "tenant_batch_rows.batch_id = $",
                                        {.doc = "Id of the batch"}),
                  list::any_of<BatchRowState>("state", "tenant_batch_rows.state = $")},
      .problems = {batch_not_found},
      .require =
          [](http::Context& context) {
            auto const id = BatchId::parse(context.request.path_parameter("id"));
            if (!id) throw Problem{batch_not_found};
            static_cast<void>(batch(context.tx, *id));
          },
  };
}
}  // namespace

void add_batch_endpoints(http::Api& api) {
  api.add(http::Endpoint<NewBatch, BatchView>{
      .route = "POST /api/tenants/batch",
      .summary = "Do something with many tenants",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.batch_started",
      .limit = http::per_minute(30),
      .problems = {count_moved},
      .status = 202,
      .idempotent = true,
      .handle = start,
  });
  api.add(http::Endpoint<OneBatch, BatchView>{
      .route = "GET /api/tenant-batches/{id}",
      .summary = "Show how far a batch is",
      .tag = "Tenants",
      .scope = "tenants:read",
      .problems = {batch_not_found},
      .handle = [](http::Context& context,
                   OneBatch const& request) { return batch(context.tx, request.id); },
  });
  list::add(api, row_list());
}

}  // namespace tenants
