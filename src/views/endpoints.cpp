// The doors to saved views, and their rows. Views belong to people: no API key has any.
#include <boost/algorithm/string/trim.hpp>

#include "platform/http/preconditions.hpp"
#include "platform/http/problems.hpp"
#include "platform/json/checks.hpp"
#include "platform/list/statements.hpp"
#include "platform/retention/retention.hpp"
#include "views/views.hpp"

namespace views {

namespace {
constexpr std::int64_t most_views = 100, most_shared = 20, most_pins = 20;  // of one person
/// Whoever may change what holds for everybody may change a shared view of somebody else.
constexpr std::string_view shared_scope = "settings:write";

constexpr ProblemType view_not_found{Kind::not_found, "view_not_found", "There is no such view"};
constexpr ProblemType too_many_views{Kind::conflict, "too_many_views",
                                     "You have 100 views of this list, or 20 shared ones; "
                                     "delete one first"};
constexpr ProblemType too_many_pins{Kind::conflict, "too_many_pins",
                                    "20 views are pinned already; unpin one first"};

constexpr auto rows_for = R"sql(
  SELECT v.id, v.list, v.name, v.query, v.hidden AS "columns.hidden", v.shown AS "columns.shown",
         v.moved AS "columns.order", v.density, v.page_size, v.visibility, owner.name AS owner,
         v.staff_id = $1 AS own, coalesce(mark.pinned, false) AS pinned,
         coalesce(mark.is_default, false) AS is_default,
         '{}'::text[] AS "dropped.filters", '{}'::text[] AS "dropped.columns",
         v.version, v.created_at, v.changed_at
    FROM saved_views v JOIN staff owner ON owner.id = v.staff_id
    LEFT JOIN view_marks mark ON mark.view_id = v.id AND mark.staff_id = $1
   WHERE
)sql";
auto const seen_by = std::string{rows_for} + " (v.staff_id = $1 OR v.visibility = 'shared')";
db::Query const views_of_list{"views.of_list", seen_by + R"sql(
     AND v.list = $2 ORDER BY lower(v.name), v.id
)sql"};
db::Query const pinned_views{"views.pinned", seen_by + R"sql(
     AND mark.pinned ORDER BY v.list, lower(v.name), v.id
)sql"};
db::Query const one_view{"views.one", seen_by + " AND v.id = $2"};
// Whoever took it from all, as its owner has it now.
db::Query const changed_view{"views.changed", std::string{rows_for} + " v.id = $2"};
// Limits and the one default hold against two who save at once; changes are few and short.
db::Query const take_lock{"views.take_turn",
                          "SELECT pg_advisory_xact_lock(hashtext('views'))::text"};
struct Counts {
  std::int64_t own, shared;
};
db::Query const count_views{"views.count", R"sql(
  SELECT count(*) AS own, count(*) FILTER (WHERE visibility = 'shared') AS shared
    FROM saved_views WHERE staff_id = $1 AND list = $2
)sql"};
db::Query const insert_view{"views.insert", R"sql(
  INSERT INTO saved_views (staff_id, list, name, query, hidden, shown, moved, density, page_size,
                           visibility, created_at, changed_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) RETURNING id
)sql"};
db::Query const change_view{"views.change", R"sql(
  UPDATE saved_views SET name = $2, query = $3, hidden = $4, shown = $5, moved = $6, density = $7,
         page_size = $8, visibility = $9, changed_at = $10, version = version + 1
   WHERE id = $1
)sql"};
db::Query const delete_view{"views.delete", "DELETE FROM saved_views WHERE id = $1"};
// What others said of a view that they no longer see.
db::Query const drop_marks_of_others{"views.drop_marks_of_others", R"sql(
  DELETE FROM view_marks USING saved_views v
   WHERE view_id = $1 AND v.id = view_id AND view_marks.staff_id <> v.staff_id
)sql"};
db::Query const clear_default{"views.clear_default", R"sql(
  UPDATE view_marks SET is_default = false WHERE staff_id = $1 AND list = $2 AND is_default
)sql"};
db::Query const count_pins{"views.count_pins", R"sql(
  SELECT count(*) FROM view_marks WHERE staff_id = $1 AND pinned AND view_id <> $2
)sql"};
db::Query const mark_view{"views.mark", R"sql(
  INSERT INTO view_marks (staff_id, view_id, list, pinned, is_default, marked_at)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (staff_id, view_id) DO UPDATE
     SET pinned = excluded.pinned, is_default = excluded.is_default,
         marked_at = excluded.marked_at
)sql"};

// Somebody who leaves takes along what nobody else sees; what they shared stays.
retention::Rule const views_of_the_gone{
    {.table = "saved_views",
     .column = "changed_at",
     .keep = std::chrono::days{1},
     .only = "t.visibility = 'private' AND EXISTS (SELECT 1 FROM staff WHERE staff.id = t.staff_id "
             "AND staff.removed_at IS NOT NULL)",
     .why = "private views of people who were removed from the team"}};
retention::Rule const marks_of_the_gone{
    {.table = "view_marks",
     .column = "marked_at",
     .keep = std::chrono::days{1},
     .only = "EXISTS (SELECT 1 FROM staff WHERE staff.id = t.staff_id AND staff.removed_at IS NOT "
             "NULL)",
     .why = "pins and defaults of people who were removed from the team"}};

/// What somebody saves.
struct Wanted {
  std::string name, query;
  std::optional<Columns> columns;
  std::optional<Density> density;
  std::optional<std::int64_t> page_size;
  Visibility visibility;
  static constexpr auto fields() {
    return ::fields(
        field("name", &Wanted::name,
              {.doc = "Of one's views of this list no two have the same, whatever its case",
               .example = "Late payers",
               .min_length = 1,
               .max_length = 60,
               .check = checks::one_line}),
        field("query", &Wanted::query,
              {.doc = "Filters and order, as in the list's URL; empty: none",
               .example = "state=suspended&sort=-created_at",
               .max_length = 2000}),
        field("columns", &Wanted::columns, {.doc = "What was changed about the columns"}),
        field("density", &Wanted::density, {.doc = "None: as one's own"}),
        field("page_size", &Wanted::page_size, {.doc = "10, 25, 50 or 100 rows"}),
        field("visibility", &Wanted::visibility,
              {.doc = "shared: all of the staff who may read the list see it"}));
  }
};
struct NewView : Wanted {
  std::string list;
  static constexpr auto fields() {
    return ::fields(
        inherited<Wanted>(),
        field("list", &NewView::list,
              {.doc = "The list that it is of", .example = "tenants", .max_length = 60}));
  }
};
struct ChangedView : Wanted {
  ViewId id;
  static constexpr auto fields() {
    return ::fields(inherited<Wanted>(), field("id", &ChangedView::id, {.doc = "Id of the view"}));
  }
};
struct OneView {
  ViewId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneView::id, {.doc = "Id of the view", .example = "view_1"}));
  }
};
/// What is not said stays: another tab may have said it meanwhile.
struct Marks {
  ViewId id;
  std::optional<bool> pinned, is_default;
  static constexpr auto rules() {
    return ::rules(
        rule(&Marks::id, {.doc = "Id of the view", .example = "view_1"}),
        rule(&Marks::pinned, {.doc = "Stands in the navigation; not said: as before"}),
        rule(&Marks::is_default,
             {.doc = "The list begins with it, and with no other; not said: as before"}));
  }
};
struct WhichViews {
  std::optional<std::string> list;
  static constexpr auto rules() {
    return ::rules(rule(&WhichViews::list, {.doc = "Views of this list; without it those of all "
                                                   "lists that one has pinned",
                                            .example = "tenants",
                                            .max_length = 60}));
  }
};
struct Views {
  std::vector<View> data;
};

