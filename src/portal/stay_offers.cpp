// Less for some months instead of cancelling: offered beside the end, which is as near as without
// it. Each subscription takes it once.
#include "activity/activity.hpp"
#include "billing/caution.hpp"
#include "billing/endings.hpp"
#include "billing/following.hpp"
#include "billing/plan_moves.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"
#include "portal/doors.hpp"
#include "portal/sessions.hpp"
#include "portal/win_back.hpp"

namespace portal {

namespace {
constexpr ProblemType stay_offer_over{Kind::conflict, "stay_offer_over",
                                      "This offer is not there any more"};

db::Query const may_be_offered{"portal.may_be_offered_to_stay", R"sql(
  SELECT count(*) = 1
         AND bool_and(s.status = 'active' AND NOT s.cancel_at_period_end AND s.cancel_at IS NULL
                      AND o.state -> 'discounts' = '[]'::jsonb
                      AND EXISTS (SELECT FROM subscription_items AS i
                                    JOIN stripe_prices AS p ON p.id = i.price_id
                                   WHERE i.stripe_subscription_id = s.stripe_subscription_id
                                  HAVING bool_and(p.interval = 'month' AND p.interval_count = 1
                                                  AND p.unit_amount > 0))
                      AND NOT EXISTS (SELECT FROM portal_stay_offers
                                       WHERE stripe_subscription_id = s.stripe_subscription_id))
    FROM subscriptions AS s LEFT JOIN stripe_objects AS o ON o.id = s.stripe_subscription_id
   WHERE s.tenant_id = $1 AND s.ended_at IS NULL
     AND s.status NOT IN ('canceled', 'incomplete', 'incomplete_expired')
)sql"};
db::Query const is_theirs{"portal.tenant_to_keep", R"sql(
  SELECT EXISTS (SELECT FROM tenants WHERE id = $1 AND customer_id = $2)
)sql"};
db::Query const insert_taken{"portal.insert_stay_offer", R"sql(
  INSERT INTO portal_stay_offers (stripe_subscription_id, taken_at, percent_off, months)
  VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING stripe_subscription_id
)sql"};
retention::Kept const kept_stay_offers{"portal_stay_offers",
                                       "a subscription takes its offer once, however late"};

struct Taking {
  tenants::TenantId id;
  std::int64_t percent_off, months;
  static constexpr auto rules() {
    return ::rules(rule(&Taking::id, {.doc = "Id of the tenant"}),
                   rule(&Taking::percent_off, percent_of_offer),
                   rule(&Taking::months, months_of_offer));
  }
};

std::string coupon_of(StayOffer const& offer) {
  return "stay_" + std::to_string(offer.percent_off) + "_percent_" + std::to_string(offer.months) +
         "_months";
}

/// Whoever has made another one of this name at Stripe has not made what was shown.
void ensure_coupon(stripe::Client const& client, StayOffer const& offer) {
  auto const id = coupon_of(offer);
  http_client::Form form;
  form.add("id", id)
      .add("percent_off", offer.percent_off)
      .add("duration", "repeating")
      .add("duration_in_months", offer.months);
  try {
    // A key of its own each time: where the coupon was deleted since, it is made again.
    client.post("/v1/coupons", form, stripe::key_once("coupon-" + id), stripe::Patience::visitor);
    return;
  } catch (stripe::Refused const& refused) {
    if (refused.code != "resource_already_exists") throw;
  }
  auto const found = client.get("/v1/coupons/" + id, {}, stripe::Patience::visitor);
  auto const* percent = stripe::find(found, "percent_off");
  if (percent && percent->is_number() &&
      percent->to_number<double>() == double(offer.percent_off) &&
      stripe::text(found, "duration") == "repeating" &&
      stripe::integer(found, "duration_in_months") == offer.months &&
      stripe::boolean(found, "valid"))
    return;
  logging::warning("portal", "nobody can be offered to stay: coupon {} at Stripe is another one",
                   id);
  throw Problem{stay_offer_over};
}

/// An answer of Stripe's that was lost leaves it done there.
bool has_it(stripe::Object const& subscription, StayOffer const& offer) {
  auto const id = coupon_of(offer);
  return std::ranges::any_of(billing::entries(subscription, "discounts"), [&](auto const& one) {
    return one.is_object() && (stripe::id_of(one.get_object(), "source.coupon") == id ||
                               stripe::id_of(one.get_object(), "coupon") == id);
  });
}

bool goes_on_as_shown(stripe::Object const& subscription) {
  return stripe::text(subscription, "status") == "active" &&
         !stripe::boolean(subscription, "cancel_at_period_end") &&
         !stripe::time(subscription, "cancel_at") &&
         billing::entries(subscription, "discounts").empty();
}

void require_offered(db::Connection& connection, tenants::TenantId id, StayOffer const& shown) {
  db::Tx tx{connection, db::Mode::autocommit};
  if (billing::is_ending(tenants::get(tx, id)) || stay_offer_for(tx, id, win_back_now(tx)) != shown)
    throw Problem{stay_offer_over};
}

/// Under the subscription's turn: who asks at the same time finds it done.
void carry_out(http::Context& context, Session const& session, tenants::TenantId id,
               std::string const& subscription, StayOffer const& shown) {
  auto& connection = context.worker.connection;
  stripe::Client const client{context.settings};
  stripe::Visit const visit;
  db::SessionLock const turn{connection, billing::turn_of(subscription)};
  auto const path = "/v1/subscriptions/" + subscription;
  http_client::Form query;
  query.add("expand[0]", "discounts");
  auto const present = client.get(path, query, stripe::Patience::visitor);
  if (!has_it(present, shown)) {
    require_offered(connection, id, shown);
    if (!goes_on_as_shown(present)) throw Problem{stay_offer_over};
    ensure_coupon(client, shown);
    http_client::Form form;
    form.add("discounts[0][coupon]", coupon_of(shown));
    client.post(path, form, stripe::key_of("stay-offer-" + subscription, form),
                stripe::Patience::visitor);
  }
  db::transact(connection, [&](db::Tx& tx) {
    if (tx.maybe<std::string>(insert_taken, subscription, clock_source::now(), shown.percent_off,
                              shown.months))
      tenants::note(tx, id, session.customer_id.text(),
                    activity::StayOfferTaken{subscription, shown.percent_off, shown.months});
  });
}

StayOffer take(http::Context& context, Taking const& request) {
  auto const session = session_to_change(context);
  if (!context.tx.one<bool>(is_theirs, request.id, session.customer_id))
    throw Problem{tenants::tenant_not_found};
  context.audit_target = request.id.text();
  StayOffer const shown{request.percent_off, request.months};
  context.audit_after.text = json::text(shown);
  auto const subscription = billing::paying_subscription(context.tx, request.id);
  if (!subscription) throw Problem{stay_offer_over};
  try {
    carry_out(context, session, request.id, *subscription, shown);
  } catch (stripe::Refused const& refused) {
    throw Problem{billing::stripe_away, {}, refused.what()}.retry_after(10);
  } catch (stripe::Unavailable const& away) {
    throw Problem{billing::stripe_away, {}, away.what()}.retry_after(10);
  }
  billing::follow_up(context.worker.connection, stripe::Client{context.settings},
                     {{"subscription", *subscription}});
  return shown;
}
}  // namespace

std::optional<StayOffer> stay_offer_for(db::Tx& tx, tenants::TenantId id, WinBack const& settings) {
  if (!settings.offers || !tx.one<bool>(may_be_offered, id)) return {};
  return StayOffer{settings.percent_off, settings.months};
}

void add_stay_offer_endpoint(http::Api& api) {
  api.add(http::Endpoint<Taking, StayOffer>{
      .route = "POST /api/portal/tenants/{id}/stay-offer",
      .summary = "Stay and pay less for some months, as was shown",
      .tag = "Portal",
      .audit = "portal.stay_offer_taken",
      .limit = http::per_minute(10),
      .problems = {session_over, tenants::tenant_not_found, stay_offer_over,
                   billing::installation_is_copy, billing::stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = take,
  });
}

}  // namespace portal
