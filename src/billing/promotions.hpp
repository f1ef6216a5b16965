#pragma once
// Promotion codes: what people type on Stripe's payment page, and what each takes off. Stripe keeps
// them; nothing of them is kept here. https://docs.stripe.com/billing/subscriptions/coupons
#include "platform/http/endpoint.hpp"

namespace billing {

/// GET and POST /api/billing/promotions, POST …/{id}/end.
void add_promotion_endpoints(http::Api& api);
/// GET, POST and DELETE /api/tenants/{id}/discount, GET …/preview: what staff give one tenant.
void add_discount_endpoints(http::Api& api);

}  // namespace billing
