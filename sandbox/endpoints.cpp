// Every noun of the API on one screen.
#include "sandbox/api.hpp"

namespace sandbox {

std::vector<Endpoint> const& endpoints() {
  static auto const all = [] {
    std::vector<Endpoint> list;
    for (auto const& noun : {customer_endpoints(),
                             product_endpoints(),
                             price_endpoints(),
                             coupon_endpoints(),
                             tax_rate_endpoints(),
                             switch_endpoints(),
                             payment_method_endpoints(),
                             source_endpoints(),
                             payment_intent_endpoints(),
                             setup_intent_endpoints(),
                             charge_endpoints(),
                             dispute_endpoints(),
                             refund_endpoints(),
                             credit_note_endpoints(),
                             balance_transaction_endpoints(),
                             tax_id_endpoints(),
                             portal_endpoints(),
                             invoice_endpoints(),
                             invoice_item_endpoints(),
                             subscription_endpoints(),
                             subscription_item_endpoints(),
                             subscription_schedule_endpoints(),
                             checkout_endpoints(),
                             payment_page_endpoints(),
                             event_endpoints(),
                             webhook_endpoint_endpoints(),
                             test_clock_endpoints(),
                             account_endpoints()})
      list.insert(list.end(), noun.begin(), noun.end());
    return list;
  }();
  return all;
}

}  // namespace sandbox
