// The doors to roles: what each may do, roles of one's own making, and who must have a second
// factor.
#include "identity/people/team.hpp"
#include "identity/standing.hpp"
#include "platform/http/preconditions.hpp"
#include "platform/http/problems.hpp"
#include "platform/json/checks.hpp"
#include "platform/retention/retention.hpp"

namespace identity::people {

namespace {
constexpr ProblemType role_not_found{Kind::not_found, "role_not_found", "There is no such role"};
constexpr ProblemType role_in_use{Kind::conflict, "role_in_use",
                                  "Somebody has this role or is invited to it"};
constexpr ProblemType role_is_built_in{Kind::conflict, "role_is_built_in",
                                       "Permissions and title of a built-in role are fixed"};
constexpr ProblemType too_many_roles{Kind::conflict, "too_many_roles",
                                     "There are a hundred roles already"};
constexpr std::size_t most_scopes = 200;
constexpr std::int64_t most_roles = 100;

struct RoleRow {
  std::string name, title;
  bool built_in;
  std::vector<std::string> scopes;
  bool second_factor_required;
  std::int64_t grace_days, people, version;
  static constexpr auto rules() {
    return ::rules(rule(&RoleRow::built_in, {.doc = "Its permissions are fixed"}),
                   rule(&RoleRow::scopes, {.doc = "What it may do"}),
                   rule(&RoleRow::grace_days, {.doc = "How long people have to set one up"}),
                   rule(&RoleRow::people, {.doc = "How many have it"}));
  }
};

constexpr auto columns = R"sql(
  SELECT name, title, built_in, scopes, second_factor_required, grace_days, version,
         (SELECT count(*) FROM staff WHERE role = roles.name AND removed_at IS NULL) AS people
    FROM roles
)sql";
db::Query const list_roles{"identity.list_roles_in_full", std::string{columns} + R"sql(
   ORDER BY built_in DESC,
            array_position(ARRAY['owner', 'admin', 'support', 'finance', 'auditor'], name), name
)sql"};
db::Query const view_role{"identity.view_role", std::string{columns} + " WHERE name = $1"};
db::Query const lock_role{"identity.lock_role",
                          "SELECT name FROM roles WHERE name = $1 FOR UPDATE"};
db::Query const count_roles{"identity.count_roles", "SELECT count(*) FROM roles"};
db::Query const insert_role{"identity.insert_role", R"sql(
  INSERT INTO roles (name, title, scopes) VALUES ($1, $2, $3)
)sql"};
// The time to set up a second factor begins when it is first asked for.
db::Query const change_role{"identity.change_role", R"sql(
  UPDATE roles SET title = $2, scopes = $3, second_factor_required = $4, grace_days = $5,
         version = version + 1,
         required_since = CASE WHEN $4 THEN coalesce(required_since, $6::timestamptz) END
   WHERE name = $1
)sql"};
db::Query const delete_role{"identity.delete_role", "DELETE FROM roles WHERE name = $1"};
db::Query const is_in_use{"identity.is_role_in_use", R"sql(
  SELECT EXISTS (SELECT 1 FROM staff WHERE role = $1 AND removed_at IS NULL)
      OR EXISTS (SELECT 1 FROM invitations WHERE role = $1 AND accepted_at IS NULL
                    AND revoked_at IS NULL AND expires_at > $2)
)sql"};
// What is over keeps no role from going: auditor is what remains of it.
db::Query const release_role{"identity.release_role_of_removed_people", R"sql(
  UPDATE staff SET role = 'auditor' WHERE role = $1 AND removed_at IS NOT NULL
)sql"};
db::Query const drop_old_invitations{"identity.drop_invitations_to_role",
                                     "DELETE FROM invitations WHERE role = $1"};

struct Roles {
  std::vector<RoleRow> data;
};

struct OneRole {
  std::string name;
  static constexpr auto rules() {
    return ::rules(
        rule(&OneRole::name, {.doc = "Name of the role", .example = "support", .max_length = 40}));
  }
};

constexpr FieldCode role_name{"role_name",
                              "must be lower-case letters, digits and _, a letter first"};
constexpr FieldCode name_taken{"name_taken", "must be another name: a role has this one"};
constexpr FieldCode in_use{"in_use", "must be of nobody"};

constexpr auto name_rule = [](std::string_view text) -> FieldCode const* {
  bool const starts = !text.empty() && text.front() >= 'a' && text.front() <= 'z';
  bool const fine = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  return starts && fine ? nullptr : &role_name;
};

struct NewRole {
  std::string name, title;
  std::vector<std::string> scopes;
  static constexpr auto rules() {
    return ::rules(rule(&NewRole::name, {.doc = "For programs; never changes",
                                         .example = "first_line",
                                         .min_length = 2,
                                         .max_length = 31,
                                         .check = name_rule}),
                   rule(&NewRole::title, {.doc = "For people",
                                          .example = "First line",
                                          .min_length = 1,
                                          .max_length = 60,
                                          .check = checks::one_line}),
                   rule(&NewRole::scopes, {.doc = "What it may do; no more than oneself",
                                           .max_length = most_scopes}));
  }
};

struct RoleChange : OneRole {
  std::optional<std::string> title;
  std::optional<std::vector<std::string>> scopes;
  std::optional<bool> second_factor_required;
  std::optional<std::int64_t> grace_days;
  static constexpr auto fields() {
    return ::fields(
        inherited<OneRole>(),
        field("title", &RoleChange::title,
              {.doc = "For people", .min_length = 1, .max_length = 60, .check = checks::one_line}),
        field("scopes", &RoleChange::scopes, {.doc = "What it may do", .max_length = most_scopes}),
        field("second_factor_required", &RoleChange::second_factor_required,
              {.doc = "Whether its people must have a second factor"}),
        field("grace_days", &RoleChange::grace_days,
              {.doc = "How long they have to set one up", .min = 0, .max = 90}));
  }
};

struct EndpointName {
  std::string method, path, summary;
  bool step_up;
  static constexpr auto rules() {
    return ::rules(rule(&EndpointName::step_up, {.doc = "Asks again who one is"}));
  }
};
struct ScopeView {
  std::string scope;
  std::vector<EndpointName> endpoints;
};
struct ScopeList {
  std::vector<ScopeView> data;
};

/// Of a built-in role the permissions are those that the directory computed.
void fill_in(RoleRow& role, Snapshot const& snapshot) {
  if (!role.built_in) return;
  auto const scopes = scopes_of(*enum_from<Role>(role.name), snapshot.all_scopes);
  role.scopes.assign(scopes.begin(), scopes.end());
}

RoleRow view(db::Tx& tx, std::string const& name, Snapshot const& snapshot) {
  auto found = tx.maybe<RoleRow>(view_role, name);
  if (!found) throw Problem{role_not_found};
  fill_in(*found, snapshot);
  return std::move(*found);
}

http::Scopes known_scopes(std::vector<std::string> const& scopes, Snapshot const& snapshot) {
  Problem problem{validation_failed};
  for (std::size_t i = 0; i < scopes.size(); ++i)
    if (!snapshot.all_scopes.contains(scopes[i]))
      problem.errors.push_back(wrong<faults::unknown_value>("/scopes/" + std::to_string(i),
                                                            "those of GET /api/settings/scopes"));
  if (!problem.errors.empty()) throw problem;
  return {scopes.begin(), scopes.end()};
}

std::vector<std::string> as_list(http::Scopes const& scopes) {
  return {scopes.begin(), scopes.end()};
}

http::Scopes as_set(std::vector<std::string> const& scopes) {
  return {scopes.begin(), scopes.end()};
}

/// Under the team's lock; only roles that give no more than one's own.
RoleRow for_change(http::Context& context, std::string const& name, Snapshot const& snapshot) {
  take_turn(context.tx, context.actor);
  static_cast<void>(context.tx.maybe<std::string>(lock_role, name));
  auto found = view(context.tx, name, snapshot);
  require_within(context.actor, as_set(found.scopes));
  return found;
}

RoleRow create(http::Context& context, NewRole const& request, Directory& directory) {
  auto const snapshot = directory.now();
  take_turn(context.tx, context.actor);
  auto const scopes = known_scopes(request.scopes, *snapshot);
  require_within(context.actor, scopes);
  if (context.tx.one<std::int64_t>(count_roles) >= most_roles) throw Problem{too_many_roles};
  context.tx.exec(insert_role, request.name, request.title, as_list(scopes));
  auto out = view(context.tx, request.name, *snapshot);
  http::add_version(context.response, out.version);
  context.response.headers.push_back({"Location", "/api/settings/roles/" + out.name});
  context.audit_target = out.name;
  context.audit_after.text = json::text(out);
  directory.changed(context);
  return out;
}

RoleRow change(http::Context& context, RoleChange const& request, Directory& directory) {
  auto const snapshot = directory.now();
  auto const old = for_change(context, request.name, *snapshot);
  http::require_version(context.request, old.version, {json::text(old)});
  if (old.built_in && (request.title || request.scopes)) throw Problem{role_is_built_in};
  auto scopes = as_set(old.scopes);
  if (request.scopes) scopes = known_scopes(*request.scopes, *snapshot);
  require_within(context.actor, scopes);
  context.tx.exec(change_role, old.name, request.title.value_or(old.title),
                  old.built_in ? std::vector<std::string>{} : as_list(scopes),
                  request.second_factor_required.value_or(old.second_factor_required),
                  request.grace_days.value_or(old.grace_days), clock_source::now());
  auto out = view(context.tx, old.name, *snapshot);
  http::add_version(context.response, out.version);
  context.audit_target = old.name;
  context.audit_before.text = json::text(old);
  context.audit_after.text = json::text(out);
  directory.changed(context);
  return out;
}

void remove(http::Context& context, std::string const& name, Directory& directory) {
  auto const old = for_change(context, name, *directory.now());
  if (old.built_in) throw Problem{role_is_built_in};
  http::require_version(context.request, old.version, {json::text(old)});
  if (context.tx.one<bool>(is_in_use, name, clock_source::now())) throw Problem{role_in_use};
  context.tx.exec(release_role, name);
  context.tx.exec(drop_old_invitations, name);
  context.tx.exec(delete_role, name);
  context.audit_target = name;
  context.audit_before.text = json::text(old);
  directory.changed(context);
}

ScopeList scopes(http::Api const& api) {
  std::map<std::string, std::vector<EndpointName>> by_scope;
  for (auto const& endpoint : api.endpoints())
    if (!endpoint->scope.empty() && !is_given_by_itself(endpoint->scope))
      by_scope[endpoint->scope].push_back(
          {endpoint->method, endpoint->path, endpoint->summary, endpoint->step_up});
  ScopeList out;
  for (auto& [scope, endpoints] : by_scope) out.data.push_back({scope, std::move(endpoints)});
  return out;
}

retention::Kept const kept_roles{"roles", "some an organisation"};
}  // namespace

