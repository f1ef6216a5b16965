// Where events come in, what each kind of them is about, and the jobs that work them off.
#include "billing/events.hpp"

#include <algorithm>

#include "billing/following.hpp"
#include "billing/tax_ids.hpp"
#include "billing/trials.hpp"
#include "billing/walking.hpp"
#include "customers/jobs.hpp"
#include "ledger/ledger.hpp"
#include "mirror/mirror.hpp"

namespace billing {

namespace {

constexpr ProblemType bad_signature{Kind::bad_request, "invalid_signature",
                                    "The Stripe-Signature header does not fit this body"};
constexpr ProblemType not_an_event{Kind::bad_request, "not_an_event",
                                   "The body is not a Stripe event"};
// Nothing was delivered within the hour, and yet there were events.
db::Query const undelivered{"billing.undelivered_stripe_events", R"sql(
  SELECT CASE WHEN count(*) FILTER (WHERE source = 'webhook') = 0 THEN count(*) ELSE 0 END
    FROM stripe_events WHERE created > now() - interval '1 hour'
)sql"};

stripe::Object carried_by(Event const& event) {
  auto const payload = stripe::parse(event.payload);
  auto const* object = stripe::find(payload, "data.object");
  return object && object->is_object() ? object->get_object() : stripe::Object{};
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

/// Its invoice has it already as it ends: the events of the invoice came first.
bool is_known_payment(db::Tx& tx, stripe::Object const& payment) {
  auto const status = stripe::text(payment, "status");
  if (status != "paid" && status != "canceled") return false;
  auto const invoice = mirror::find(tx, stripe::id_of(payment, "invoice"));
  return invoice && std::ranges::any_of(entries(*invoice, "payments.data"), [&](auto const& known) {
           return stripe::text(known.as_object(), "id") == stripe::text(payment, "id") &&
                  stripe::text(known.as_object(), "status") == status;
         });
}

/// It holds what cannot be: a number that is no number, an amount without end. It never will.
bool is_of_what_it_says(std::exception const& error) {
  if (auto const* failure = dynamic_cast<db::Failure const*>(&error))
    return failure->sqlstate.starts_with("22");  // data exceptions
  return dynamic_cast<std::logic_error const*>(&error) ||
         dynamic_cast<std::overflow_error const*>(&error) ||
         dynamic_cast<boost::system::system_error const*>(&error);
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
  keep_event(context.tx, event, request.body, "webhook");
  return {.body = R"({"received":true})"};
}
}  // namespace

Events::Events(config::Settings const& settings) : settings_{settings}, client_{settings} {
  auto const on = [this](std::string prefix, std::string_view kind) -> Handler& {
    return handlers_.emplace_back(Handler{.prefix = std::move(prefix), .kind = kind_named(kind)});
  };
  on("customer.subscription.trial_will_end", "subscription").apply =
      [this](db::Tx& tx, Event const& event, stripe::Object const& subscription) {
        remind_of_trial_end(tx, settings_, subscription);
        return keep_history(tx, event, subscription);
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
  on("tax_rate.", "tax_rate");
  handlers_.push_back({.prefix = "invoice.upcoming"});  // there is no such invoice yet
  on("invoice.", "invoice");
  auto& payment = on("invoice_payment.", "invoice");
  payment.id_of = [](stripe::Object const& carried) { return stripe::id_of(carried, "invoice"); };
  payment.is_known = is_known_payment;
  on("invoiceitem.", "invoiceitem");
  on("credit_note.", "credit_note");
  on("refund.", "refund");
  on("charge.refund.updated", "refund");  // what older endpoints get
  on("charge.dispute.", "dispute");
  on("charge.", "charge");
  on("payment_method.", "payment_method");
  auto& tax_id = on("customer.tax_id.", "customer");
  tax_id.id_of = [](stripe::Object const& carried) { return stripe::id_of(carried, "customer"); };
  tax_id.apply = [this](db::Tx& tx, Event const& event, stripe::Object const&) {
    if (event.type == "customer.tax_id.updated")
      tell_of_unknown_tax_id(tx, settings_, carried_by(event));
    return true;
  };
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

void Events::add_workers(jobs::Engine& engine) {
  engine.add(jobs::Worker<ApplyStripeEvent>{
      .timeout = jobs::Seconds{90},
      .serialise = [](ApplyStripeEvent const& args) { return turn_of(args.object_id); },
      .run =
          [this](jobs::Context& job, ApplyStripeEvent const& args) {
            // Something has failed: which one it is shows when each is worked off by itself.
            auto const company = job.job.attempt > 1 ? Company::none : Company::all;
            auto const commit = [&](auto const& work) {
              job.transact([&](db::Tx& tx) {
                work(tx);
                job.finish(tx);
              });
            };
            try {
              work_off(job.connection, args.event_id, commit, company);
            } catch (std::exception const& error) {
              // Another may have been the cause, and trying again cannot help.
              if (company == Company::all || !is_of_what_it_says(error)) throw;
              throw jobs::Permanent{error.what()};
            }
          },
      .dead =
          [](db::Tx& tx, ApplyStripeEvent const& args, std::string const& error) {
            mark_events(tx, {args.event_id}, EventState::dead, error);
          }});
  engine.add(
      jobs::Worker<customers::Linked>{.run = [](jobs::Context& job, customers::Linked const& args) {
        job.transact([&](db::Tx& tx) {
          adopt_events(tx, args.stripe_customer_id);
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

}  // namespace billing
