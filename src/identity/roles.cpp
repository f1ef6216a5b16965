// The built-in roles, as rules over the names of scopes ("noun:read", "noun:write").
#include "identity/roles.hpp"

#include "identity/standing.hpp"

namespace identity {

namespace {
bool is_one_of(std::string_view value, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool may(Role role, std::string_view scope) {
  auto const noun = scope.substr(0, scope.find(':'));
  bool const reads = scope.ends_with(":read");
  switch (role) {
    case Role::owner:
      return true;
    case Role::admin:
      return !is_one_of(scope, {"roles:write", "security:write"});
    case Role::support:
      return is_one_of(noun, {"dashboard", "tenants", "customers"}) || scope == "logs:read" ||
             scope == "jobs:read";
    case Role::finance:
      return is_one_of(noun, {"dashboard", "billing", "reports"}) ||
             is_one_of(scope, {"tenants:read", "customers:read"});
    case Role::auditor:
      return reads && noun != "mails";  // a mail can hold a one-time link
  }
  return false;
}
}  // namespace

http::Scopes declared_scopes(http::Api const& api) {
  http::Scopes all;
  for (auto const& endpoint : api.endpoints())
    if (!endpoint->scope.empty() && !is_given_by_itself(endpoint->scope))
      all.insert(endpoint->scope);
  return all;
}

http::Scopes scopes_of(Role role, http::Scopes const& all) {
  http::Scopes out;
  for (auto const& scope : all)
    if (may(role, scope)) out.insert(scope);
  return out;
}

void require_within(http::Actor const& actor, http::Scopes const& scopes) {
  std::vector<std::string> missing;
  for (auto const& scope : scopes)
    if (!is_given_by_itself(scope) && !actor.may(scope)) missing.push_back(scope);
  if (!missing.empty()) throw Problem{beyond_own_permissions}.with("missing", json::text(missing));
}

}  // namespace identity