void add_role_endpoints(http::Api& api, Directory& directory) {
  api.add(http::Endpoint<http::Nothing, Roles>{
      .route = "GET /api/settings/roles",
      .summary = "List all roles with what they may do",
      .tag = "Settings",
      .scope = "roles:read",
      .handle =
          [&directory](http::Context& context, http::Nothing const&) {
            Roles out{context.tx.all<RoleRow>(list_roles)};
            for (auto& role : out.data) fill_in(role, *directory.now());
            return out;
          },
  });
  api.add(http::Endpoint<http::Nothing, ScopeList>{
      .route = "GET /api/settings/scopes",
      .summary = "List all permissions with the endpoints that ask for them",
      .tag = "Settings",
      .scope = "roles:read",
      .handle = [&api](http::Context&, http::Nothing const&) { return scopes(api); },
  });
  api.add(http::Endpoint<OneRole, RoleRow>{
      .route = "GET /api/settings/roles/{name}",
      .summary = "Show one role",
      .tag = "Settings",
      .scope = "roles:read",
      .problems = {role_not_found},
      .handle =
          [&directory](http::Context& context, OneRole const& request) {
            auto out = view(context.tx, request.name, *directory.now());
            http::add_version(context.response, out.version);
            return out;
          },
  });
  api.add(http::Endpoint<NewRole, RoleRow>{
      .route = "POST /api/settings/roles",
      .summary = "Make a role",
      .tag = "Settings",
      .scope = "roles:write",
      .audit = "role.created",
      .problems = {beyond_own_permissions, too_many_roles},
      .constraints = {{"roles_pkey", "/name", name_taken}},
      .status = 201,
      .idempotent = true,
      .step_up = true,
      .handle = [&directory](
                    http::Context& context,
                    NewRole const& request) { return create(context, request, directory); },
  });
  api.add(http::Endpoint<RoleChange, RoleRow>{
      .route = "PATCH /api/settings/roles/{name}",
      .summary = "Change a role; it holds at once for everybody who has it",
      .tag = "Settings",
      .scope = "roles:write",
      .audit = "role.changed",
      .problems = {role_not_found, role_is_built_in, beyond_own_permissions, http::version_required,
                   http::version_outdated},
      .step_up = true,
      .handle = [&directory](
                    http::Context& context,
                    RoleChange const& request) { return change(context, request, directory); },
  });
  api.add(http::Endpoint<OneRole, http::Nothing>{
      .route = "DELETE /api/settings/roles/{name}",
      .summary = "Delete a role that nobody has",
      .tag = "Settings",
      .scope = "roles:write",
      .audit = "role.deleted",
      .problems = {role_not_found, role_in_use, role_is_built_in, beyond_own_permissions,
                   http::version_required, http::version_outdated},
      .constraints = {{"staff_role_exists", "{name}", in_use},
                      {"invitations_role_exists", "{name}", in_use}},
      .step_up = true,
      .handle =
          [&directory](http::Context& context, OneRole const& request) {
            remove(context, request.name, directory);
            return http::Nothing{};
          },
  });
}

}  // namespace identity::people
