#pragma once
// What staff can do with many tenants at once.
#include "platform/list/list.hpp"

namespace tenants {

[[nodiscard]] list::Batch tenant_batch();

}  // namespace tenants
