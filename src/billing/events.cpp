// From an event's arrival to its effect.
#include "billing/events.hpp"

#include <algorithm>

#include "billing/following.hpp"
#include "billing/walking.hpp"
#include "customers/jobs.hpp"
#include "ledger/ledger.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {

constexpr ProblemType bad_signature{Kind::bad_request, "invalid_signature",
                                    "The Stripe-Signature header does not fit this body"};
constexpr ProblemType not_an_event{Kind::bad_request, "not_an_event",
                                   "The body is not a Stripe event"};
constexpr int event_attempts = 12;

// Event, job and wake-up in one statement: stored once, acknowledged after its commit.
db::Query const keep_event{"billing.keep_stripe_event", R"sql(
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

db::Query const mark_event{"billing.mark_stripe_event", R"sql(
  UPDATE stripe_events SET state = $2, last_error = $3, stripe_customer = $4, processed_at = now()
   WHERE id = $1
)sql"};

// The event that finds its customer unknown and the customer that looks for its events take turns.
db::Query const take_turn{"billing.take_turn_for_customer",
                          "SELECT pg_advisory_xact_lock(hashtext('stripe:' || $1::text))::text"};
db::Query const adopt_events{"billing.adopt_stripe_events", R"sql(
  WITH adopted AS (
    UPDATE stripe_events SET state = 'received', processed_at = NULL
     WHERE state = 'unlinked' AND stripe_customer = $1
    RETURNING id, object_id)
  SELECT count(enqueue_job('billing.apply_stripe_event',
                           jsonb_build_object('event_id', id, 'object_id', object_id), id, NULL,
                           $2)) FROM adopted
)sql"};

/// One reading of Stripe's list, newest first. Where it begins depends on what was read before,
/// never on which events happen to be stored.
struct Pass {
  std::optional<Time> swept_until, pass_from, pass_began;
  std::optional<std::string> pass_after;
};
db::Query const add_sweep{"billing.add_sweep", R"sql(
  INSERT INTO stripe_sweeps (kind) VALUES ($1) ON CONFLICT (kind) DO NOTHING
)sql"};
db::Query const load_sweep{"billing.load_sweep", R"sql(
  SELECT swept_until, pass_from, pass_began, pass_after FROM stripe_sweeps WHERE kind = $1
     FOR UPDATE
)sql"};
db::Query const write_pass{"billing.write_pass", R"sql(
  UPDATE stripe_sweeps SET pass_from = $2, pass_began = $3, pass_after = $4 WHERE kind = $1
)sql"};
db::Query const end_pass{"billing.end_pass", R"sql(
  UPDATE stripe_sweeps SET swept_until = pass_began, pass_from = NULL, pass_began = NULL,
                           pass_after = NULL
   WHERE kind = $1
)sql"};

constexpr auto stripe_remembers = std::chrono::days{30};
/// Clocks differ, and an event may come into the list later than its time says.
constexpr auto overlap = std::chrono::hours{1};

// Nothing was delivered within the hour, and yet there were events.
db::Query const undelivered{"billing.undelivered_stripe_events", R"sql(
  SELECT CASE WHEN count(*) FILTER (WHERE source = 'webhook') = 0 THEN count(*) ELSE 0 END
    FROM stripe_events WHERE created > now() - interval '1 hour'
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

/// Ids and types, unlike other strings, are of a known alphabet.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 255 &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

/// Stores an event; false when it was there already.
bool keep(db::Tx& tx, stripe::Object const& event, std::string_view payload,
          std::string_view source) {
  auto object_id = stripe::text(event, "data.object.id");
  if (!is_word(object_id)) object_id.clear();
  return tx
      .maybe<std::optional<std::int64_t>>(
          keep_event, stripe::text(event, "id"), stripe::text(event, "type"), object_id,
          stripe::text(event, "api_version"),
          stripe::time(event, "created").value_or(clock_source::now()), payload, source,
          event_attempts)
      .has_value();
}

/// Whom the object belongs to at Stripe, when that is nobody of ours (yet). Until the transaction
/// ends nobody looks for this customer's events.
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

stripe::Object object_at(stripe::Object const& payload, std::string_view path) {
  auto const* object = stripe::find(payload, path);
  return object && object->is_object() ? object->get_object() : stripe::Object{};
}

stripe::Object carried_by(Event const& event) {
  return object_at(stripe::parse(event.payload), "data.object");
}

/// The past is what events carried; the present is what Stripe says now.
bool keep_history(db::Tx& tx, Event const& event, stripe::Object const& now) {
  if (auto const owner = owner_of(tx, now))
    ledger::keep_event(tx, *owner, {event.id, event.type, event.created},
                       stripe::parse(event.payload));
  return true;
}

/// `coupon` as Stripe has it, if it still has it.
bool apply_discount_event(db::Tx& tx, Event const& event, stripe::Object const* coupon) {
  auto const discount = carried_by(event);
  auto const owner = owner_of(tx, discount);
  if (!owner) return false;
  ledger::keep_discount(tx, *owner, {event.id, event.type, event.created}, discount, coupon);
  return true;
}

/// What an event says of its object, and which one is to be asked for.
struct Told {
  stripe::Object carried{}, before{};
  std::string asked_for{};
};
Told tell(Event const& event, Handler const& handler) {
  auto const payload = stripe::parse(event.payload);
  Told out{object_at(payload, "data.object"), object_at(payload, "data.previous_attributes"),
           event.object_id};
  if (handler.id_of) out.asked_for = handler.id_of(out.carried);
  return out;
}

std::optional<Reading> ask(db::Connection& connection, stripe::Client const& client,
                           Handler const& handler, Told const& told) {
  Asking const asking{connection, client, told.before};
  if (handler.kind) return read(asking, *handler.kind, told.asked_for);
  ObjectKind const kind{.path = handler.path, .expand = handler.expand};
  return read(asking, kind, told.asked_for);
}

bool apply_present(db::Tx& tx, Event const& event, Handler const& handler, Reading const& reading) {
  bool const by_event = handler.apply && handler.apply(tx, event, reading.object);
  return handler.kind ? handler.kind->apply(tx, reading, event.id) : by_event;
}

/// Stripe does not know the object any more.
bool apply_absence(db::Tx& tx, Event const& event, Handler const& handler, Told const& told) {
  bool const by_event = handler.gone && handler.gone(tx, event);
  if (!handler.kind || told.asked_for != event.object_id) return by_event;
  Absence const absence{event.object_id, event.created, told.carried,
                        event.type.ends_with(".deleted")};
  return handler.kind->gone(tx, absence, event.id) || by_event;
}

http::Response receive(http::Context& context, config::Settings const& settings) {
  auto const& request = context.request;
  switch (stripe::check_signature(request.body, request.header("stripe-signature"),
                                  settings.stripe_webhook_secret, clock_source::now())) {
    case stripe::Signature::valid:
      break;
    case stripe::Signature::malformed:
      throw Problem{bad_signature, "The header is missing or malformed."};
    case stripe::Signature::wrong:
      throw Problem{bad_signature};
    case stripe::Signature::too_old:
      throw Problem{bad_signature, "The timestamp is more than five minutes off."};
  }
  auto const event = stripe::parse(request.body);
  if (!is_word(stripe::text(event, "id")) || !is_word(stripe::text(event, "type")))
    throw Problem{not_an_event};
  keep(context.tx, event, request.body, "webhook");
  return {.body = R"({"received":true})"};
}

retention::Rule const foreign_events{
    {.table = "stripe_events",
     .column = "received_at",
     .keep = std::chrono::days{90},
     .least = std::chrono::days{14},
     .only = "t.state = 'foreign'",
     .why = "of another mode or account: nothing of ours is built from them. All others stay, the "
            "books are built from them again"}};
retention::Kept const kept_stripe_sweeps{"stripe_sweeps", "one row a kind"};
}  // namespace

Events::Events(config::Settings const& settings) : settings_{settings}, client_{settings} {
  auto const on = [this](std::string prefix, std::string_view kind) -> Handler& {
    return handlers_.emplace_back(Handler{.prefix = std::move(prefix), .kind = kind_named(kind)});
  };
  on("customer.subscription.", "subscription").apply = keep_history;
  handlers_.push_back(
      {.prefix = "customer.discount.",
       .path = "/v1/coupons/",
       .apply =
           [](db::Tx& tx, Event const& event, stripe::Object const& coupon) {
             return apply_discount_event(tx, event, &coupon);
           },
       .gone = [](db::Tx& tx,
                  Event const& event) { return apply_discount_event(tx, event, nullptr); },
       .id_of = ledger::coupon_of});
  auto& coupon = on("coupon.", "coupon");
  coupon.apply = [](db::Tx& tx, Event const& event, stripe::Object const&) {
    return ledger::keep_coupon(tx, carried_by(event));
  };
  coupon.gone = [](db::Tx& tx, Event const& event) {
    return ledger::keep_coupon(tx, carried_by(event));
  };
  on("price.", "price");
  handlers_.push_back({.prefix = "invoice.upcoming"});  // there is no such invoice yet
  on("invoice.", "invoice");
  on("invoice_payment.", "invoice").id_of = [](stripe::Object const& payment) {
    return stripe::id_of(payment, "invoice");
  };
  on("invoiceitem.", "invoiceitem");
  on("credit_note.", "credit_note");
  on("refund.", "refund");
  on("charge.refund.updated", "refund");  // what older endpoints get
  on("charge.dispute.", "dispute");
  on("charge.", "charge");
  on("payment_method.", "payment_method");
  for (auto const* type : {"customer.created", "customer.updated", "customer.deleted"})
    on(type, "customer");
}

void Events::add_endpoints(http::Api& api) {
  http::Declared webhook{"POST /webhook/stripe"};
  webhook.summary = "Receive a Stripe event";
  webhook.description = "Signed by Stripe (`Stripe-Signature`); stored once, worked off later.";
  webhook.tag = "Billing";
  webhook.problems = {bad_signature, not_an_event};
  webhook.body_limit = 1024 * 1024;
  webhook.transaction = http::Transaction::own;
  webhook.raw = [this](http::Context& context) { return receive(context, settings_); };
  api.add(std::move(webhook));
  add_event_list(api);
  add_difference_endpoints(api, *this);
}

std::string Events::foreign_because(Event const& event) {
  auto const payload = stripe::parse(event.payload);
  bool const real = settings_.takes_real_money();
  if (auto const* mode = stripe::find(payload, "livemode");
      mode && mode->is_bool() && mode->get_bool() != real)
    return real ? "of test mode, and our key is live" : "of live mode, and our key is not";
  // Only events of an account that is connected to ours name one.
  auto const account = stripe::text(payload, "account");
  if (account.empty()) return {};
  std::scoped_lock lock{mutex_};
  try {
    if (account_.empty()) account_ = stripe::text(client_.get("/v1/account"), "id");
  } catch (stripe::Refused const& refused) {  // a key that may not read it
    return "of the account " + account + ", and ours is not known: " + refused.what();
  }
  return account == account_ ? "" : "of the account " + account + ", and ours is " + account_;
}

Handler const* Events::handler_of(Event const& event) const {
  auto const found = std::ranges::find_if(
      handlers_, [&](Handler const& known) { return event.type.starts_with(known.prefix); });
  bool const asks = found != handlers_.end() && (found->kind || !found->path.empty());
  return asks && !event.object_id.empty() ? &*found : nullptr;
}

void Events::work_off(db::Connection& connection, std::string const& event_id,
                      Commit const& commit) {
  auto const event = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.maybe<Event>(load_event, event_id);
  }();
  if (!event) return;  // applied already
  std::optional<std::string> const none;
  if (auto const why = foreign_because(*event); !why.empty()) {
    logging::warning("billing", "the event {} is not applied: it is {}", event->id, why);
    return commit(
        [&](db::Tx& tx) { tx.exec(mark_event, event->id, "foreign", std::optional{why}, none); });
  }
  auto const* handler = handler_of(*event);
  auto const told = handler ? tell(*event, *handler) : Told{};
  // Whoever asks for another object than the event's waits for that one's turn, too.
  std::optional<db::SessionLock> turn;
  if (handler && handler->kind && told.asked_for != event->object_id)
    turn.emplace(connection, turn_of(told.asked_for));
  auto const present =
      handler && !told.asked_for.empty() ? ask(connection, client_, *handler, told) : std::nullopt;
  commit([&](db::Tx& tx) {
    auto const stranger = handler && handler->id_of && !handler->kind
                              ? unknown_customer(tx, told.carried)
                          : present ? unknown_customer(tx, present->object)
                                    : none;
    bool const ours = handler && (present ? apply_present(tx, *event, *handler, *present)
                                          : apply_absence(tx, *event, *handler, told));
    tx.exec(mark_event, event->id,
            ours       ? "applied"
            : stranger ? "unlinked"
                       : "ignored",
            none, ours ? none : stranger);
  });
}

