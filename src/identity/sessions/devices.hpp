#pragma once
// Browsers that have logged in before, known by a cookie of their own.
#include "identity/directory.hpp"

namespace identity::sessions {

inline constexpr std::string_view device_cookie = "__Host-device";
constexpr std::chrono::days device_trust{30};

/// Within a log-in, before its session is made: writes to the person when neither the device nor
/// its address and browser are known. Returns the cookie for a device that had none. `trust`: for
/// 30 days it is not asked for the second factor.
[[nodiscard]] std::optional<http::Header> note_device(http::Context& context, StaffId staff,
                                                      bool trust);

/// Whether this person said so of this device.
[[nodiscard]] bool is_trusted_device(db::Tx& tx, http::Request const& request, StaffId staff);
/// After a change of password or factors each device is asked again.
void distrust_devices(db::Tx& tx, StaffId staff);

/// The browser and the system that a User-Agent header speaks of; empty where it is unknown.
struct Device {
  std::string browser, system;
};
[[nodiscard]] Device device_of(std::string_view user_agent);

}  // namespace identity::sessions
