#pragma once
// Looking for threats, acting on them, and the switches of an incident: doors and scheduled work.
#include "identity/directory.hpp"
#include "platform/jobs/jobs.hpp"

namespace security {

void add_event_endpoints(http::Api& api, identity::Directory& directory);  // events.cpp
void add_switch_endpoints(http::Api& api, identity::Directory& directory,
                          vault::Vault& vault);  // switches.cpp
void add_workers(jobs::Engine& engine, config::Settings const& settings,
                 vault::Vault& vault);  // workers.cpp

}  // namespace security
