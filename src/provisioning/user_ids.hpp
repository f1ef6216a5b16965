#pragma once
// User ids for tenants that are processes: each data directory of a machine has
// a range of its own, so that no two tenants of the machine are ever the same
// user.
#include <sys/types.h>

#include <filesystem>

#include "platform/rooms/rooms.hpp"

namespace provisioning {

// Between those of the system's users, of containers (systemd and Incus) and
// the end of signed numbers nobody gives any away.
constexpr uid_t first_of_all = 1'900'000'000;
constexpr std::int64_t users_of_a_place = rooms::Rooms::most;
constexpr int places_of_a_machine = 60;

/// The first user id of the data directory that calls itself `place`. Ranges
/// are written down for the whole machine; one of a directory that is gone is
/// given away only when there is no other. Throws NeedsPerson.
[[nodiscard]] uid_t first_user_of(
    std::string const& place, std::filesystem::path const& data_dir,
    std::filesystem::path const& registry = "/var/lib/onboarding-user-ids");

}  // namespace provisioning
