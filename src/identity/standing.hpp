#pragma once
// What somebody may do apart from a request of theirs: jobs ask before they act.
#include "identity/snapshot.hpp"

namespace identity {

/// Whether people or keys have it by being who they are: no role gives it.
[[nodiscard]] bool is_given_by_itself(std::string_view scope);

/// A person, or else a key.
[[nodiscard]] bool may_still(Snapshot const& snapshot, std::optional<std::int64_t> staff_id,
                             std::optional<std::int64_t> api_key_id, std::string_view scope);

}  // namespace identity
