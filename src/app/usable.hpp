#pragma once
// What can be said about the settings as a whole before anything is made, started or asked.
#include "platform/config/config.hpp"

namespace app {

/// Throws config::Mistake with every reason why these settings cannot be served: files that are not
/// there, ports twice, half of Stripe, a blueprint that does not exist.
void require_usable(config::Loaded const& loaded);

/// The data directory: as set, else /var/lib/onboarding for root, else below the user's home.
[[nodiscard]] std::string data_directory(config::Settings const& settings);

}  // namespace app
