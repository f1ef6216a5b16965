// The doors to people: list, rename, give a role, disable, remove.
#include "identity/people/team.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/db/like.hpp"
#include "platform/http/preconditions.hpp"
#include "platform/http/problems.hpp"
#include "platform/json/checks.hpp"

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
  SELECT staff.id, email, name, role,
         CASE WHEN disabled_at IS NULL THEN 'active' ELSE 'disabled' END AS state,
         has_second_factor(staff.id) AS second_factor,
         (SELECT max(sessions.created_at) FROM sessions WHERE staff_id = staff.id) AS last_login_at,
         staff.created_at, version
    FROM staff WHERE removed_at IS NULL
)sql";

db::PagedQuery list_people{"identity.list_team", std::string{columns} + R"sql(
     AND ($1::text IS NULL OR (lower(name), id) > ($1, $2::bigint))
     AND ($3::text IS NULL OR lower(name) LIKE $3 OR email LIKE $3)
     AND ($4::text IS NULL OR role = $4)
     AND ($5::boolean IS NULL OR (disabled_at IS NULL) = $5)
   ORDER BY lower(name), id LIMIT {limit}
)sql"};
db::Query const view_person{"identity.view_person", std::string{columns} + " AND id = $1"};
db::Query const lower_name{"identity.lower_name", "SELECT lower(name) FROM staff WHERE id = $1"};
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

struct Cursor {
  std::string after;
  std::int64_t id;
};

struct ListRequest {
  std::optional<std::int64_t> limit;
  std::optional<std::string> cursor, q, role;
  std::optional<PersonState> state;
  static constexpr auto rules() {
    return ::rules(
        rule(&ListRequest::limit, {.doc = "Rows per page, 50 unless told", .min = 1, .max = 100}),
        rule(&ListRequest::cursor, {.doc = "next_cursor of the page before", .max_length = 500}),
        rule(&ListRequest::q, {.doc = "Part of the name or e-mail", .max_length = 100}),
        rule(&ListRequest::role, {.doc = "Name of a role", .max_length = 40}));
  }
};

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
        rule(&PersonChange::disabled, {.doc = "Cannot log in; all sessions end at once"}));
  }
};

std::optional<Cursor> read_cursor(std::optional<std::string> const& text) {
  if (!text) return {};
  try {
    return json::read<Cursor>(crypto::from_base64url(*text));
  } catch (std::exception const&) {
    throw field_problem("?cursor", "invalid", "must be a next_cursor of this list");
  }
}

PersonView view(db::Tx& tx, StaffId id) {
  auto found = tx.maybe<PersonView>(view_person, id);
  if (!found) throw Problem{person_not_found};
  return std::move(*found);
}

http::Page<PersonView> list(http::Context& context, ListRequest const& request) {
  auto& tx = context.tx;
  auto const limit = int(request.limit.value_or(50));
  auto const cursor = read_cursor(request.cursor);
  http::Page<PersonView> page;
  page.data = tx.all<PersonView>(
      list_people.with_limit(limit + 1), cursor ? std::optional{cursor->after} : std::nullopt,
      cursor ? std::optional{cursor->id} : std::nullopt, db::like_pattern(request.q), request.role,
      request.state ? std::optional{*request.state == PersonState::active} : std::nullopt);
  page.has_more = int(page.data.size()) > limit;
  if (page.has_more) {
    page.data.pop_back();
    auto const last = page.data.back().id;
    page.next_cursor =
        crypto::base64url(json::text(Cursor{tx.one<std::string>(lower_name, last), last.value}));
  }
  return page;
}

/// Locked; only people whose role gives no more than one's own.
PersonView for_change(http::Context& context, StaffId id, Snapshot const& snapshot) {
  take_turn(context.tx, context.actor);
  static_cast<void>(context.tx.maybe<StaffId>(lock_person, id));
  auto found = view(context.tx, id);
  require_within(context.actor, require_role(snapshot, found.role));
  return found;
}

/// The schema keeps the last owner; here it becomes a sentence about the field.
void write_person(std::string_view pointer, std::function<void()> const& write) {
  try {
    write();
  } catch (db::Failure const& failure) {
    if (failure.constraint != "staff_keeps_an_owner") throw;
    throw field_problem(pointer, "last_owner", "must stay as it is: this is the last owner");
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
  api.add(http::Endpoint<ListRequest, http::Page<PersonView>>{
      .route = "GET /api/settings/team",
      .summary = "List the people of the team by name",
      .tag = "Settings",
      .scope = "team:read",
      .handle = list,
  });
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
