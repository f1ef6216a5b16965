// What the doors to people, invitations and roles share.
#include "identity/people/team.hpp"

#include "platform/http/problems.hpp"

namespace identity::people {

namespace {
// The lock of the trigger that keeps an owner.
db::Query const take_lock{"identity.take_turn_team",
                          "SELECT pg_advisory_xact_lock(hashtext('staff.owners'))::text"};
db::Query const role_now{"identity.role_now",
                         "SELECT role FROM staff WHERE id = $1 AND disabled_at IS NULL"};
}  // namespace

void take_turn(db::Tx& tx, http::Actor const& actor) {
  tx.exec(take_lock);
  if (actor.user_id == 0) return;
  if (tx.maybe<std::string>(role_now, actor.user_id) != actor.role)
    throw Problem{http::missing_scope, "Your own role was changed a moment ago."};
}

http::Scopes const& require_role(Snapshot const& snapshot, std::string const& role) {
  auto const found = snapshot.roles.find(role);
  if (found == snapshot.roles.end())
    throw refusal(wrong<faults::unknown_value>("/role", "those of GET /api/settings/roles"));
  return *found->second;
}

}  // namespace identity::people
