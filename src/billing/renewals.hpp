#pragma once
// The way back for a tenant whose subscription has ended: a page of Stripe's that sells a new one
// for the same tenant. One such page is open at a time.
#include "platform/config/config.hpp"
#include "platform/jobs/jobs.hpp"
#include "stripe/stripe.hpp"
#include "tenants/tenants.hpp"

namespace billing {

struct Renewal {
  std::int64_t id;
  std::optional<std::string> stripe_session_id, url;
  std::int64_t amount, quantity;  // the amount of one
  std::string currency, interval;
  std::int64_t interval_count;
  Time expires_at;
};

/// The open page, or a new one at what its plan costs today in the currency and rhythm that it was
/// paid in; none when nothing was ever sold for it, or when its page has just been paid. Throws
/// what stripe::Client throws.
[[nodiscard]] std::optional<Renewal> offer_renewal(db::Connection& connection,
                                                   stripe::Client const& client,
                                                   config::Settings const& settings,
                                                   tenants::TenantId id);

/// It runs again, or ends: nobody shall pay on a page that is still open somewhere, and what was
/// only waiting at Stripe is ended there. Who has paid for what ends gets it back.
struct CloseRenewal {
  static constexpr std::string_view kind = "billing.close_renewal";
  std::int64_t tenant_id;
};
void close_renewal_later(db::Tx& tx, tenants::TenantId id);

void add_renewal_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
