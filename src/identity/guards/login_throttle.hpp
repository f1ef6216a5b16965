#pragma once
// Guessing gets slower with each failure: per account, per address, per person. The counts are
// rows, so all nodes share them, and an attempt is counted before the password is looked at, so
// parallel guesses count as well. Nobody can lock a stranger out for good: blocks end by
// themselves, and a device that logged in before and a passkey are counted on their own. Written on
// the worker's second connection: a refused log-in rolls its own transaction back.
#include "identity/directory.hpp"
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"

namespace identity::guards {

inline constexpr ProblemType too_many_attempts{Kind::too_many, "too_many_attempts",
                                               "Too many attempts to sign in"};

namespace throttle {

/// What one attempt was counted in.
using Counted = std::vector<std::string>;

/// A log-in with a password: counted for the account and the address, or for the device alone
/// when this account has logged in there before. Throws Problem{too_many_attempts}.
[[nodiscard]] Counted by_password(http::Context& context, std::string const& email);
/// A log-in with a passkey. Throws Problem{too_many_attempts}.
[[nodiscard]] Counted by_passkey(http::Context& context);
/// Somebody who is logged in shows the password once more. Throws Problem{too_many_attempts}.
[[nodiscard]] Counted confirmation(http::Context& context);
/// It was no failure after all.
void succeeded(http::Context& context, Counted const& counted);

}  // namespace throttle

/// Tells a person that their account is locked for new devices, and raises a security event.
void add_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace identity::guards