void Events::sweep(jobs::Context& job, std::string_view kind) {
  auto pass = job.transact([&](db::Tx& tx) {
    tx.exec(add_sweep, kind);
    auto row = tx.one<Pass>(load_sweep, kind);
    auto const now = clock_source::now();
    auto const oldest = now - stripe_remembers;
    // One that was cut off long ago, or by a clock that was wrong, is begun anew.
    if (row.pass_began && *row.pass_began <= now && *row.pass_from >= oldest - std::chrono::days{1})
      return row;
    auto const last = std::min(row.swept_until.value_or(now - std::chrono::days{1}), now);
    row.pass_from = kind == "month" ? oldest : std::max(last - overlap, oldest);
    row.pass_began = now;
    row.pass_after.reset();
    tx.exec(write_pass, kind, row.pass_from, row.pass_began, row.pass_after);
    return row;
  });
  int found = 0;
  for (bool has_more = true; has_more;) {
    http_client::Form query;
    query.add("created[gte]", clock_source::unix_seconds(*pass.pass_from)).add("limit", 100);
    if (pass.pass_after) query.add("starting_after", *pass.pass_after);
    stripe::Object page;
    try {
      page = client_.get("/v1/events", query);
    } catch (stripe::Refused const& refused) {
      if (!pass.pass_after) throw;
      // Stripe has forgotten the event that we had come to.
      job.transact([&](db::Tx& tx) {
        tx.exec(write_pass, kind, pass.pass_from, pass.pass_began, std::nullopt);
      });
      throw jobs::Retry{refused.what()};
    }
    auto const* data = stripe::find(page, "data");
    if (!data || !data->is_array()) throw jobs::Retry{"Stripe's answer is no list of events"};
    auto const& events = data->get_array();
    has_more = stripe::boolean(page, "has_more") && !events.empty();
    found += job.transact([&](db::Tx& tx) {
      int kept = 0;
      for (auto const& item : events)
        kept += keep(tx, item.as_object(), boost::json::serialize(item), "sweep");
      if (has_more) {
        pass.pass_after = stripe::text(events.back().as_object(), "id");
        tx.exec(write_pass, kind, pass.pass_from, pass.pass_began, pass.pass_after);
      } else {
        tx.exec(end_pass, kind);
        if (found + kept > 0) job.note(std::to_string(found + kept) + " events fetched");
        job.finish(tx);
      }
      return kept;
    });
  }
  if (found) logging::warning("billing", "{} Stripe events had not arrived; fetched", found);
}