bool may_read(http::Actor const& actor, list::List const& list) {
  return list.scope.empty() || actor.may(list.scope);
}

void require_scope(http::Actor const& actor, std::string_view scope) {
  if (!actor.may(scope))
    throw Problem{http::missing_scope, "It needs the permission " + std::string{scope} + "."}.with(
        "permission", json::text(std::string{scope}));
}

list::List const& require_list(http::Actor const& actor, std::string const& name,
                               std::string const& pointer) {
  auto const* const list = find_list(name);
  if (!list) json::refuse({wrong<faults::unknown_value>(pointer, "the lists of this program")});
  if (!list->scope.empty()) require_scope(actor, list->scope);
  return *list;
}

/// Healed, without those of lists that this person may not read or that are gone.
Views visible(http::Actor const& actor, std::vector<View> rows) {
  Views out;
  for (auto& row : rows) {
    auto const* const list = find_list(row.list);
    if (!list || !may_read(actor, *list)) continue;
    heal(row, *list);
    out.data.push_back(std::move(row));
  }
  return out;
}

View find(http::Context& context, ViewId id, db::Query const& query = one_view) {
  auto found = visible(context.actor, context.tx.all<View>(query, context.actor.user_id, id));
  if (found.data.empty()) throw Problem{view_not_found};
  return std::move(found.data.front());
}

