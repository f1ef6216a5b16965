// All doors and jobs of the customer's page.
#include "portal/portal.hpp"

#include "portal/doors.hpp"

namespace portal {

void add_endpoints(http::Api& api) {
  add_link_endpoints(api);
  add_session_endpoints(api);
  add_overview_endpoint(api);
  add_invoice_endpoints(api);
  add_card_endpoints(api);
  add_plan_endpoints(api);
  add_tax_id_endpoints(api);
  add_cancellation_endpoints(api);
  add_stay_offer_endpoint(api);
}

void add_workers(jobs::Engine& engine, config::Settings const& settings) {
  add_link_worker(engine, settings);
  add_card_worker(engine, settings);
  add_win_back_worker(engine, settings);
}

}  // namespace portal
