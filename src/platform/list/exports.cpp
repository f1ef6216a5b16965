// The doors of ordered exports: order, look, fetch, take back.
#include "platform/list/exports.hpp"

#include "platform/http/problems.hpp"
#include "platform/list/export_rows.hpp"
#include "platform/list/find.hpp"

namespace list {

namespace {
constexpr ProblemType export_not_found{Kind::not_found, "export_not_found",
                                       "There is no such export of yours, or its day is over"};
constexpr ProblemType export_not_ready{Kind::conflict, "export_not_ready",
                                       "The file is not written yet, or could not be"};
constexpr ProblemType too_many_exports{
    Kind::conflict, "too_many_exports",
    "Five exports of yours run or wait to be fetched; delete one of them first"};

struct NewExport {
  std::string list;
  std::optional<std::string> within, filters;
  std::optional<Format> format;
  std::optional<std::string> sort;
  std::optional<std::vector<std::string>> columns;
  std::optional<std::string> zone;
  std::optional<i18n::Locale> language;
  static constexpr auto rules() {
    using N = NewExport;
    return ::rules(
        rule(&N::list, {.doc = "Name of the list, as its exports have it",
                        .example = "tenants",
                        .max_length = 40}),
        rule(&N::within, {.doc = "The id in the list's path, where it has one", .max_length = 60}),
        rule(&N::filters, {.doc = "As the list's URL has them after the question mark",
                           .example = "state=live,suspended&q=acme",
                           .max_length = 2000}),
        rule(&N::sort, {.doc = "The order; with a minus in front downwards", .max_length = 60}),
        rule(&N::columns,
             {.doc = "Columns of CSV and PDF in their order, all unless told", .max_length = 100}),
        rule(&N::zone, {.doc = "Times of CSV and PDF are in this zone, UTC unless told",
                        .example = "Europe/Madrid",
                        .min_length = 1,
                        .max_length = 60}),
        rule(
            &N::language,
            {.doc = "Heads and values of CSV and PDF in words; without it CSV has the names of the "
                    "API, PDF English words"}));
  }
};

struct OneExport {
  ExportId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneExport::id, {.doc = "Id of the export", .example = "exp_1"}));
  }
};

constexpr Pointers pointers{"/", "/filters/"};
constexpr FieldCode not_a_query{"not_a_query", "must be the query of a URL"};

/// What the order says, as the list's URL would say it.
Values values_of(List const& list, NewExport const& order) {
  auto values = http::parse_form(order.filters.value_or(""));
  if (!values) json::refuse({wrong<not_a_query>("/filters")});
  for (auto const& [name, _] : *values)
    for (std::string_view const other : {"format", "sort", "columns", "zone", "language"})
      if (name == other || name.starts_with('{'))
        json::refuse({wrong<faults::unknown_field>("/filters/" + name)});
  auto add = [&](char const* name, std::optional<std::string> text) {
    if (text) values->emplace_back(name, std::move(*text));
  };
  if (order.format) add("format", std::string{name_of(*order.format)});
  if (order.language) add("language", std::string{name_of(*order.language)});
  add("sort", order.sort);
  add("zone", order.zone);
  if (order.columns) {
    std::string all;
    for (auto const& column : *order.columns) all += (all.empty() ? "" : ",") + column;
    add("columns", all);
  }
  auto const in_path = std::find_if(list.filters.begin(), list.filters.end(),
                                    [](Filter const& filter) { return filter.in_path; });
  bool const has_path = in_path != list.filters.end();
  if (has_path != order.within.has_value())
    json::refuse(
        {has_path ? wrong<faults::required>("/within") : wrong<faults::unknown_field>("/within")});
  if (has_path) values->emplace_back("{" + std::string{in_path->name} + "}", *order.within);
  return std::move(*values);
}

/// As for the list's own doors: what the path names must be there.
void require_path(http::Context& context, List const& list, NewExport const& order) {
  if (!list.require) return;
  auto request = context.request;
  request.path_parameters = {{"id", order.within.value_or("")}};
  http::Context of_list{context.worker, context.tx,       context.actor,
                        request,        context.settings, context.response};
  list.require(of_list);
}

Asker asker_of(http::Actor const& actor) {
  if (actor.user_id) return {actor.user_id, {}};
  return {{}, actor.api_key_id};
}

std::shared_ptr<List const> permitted(http::Api const& api, http::Context const& context,
                                      std::string_view name) {
  auto const list = find(api, name);
  if (list && !context.actor.may(list->scope))
    throw Problem{http::missing_scope, "It needs the permission " + std::string{list->scope} + "."}
        .with("permission", json::text(std::string{list->scope}));
  return list;
}