/// As it is now, with its version.
View answer(http::Context& context, ViewId id, db::Query const& query = one_view) {
  auto out = find(context, id, query);
  http::add_version(context.response, out.version);
  return out;
}

/// As it was before the change, with the right to make it.
View for_change(http::Context& context, ViewId id) {
  context.tx.exec(take_lock);
  auto found = find(context, id);
  if (!found.own) require_scope(context.actor, shared_scope);
  http::require_version(context.request, found.version, {json::text(found)});
  return found;
}

void require_fitting(list::List const& list, Wanted const& wanted) {
  json::Errors errors;
  check(list, wanted.query, wanted.columns.value_or(Columns{}), errors);
  auto const& sizes = list::page_sizes;
  if (wanted.page_size && std::find(sizes.begin(), sizes.end(), *wanted.page_size) == sizes.end())
    errors.push_back(wrong<faults::unknown_value>("/page_size", "10, 25, 50, 100"));
  json::refuse(std::move(errors));
}

void require_room(http::Context& context, std::string const& list, bool one_more,
                  bool one_more_shared) {
  auto const [own, shared] = context.tx.one<Counts>(count_views, context.actor.user_id, list);
  if ((one_more && own >= most_views) || (one_more_shared && shared >= most_shared))
    throw Problem{too_many_views};
}

std::string trimmed(std::string name) {
  boost::algorithm::trim(name);
  return name;
}

View create(http::Context& context, NewView const& request) {
  auto const& list = require_list(context.actor, request.list, "/list");
  require_fitting(list, request);
  context.tx.exec(take_lock);
  require_room(context, request.list, true, request.visibility == Visibility::shared);
  auto const columns = request.columns.value_or(Columns{});
  auto const id = context.tx.one<ViewId>(
      insert_view, context.actor.user_id, request.list, trimmed(request.name), request.query,
      columns.hidden, columns.shown, columns.order, request.density, request.page_size,
      request.visibility, clock_source::now());
  auto out = answer(context, id);
  context.response.headers.push_back({"Location", "/api/views/" + out.id.text()});
  context.audit_target = out.id.text();
  context.audit_after.text = json::text(out);
  return out;
}

View change(http::Context& context, ChangedView const& request) {
  auto const old = for_change(context, request.id);
  require_fitting(*find_list(old.list), request);
  // Only its owner sees a private one.
  require_room(context, old.list, false,
               old.visibility != Visibility::shared && request.visibility == Visibility::shared);
  auto const columns = request.columns.value_or(Columns{});
  context.tx.exec(change_view, old.id, trimmed(request.name), request.query, columns.hidden,
                  columns.shown, columns.order, request.density, request.page_size,
                  request.visibility, clock_source::now());
  context.audit_target = old.id.text();
  context.audit_before.text = json::text(old);
  if (request.visibility == Visibility::private_view) context.tx.exec(drop_marks_of_others, old.id);
  auto out = answer(context, old.id, changed_view);
  context.audit_after.text = json::text(out);
  return out;
}

