// What Stripe says about a payment and what it does to its sign-up. Only what we asked for counts:
// a page that we opened, or a subscription for this tenant of this customer, over the amount that
// was asked. The webhooks' jobs, the page that the visitor returns to and the lease's end come
// here.
#include "analytics/rollups.hpp"
#include "billing/following.hpp"
#include "platform/log/log.hpp"
#include "platform/money/money.hpp"
#include "signup/checkout.hpp"
#include "signup/mails.hpp"
#include "tenants/places.hpp"

namespace signup {

namespace {
bool is_what_we_asked(stripe::Object const& subscription, tenants::Interval interval,
                      std::string const& currency, std::int64_t amount) {
  auto const* items = stripe::find(subscription, "items.data");
  if (!items || !items->is_array() || stripe::text(subscription, "currency") != currency)
    return false;
  std::int64_t sum = 0;
  for (auto const& entry : items->get_array()) {
    auto const& item = entry.as_object();
    if (stripe::text(item, "price.recurring.interval") != name_of(interval) ||
        stripe::integer(item, "price.recurring.interval_count") != 1)
      return false;
    sum = money::add(sum, money::times(stripe::integer(item, "price.unit_amount"),
                                       stripe::integer(item, "quantity")));
  }
  return sum == amount;
}

/// A page with a trial asks for nothing today: what it sells stands in its subscription.
bool is_what_we_asked(stripe::Object const& session, stripe::Object const& subscription,
                      Page const& page) {
  bool const is_free = page.trial_days > 0 && stripe::integer(session, "amount_subtotal") == 0;
  return stripe::text(session, "mode") == "subscription" &&
         stripe::text(session, "currency") == page.currency &&
         (is_free ? is_what_we_asked(subscription, page.interval, page.currency, page.amount)
                  : stripe::integer(session, "amount_subtotal") == page.amount);
}

/// Active alone says little: it is so while a bank debit is still under way.
bool is_paid(stripe::Object const& subscription) {
  auto const status = stripe::text(subscription, "status");
  return (status == "active" || status == "trialing") &&
         stripe::text(subscription, "latest_invoice.status") == "paid";
}

bool has_failed(std::string_view event_type, stripe::Object const& subscription) {
  auto const status = stripe::text(subscription, "status");
  return event_type.ends_with("async_payment_failed") || status == "past_due" ||
         status == "unpaid" || status == "canceled" || status == "incomplete_expired";
}
}  // namespace

bool Signups::apply_session(db::Tx& tx, std::string_view event_type, stripe::Object const& session,
                            Time at) const {
  auto const session_id = stripe::text(session, "id");
  auto const page = find_page(tx, session_id);
  if (!page) return false;  // not made by us, whatever reference it carries
  auto const signup = lock(tx, page->signup_id);
  auto const status = stripe::text(session, "status");
  auto const payment = stripe::text(session, "payment_status");
  stripe::Object subscription;
  if (auto const* found = stripe::find(session, "subscription"); found && found->is_object())
    subscription = found->get_object();
  if (auto const id = stripe::id_of(session, "subscription"); !id.empty())
    write_subscription(tx, session_id, id);

  bool const paid = status == "complete" && (payment == "paid" || payment == "no_payment_required");
  if (paid && !is_what_we_asked(session, subscription, *page)) {
    logging::error("signup", "{} was paid over something else than {} {}: not applied", session_id,
                   page->amount, page->currency);
    return true;
  }
  if (paid || (status == "complete" && is_paid(subscription))) {
    settle(tx, signup, subscription, at);
  } else if (is_settled(signup.payment) || session_id != signup.stripe_session_id.value_or("")) {
    return true;  // an older page of the same sign-up: nothing to say any more
  } else if (status == "complete" && has_failed(event_type, subscription)) {
    if (signup.payment != Payment::failed) give_back_after_failure(tx, signup);
  } else if (status == "complete") {
    if (signup.payment != Payment::processing && signup.payment != Payment::failed)
      wait_for_debit(tx, signup);
  } else if (status == "expired" && signup.payment != Payment::expired) {
    write_payment(tx, signup.id, Payment::expired);
  }
  realtime::announce(tx, "tenant:" + std::to_string(signup.tenant_id.value));
  return true;
}

/// The name is held until the bank has said something: that may take 14 business days (Stripe).
void Signups::wait_for_debit(db::Tx& tx, Signup const& signup) const {
  auto const until = clock_source::now() + std::chrono::days{21};
  write_payment(tx, signup.id, Payment::processing);
  tell(tx, signup, waiting_for_bank);
  write_lease(tx, signup, until);
  enqueue_lease_end(tx, signup.id, until);
}

/// The bank said no: from here on the name is held as long as that of anybody else.
void Signups::give_back_after_failure(db::Tx& tx, Signup const& signup) const {
  write_payment(tx, signup.id, Payment::failed);
  auto const state = tenants::get(tx, signup.tenant_id).state;
  if (state != tenants::State::reserved && state != tenants::State::awaiting_payment) return;
  auto const until = clock_source::now() + std::chrono::minutes{settings_.signup_lease_minutes};
  write_lease(tx, signup, until);
  enqueue_lease_end(tx, signup.id, until);
  jobs::enqueue(tx, TellPayment{signup.id.value, false});
}

void Signups::look_at_subscription(jobs::Context& job,
                                   billing::SubscriptionRuns const& args) const {
  http_client::Form query;
  query.add("expand[0]", "latest_invoice").add("expand[1]", "default_payment_method");
  db::SessionLock const turn{job.connection, billing::turn_of(args.subscription_id)};
  stripe::Object subscription;
  try {
    subscription = client_.get("/v1/subscriptions/" + args.subscription_id, query);
  } catch (stripe::Refused const& refused) {
    if (refused.status == 404) return;
    throw;
  }
  if (!is_paid(subscription)) return;
  job.transact([&](db::Tx& tx) {
    job.finish(tx);
    auto const page = find_page_of(tx, args.subscription_id);
    auto const known =
        page ? find(tx, page->signup_id) : find_by_tenant(tx, tenants::TenantId{args.tenant_id});
    if (!known) return;
    auto const signup = lock(tx, known->id);
    bool const theirs = customers::find_by_stripe_id(tx, stripe::id_of(subscription, "customer")) ==
                        signup.customer_id;
    bool const asked =
        page ? is_what_we_asked(subscription, page->interval, page->currency, page->amount)
             : is_what_we_asked(subscription, signup.interval, signup.currency, signup.amount);
    if (theirs && asked)
      settle(tx, signup, subscription, clock_source::now());
    else
      logging::warning("signup", "{} runs for {}, but is not what was asked for: not applied",
                       args.subscription_id, signup.id.text());
  });
}

void Signups::settle(db::Tx& tx, Signup const& signup, stripe::Object const& subscription,
                     Time at) const {
  auto const id = stripe::text(subscription, "id");
  auto const status = stripe::text(subscription, "status");
  bool const is_over = status == "canceled" || status == "incomplete_expired";
  if (is_settled(signup.payment)) {
    if (signup.paid_subscription_id && !id.empty() && id != *signup.paid_subscription_id)
      jobs::enqueue(tx, ReturnSecondPayment{signup.id.value, id},
                    {.dedupe_key = id, .max_attempts = 25});
    return;
  }
  if (!id.empty() && id == signup.refused_trial) return;  // it ends already
  bool const was_released = tenants::get(tx, signup.tenant_id).state == tenants::State::rolled_back;
  if (is_over && !was_released) {
    // Paid at the very moment at which its page was closed: another page is open or will be.
    jobs::enqueue(tx, ReturnSecondPayment{signup.id.value, id},
                  {.dedupe_key = id, .max_attempts = 25});
    return;
  }
  if (status == "trialing" && !may_try(tx, signup, subscription))
    return refuse_trial(tx, signup, id);
  write_paid(tx, signup.id, id, fingerprint_of(subscription));
  analytics::add(tx, analytics::Metric::signups_paid, "", at, 1);
  if (!id.empty())
    billing::apply_subscription(tx, subscription, clock_source::now(), signup.tenant_id);
  auto const tenant = tenants::lock(tx, signup.tenant_id);
  bool builds = true;
  if (tenant.state == tenants::State::rolled_back &&
      (is_over || tenant.delete_requested_at || signup.return_begun_at)) {
    // A debit that could not be stopped, staff did not want it, or it is on its way back already.
    builds = false;
    jobs::enqueue(tx, tenants::RolledBack{tenant.id.value}, {.max_attempts = 25});
  } else if (tenant.state == tenants::State::rolled_back) {
    // Paid after the name's lease had run out: taken again when name and place are still free,
    // else the money goes back.
    try {
      tenants::retry(tx, settings_, tenant.id, "billing");
    } catch (Problem const& problem) {
      builds = false;
      write_refusal(tx, signup.id, problem.type.code);
      jobs::enqueue(tx, tenants::RolledBack{tenant.id.value}, {.max_attempts = 25});
    }
  } else {
    tenants::start_provisioning(tx, tenant.id, "billing");
  }
  if (builds) jobs::enqueue(tx, TellPayment{signup.id.value, true});
  realtime::announce(tx, "tenant:" + std::to_string(signup.tenant_id.value));
}

}  // namespace signup
