#pragma once
// What is refused whoever asks: addresses that were blocked, and writes in read-only mode.
#include "identity/directory.hpp"

namespace identity::guards {

inline constexpr ProblemType address_blocked{Kind::forbidden, "address_blocked",
                                             "Requests from this address are not taken"};
inline constexpr ProblemType read_only_mode{
    Kind::unavailable, "read_only_mode",
    "Nothing can be changed at present: an incident is being looked into"};

/// Throws address_blocked or read_only_mode. Logging in and out, refreshing, storing Stripe's
/// events and the switches themselves stay possible in read-only mode; the health probe and the
/// webhook from everywhere.
void admit(Snapshot const& snapshot, http::Request const& request, bool writes);

}  // namespace identity::guards
