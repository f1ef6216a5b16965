// The doors to people: list, rename, give a role, disable, remove.
#include "identity/people/team.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/http/preconditions.hpp"
#include "platform/http/problems.hpp"
#include "platform/json/checks.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"

namespace identity::people {

namespace {
constexpr ProblemType person_not_found{Kind::not_found, "person_not_found",
                                       "There is nobody with this id"};

enum class PersonState { active, disabled };
constexpr auto names_of(PersonState) {
  return std::array<std::string_view, 2>{"active", "disabled"};
}

struct PersonView {
  StaffId id;
  std::string email, name, role;
  PersonState state;
  bool second_factor;
  std::optional<Time> last_login_at;
  Time created_at;
  std::int64_t version;
  static constexpr auto rules() {
    return ::rules(rule(&PersonView::second_factor, {.doc = "Has one set up"}));
  }
};

constexpr auto columns = R"sql(
         page.id, page.email, page.name, page.role,
         CASE WHEN page.disabled_at IS NULL THEN 'active' ELSE 'disabled' END AS state,
         has_second_factor(page.id) AS second_factor,
         (SELECT max(sessions.created_at) FROM sessions WHERE staff_id = page.id) AS last_login_at,
         page.created_at, page.version
)sql";

list::Codes const codes{"team", {{"role", "role"}}};

list::List person_list() {
  return {
      .name = "team",
      .route = "GET /api/settings/team",
      .summary = "List the people of the team",
      .tag = "Settings",
      .scope = "team:read",
      .row = &types::type_of<PersonView>,
      .columns = columns,
      .source = "staff",
      .key = "staff.id",
      .always = "staff.removed_at IS NULL",
      .sorts = {{"name", R"(lower(staff.name) COLLATE "und-x-icu")", "text"},
                {"created_at", "staff.id", "bigint"}},
      .order = "name",
      .filters = {list::choice<PersonState>(
                      "state", {"staff.disabled_at IS NULL", "staff.disabled_at IS NOT NULL"}),
                  list::is<std::string>("role", "staff.role = $",
                                        {.doc = "Name of a role", .max_length = 40})},
      .search = {{.text = "lower(staff.name)"}, {.text = "staff.email"}},
      .search_doc = "Part of the name or email; one or two letters begin a word",
  };
}

db::Query const view_person{
    "identity.view_person",
    std::string{"SELECT "} + columns + " FROM staff AS page WHERE removed_at IS NULL AND id = $1"};
db::Query const lock_person{"identity.lock_person",
                            "SELECT id FROM staff WHERE id = $1 FOR UPDATE"};
db::Query const change_person{"identity.change_person", R"sql(
  UPDATE staff SET name = $2, role = $3, version = version + 1,
         disabled_at = CASE WHEN $4 THEN coalesce(disabled_at, now()) END
   WHERE id = $1
)sql"};
// The e-mail is free for somebody else, the password fits nothing, the name stays for the records.
db::Query const remove_person{"identity.remove_person", R"sql(
  UPDATE staff SET removed_at = now(), disabled_at = coalesce(disabled_at, now()),
         email = 'removed-' || id || ':' || email, password_hash = '', version = version + 1
   WHERE id = $1
)sql"};

struct OnePerson {
  StaffId id;
  static constexpr auto rules() {
    return ::rules(rule(&OnePerson::id, {.doc = "Id of the person", .example = "usr_1"}));
  }
};

struct PersonChange {
  StaffId id;
  std::optional<std::string> name, role;
  std::optional<bool> disabled;
  static constexpr auto rules() {
    return ::rules(
        rule(&PersonChange::id, {.doc = "Id of the person"}),
        rule(&PersonChange::name,
             {.doc = "Name", .min_length = 1, .max_length = 120, .check = checks::one_line}),
        rule(&PersonChange::role,
             {.doc = "Name of a role; no more than one's own permissions", .max_length = 40}),
        rule(&PersonChange::disabled, {.doc = "Cannot sign in; all sessions end at once"}));
  }
};

PersonView view(db::Tx& tx, StaffId id) {
  auto found = tx.maybe<PersonView>(view_person, id);
  if (!found) throw Problem{person_not_found};
  return std::move(*found);
}

/// Locked; only people whose role gives no more than one's own.
PersonView for_change(http::Context& context, StaffId id, Snapshot const& snapshot) {
  take_turn(context.tx, context.actor);
  static_cast<void>(context.tx.maybe<StaffId>(lock_person, id));
  auto found = view(context.tx, id);
  require_within(context.actor, require_role(snapshot, found.role));
  return found;
}

constexpr FieldCode is_last_owner{"last_owner", "must stay as it is: this is the last owner"};

/// The schema keeps the last owner; here it becomes a sentence about the field.
void write_person(std::string_view pointer, std::function<void()> const& write) {
  try {
    write();
  } catch (db::Failure const& failure) {
    if (failure.constraint != "staff_keeps_an_owner") throw;
    throw refusal(wrong<is_last_owner>(std::string{pointer}));
  }
}

PersonView change(http::Context& context, PersonChange const& request, Directory& directory) {
  auto const snapshot = directory.now();
  auto const old = for_change(context, request.id, *snapshot);
  http::require_version(context.request, old.version, {json::text(old)});
  auto const role = request.role.value_or(old.role);
  require_within(context.actor, require_role(*snapshot, role));
  bool const was_disabled = old.state == PersonState::disabled;
  bool const disabled = request.disabled.value_or(was_disabled);
  write_person(role != old.role ? "/role" : "/disabled", [&] {
    context.tx.exec(change_person, old.id, request.name.value_or(old.name), role, disabled);
  });
  if (disabled && !was_disabled) sessions::end_all_of(context.tx, old.id, "", "person_disabled");
  auto out = view(context.tx, old.id);
  http::add_version(context.response, out.version);
  context.audit_target = old.id.text();
  context.audit_before.text = json::text(old);
  context.audit_after.text = json::text(out);
  directory.changed(context);
  return out;
}

void remove(http::Context& context, StaffId id, Directory& directory) {
  auto const old = for_change(context, id, *directory.now());
  write_person("{id}", [&] { context.tx.exec(remove_person, id); });
  sessions::end_all_of(context.tx, id, "", "person_removed");
  context.audit_target = id.text();
  context.audit_before.text = json::text(old);
  directory.changed(context);
}
}  // namespace

