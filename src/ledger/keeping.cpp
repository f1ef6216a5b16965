// What is kept: snapshots of subscriptions and terms of discounts.
#include "ledger/books.hpp"
#include "platform/money/money.hpp"
#include "platform/retention/retention.hpp"

namespace ledger {

namespace {
using customers::CustomerId;

db::Query const has_snapshots{"ledger.has_snapshots", R"sql(
  SELECT EXISTS (SELECT FROM subscription_snapshots WHERE subscription_id = $1)
)sql"};
db::Query const insert_snapshot{"ledger.insert_snapshot", R"sql(
  INSERT INTO subscription_snapshots (subscription_id, created, event_id, type, customer_id, state,
                                      before)
  VALUES ($1, date_trunc('second', $2::timestamptz), $3, $4, $5, $6, $7)
  ON CONFLICT (subscription_id, created, event_id) DO NOTHING
)sql"};
// Of two answers within a second the later one.
db::Query const insert_fetched{"ledger.insert_fetched", R"sql(
  INSERT INTO subscription_snapshots (subscription_id, created, event_id, type, customer_id, state)
  VALUES ($1, date_trunc('second', $2::timestamptz), 'fetched', '', $3, $4)
  ON CONFLICT (subscription_id, created, event_id) DO UPDATE
     SET state = excluded.state, received_at = now()
)sql"};

// The newest word: within a second an event's before what was asked for.
db::Query const state_before{"ledger.state_before", R"sql(
  SELECT state::text FROM subscription_snapshots
   WHERE subscription_id = $1 AND created <= $2 ORDER BY created DESC, type DESC, event_id LIMIT 1
)sql"};

struct Stored {
  std::string id, type;
  Time created;
  std::string payload;
};
db::Query const stored_events{"ledger.stored_events", R"sql(
  SELECT id, type, created, payload FROM stripe_events
   WHERE object_id = $1 AND type LIKE 'customer.subscription.%' AND state = 'applied'
)sql"};

// A coupon's id may be given again once it was deleted: what counts is the last that was there when
// the discount began.
db::Query const stored_coupon{"ledger.stored_coupon", R"sql(
  SELECT payload FROM stripe_events
   WHERE object_id = $1 AND type LIKE 'coupon.%' AND state <> 'foreign'
   ORDER BY created <= coalesce($2::timestamptz, 'infinity') DESC, created DESC LIMIT 1
)sql"};

db::Query const write_terms{"ledger.write_terms", R"sql(
  INSERT INTO discount_terms AS t (discount_id, customer_id, subscription_id, item_id,
                                   is_of_invoice, coupon_id, duration, percent_off, amount_off,
                                   currency, starts, ends, deleted_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8::numeric, $9, $10, $11, $12, $13)
  ON CONFLICT (discount_id) DO UPDATE
     SET subscription_id = coalesce(t.subscription_id, excluded.subscription_id),
         item_id = coalesce(t.item_id, excluded.item_id),
         duration = coalesce(t.duration, excluded.duration),
         percent_off = coalesce(t.percent_off, excluded.percent_off),
         amount_off = coalesce(t.amount_off, excluded.amount_off),
         currency = coalesce(t.currency, excluded.currency),
         starts = coalesce(t.starts, excluded.starts), ends = coalesce(t.ends, excluded.ends),
         deleted_at = least(t.deleted_at, excluded.deleted_at)
   WHERE (t.subscription_id, t.item_id, t.duration, t.starts, t.ends, t.deleted_at)
         IS DISTINCT FROM
         (coalesce(t.subscription_id, excluded.subscription_id),
          coalesce(t.item_id, excluded.item_id), coalesce(t.duration, excluded.duration),
          coalesce(t.starts, excluded.starts), coalesce(t.ends, excluded.ends),
          least(t.deleted_at, excluded.deleted_at))
)sql"};
// Its end may have got lost: of those that had begun at most one is there.
db::Query const end_other_discounts{"ledger.end_other_discounts", R"sql(
  UPDATE discount_terms SET deleted_at = $3
   WHERE customer_id = $1 AND discount_id <> $2 AND subscription_id IS NULL AND item_id IS NULL
     AND NOT is_of_invoice AND deleted_at IS NULL AND coalesce(starts, '-infinity') < $3
     AND coalesce(ends, 'infinity') > $3
)sql"};
db::Query const waiting_for{"ledger.waiting_for_coupon", R"sql(
  SELECT DISTINCT customer_id FROM discount_terms WHERE coupon_id = $1 AND duration IS NULL
   ORDER BY customer_id
)sql"};
db::Query const tell_terms{"ledger.tell_terms", R"sql(
  UPDATE discount_terms SET duration = $2, percent_off = $3::numeric, amount_off = $4, currency = $5
   WHERE coupon_id = $1 AND duration IS NULL
)sql"};

retention::Kept const kept_snapshots{"subscription_snapshots",
                                     "the books: all else is derived from them"};
retention::Kept const kept_terms{"discount_terms",
                                 "the books: a coupon may be gone when somebody asks"};

stripe::Object const* object_in(stripe::Object const& payload, std::string_view path) {
  auto const* found = stripe::find(payload, path);
  return found ? found->if_object() : nullptr;
}

bool keep_snapshot(db::Tx& tx, CustomerId customer, Event const& event,
                   stripe::Object const& payload) {
  auto const* state = object_in(payload, "data.object");
  if (!state) return false;
  if (auto const code = currency_of(*state); money::currency(code))
    throw std::invalid_argument{"the currency of the subscription is none: \"" + code + '"'};
  auto const* before = object_in(payload, "data.previous_attributes");
  return tx.exec(insert_snapshot, stripe::text(*state, "id"), event.created, event.id, event.type,
                 customer, boost::json::serialize(*state),
                 before ? std::optional{boost::json::serialize(*before)} : std::nullopt) > 0;
}

/// Whether anything new was learnt.
bool keep_terms(db::Tx& tx, CustomerId customer, Terms terms, std::optional<Time> deleted_at) {
  if (!terms.duration && !terms.coupon_id.empty())
    if (auto const payload = tx.maybe<std::string>(stored_coupon, terms.coupon_id, terms.starts)) {
      auto const event = stripe::parse(*payload);
      if (auto const* coupon = object_in(event, "data.object")) take(reduction_of(*coupon), terms);
    }
  return tx.exec(write_terms, terms.discount_id, customer, terms.subscription_id, terms.item_id,
                 terms.is_of_invoice, terms.coupon_id, terms.duration, terms.percent_off,
                 terms.amount_off, terms.currency, terms.starts, terms.ends, deleted_at) > 0;
}

bool keep_terms_in(db::Tx& tx, CustomerId customer, stripe::Object const& subscription) {
  bool news = false;
  for (auto& terms : terms_in(subscription)) news |= keep_terms(tx, customer, std::move(terms), {});
  return news;
}

/// What was stored before the first snapshot of a subscription was kept belongs to it, too.
bool begin(db::Tx& tx, CustomerId customer, std::string const& subscription) {
  return !tx.one<bool>(has_snapshots, subscription) && keep_stored(tx, customer, subscription) > 0;
}
}  // namespace

std::int64_t keep_stored(db::Tx& tx, CustomerId customer, std::string_view subscription_id) {
  std::int64_t count = 0;
  for (auto const& [id, type, created, payload] : tx.all<Stored>(stored_events, subscription_id)) {
    auto const event = stripe::parse(payload);
    count += keep_snapshot(tx, customer, {id, type, created}, event);
    if (auto const* state = object_in(event, "data.object")) keep_terms_in(tx, customer, *state);
  }
  return count;
}

void keep_event(db::Tx& tx, CustomerId customer, Event const& event,
                stripe::Object const& payload) {
  auto const* subscription = object_in(payload, "data.object");
  if (!subscription) return;
  lock(tx, customer);
  auto const id = stripe::text(*subscription, "id");
  bool const begins = begin(tx, customer, id);
  bool const news = keep_snapshot(tx, customer, event, payload);
  bool const terms = keep_terms_in(tx, customer, *subscription);
  Run run{Reason::event, event.id};
  if (begins || terms)
    settle(tx, run, customer);
  else if (news)
    settle_around(tx, run, customer, id, event.created);
}

void keep_fetched(db::Tx& tx, CustomerId customer, stripe::Object const& subscription,
                  Time fetched_at) {
  lock(tx, customer);
  auto const id = stripe::text(subscription, "id");
  auto const at = std::chrono::floor<std::chrono::seconds>(fetched_at);
  bool const begins = begin(tx, customer, id);
  bool const terms = keep_terms_in(tx, customer, subscription);
  auto const known = tx.maybe<std::string>(state_before, id, Time{at});
  bool const news = !known || what_counts(stripe::parse(*known)) != what_counts(subscription);
  if (news) tx.exec(insert_fetched, id, Time{at}, customer, boost::json::serialize(subscription));
  Run run{Reason::event, {}};
  if (begins || terms)
    settle(tx, run, customer);
  else if (news)
    settle_around(tx, run, customer, id, Time{at});
}

void keep_discount(db::Tx& tx, CustomerId customer, Event const& event,
                   stripe::Object const& discount, stripe::Object const* coupon) {
  auto terms = ledger::terms_of(discount);
  if (terms.discount_id.empty()) return;
  lock(tx, customer);
  if (!terms.duration && coupon) take(reduction_of(*coupon), terms);
  std::optional<Time> deleted_at;
  if (event.type == "customer.discount.deleted") deleted_at = event.created;
  Run run{Reason::event, event.id};
  if (keep_terms(tx, customer, std::move(terms), deleted_at)) settle(tx, run, customer);
}

void keep_discount_of_customer(db::Tx& tx, CustomerId customer, std::string_view discount_id,
                               Time at) {
  if (tx.exec(end_other_discounts, customer, discount_id, at) == 0) return;
  Run run{Reason::event, {}};
  settle(tx, run, customer);
}

bool keep_coupon(db::Tx& tx, stripe::Object const& coupon) {
  auto const reduction = reduction_of(coupon);
  if (reduction.coupon_id.empty() || reduction.duration.empty()) return false;
  auto const waiting = tx.all<CustomerId>(waiting_for, reduction.coupon_id);
  if (waiting.empty()) return false;
  for (auto const customer : waiting) lock(tx, customer);
  tx.exec(tell_terms, reduction.coupon_id, reduction.duration, reduction.percent_off,
          reduction.amount_off, reduction.currency);
  Run run{Reason::event, {}};
  for (auto const customer : waiting) settle(tx, run, customer);
  return true;
}

}  // namespace ledger
