#pragma once
// Its doors by what they are about; portal.cpp opens all of them.
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"

namespace portal {

/// POST /api/portal/links, and the same by staff: POST /api/tenants/{id}/portal-link.
void add_link_endpoints(http::Api& api);
void add_link_worker(jobs::Engine& engine, config::Settings const& settings);
/// POST and DELETE /api/portal/session.
void add_session_endpoints(http::Api& api);
/// GET /api/portal.
void add_overview_endpoint(http::Api& api);
/// GET /api/portal/invoices and each one's document.
void add_invoice_endpoints(http::Api& api);
/// POST /api/portal/card and /api/portal/card/refresh.
void add_card_endpoints(http::Api& api);
void add_card_worker(jobs::Engine& engine, config::Settings const& settings);
/// GET /api/portal/tenants/{id}/plan-change, POST and DELETE …/plan-order.
void add_plan_endpoints(http::Api& api);
/// POST /api/portal/tax-ids, DELETE …/{id}.
void add_tax_id_endpoints(http::Api& api);
/// POST and DELETE /api/portal/tenants/{id}/cancellation.
void add_cancellation_endpoints(http::Api& api);
/// POST /api/portal/tenants/{id}/stay-offer.
void add_stay_offer_endpoint(http::Api& api);
void add_win_back_worker(jobs::Engine& engine, config::Settings const& settings);

}  // namespace portal
