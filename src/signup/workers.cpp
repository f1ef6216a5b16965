// What happens to a sign-up without anybody waiting: the end of a lease, and mails.
#include "analytics/rollups.hpp"
#include "billing/following.hpp"
#include "billing/plan_mails.hpp"
#include "billing/trials.hpp"
#include "platform/db/session_lock.hpp"
#include "signup/checkout.hpp"
#include "signup/mails.hpp"

namespace signup {

namespace {
using namespace std::chrono_literals;

bool waits_for_money(Payment payment) {
  return payment == Payment::none || payment == Payment::open || payment == Payment::failed ||
         payment == Payment::expired;
}
}  // namespace

std::map<std::string, std::string> words(config::Settings const& settings,
                                         customers::Customer const& customer,
                                         tenants::Tenant const& tenant) {
  auto address = tenants::url_of(settings, tenant.subdomain);
  address.erase(0, address.find("://") + 3);
  return {{"name", customer.name},
          {"address", address},
          {"url", tenants::url_of(settings, tenant.subdomain)},
          {"start_url", settings.public_url + "/#sign-up"},
          {"support", settings.support_email},
          {"case_id", tenant.id.text()}};
}

void Signups::expire_lease(jobs::Context& job, SignupId id) const {
  auto const signup = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return find(tx, id);
  }();
  if (!signup || is_settled(signup->payment)) return;
  auto not_before = [](Signup const& present) {
    auto const left = present.lease_until - clock_source::now();
    if (left > 0s) throw jobs::Snooze{std::chrono::ceil<std::chrono::milliseconds>(left)};
  };
  not_before(*signup);
  // Nobody opens a page meanwhile. Ended at Stripe first, so that nobody can pay for a name that
  // is free again.
  db::SessionLock const turn{job.connection, turn_of(id)};
  end_pages(job.connection, id, stripe::Patience::background);
  job.transact([&](db::Tx& tx) {
    auto const present = lock(tx, id);
    if (waits_for_money(present.payment)) {
      not_before(present);  // the bank has said no just now
      write_payment(tx, id, Payment::expired);
      tenants::release(tx, present.tenant_id, "lease");
    }
    job.finish(tx);
  });
}

void Signups::tell(db::Tx& tx, Signup const& signup, mail::Template const& what) const {
  auto const customer = customers::get(tx, signup.customer_id);
  auto values = words(settings_, customer, tenants::get(tx, signup.tenant_id));
  values["status_url"] = status_url(signup.id);
  if (auto const trial_end = trial_of(tx, signup); trial_end && what.name == trial_begun.name) {
    values["day"] = clock_source::rfc3339(*trial_end).substr(0, 10);
    values["price"] = billing::price_text({signup.currency, signup.amount},
                                          name_of(signup.interval), customer.locale);
    values["page"] = settings_.public_url + "/portal";
  }
  mail::About const about{customer.id, signup.tenant_id};
  // A debit may fail and be tried again; it is paid once.
  if (what.name == payment_received.name || what.name == trial_begun.name)
    mail::send_once(tx, "signup/" + signup.id.text() + "/payment_received", what, customer.locale,
                    customer.email, values, about);
  else
    mail::send(tx, what, customer.locale, customer.email, values, about);
}

void Signups::tell_live(jobs::Context& job, tenants::TenantId id) const {
  auto const [tenant, customer, signup] = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    auto found = tenants::get(tx, id);
    auto person = customers::get(tx, found.customer_id);
    return std::tuple{std::move(found), std::move(person), find_by_tenant(tx, id)};
  }();
  // Held before it ran for the first time: nobody reads that it runs before it does.
  if (tenant.state == tenants::State::suspending || tenant.state == tenants::State::suspended ||
      tenant.state == tenants::State::resuming)
    throw jobs::Snooze{10min};
  if (tenant.state != tenants::State::live)
    return job.transact([&](db::Tx& tx) { job.finish(tx); });
  auto values = words(settings_, customer, tenant);
  // The customer may have opened it from the page already: their password stays.
  values["owner_link"] = provisioning::customer_link(world_, job.connection, vault_, tenant.id);
  job.transact([&](db::Tx& tx) {
    mail::send_once(tx, "signup/" + id.text() + "/tenant_ready", tenant_ready, customer.locale,
                    customer.email, values, {customer.id, id});
    if (signup) analytics::add(tx, analytics::Metric::signups_live, "", clock_source::now(), 1);
    job.finish(tx);
  });
}

void Signups::add_workers(jobs::Engine& engine) {
  auto serialise = [](auto const& args) {
    return "signup:tenant:" + std::to_string(args.tenant_id);
  };
  engine.add(jobs::Worker<ExpireLease>{.run = [this](jobs::Context& job, ExpireLease const& args) {
    billing::wait_while_copy(job);
    expire_lease(job, SignupId{args.signup_id});
  }});
  engine.add(jobs::Worker<tenants::WentLive>{
      .serialise = serialise, .run = [this](jobs::Context& job, tenants::WentLive const& args) {
        tell_live(job, tenants::TenantId{args.tenant_id});
      }});
  engine.add(jobs::Worker<tenants::RolledBack>{
      .serialise = serialise,
      .run =
          [this](jobs::Context& job, tenants::RolledBack const& args) {
            billing::wait_while_copy(job);
            return_after_roll_back(job, tenants::TenantId{args.tenant_id});
          },
      .dead = [](db::Tx& tx, tenants::RolledBack const& args,
                 std::string const& error) { note_not_returned(tx, args, error); }});
  engine.add(jobs::Worker<ReturnSecondPayment>{
      .serialise =
          [](ReturnSecondPayment const& args) {
            return "signup:second:" + std::to_string(args.signup_id);
          },
      .run =
          [this](jobs::Context& job, ReturnSecondPayment const& args) {
            billing::wait_while_copy(job);
            return_second_payment(job, SignupId{args.signup_id}, args.subscription_id);
          },
      .dead = [](db::Tx& tx, ReturnSecondPayment const& args,
                 std::string const& error) { note_not_returned(tx, args, error); }});
  engine.add(jobs::Worker<billing::SubscriptionRuns>{
      .run = [this](jobs::Context& job, billing::SubscriptionRuns const& args) {
        look_at_subscription(job, args);
      }});
  engine.add(jobs::Worker<TellWaiting>{
      .run = [this](jobs::Context& job, TellWaiting const&) { tell_waiting(job); }});
  engine.schedule<TellWaiting>(600s);
  engine.add(jobs::Worker<TellPayment>{.run = [this](jobs::Context& job, TellPayment const& args) {
    job.transact([&](db::Tx& tx) {
      auto const signup = tx_require(find(tx, SignupId{args.signup_id}));
      tell(tx, signup,
           !args.received         ? payment_failed
           : trial_of(tx, signup) ? trial_begun
                                  : payment_received);
      job.finish(tx);
    });
  }});
}

}  // namespace signup
