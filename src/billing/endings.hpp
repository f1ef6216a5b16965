#pragma once
// The end of a tenant is the end of its bill, as whoever ended it chose; its customer is told.
#include "platform/config/config.hpp"
#include "platform/jobs/jobs.hpp"

namespace billing {

void add_ending_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
