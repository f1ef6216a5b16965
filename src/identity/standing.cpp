// Asking the snapshot about people and keys that send no request.
#include "identity/standing.hpp"

#include "platform/list/exports.hpp"

namespace identity {

bool is_given_by_itself(std::string_view scope) {
  return scope == http::own_scope || scope == list::exports_scope;
}

bool may_still(Snapshot const& snapshot, std::optional<std::int64_t> staff_id,
               std::optional<std::int64_t> api_key_id, std::string_view scope) {
  if (staff_id) {
    auto const person = snapshot.people.find(*staff_id);
    if (person == snapshot.people.end() || person->second.disabled) return false;
    auto const role = snapshot.roles.find(person->second.role);
    return role != snapshot.roles.end() && role->second->contains(scope);
  }
  for (auto const& [hash, key] : snapshot.api_keys)
    if (key->id == api_key_id)
      return !key->maker_is_gone && key->scopes->contains(scope) &&
             (!key->expires_at || *key->expires_at > clock_source::now());
  return false;
}

}  // namespace identity
