#pragma once
// What the doors of a list have in common.
#include "platform/list/list.hpp"

namespace list {

/// A door beneath the list's own, with its filters and its search as parameters.
[[nodiscard]] http::Declared door(List const& list, std::string_view beneath, std::string summary);

/// Query and path of a request, for select().
[[nodiscard]] std::vector<std::pair<std::string, std::string>> values_of(
    http::Request const& request);

}  // namespace list
