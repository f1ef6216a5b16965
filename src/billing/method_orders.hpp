#pragma once
// Which payment method of a customer is charged, and taking one away. What staff wish is written
// down before Stripe is asked; of two wishes about the same the later one counts.
#include "customers/customers.hpp"
#include "platform/config/config.hpp"
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"
#include "stripe/stripe.hpp"

namespace billing {

using PaymentMethodId = Id<"method">;

enum class MethodWish { charge, removal };
constexpr auto names_of(MethodWish) { return std::array<std::string_view, 2>{"charge", "removal"}; }

enum class MethodOutcome {
  being_checked,  // Stripe has not answered yet
  done,           //
  gone,           // Stripe had it no more
  overtaken,      // somebody wished otherwise meanwhile
  refused,        // by Stripe
  unknown,        // Stripe did not say for a long time
};
constexpr auto names_of(MethodOutcome) {
  return std::array<std::string_view, 6>{"being_checked", "done",    "gone",
                                         "overtaken",     "refused", "unknown"};
}

struct MethodEnd {
  MethodOutcome outcome;
  std::string refusal{};  // Stripe's code
};

using MethodOrderId = std::int64_t;
[[nodiscard]] MethodOrderId begin_method_order(db::Tx& tx, customers::CustomerId customer,
                                               std::string_view method, MethodWish wish,
                                               std::string_view asked_by);
/// Does what is wished, unless it was done or overtaken, and writes how it ended; repeating it
/// changes nothing. Throws stripe::Unavailable where that is not known.
MethodEnd carry_out_method_order(db::Connection& connection, stripe::Client const& client,
                                 MethodOrderId order, stripe::Patience patience);

/// The customer themselves have chosen this one: what staff wished before and is not done yet.
void overtake_method_orders(db::Tx& tx, customers::CustomerId customer, std::string_view method);

/// From now on this method is charged by itself: by the customer, and by each of their
/// subscriptions that names one of its own. Our rows follow, and with them what could not be
/// collected is tried. Throws what stripe::Client throws.
void charge_from_now_on(db::Connection& connection, stripe::Client const& client,
                        customers::CustomerId customer, std::string const& stripe_customer,
                        std::string const& method, stripe::Patience patience);

/// SQL: how many subscriptions that still run are charged with the method `of` a row of
/// payment_methods, `profile` being its customer's row of billing_profiles.
[[nodiscard]] std::string charged_with_sql(std::string const& of, std::string const& profile);

/// Finds out how an order ended whose answer was lost.
struct CheckMethodOrder {
  static constexpr std::string_view kind = "billing.check_method_order";
  std::int64_t order_id;
};

/// GET /api/billing/payment-methods.
void add_method_list(http::Api& api);
/// POST /api/billing/payment-methods/{id}/default and DELETE /api/billing/payment-methods/{id}.
void add_method_endpoints(http::Api& api);
void add_method_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
