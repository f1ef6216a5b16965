#pragma once
// Webhook endpoints, for the one that the settings name.
#include "sandbox/store.hpp"

namespace sandbox {

/// For all events; not yet inserted.
[[nodiscard]] Object new_endpoint(Store& store, std::string const& url, std::string const& secret);

}  // namespace sandbox
