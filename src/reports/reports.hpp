#pragma once
// Reports out of the book of entries: GET /api/reports/cash, …/dunning and …/recognised.
#include "platform/http/endpoint.hpp"
#include "platform/settings/groups.hpp"

namespace reports {
void add_cash(http::Api& api, settings::Groups const& groups);
void add_dunning(http::Api& api, settings::Groups const& groups);
/// GET /api/billing/trends: the same as a chart.
void add_trends(http::Api& api, settings::Groups const& groups);
void add_recognised(http::Api& api, settings::Groups const& groups);
}  // namespace reports
