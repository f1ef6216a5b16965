#pragma once
// The team: people and their roles, invitations, roles of one's own making.
#include "identity/directory.hpp"

namespace identity::people {

void add_people_endpoints(http::Api& api, Directory& directory);      // people.cpp
void add_invitation_endpoints(http::Api& api, Directory& directory);  // invitations.cpp
void add_profile_endpoints(http::Api& api, Directory& directory);     // profile.cpp
void add_role_endpoints(http::Api& api, Directory& directory);        // role_endpoints.cpp

/// One change of people and roles at a time, each judged by what the ones before it left: whoever
/// lost their own role a moment ago is refused.
void take_turn(db::Tx& tx, http::Actor const& actor);

/// The scopes of a role; throws a problem of the field when there is none.
[[nodiscard]] http::Scopes const& require_role(Snapshot const& snapshot, std::string const& role);

/// Throws unless the actor could have sent the open invitation to this address, if there is one:
/// whoever reads its mail has the link, and with it the role.
void require_may_read_invitation(db::Tx& tx, http::Api const& api, http::Actor const& actor,
                                 std::string const& email);

}  // namespace identity::people
