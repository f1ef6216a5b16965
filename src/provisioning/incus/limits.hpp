#pragma once
// A tenant's limits in Incus' words, and back.
#include "provisioning/incus/driver.hpp"

namespace provisioning::incus {

[[nodiscard]] boost::json::object limits_config(ContainerPlan const& plan);
[[nodiscard]] boost::json::object root_device(std::string const& pool, std::int64_t storage_mib);
/// 512 of "512MiB"; 0 when it is written otherwise.
[[nodiscard]] std::int64_t mebibytes(std::string const& text);
/// What an instance's image takes of its quota.
[[nodiscard]] std::int64_t image_mib_of(boost::json::value const& instance);
/// As limits_text() writes them, from an instance's own configuration.
[[nodiscard]] std::string limits_of(boost::json::value const& instance);

}  // namespace provisioning::incus
