#pragma once
// All objects at Stripe, held against the mirror member by member.
#include "billing/events.hpp"
#include "billing/reading.hpp"

namespace billing {

/// What differs between the mirror and Stripe's word; `reading` is none where Stripe has no such
/// object. Empty: they agree.
[[nodiscard]] stripe::Object differences_of(db::Tx& tx, ObjectKind const& kind,
                                            std::string const& id,
                                            std::optional<Reading> const& reading);

/// What a round over all kinds has met.
struct Round {
  std::int64_t compared = 0, not_ours = 0, differing = 0;
  std::vector<std::string> refused{};  // kinds that our key may not list
  [[nodiscard]] bool is_quiet() const { return differing == 0 && refused.empty(); }
};
/// Goes on where an earlier try of this job was cut off. The first walk over a kind fills the
/// mirror; later ones write what differs as rows. Throws jobs::Snooze while Stripe is away.
Round walk_everything(jobs::Context& job, stripe::Client const& client);

void add_difference_endpoints(http::Api& api, Events& events);

}  // namespace billing
