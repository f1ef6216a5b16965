#pragma once
// What a customer who asked for another plan is told of it.
#include "platform/config/config.hpp"
#include "tenants/tenants.hpp"

namespace billing {

/// `plan` is its name.
void tell_plan_changed(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
                       std::string const& plan);
/// It could not begin: it is not sold any more, or what is stored does not fit.
void tell_plan_stays(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
                     std::string const& plan, bool is_too_full);

}  // namespace billing
