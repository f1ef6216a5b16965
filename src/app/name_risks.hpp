#pragma once
// What the choice of public_url, tenant_domain and certificate risks, in sentences for the start.
#include "platform/config/config.hpp"
#include "platform/db/db.hpp"

namespace app {

/// The domain that both names lie below, where a page of one could set cookies for the other; empty
/// when there is none. Which domains anybody may register names below (co.uk) is not known here.
[[nodiscard]] std::string shared_domain(std::string_view console, std::string_view tenants);

[[nodiscard]] std::vector<std::string> name_risks(db::Tx& tx, config::Settings const& settings);

}  // namespace app
