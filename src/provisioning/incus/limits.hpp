#pragma once
// A tenant's limits in Incus' words, and back.
#include "provisioning/incus/driver.hpp"

namespace provisioning::incus {

[[nodiscard]] boost::json::object limits_config(ContainerPlan const& plan);
[[nodiscard]] boost::json::object root_device(std::string const& pool, std::int64_t storage_mib);
/// As limits_text() writes them, from an instance's own configuration.
[[nodiscard]] std::string limits_of(boost::json::value const& instance);

}  // namespace provisioning::incus
