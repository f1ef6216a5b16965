#pragma once
// The checks of what lies outside (checks.cpp declares all of them).
#include "backups/backups.hpp"
#include "platform/readiness/readiness.hpp"

namespace app {

struct Checked {
  config::Settings const& settings;
  provisioning::Driver& driver;
  backups::Backups& backups;
  bool builds;          // this node makes tenants
  bool has_front_door;  // and leads to them
};
/// What `parts` refers to must outlive the watch.
void add_checks(readiness::Watch& watch, Checked const& parts);

}  // namespace app
