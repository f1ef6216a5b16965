// Giving back whatever paid for a tenant that cannot be had: over all subscriptions of it, all
// their invoices and all payments of each, by card, debit or credit. Everything may be repeated:
// what is over or back already is left alone, and the customer is told once.
#include "billing/owed.hpp"
#include "billing/plan_mails.hpp"
#include "billing/refunds.hpp"
#include "billing/trials.hpp"
#include "platform/db/session_lock.hpp"
#include "platform/money/money.hpp"
#include "platform/retention/retention.hpp"
#include "signup/checkout.hpp"
#include "signup/mails.hpp"

namespace signup {

namespace {
using namespace std::chrono_literals;

db::Query const tell_once{"signup.tell_return_once", R"sql(
  INSERT INTO signup_returns (what) VALUES ($1) ON CONFLICT (what) DO NOTHING
)sql"};

/// Where the money is: minor units by currency.
struct Returned {
  std::int64_t tried = 0;  // by people, before this time
  money::Sums refunded, credited;
  bool under_way = false;  // a debit that cannot be stopped; to be given back when it has come
};

template <class Use>
void each_of(stripe::Client const& client, std::string const& path, http_client::Form const& query,
             Use const& use) {
  for (std::string after;;) {
    auto form = query;
    form.add("limit", 100);
    if (!after.empty()) form.add("starting_after", after);
    auto const page = client.get(path, form);
    auto const* data = stripe::find(page, "data");
    if (!data || !data->is_array() || data->get_array().empty()) return;
    for (auto const& entry : data->get_array()) use(entry.as_object());
    if (!stripe::boolean(page, "has_more")) return;
    after = stripe::text(data->get_array().back().as_object(), "id");
  }
}

/// What was not given back of one payment goes back; how much went back in all.
void refund(stripe::Client const& client, std::string const& field, std::string const& payment,
            std::string const& tenant, Returned& out) {
  billing::refund_payment(client, {field, payment}, {}, {"refund-" + payment, out.tried},
                          {.tenant_id = tenant});
  http_client::Form query;
  query.add(field, payment);
  each_of(client, "/v1/refunds", query, [&](stripe::Object const& back) {
    auto const status = stripe::text(back, "status");
    if (status == "failed" || status == "canceled") return;
    out.refunded.add(stripe::text(back, "currency"), stripe::integer(back, "amount"));
  });
}

/// What was paid out of the customer's balance at Stripe goes back there.
void return_credit(stripe::Client const& client, stripe::Object const& invoice, Returned& out) {
  auto const before = stripe::integer(invoice, "starting_balance");
  auto const used = std::min(stripe::integer(invoice, "ending_balance"), std::int64_t{0}) - before;
  if (before >= 0 || used <= 0) return;
  auto const id = stripe::text(invoice, "id"), currency = stripe::text(invoice, "currency");
  auto const path = "/v1/customers/" + stripe::id_of(invoice, "customer") + "/balance_transactions";
  bool is_back = false;
  each_of(client, path, {}, [&](stripe::Object const& entry) {
    is_back |= stripe::text(entry, "metadata.returned_invoice") == id;
  });
  if (!is_back) {
    http_client::Form form;
    form.add("amount", -used)
        .add("currency", currency)
        .add("description", "Returned: " + stripe::text(invoice, "number"))
        .add("metadata[returned_invoice]", id);
    client.post(path, form, stripe::key_of("credit-" + id, form));
  }
  out.credited.add(currency, used);
}

void return_invoice(stripe::Client const& client, stripe::Object const& invoice,
                    std::string const& tenant, Returned& out) {
  auto const id = stripe::text(invoice, "id"), status = stripe::text(invoice, "status");
  if (status != "paid" && status != "open" && status != "uncollectible") return;
  bool under_way = false;
  http_client::Form query;
  query.add("invoice", id).add("expand[0]", "data.payment.payment_intent");
  each_of(client, "/v1/invoice_payments", query, [&](stripe::Object const& payment) {
    under_way |= stripe::text(payment, "payment.payment_intent.status") == "processing";
    if (stripe::text(payment, "status") != "paid") return;
    auto const charge = stripe::id_of(payment, "payment.charge");
    auto const intent = stripe::id_of(payment, "payment.payment_intent");
    if (!intent.empty())
      refund(client, "payment_intent", intent, tenant, out);
    else if (!charge.empty())
      refund(client, "charge", charge, tenant, out);
  });
  if (status == "paid") return return_credit(client, invoice, out);
  out.under_way |= under_way;
  if (!under_way) client.post("/v1/invoices/" + id + "/void", {}, stripe::key_once("void-" + id));
}

void return_subscription(stripe::Client const& client, stripe::Object const& subscription,
                         std::string const& tenant, Returned& out) {
  auto const id = stripe::text(subscription, "id");
  auto const status = stripe::text(subscription, "status");
  if (status != "canceled" && status != "incomplete_expired")
    client.cancel("/v1/subscriptions/" + id);
  http_client::Form query;
  query.add("subscription", id);
  each_of(client, "/v1/invoices", query,
          [&](stripe::Object const& invoice) { return_invoice(client, invoice, tenant, out); });
}

/// One sentence for each thing that happened to the money, and no other.
std::string money_words(Returned const& returned, i18n::Locale locale) {
  bool const en = locale == i18n::Locale::en;
  std::vector<std::string> sentences;
  if (!returned.refunded.empty())
    sentences.push_back(money::text(returned.refunded.amounts(), locale) +
                        (en ? " is on its way back to what you paid with."
                            : " van de vuelta al medio con el que pagaste."));
  if (!returned.credited.empty())
    sentences.push_back(
        money::text(returned.credited.amounts(), locale) +
        (en ? " of your credit is yours again." : " de tu saldo vuelven a ser tuyos."));
  if (returned.under_way)
    sentences.push_back(en ? "A bank debit of yours is still under way and cannot be stopped; when "
                             "it has arrived we send it back by ourselves."
                           : "Hay un adeudo bancario tuyo en curso que no se puede detener; en "
                             "cuanto llegue te lo devolvemos nosotros.");
  if (sentences.empty())
    sentences.push_back(en ? "Nothing was charged." : "No se ha cobrado nada.");
  std::string out;
  for (auto const& sentence : sentences) out += (out.empty() ? "" : " ") + sentence;
  return out;
}

mail::Template const& mail_for(tenants::Tenant const& tenant, std::optional<Signup> const& signup) {
  if (signup && signup->refusal)
    return *signup->refusal == tenants::subdomain_taken.code ? paid_after_name_was_gone
                                                             : paid_after_place_was_gone;
  return tenant.delete_requested_at ? stopped_before_ready : provisioning_given_up;
}
std::string owed_for(std::string_view what) { return "return:" + std::string{what}; }

std::int64_t tried_to_give_back(jobs::Context& job, std::string_view what) {
  db::Tx tx{job.connection, db::Mode::autocommit};
  return billing::times_tried(tx, owed_for(what));
}

/// Written before Stripe is asked to give anything back: from here on nobody builds it. False:
/// somebody does already.
bool begin_return(jobs::Context& job, tenants::TenantId id, std::optional<Signup> const& signup) {
  return job.transact([&](db::Tx& tx) {
    if (signup) static_cast<void>(lock(tx, signup->id));
    if (tenants::lock(tx, id).state != tenants::State::rolled_back) return false;
    if (signup) write_return_begun(tx, signup->id);
    return true;
  });
}

retention::Kept const kept_signup_returns{"signup_returns", "who was told is not told twice"};
}  // namespace

void note_not_returned(db::Tx& tx, tenants::RolledBack const& args, std::string const& error) {
  tenants::TenantId const id{args.tenant_id};
  billing::write_owed(tx, owed_for(id.text()), id, billing::gave_up(error), args);
}

void note_not_returned(db::Tx& tx, ReturnSecondPayment const& args, std::string const& error) {
  auto const signup = find(tx, SignupId{args.signup_id});
  billing::write_owed(tx, owed_for(args.subscription_id),
                      signup ? std::optional{signup->tenant_id} : std::nullopt,
                      billing::gave_up(error), args);
}

void Signups::return_after_roll_back(jobs::Context& job, tenants::TenantId id) const {
  auto load = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    auto found = tenants::get(tx, id);
    auto person = customers::get(tx, found.customer_id);
    return std::tuple{std::move(found), std::move(person), find_by_tenant(tx, id)};
  };
  auto [tenant, customer, signup] = load();
  if (tenant.state != tenants::State::rolled_back) return;
  if (signup && !is_settled(signup->payment)) {
    db::SessionLock const turn{job.connection, turn_of(signup->id)};
    end_pages(job.connection, signup->id, stripe::Patience::background);
    std::tie(tenant, customer, signup) = load();
  }
  bool const was_paid =
      signup && (is_settled(signup->payment) || signup->payment == Payment::processing);
  std::vector<stripe::Object> subscriptions;
  if (customer.stripe_customer_id) {
    http_client::Form query;
    query.add("customer", *customer.stripe_customer_id).add("status", "all");
    each_of(client_, "/v1/subscriptions", query, [&](stripe::Object const& subscription) {
      if (stripe::text(subscription, "metadata.tenant_id") == id.text())
        subscriptions.push_back(subscription);
    });
  }
  if (!was_paid && subscriptions.empty()) return;  // nobody ever paid for it
  if (!begin_return(job, id, signup)) return;
  Returned returned{.tried = tried_to_give_back(job, id.text())};
  for (auto const& subscription : subscriptions)
    return_subscription(client_, subscription, id.text(), returned);
  auto values = words(settings_, customer, tenant);
  values["money"] = money_words(returned, customer.locale);
  job.transact([&](db::Tx& tx) {
    if (tx.exec(tell_once, id.text()) == 1) {
      mail::send(tx, mail_for(tenant, signup), customer.locale, customer.email, values,
                 {customer.id, id});
      tenants::note(tx, id, "signup",
                    activity::Refunded{.refunded = returned.refunded.amounts(),
                                       .credited = returned.credited.amounts(),
                                       .under_way = returned.under_way});
    }
    if (was_paid && !returned.under_way) write_payment(tx, signup->id, Payment::refunded);
    realtime::announce(tx, "tenant:" + std::to_string(id.value));
    billing::settle_owed(tx, owed_for(id.text()));
    if (!returned.under_way) job.finish(tx);
  });
  if (returned.under_way) throw jobs::Snooze{1h};
}

