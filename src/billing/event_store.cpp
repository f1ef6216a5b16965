#include "billing/event_store.hpp"

#include <algorithm>

#include "platform/jobs/waiting.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
constexpr int event_attempts = 12;

// Event, job and wake-up in one statement: stored once, acknowledged after its commit.
db::Query const insert_event{"billing.keep_stripe_event", R"sql(
  WITH kept AS (
    INSERT INTO stripe_events (id, type, object_id, api_version, created, payload, source)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (id) DO NOTHING RETURNING id, object_id)
  SELECT enqueue_job('billing.apply_stripe_event',
                     jsonb_build_object('event_id', id, 'object_id', object_id), id, NULL, $8)
    FROM kept
)sql"};

db::Query const load_event{"billing.load_stripe_event", R"sql(
  SELECT id, type, object_id, created, payload FROM stripe_events
   WHERE id = $1 AND state <> 'applied'
)sql"};
db::Query const load_waiting{"billing.load_waiting_events", R"sql(
  SELECT id, type, object_id, created, payload FROM stripe_events
   WHERE object_id = $1 AND state = 'received' AND id <> $2
   ORDER BY created, number LIMIT 50
)sql"};
db::Query const write_state{"billing.mark_stripe_events", R"sql(
  UPDATE stripe_events SET state = $2, last_error = $3, stripe_customer = $4, processed_at = now()
   WHERE id = ANY ($1::text[])
)sql"};

// The event that finds its customer unknown and the customer that looks for its events take turns.
db::Query const take_turn{"billing.take_turn_for_customer",
                          "SELECT pg_advisory_xact_lock(hashtext('stripe:' || $1::text))::text"};
db::Query const enqueue_unlinked{"billing.adopt_stripe_events", R"sql(
  WITH adopted AS (
    UPDATE stripe_events SET state = 'received', processed_at = NULL
     WHERE state = 'unlinked' AND stripe_customer = $1
    RETURNING id, object_id)
  SELECT count(enqueue_job('billing.apply_stripe_event',
                           jsonb_build_object('event_id', id, 'object_id', object_id), id, NULL,
                           $2)) FROM adopted
)sql"};

db::Query const replay_events{"billing.replay_stripe_events", R"sql(
  WITH again AS (
    UPDATE stripe_events SET state = 'received', last_error = NULL, processed_at = NULL
     WHERE CASE WHEN $1 = '' THEN state = 'dead' ELSE id = $1 END
    RETURNING id, object_id)
  SELECT count(enqueue_job('billing.apply_stripe_event',
                           jsonb_build_object('event_id', id, 'object_id', object_id), id, NULL,
                           $2)) FROM again
)sql"};
db::Query const reopen_events{"billing.reopen_stripe_events", R"sql(
  WITH again AS (
    UPDATE stripe_events SET state = 'received', last_error = NULL, processed_at = NULL
     WHERE object_id = $1 AND state <> 'foreign'
    RETURNING id, object_id, created, number),
  enqueued AS (
    SELECT id, created, number,
           enqueue_job('billing.apply_stripe_event',
                       jsonb_build_object('event_id', id, 'object_id', object_id), id, NULL, $2)
      FROM again)
  SELECT id FROM enqueued ORDER BY created, number
)sql"};

retention::Rule const foreign_events{
    {.table = "stripe_events",
     .column = "received_at",
     .keep = std::chrono::days{90},
     .least = std::chrono::days{14},
     .only = "t.state = 'foreign'",
     .why = "of another mode or account: nothing of ours is built from them. All others stay, the "
            "books are built from them again"}};
}  // namespace

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 255 &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool keep_event(db::Tx& tx, stripe::Object const& event, std::string_view payload,
                std::string_view source) {
  auto object_id = stripe::text(event, "data.object.id");
  if (!is_word(object_id)) object_id.clear();
  return tx
      .maybe<std::optional<std::int64_t>>(
          insert_event, stripe::text(event, "id"), stripe::text(event, "type"), object_id,
          stripe::text(event, "api_version"),
          stripe::time(event, "created").value_or(clock_source::now()), payload, source,
          event_attempts)
      .has_value();
}

std::optional<Event> find_open_event(db::Tx& tx, std::string_view id) {
  return tx.maybe<Event>(load_event, id);
}

std::vector<Event> waiting_beside(db::Tx& tx, std::string_view object_id,
                                  std::string_view event_id) {
  return tx.all<Event>(load_waiting, object_id, event_id);
}

void mark_events(db::Tx& tx, std::vector<std::string> const& ids, EventState state,
                 std::optional<std::string> const& error,
                 std::optional<std::string> const& stranger) {
  tx.exec(write_state, ids, state, error, stranger);
}

void end_jobs_of(db::Tx& tx, std::vector<std::string> const& ids, std::string_view by) {
  jobs::end_waiting(tx, ApplyStripeEvent::kind, ids, "worked off with " + std::string{by});
}

std::optional<std::string> unknown_customer(db::Tx& tx, stripe::Object const& object) {
  auto id = stripe::text(object, "object") == "customer" ? stripe::text(object, "id")
                                                         : stripe::id_of(object, "customer");
  for (auto const* path : {"charge.customer", "payment_intent.customer"})
    if (id.empty()) id = stripe::id_of(object, path);
  if (id.empty()) return {};
  tx.exec(take_turn, id);
  if (!customers::find_by_stripe_id(tx, id)) return id;
  return {};
}

void adopt_events(db::Tx& tx, std::string_view stripe_customer_id) {
  tx.exec(take_turn, stripe_customer_id);
  tx.exec(enqueue_unlinked, stripe_customer_id, event_attempts);
}

std::int64_t replay(db::Tx& tx, std::string const& event_id) {
  return tx.one<std::int64_t>(replay_events, event_id, event_attempts);
}

std::vector<std::string> reopen_events_of(db::Tx& tx, std::string_view object_id) {
  return tx.all<std::string>(reopen_events, object_id, event_attempts);
}

}  // namespace billing
