#pragma once
// The customer's own page: a link by mail opens it for an hour, in one browser. What is read and
// changed there is the session's customer's and nobody else's.
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"
#include "platform/settings/groups.hpp"

namespace portal {

/// The cookie of its session.
inline constexpr std::string_view cookie = "__Host-portal";

void add_endpoints(http::Api& api);
void add_workers(jobs::Engine& engine, config::Settings const& settings);
/// Declares the group "win_back".
void add_settings(settings::Groups& groups, http::Api& api);

}  // namespace portal
