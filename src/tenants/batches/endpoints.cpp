// The doors of batches: start one, look at it, its rows, its rows as CSV.
#include "tenants/endpoints.hpp"
#include "audit/csv.hpp"
#include "platform/json/checks.hpp"
#include "tenants/batches/batches.hpp"
#include "tenants/plans.hpp"

namespace tenants {

namespace {
struct Filter {
  std::optional<std::vector<State>> state;
  std::optional<std::vector<Health>> health;
  std::optional<std::string> plan, q;
  static constexpr auto fields() {
    return ::fields(field("state", &Filter::state, {.max_length = 14}),
                    field("health", &Filter::health, {.max_length = 4}),
                    field("plan", &Filter::plan, {.doc = "Id of a plan", .max_length = 40}),
                    field("q", &Filter::q,
                          {.doc = "Part of the subdomain, company or e-mail", .max_length = 100}));
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
  static constexpr auto fields() {
    return ::fields(
        field("action", &NewBatch::action),
        field("filter", &NewBatch::filter, {.doc = "As the list takes it; without ids"}),
        field("ids", &NewBatch::ids,
              {.doc = "These tenants, whatever the filter", .max_length = 1000}),
        field("exclude", &NewBatch::exclude, {.doc = "But not these", .max_length = 1000}),
        field("expected_count", &NewBatch::expected_count,
              {.doc = "How many tenants whoever asks has agreed to", .min = 1, .max = 100'000}),
        field("reason", &NewBatch::reason,
              {.doc = "Why, for colleagues", .max_length = 500, .check = checks::one_line}),
        field("hold", &NewBatch::hold, {.doc = "Which one, for release_hold"}),
        field("to_plan", &NewBatch::to_plan,
              {.doc = "Id of the new plan, for change_plan", .max_length = 40}));
  }
};

struct OneBatch {
  BatchId id;
  static constexpr auto fields() {
    return ::fields(field("id", &OneBatch::id, {.doc = "Id of the batch", .example = "bat_1"}));
  }
};

struct RowsRequest {
  BatchId id;
  std::optional<std::int64_t> limit;
  std::optional<TenantId> cursor;
  std::optional<BatchRowState> state;
  static constexpr auto fields() {
    return ::fields(
        field("id", &RowsRequest::id, {.doc = "Id of the batch"}),
        field("limit", &RowsRequest::limit,
              {.doc = "Rows per page, 50 unless told", .min = 1, .max = 100}),
        field("cursor", &RowsRequest::cursor, {.doc = "next_cursor of the page before"}),
        field("state", &RowsRequest::state));
  }
};

void require_sensible(db::Tx& tx, NewBatch const& request) {
  Problem problem{validation_failed};
  auto refuse = [&](char const* pointer, char const* code, char const* detail) {
    problem.errors.push_back({pointer, code, detail});
  };
  if (request.ids && request.filter)
    refuse("/ids", "ambiguous", "must not stand beside a filter");
  else if (!request.ids && !request.filter)
    refuse("/filter", "required", "must be given, or ids");
  if (request.action == BatchAction::release_hold && !request.hold)
    refuse("/hold", "required", "must name the hold to release");
  if (request.action == BatchAction::change_plan) {
    auto const plans = plans_for_sale(tx);
    if (!request.to_plan)
      refuse("/to_plan", "required", "must name the new plan");
    else if (std::none_of(plans.begin(), plans.end(),
                          [&](Plan const& plan) { return plan.id == *request.to_plan; }))
      refuse("/to_plan", "not_for_sale", "must be a plan that is for sale");
  }
  if (!problem.errors.empty()) throw problem;
}

Selection selection_of(NewBatch const& request) {
  Selection selection{.filter = {},
                      .ids = request.ids,
                      .exclude = request.exclude.value_or(std::vector<TenantId>{}),
                      .expected_count = request.expected_count};
  if (request.filter) {
    selection.filter.state = request.filter->state;
    selection.filter.health = request.filter->health;
    selection.filter.plan = request.filter->plan;
    selection.filter.q = request.filter->q;
  }
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

http::Page<BatchRow> rows(http::Context& context, RowsRequest const& request) {
  static_cast<void>(batch(context.tx, request.id));
  auto const limit = int(request.limit.value_or(50));
  http::Page<BatchRow> page{
      batch_rows(context.tx, request.id, request.state, request.cursor, limit + 1)};
  page.has_more = int(page.data.size()) > limit;
  if (page.has_more) {
    page.data.pop_back();
    page.next_cursor = page.data.back().tenant_id.text();
  }
  return page;
}

http::Response rows_as_csv(http::Context& context, OneBatch const& request) {
  static_cast<void>(batch(context.tx, request.id));
  http::Response response{.content_type = "text/csv; charset=utf-8"};
  audit::CsvLine{response.body}.add("tenant").add("subdomain").add("result").add("why").add("at");
  constexpr int page_size = 100;
  std::optional<TenantId> after;
  for (;;) {
    auto const page = batch_rows(context.tx, request.id, {}, after, page_size);
    for (auto const& row : page)
      audit::CsvLine{response.body}
          .add(row.tenant_id.text())
          .add(row.subdomain)
          .add(name_of(row.state))
          .add(row.why.value_or(""))
          .add(row.finished_at ? clock_source::rfc3339(*row.finished_at) : "");
    if (int(page.size()) < page_size) break;
    after = page.back().tenant_id;
  }
  response.headers = {
      {"Cache-Control", "no-store"},
      {"Content-Disposition", "attachment; filename=\"" + request.id.text() + ".csv\""}};
  return response;
}

http::Declared csv_endpoint() {
  auto declared = http::detail::declared("GET /api/tenant-batches/{id}/rows.csv");
  declared.summary = "Download the results of a batch as CSV";
  declared.tag = "Tenants";
  declared.scope = "tenants:read";
  declared.problems = {batch_not_found};
  declared.answer_type = "text/csv";
  declared.answer = boost::json::object{{"type", "string"}};
  each_field<OneBatch>([&](auto const& f) {
    declared.parameters.push_back(
        {std::string{f.name}, "path", true, json::field_schema<BatchId>(f.rules)});
  });
  declared.raw = [plain = declared](http::Context& context) {
    return rows_as_csv(context, http::parse<OneBatch>(plain, context.request));
  };
  return declared;
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
  api.add(http::Endpoint<RowsRequest, http::Page<BatchRow>>{
      .route = "GET /api/tenant-batches/{id}/rows",
      .summary = "List what came of a batch for each tenant",
      .tag = "Tenants",
      .scope = "tenants:read",
      .problems = {batch_not_found},
      .handle = rows,
  });
  api.add_raw(csv_endpoint());
}

}  // namespace tenants