void Events::add_workers(jobs::Engine& engine) {
  engine.add(jobs::Worker<ApplyStripeEvent>{
      .timeout = jobs::Seconds{90},
      .serialise = [](ApplyStripeEvent const& args) { return turn_of(args.object_id); },
      .run =
          [this](jobs::Context& job, ApplyStripeEvent const& args) {
            work_off(job.connection, args.event_id, [&](auto const& work) {
              job.transact([&](db::Tx& tx) {
                work(tx);
                job.finish(tx);
              });
            });
          },
      .dead =
          [](db::Tx& tx, ApplyStripeEvent const& args, std::string const& error) {
            tx.exec(mark_event, args.event_id, "dead", std::optional{error}, std::nullopt);
          }});
  engine.add(
      jobs::Worker<customers::Linked>{.run = [](jobs::Context& job, customers::Linked const& args) {
        job.transact([&](db::Tx& tx) {
          tx.exec(take_turn, args.stripe_customer_id);
          tx.exec(adopt_events, args.stripe_customer_id, event_attempts);
          job.finish(tx);
        });
      }});
  engine.add(jobs::Worker<SweepEvents>{
      .timeout = jobs::Seconds{600},
      .serialise = [](SweepEvents const&) { return std::string{"stripe:sweep"}; },
      .run = [this](jobs::Context& job, SweepEvents const&) { sweep(job, "recent"); }});
  engine.schedule<SweepEvents>(jobs::Seconds{60});
  engine.add(jobs::Worker<SweepMonth>{
      .timeout = jobs::Seconds{3600},
      .serialise = [](SweepMonth const&) { return std::string{"stripe:sweep_month"}; },
      .run = [this](jobs::Context& job, SweepMonth const&) { sweep(job, "month"); }});
  engine.schedule<SweepMonth>(std::chrono::hours{24});
  add_following_worker(engine, settings_);
}

void require_deliveries(db::Tx& tx) {
  constexpr std::int64_t tolerated = 3;
  auto const missed = tx.one<std::int64_t>(undelivered);
  if (missed > tolerated)
    throw readiness::Failed{
        {.code = "stripe_delivers_nothing",
         .parameters = {{"events", std::to_string(missed)}},
         .detail = "the last " + std::to_string(missed) +
                   " events of Stripe came because they were asked for, none was delivered",
         .setting = "stripe_webhook_secret",
         .advice = "Look at the endpoint's deliveries in Stripe's dashboard: 400 means that "
                   "stripe_webhook_secret is another endpoint's, no answer that public_url is not "
                   "reached"}};
}

std::int64_t replay(db::Tx& tx, std::string const& event_id) {
  return tx.one<std::int64_t>(replay_events, event_id, event_attempts);
}

std::vector<std::string> reopen_events_of(db::Tx& tx, std::string_view object_id) {
  return tx.all<std::string>(reopen_events, object_id, event_attempts);
}

}  // namespace billing
