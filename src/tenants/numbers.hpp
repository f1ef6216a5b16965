#pragma once
// Ids of tenants name things outside the tables: directories, databases, users, containers.
#include "platform/db/db.hpp"

namespace tenants {

/// After the database was set back: tenants that it does not remember may still have their places,
/// and nobody shall get one of their numbers.
void skip_numbers(db::Tx& tx);

}  // namespace tenants
