#pragma once
// What a customer who asked for another plan is told of it.
#include "platform/config/config.hpp"
#include "tenants/tenants.hpp"

namespace billing {

/// `plan` is its name.
void tell_plan_changed(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
                       std::string const& plan);
/// It could not begin: what is stored does not fit.
void tell_plan_stays(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
                     std::string const& plan);

}  // namespace billing
