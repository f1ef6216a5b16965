#pragma once
// Reports: out of the book of entries GET /api/reports/cash, …/dunning and …/recognised, out of the
// ledger of MRR …/revenue, …/growth, …/churn, …/cohorts and …/movements.
#include "platform/http/endpoint.hpp"
#include "platform/settings/groups.hpp"

namespace reports {
void add_cash(http::Api& api, settings::Groups const& groups);
void add_dunning(http::Api& api, settings::Groups const& groups);
/// GET /api/billing/trends: the same as a chart.
void add_trends(http::Api& api, settings::Groups const& groups);
void add_recognised(http::Api& api, settings::Groups const& groups);
void add_growth(http::Api& api, settings::Groups const& groups);
void add_cohorts(http::Api& api, settings::Groups const& groups);
void add_movements(http::Api& api);
/// The exchange rates: GET /api/settings/exchange-rates and what changes them.
void add_rates(http::Api& api, settings::Groups const& groups);
}  // namespace reports