/// What the audit rows say: how many rows there are is known when they leave.
struct Ordered {
  std::string list, format, filters;
};
struct Fetched {
  std::string list;
  std::int64_t rows;
};

ExportView order(http::Api const& api, http::Context& context, NewExport const& request) {
  auto const list = permitted(api, context, request.list);
  if (!list) json::refuse({wrong<faults::unknown_value>("/list", "the lists of this program")});
  auto const values = values_of(*list, request);
  auto const wish = read_wish(*list, values, pointers);
  require_zone(context.tx, wish.zone, pointers);
  require_path(context, *list, request);
  if (wish.format == Format::pdf &&
      count_rows(context.tx, *list, wish, most_on_paper) > most_on_paper)
    throw Problem{pdf_too_large};
  auto const made = insert_export(context.tx, asker_of(context.actor), *list, wish.format, values);
  if (!made) throw Problem{too_many_exports};
  context.audit_target = made->id.text();
  context.audit_after.text = json::text(
      Ordered{std::string{list->name}, std::string{name_of(wish.format)}, wish.filters()});
  context.response.headers.push_back({"Location", "/api/exports/" + made->id.text()});
  return *made;
}

ExportView found(http::Context& context, ExportId id) {
  auto view = find_export(context.tx, asker_of(context.actor), id);
  if (!view) throw Problem{export_not_found};
  return std::move(*view);
}

http::File fetch(http::Api const& api, http::Context& context, OneExport const& request) {
  auto const view = found(context, request.id);
  if (view.state != ExportState::done)
    throw Problem{export_not_ready}.with("state", json::text(view.state));
  // Of a list that this program does not know nobody can tell who may read it.
  if (!permitted(api, context, view.list)) throw Problem{export_not_found};
  Spool spool{context.settings};
  if (!read_parts(context.tx, request.id, [&](std::string_view part) { spool.add(part); }) ||
      spool.size() != std::uint64_t(view.size_bytes))
    throw Problem{export_not_found};  // deleted meanwhile
  context.audit_target = request.id.text();
  context.audit_after.text = json::text(Fetched{view.list, view.rows_done});
  return {.name = view.file_name,
          .content_type = content_type_of(context.tx, request.id),
          .content = spool.file(),
          .size = spool.size()};
}
}  // namespace

void add_export_endpoints(http::Api& api) {
  api.add(http::Endpoint<NewExport, ExportView>{
      .route = "POST /api/exports",
      .summary = "Order a list as a file; it needs the list's own permission",
      .tag = "Exports",
      .scope = exports_scope,
      .audit = "list.exported",
      .limit = http::per_minute(30),
      .problems = {http::missing_scope, too_many_exports, pdf_too_large},
      .status = 202,
      .idempotent = true,
      .handle = [&api](http::Context& context,
                       NewExport const& request) { return order(api, context, request); },
  });
  api.add(http::Endpoint<http::Nothing, http::Page<ExportView>>{
      .route = "GET /api/exports",
      .summary = "List one's own exports of the last day",
      .tag = "Exports",
      .scope = exports_scope,
      .handle =
          [](http::Context& context, http::Nothing const&) {
            return http::Page<ExportView>{
                exports_of(context.tx, asker_of(context.actor)), {}, false};
          },
  });
  api.add(http::Endpoint<OneExport, ExportView>{
      .route = "GET /api/exports/{id}",
      .summary = "Show how far an export of one's own is",
      .tag = "Exports",
      .scope = exports_scope,
      .problems = {export_not_found},
      .handle = [](http::Context& context,
                   OneExport const& request) { return found(context, request.id); },
  });
  api.add(http::Endpoint<OneExport, http::File>{
      .route = "GET /api/exports/{id}/file",
      .summary = "Fetch the file of an export of one's own",
      .tag = "Exports",
      .scope = exports_scope,
      .audit = "list.export_fetched",
      .limit = http::per_minute(10),
      .problems = {http::missing_scope, export_not_found, export_not_ready, export_not_written},
      .lane = http::Lane::files,
      .content_type = "text/csv,application/json,application/pdf",
      .handle = [&api](http::Context& context,
                       OneExport const& request) { return fetch(api, context, request); },
  });
  api.add(http::Endpoint<OneExport, http::Nothing>{
      .route = "DELETE /api/exports/{id}",
      .summary = "Take an export back, or delete its file",
      .tag = "Exports",
      .scope = exports_scope,
      .audit = "list.export_deleted",
      .problems = {export_not_found},
      .handle =
          [](http::Context& context, OneExport const& request) {
            if (!delete_export(context.tx, asker_of(context.actor), request.id))
              throw Problem{export_not_found};
            context.audit_target = request.id.text();
            return http::Nothing{};
          },
  });
}

}  // namespace list
