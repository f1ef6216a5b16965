// What is sold at Stripe, what is taken off and what tax is taken: of nobody, so all of it is kept.
#include "billing/applying.hpp"
#include "ledger/discounts.hpp"
#include "mirror/mirror.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
db::Query const upsert_price{"billing.upsert_stripe_price", R"sql(
  INSERT INTO stripe_prices AS p
         (id, product, nickname, currency, unit_amount, unit_amount_decimal, interval,
          interval_count, usage_type, tax_behavior, is_active)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
  ON CONFLICT (id) DO UPDATE SET
         product = excluded.product, nickname = excluded.nickname, currency = excluded.currency,
         unit_amount = excluded.unit_amount, unit_amount_decimal = excluded.unit_amount_decimal,
         interval = excluded.interval, interval_count = excluded.interval_count,
         usage_type = excluded.usage_type, tax_behavior = excluded.tax_behavior,
         is_active = excluded.is_active
   WHERE (p.*) IS DISTINCT FROM (excluded.*)
)sql"};
db::Query const close_price{"billing.close_stripe_price", R"sql(
  UPDATE stripe_prices SET is_active = false WHERE id = $1 AND is_active
)sql"};

retention::Kept const kept_prices{"stripe_prices", "what was sold is read by its price"};
}  // namespace

void keep_price(db::Tx& tx, stripe::Object const& price, Time asked_at) {
  auto const id = stripe::text(price, "id");
  if (stripe::text(price, "object") != "price" || mirror::is_outdated(tx, id, asked_at)) return;
  mirror::keep(tx, price, asked_at, {});
  tx.exec(
      upsert_price, id, stripe::id_of(price, "product"), or_null(stripe::text(price, "nickname")),
      stripe::text(price, "currency"), number(price, "unit_amount"),
      ledger::decimal_of(stripe::find(price, "unit_amount_decimal")),
      or_null(stripe::text(price, "recurring.interval")), number(price, "recurring.interval_count"),
      or_null(stripe::text(price, "recurring.usage_type")),
      or_null(stripe::text(price, "tax_behavior")), stripe::boolean(price, "active"));
}

bool apply_price(db::Tx& tx, Reading const& reading, EventId const&) {
  keep_price(tx, reading.object, reading.asked_at);
  return true;
}

bool price_gone(db::Tx& tx, Absence const& absence, EventId const& event) {
  if (absence.was_deleted) tx.exec(close_price, absence.id);
  return keep_gone(tx, absence, event);
}

bool apply_coupon(db::Tx& tx, Reading const& reading, EventId const&) {
  mirror::keep(tx, reading.object, reading.asked_at, {});
  return true;
}

bool apply_tax_rate(db::Tx& tx, Reading const& reading, EventId const&) {
  mirror::keep(tx, reading.object, reading.asked_at, {});
  return true;
}

}  // namespace billing
