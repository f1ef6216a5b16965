#pragma once
// Promotion codes: what people type on Stripe's payment page, and what each takes off. Stripe keeps
// them; nothing of them is kept here. https://docs.stripe.com/billing/subscriptions/coupons
#include "platform/http/endpoint.hpp"

namespace billing {

/// GET and POST /api/billing/promotions, POST …/{id}/end, POST and DELETE
/// /api/tenants/{id}/discount.
void add_promotion_endpoints(http::Api& api);

}  // namespace billing
