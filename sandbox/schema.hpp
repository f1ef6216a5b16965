#pragma once
// The sandbox's own tables, beside and apart from those of the product.
#include "platform/db/db.hpp"

namespace sandbox {

/// Makes what is missing in the schema stripe_sandbox; safe to call at every start.
void create_schema(db::Connection& connection);

}  // namespace sandbox