void Signups::return_second_payment(jobs::Context& job, SignupId id,
                                    std::string const& subscription_id) const {
  auto const [signup, tenant, customer] = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    auto found = tx_require(find(tx, id));
    auto theirs = tenants::get(tx, found.tenant_id);
    auto person = customers::get(tx, found.customer_id);
    return std::tuple{std::move(found), std::move(theirs), std::move(person)};
  }();
  bool const was_refused = signup.refused_trial == subscription_id;
  Returned returned{.tried = tried_to_give_back(job, subscription_id)};
  return_subscription(client_, client_.get("/v1/subscriptions/" + subscription_id),
                      tenant.id.text(), returned);
  auto values = words(settings_, customer, tenant);
  values["money"] = money_words(returned, customer.locale);
  values["status_url"] = status_url(id);
  values["price"] = billing::price_text({signup.currency, signup.amount}, name_of(signup.interval),
                                        customer.locale);
  auto const& what = was_refused                  ? no_second_trial
                     : is_settled(signup.payment) ? paid_twice
                                                  : paid_on_closed_page;
  job.transact([&](db::Tx& tx) {
    if (tx.exec(tell_once, subscription_id) == 1) {
      mail::send(tx, what, customer.locale, customer.email, values, {customer.id, tenant.id});
      if (!was_refused)
        tenants::note(
            tx, tenant.id, "signup",
            activity::SecondPaymentReturned{subscription_id, returned.refunded.amounts(),
                                            returned.credited.amounts(), returned.under_way});
    }
    billing::settle_owed(tx, owed_for(subscription_id));
    if (!returned.under_way) job.finish(tx);
  });
  if (returned.under_way) throw jobs::Snooze{1h};
}

}  // namespace signup
