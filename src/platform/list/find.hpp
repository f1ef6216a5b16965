#pragma once
// A list by its name, for what is asked about lists and not by one of their own doors.
#include "platform/list/list.hpp"

namespace list {

/// That of the API which has this name, for as long as it is held; none: there is no such list.
[[nodiscard]] std::shared_ptr<List const> find(http::Api const& api, std::string_view name);

}  // namespace list
