// What happens to a sign-up without anybody waiting: the end of a lease, mails, refunds.
#include "analytics/rollups.hpp"
#include "platform/log/log.hpp"
#include "signup/checkout.hpp"
#include "signup/mails.hpp"

namespace signup {

namespace {
using namespace std::chrono_literals;

bool waits_for_money(Payment payment) {
  return payment == Payment::none || payment == Payment::open || payment == Payment::failed ||
         payment == Payment::expired;
}

std::map<std::string, std::string> words(config::Settings const& settings,
                                         customers::Customer const& customer,
                                         tenants::Tenant const& tenant) {
  auto address = tenants::url_of(settings, tenant.subdomain);
  address.erase(0, address.find("://") + 3);
  return {{"name", customer.name},
          {"address", address},
          {"url", tenants::url_of(settings, tenant.subdomain)},
          {"support", settings.support_email},
          {"case_id", tenant.id.text()}};
}
}  // namespace

void Signups::expire_lease(jobs::Context& job, SignupId id) const {
  auto const signup = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return find(tx, id);
  }();
  if (!signup || signup->payment == Payment::paid || signup->payment == Payment::refunded) return;
  auto const left = signup->lease_until - clock_source::now();
  if (left > 0s) throw jobs::Snooze{std::chrono::ceil<std::chrono::milliseconds>(left)};

  if (signup->stripe_session_id && signup->payment == Payment::open) {
    // Closed at Stripe first, so that nobody can pay for a name that is free again.
    auto const path = "/v1/checkout/sessions/" + *signup->stripe_session_id;
    try {
      client_.post(path + "/expire", {}, "expire-" + *signup->stripe_session_id);
    } catch (stripe::Refused const& refused) {
      logging::info("signup", "{} cannot be expired: {}", *signup->stripe_session_id,
                    refused.what());
    }
    refresh(job.connection, id);
  }
  job.transact([&](db::Tx& tx) {
    auto const present = lock(tx, id);
    if (waits_for_money(present.payment)) {
      write_payment(tx, id, Payment::expired);
      tenants::release(tx, present.tenant_id, "lease");
    }
    job.finish(tx);
  });
}

void Signups::tell_live(jobs::Context& job, tenants::TenantId id) const {
  auto const [tenant, customer, signup] = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    auto found = tenants::get(tx, id);
    auto person = customers::get(tx, found.customer_id);
    return std::tuple{std::move(found), std::move(person), find_by_tenant(tx, id)};
  }();
  auto values = words(settings_, customer, tenant);
  values["owner_link"] = provisioning_.owner_link(job.connection, tenant.id);
  job.transact([&](db::Tx& tx) {
    mail::send(tx, tenant_ready, customer.locale, customer.email, values);
    if (signup) analytics::add(tx, analytics::Metric::signups_live, "", clock_source::now(), 1);
    job.finish(tx);
  });
}

void Signups::refund(jobs::Context& job, tenants::TenantId id) const {
  auto const [tenant, customer, signup] = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    auto found = tenants::get(tx, id);
    auto person = customers::get(tx, found.customer_id);
    return std::tuple{std::move(found), std::move(person), find_by_tenant(tx, id)};
  }();
  if (!signup || signup->payment != Payment::paid || tenant.state != tenants::State::rolled_back)
    return;
  http_client::Form query;
  query.add("expand[0]", "invoice.payments").add("expand[1]", "subscription");
  auto const session = client_.get("/v1/checkout/sessions/" + *signup->stripe_session_id, query);
  auto const subscription = stripe::id_of(session, "subscription");
  if (!subscription.empty() && stripe::text(session, "subscription.status") != "canceled")
    client_.cancel("/v1/subscriptions/" + subscription);
  auto const intent = stripe::id_of(session, "invoice.payments.data.0.payment.payment_intent");
  if (intent.empty())
    throw jobs::Retry{"the payment of " + *signup->stripe_session_id + " cannot be found"};
  http_client::Form form;
  form.add("payment_intent", intent)
      .add("reason", "requested_by_customer")
      .add("metadata[tenant_id]", id.text());
  client_.post("/v1/refunds", form, "refund-" + *signup->stripe_session_id);
  auto values = words(settings_, customer, tenant);
  values["amount"] = i18n::money(signup->amount, signup->currency, customer.locale);
  job.transact([&](db::Tx& tx) {
    write_payment(tx, signup->id, Payment::refunded);
    tenants::note(tx, id, "refunded", "signup",
                  std::to_string(signup->amount) + " " + signup->currency);
    mail::send(tx, provisioning_given_up, customer.locale, customer.email, values);
    job.finish(tx);
  });
}

void Signups::add_workers(jobs::Engine& engine) {
  auto serialise = [](auto const& args) {
    return "signup:tenant:" + std::to_string(args.tenant_id);
  };
  engine.add(jobs::Worker<ExpireLease>{.run = [this](jobs::Context& job, ExpireLease const& args) {
    expire_lease(job, SignupId{args.signup_id});
  }});
  engine.add(jobs::Worker<tenants::WentLive>{
      .serialise = serialise, .run = [this](jobs::Context& job, tenants::WentLive const& args) {
        tell_live(job, tenants::TenantId{args.tenant_id});
      }});
  engine.add(jobs::Worker<tenants::RolledBack>{
      .serialise = serialise, .run = [this](jobs::Context& job, tenants::RolledBack const& args) {
        refund(job, tenants::TenantId{args.tenant_id});
      }});
  engine.add(jobs::Worker<TellPayment>{.run = [this](jobs::Context& job, TellPayment const& args) {
    job.transact([&](db::Tx& tx) {
      auto const signup = tx_require(find(tx, SignupId{args.signup_id}));
      auto const customer = customers::get(tx, signup.customer_id);
      auto values = words(settings_, customer, tenants::get(tx, signup.tenant_id));
      values["status_url"] = status_url(signup.id);
      mail::send(tx, args.received ? payment_received : payment_failed, customer.locale,
                 customer.email, values);
      job.finish(tx);
    });
  }});
}

}  // namespace signup
