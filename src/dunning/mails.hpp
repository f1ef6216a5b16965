#pragma once
// What the owner of a tenant reads at each step. Every mail says how it is at that moment.
#include "dunning/cases.hpp"
#include "platform/config/config.hpp"

namespace dunning {

/// Puts the mail of a step into the outbox; its id.
std::int64_t write_to_owner(db::Tx& tx, config::Settings const& settings, Step step,
                            Look const& look, Time now);

}  // namespace dunning
