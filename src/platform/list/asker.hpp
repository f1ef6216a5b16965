#pragma once
// Who asked a list for something that a job does later.
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace list {

/// A person or a key; one of the two.
struct Asker {
  std::optional<std::int64_t> staff_id, api_key_id;
};
/// Whether they have this permission now: the answer may have changed since they asked.
using MayStill = std::function<bool(Asker const&, std::string_view scope)>;

}  // namespace list