void add_people_endpoints(http::Api& api, Directory& directory) {
  list::add(api, person_list());
  api.add(http::Endpoint<OnePerson, PersonView>{
      .route = "GET /api/settings/team/{id}",
      .summary = "Show one person of the team",
      .tag = "Settings",
      .scope = "team:read",
      .problems = {person_not_found},
      .handle =
          [](http::Context& context, OnePerson const& request) {
            auto out = view(context.tx, request.id);
            http::add_version(context.response, out.version);
            return out;
          },
  });
  api.add(http::Endpoint<PersonChange, PersonView>{
      .route = "PATCH /api/settings/team/{id}",
      .summary = "Rename somebody, give another role, disable or enable; it holds at once",
      .tag = "Settings",
      .scope = "team:write",
      .audit = "staff.changed",
      .problems = {person_not_found, beyond_own_permissions, http::version_required,
                   http::version_outdated},
      .step_up = true,
      .handle = [&directory](
                    http::Context& context,
                    PersonChange const& request) { return change(context, request, directory); },
  });
  api.add(http::Endpoint<OnePerson, http::Nothing>{
      .route = "DELETE /api/settings/team/{id}",
      .summary = "Remove somebody from the team; sessions and API keys end at once",
      .tag = "Settings",
      .scope = "team:write",
      .audit = "staff.removed",
      .problems = {person_not_found, beyond_own_permissions},
      .step_up = true,
      .handle =
          [&directory](http::Context& context, OnePerson const& request) {
            remove(context, request.id, directory);
            return http::Nothing{};
          },
  });
}

}  // namespace identity::people