void remove(http::Context& context, ViewId id) {
  auto const old = for_change(context, id);
  context.tx.exec(delete_view, id);
  context.audit_target = id.text();
  context.audit_before.text = json::text(old);
}

View mark(http::Context& context, Marks const& request) {
  auto const self = context.actor.user_id;
  context.tx.exec(take_lock);
  auto const old = find(context, request.id);
  auto const pinned = request.pinned.value_or(old.pinned);
  auto const is_default = request.is_default.value_or(old.is_default);
  if (pinned && context.tx.one<std::int64_t>(count_pins, self, old.id) >= most_pins)
    throw Problem{too_many_pins};
  if (is_default) context.tx.exec(clear_default, self, old.list);
  context.tx.exec(mark_view, self, old.id, old.list, pinned, is_default, clock_source::now());
  auto out = answer(context, old.id);
  context.audit_target = old.id.text();
  context.audit_before.text = json::text(old);
  context.audit_after.text = json::text(out);
  return out;
}

http::ConstraintProblem const name_taken{"saved_views_name_taken", "/name", "taken",
                                         "is taken by another view of this list"};
}  // namespace

void add_endpoints(http::Api& api) {
  api.add(http::Endpoint<WhichViews, Views>{
      .route = "GET /api/views",
      .summary = "List saved views of a list, or those that one has pinned",
      .tag = "Views",
      .scope = http::own_scope,
      .handle =
          [](http::Context& context, WhichViews const& request) {
            auto const self = context.actor.user_id;
            if (!request.list)
              return visible(context.actor, context.tx.all<View>(pinned_views, self));
            static_cast<void>(require_list(context.actor, *request.list, "?list"));
            return visible(context.actor, context.tx.all<View>(views_of_list, self, *request.list));
          },
  });
  api.add(http::Endpoint<NewView, View>{
      .route = "POST /api/views",
      .summary = "Save a view of a list",
      .tag = "Views",
      .scope = http::own_scope,
      .audit = "view.created",
      .problems = {too_many_views},
      .constraints = {name_taken},
      .status = 201,
      .idempotent = true,
      .handle = create,
  });
  api.add(http::Endpoint<OneView, View>{
      .route = "GET /api/views/{id}",
      .summary = "Show one saved view, healed: names what its list no longer knows",
      .tag = "Views",
      .scope = http::own_scope,
      .problems = {view_not_found},
      .handle = [](http::Context& context,
                   OneView const& request) { return answer(context, request.id); },
  });
  api.add(http::Endpoint<ChangedView, View>{
      .route = "PUT /api/views/{id}",
      .summary = "Save a view anew: one's own, or with settings:write a shared one",
      .tag = "Views",
      .scope = http::own_scope,
      .audit = "view.changed",
      .problems = {view_not_found, too_many_views, http::version_required, http::version_outdated},
      .constraints = {name_taken},
      .handle = change,
  });
  api.add(http::Endpoint<Marks, View>{
      .route = "PUT /api/views/{id}/marks",
      .summary = "Pin a view for oneself, or let its list begin with it",
      .tag = "Views",
      .scope = http::own_scope,
      .audit = "view.marked",
      .problems = {view_not_found, too_many_pins},
      .handle = mark,
  });
  api.add(http::Endpoint<OneView, http::Nothing>{
      .route = "DELETE /api/views/{id}",
      .summary = "Delete a view: one's own, or with settings:write a shared one",
      .tag = "Views",
      .scope = http::own_scope,
      .audit = "view.deleted",
      .problems = {view_not_found, http::version_required, http::version_outdated},
      .handle =
          [](http::Context& context, OneView const& request) {
            remove(context, request.id);
            return http::Nothing{};
          },
  });
}

}  // namespace views
