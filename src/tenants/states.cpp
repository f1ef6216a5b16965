// The edges of a tenant's life, in one table.
#include "tenants/states.hpp"

#include <algorithm>

namespace tenants {

bool may_follow(State from, State to) {
  using enum State;
  struct Edge {
    State from, to;
  };
  static constexpr Edge edges[]{
      {reserved, awaiting_payment},
      {reserved, queued},
      {reserved, rolled_back},
      {awaiting_payment, queued},
      {awaiting_payment, rolled_back},
      {queued, provisioning},
      {queued, rolled_back},
      {provisioning, live},
      {provisioning, provision_failed},
      {provisioning, queued},
      {provision_failed, queued},
      {provision_failed, provisioning},
      {provision_failed, rolled_back},
      {provisioning, rolled_back},
      {rolled_back, queued},
      {live, suspending},
      {suspending, suspended},
      {suspending, resuming},
      {suspended, resuming},
      {resuming, live},
      {resuming, suspending},
      {suspended, archiving},
      {archiving, archived},
      {archived, resuming},
      {archived, purging},
      {purging, purged},
  };
  return std::any_of(std::begin(edges), std::end(edges),
                     [&](Edge const& edge) { return edge.from == from && edge.to == to; });
}

}  // namespace tenants
