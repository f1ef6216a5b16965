// From an event's arrival to its effect.
#include "billing/events.hpp"

#include "platform/json/read.hpp"
#include "platform/log/log.hpp"

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
  SELECT id, type, object_id, created FROM stripe_events WHERE id = $1 AND state <> 'applied'
)sql"};

db::Query const mark_event{"billing.mark_stripe_event", R"sql(
  UPDATE stripe_events SET state = $2, last_error = $3, processed_at = now() WHERE id = $1
)sql"};

db::Query const sweep_from{"billing.sweep_from", R"sql(
  SELECT extract(epoch FROM coalesce(max(created), now() - interval '1 day')
                            - interval '10 minutes')::bigint FROM stripe_events
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

/// Stores an event; false when it was there already.
bool keep(db::Tx& tx, stripe::Object const& event, std::string_view payload,
          std::string_view source) {
  return tx
      .maybe<std::optional<std::int64_t>>(
          keep_event, stripe::text(event, "id"), stripe::text(event, "type"),
          stripe::text(event, "data.object.id"), stripe::text(event, "api_version"),
          stripe::time(event, "created").value_or(clock_source::now()), payload, source,
          event_attempts)
      .has_value();
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
  auto const body = json::parse(request.body);
  if (!body.is_object()) throw Problem{not_an_event};
  auto const& event = body.get_object();
  auto const id = stripe::text(event, "id");
  if (id.empty() || id.size() > 255 || stripe::text(event, "type").empty())
    throw Problem{not_an_event};
  keep(context.tx, event, request.body, "webhook");
  return {.body = R"({"received":true})"};
}

}  // namespace

Events::Events(config::Settings const& settings) : settings_{settings}, client_{settings} {
  handlers_.push_back({.prefix = "customer.subscription.",
                       .path = "/v1/subscriptions/",
                       .apply = [](db::Tx& tx, Event const& event, stripe::Object const& now) {
                         return apply_subscription(tx, now, {event.id, event.created});
                       }});
  handlers_.push_back({.prefix = "invoice.",
                       .path = "/v1/invoices/",
                       .apply = [](db::Tx& tx, Event const&, stripe::Object const& now) {
                         return apply_invoice(tx, now);
                       }});
  handlers_.push_back({.prefix = "refund.",
                       .path = "/v1/refunds/",
                       .expand = {"charge", "payment_intent"},
                       .apply = [](db::Tx& tx, Event const&, stripe::Object const& now) {
                         return apply_refund(tx, now);
                       }});
  handlers_.push_back({.prefix = "payment_method.",
                       .path = "/v1/payment_methods/",
                       .apply = [](db::Tx& tx, Event const&, stripe::Object const& now) {
                         return apply_payment_method(tx, now);
                       }});
}

void Events::add_endpoints(http::Api& api) {
  auto webhook = http::detail::declared("POST /webhook/stripe");
  webhook.summary = "Receive a Stripe event";
  webhook.description = "Signed by Stripe (`Stripe-Signature`); stored once, worked off later.";
  webhook.tag = "Billing";
  webhook.problems = {bad_signature, not_an_event};
  webhook.body_limit = 1024 * 1024;
  webhook.transaction = http::Transaction::own;
  webhook.body = boost::json::object{{"type", "object"}, {"description", "A Stripe event"}};
  webhook.answer = boost::json::object{{"type", "object"},
                                       {"properties", {{"received", {{"type", "boolean"}}}}}};
  webhook.raw = [this](http::Context& context) { return receive(context, settings_); };
  api.add_raw(std::move(webhook));
}

void Events::apply(jobs::Context& job, ApplyStripeEvent const& args) {
  auto const event = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tx.maybe<Event>(load_event, args.event_id);
  }();
  if (!event) return;  // applied already
  auto const handler = std::find_if(handlers_.begin(), handlers_.end(), [&](Handler const& known) {
    return event->type.starts_with(known.prefix);
  });
  std::optional<stripe::Object> present;
  if (handler != handlers_.end() && !event->object_id.empty()) {
    http_client::Form query;
    for (std::size_t i = 0; i < handler->expand.size(); ++i)
      query.add("expand[" + std::to_string(i) + "]", handler->expand[i]);
    try {
      present = client_.get(handler->path + event->object_id, query);
    } catch (stripe::Refused const& refused) {
      if (refused.status != 404) throw;
    }
  }
  job.transact([&](db::Tx& tx) {
    bool const ours = present && handler->apply(tx, *event, *present);
    tx.exec(mark_event, event->id, ours ? "applied" : "ignored", std::optional<std::string>{});
    job.finish(tx);
  });
}

void Events::sweep(jobs::Context& job) {
  auto const from = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tx.one<std::int64_t>(sweep_from);
  }();
  std::string after;
  int found = 0;
  while (true) {
    http_client::Form query;
    query.add("created[gte]", from).add("limit", 100);
    if (!after.empty()) query.add("starting_after", after);
    auto const page = client_.get("/v1/events", query);
    auto const* data = stripe::find(page, "data");
    if (!data || !data->is_array()) break;
    db::Tx tx{job.connection, db::Mode::autocommit};
    for (auto const& item : data->get_array()) {
      after = stripe::text(item.as_object(), "id");
      found += keep(tx, item.as_object(), boost::json::serialize(item), "sweep");
    }
    if (!stripe::boolean(page, "has_more") || data->get_array().empty()) break;
  }
  if (found) logging::warning("billing", "{} Stripe events had not arrived; fetched", found);
}

void Events::add_workers(jobs::Engine& engine) {
  engine.add(jobs::Worker<ApplyStripeEvent>{
      .timeout = jobs::Seconds{90},
      .serialise = [](ApplyStripeEvent const& args) { return "stripe:" + args.object_id; },
      .run = [this](jobs::Context& job, ApplyStripeEvent const& args) { apply(job, args); },
      .dead =
          [](db::Tx& tx, ApplyStripeEvent const& args, std::string const& error) {
            tx.exec(mark_event, args.event_id, "dead", std::optional{error});
          }});
  engine.add(jobs::Worker<SweepEvents>{
      .timeout = jobs::Seconds{120},
      .run = [this](jobs::Context& job, SweepEvents const&) { sweep(job); }});
  engine.schedule<SweepEvents>(jobs::Seconds{60});
}

std::int64_t replay(db::Tx& tx, std::string const& event_id) {
  return tx.one<std::int64_t>(replay_events, event_id, event_attempts);
}

}  // namespace billing
