// What happens is written down before it is done, so that a crash in between ends the same way.
#include "billing/late_payments.hpp"

#include "billing/following.hpp"
#include "billing/invoice_mails.hpp"
#include "billing/owed.hpp"
#include "billing/refunds.hpp"
#include "billing/rights.hpp"
#include "customers/customers.hpp"
#include "platform/mail/mail.hpp"
#include "platform/money/money.hpp"

namespace billing {

namespace {
mail::Declared const runs_again{
    "late_payment_runs",
    {"{address} runs again until {until}",
     "Hello {name},\n\nyour payment of {amount} arrived after the subscription of {address} had "
     "ended. What you paid for is yours: it runs again until {until}. Nothing more is charged.\n\n"
     "To keep it after that you need a new subscription; we write before then with the address "
     "where you can start one.\n\nQuestions? {support}\n"},
    {"{address} vuelve a funcionar hasta el {until}",
     "Hola, {name}:\n\nTu pago de {amount} llegó cuando la suscripción de {address} ya había "
     "terminado. Lo que has pagado es tuyo: vuelve a funcionar hasta el {until}. No se cobra nada "
     "más.\n\nPara conservarlo después hace falta una suscripción nueva; te enviaremos la "
     "dirección donde puedes iniciarla.\n\n¿Preguntas? {support}\n"}};

mail::Declared const goes_back{
    "late_payment_refunded",
    {"Your payment for {address} is on its way back",
     "Hello {name},\n\nyour payment of {paid} for {address} arrived after its subscription had "
     "ended, and there is nothing left that it could pay for. We give {amount} back to where it "
     "came from; banks need up to ten days.\n\nQuestions? {support}\n"},
    {"Te devolvemos el pago de {address}",
     "Hola, {name}:\n\nTu pago de {paid} por {address} llegó cuando su suscripción ya había "
     "terminado y no queda nada que pagar con él. Devolvemos {amount} por el mismo medio; los "
     "bancos tardan hasta diez días.\n\n¿Preguntas? {support}\n"}};

// Made before the end and paid after it. What never ran is the sign-up's to give back.
db::Query const late_ones{"billing.late_payments", R"sql(
  SELECT i.id FROM billing_invoices i
    JOIN subscriptions s ON s.id = i.subscription_id JOIN tenants t ON t.id = s.tenant_id
   WHERE s.stripe_subscription_id = $1 AND i.status = 'paid' AND i.amount_paid > 0
     AND i.late_outcome IS NULL AND s.ended_at IS NOT NULL AND i.paid_at > s.ended_at
     AND i.date <= s.ended_at AND t.live_at IS NOT NULL AND t.state <> 'rolled_back'
)sql"};

struct Late {
  tenants::TenantId tenant_id;
  std::string stripe_invoice_id, currency;
  std::int64_t amount_paid;
  Time ended_at;
  std::optional<std::string> late_outcome;
};
db::Query const load_late{"billing.load_late_payment", R"sql(
  SELECT s.tenant_id, i.stripe_invoice_id, i.currency, i.amount_paid, s.ended_at, i.late_outcome
    FROM billing_invoices i JOIN subscriptions s ON s.id = i.subscription_id WHERE i.id = $1
)sql"};
db::Query const write_outcome{"billing.write_late_outcome", R"sql(
  UPDATE billing_invoices SET late_outcome = $2, late_until = $3 WHERE id = $1
)sql"};

struct Period {
  Time from{}, until{};
};
/// The time that an invoice is for: from its first line's beginning to its last one's end.
std::optional<Period> period_of(stripe::Object const& invoice) {
  std::optional<Period> out;
  auto const* lines = stripe::find(invoice, "lines.data");
  if (!lines || !lines->is_array()) return out;
  for (auto const& line : lines->get_array()) {
    auto const from = stripe::time(line.as_object(), "period.start");
    auto const until = stripe::time(line.as_object(), "period.end");
    if (!from || !until) continue;
    out = out ? Period{std::min(out->from, *from), std::max(out->until, *until)}
              : Period{*from, *until};
  }
  return out;
}

std::string owed_for(std::int64_t invoice) { return "late:" + std::to_string(invoice); }

/// Begun and not done, or given up and tried again by a person.
bool is_refunding(std::string_view outcome) {
  return outcome == "refunding" || outcome == "needs_person";
}

std::string day_of(Time time) { return clock_source::rfc3339(time).substr(0, 10); }

std::string amount_of(Late const& late, std::int64_t amount, i18n::Locale locale) {
  return money::text(amount, late.currency, locale);
}

/// To the customer, with what every such mail says; `values` comes on top.
void tell(db::Tx& tx, config::Settings const& settings, mail::Template const& text,
          std::int64_t invoice, tenants::Tenant const& tenant, customers::Customer const& owner,
          std::map<std::string, std::string> values) {
  values["name"] = owner.name;
  values["address"] = tenant.subdomain + "." + settings.tenant_domain;
  values["support"] = settings.support_email;
  note_invoice_mail(tx,
                    mail::send(tx, text, owner.locale, owner.email, values, {owner.id, tenant.id}),
                    {invoice});
}

/// Writes down what becomes of it. True when money goes back, which is to be done then.
bool decide(jobs::Context& job, db::Tx& tx, std::int64_t id, Late const& late,
            std::optional<Period> const& period, config::Settings const& settings) {
  auto const tenant = tenants::lock(tx, late.tenant_id);
  auto const present = tx.one<Late>(load_late, id);
  if (present.late_outcome) {
    if (!is_refunding(*present.late_outcome)) job.finish(tx);
    return is_refunding(*present.late_outcome);
  }
  if (period && period->until <= late.ended_at) {  // for time that it ran
    tx.exec(write_outcome, id, "settled", std::optional<Time>{});
    job.finish(tx);
    return false;
  }
  if (!period || right_of(tx, tenant.id) == Right::runs || !can_be_paid_for(tx, tenant)) {
    tx.exec(write_outcome, id, "refunding", std::optional<Time>{});
    return true;
  }
  // All the time that was paid for and that it stood still in is given now.
  auto const until = clock_source::now() + (period->until - std::max(period->from, late.ended_at));
  tx.exec(write_outcome, id, "runs", std::optional{until});
  jobs::enqueue(tx, FollowRight{late.tenant_id.value}, {.run_at = until});
  follow_right(tx, late.tenant_id);
  tenants::note(tx, late.tenant_id, "billing",
                activity::LatePayment{.invoice = late.stripe_invoice_id,
                                      .outcome = "runs",
                                      .currency = late.currency,
                                      .paid = late.amount_paid,
                                      .until = until});
  auto const owner = customers::get(tx, tenant.customer_id);
  tell(tx, settings, runs_again, id, tenant, owner,
       {{"amount", amount_of(late, late.amount_paid, owner.locale)}, {"until", day_of(until)}});
  job.finish(tx);
  return false;
}

constexpr i18n::Code<"given_back_in_part",
                     "{invoice}: {given_amount} of {paid_amount} could be given back">
    given_back_in_part;

/// Writes down how much could be given back.
void note_refund(jobs::Context& job, db::Tx& tx, std::int64_t id, Late const& late,
                 std::int64_t given_back, config::Settings const& settings) {
  auto const tenant = tenants::lock(tx, late.tenant_id);
  bool const all = given_back == late.amount_paid;
  if (all)
    settle_owed(tx, owed_for(id));
  else
    write_owed(tx, owed_for(id), late.tenant_id,
               given_back_in_part(late.stripe_invoice_id, money::Amount{late.currency, given_back},
                                  money::Amount{late.currency, late.amount_paid}),
               SettleLatePayment{id});
  auto const* const outcome = all ? "refunded" : "needs_person";
  tx.exec(write_outcome, id, outcome, std::optional<Time>{});
  tenants::note(tx, late.tenant_id, "billing",
                activity::LatePayment{.invoice = late.stripe_invoice_id,
                                      .outcome = outcome,
                                      .currency = late.currency,
                                      .paid = late.amount_paid,
                                      .given_back = given_back});
  bool const is_first = !late.late_outcome || *late.late_outcome == "refunding";
  if (given_back > 0 && (all || is_first)) {
    auto const owner = customers::get(tx, tenant.customer_id);
    tell(tx, settings, goes_back, id, tenant, owner,
         {{"paid", amount_of(late, late.amount_paid, owner.locale)},
          {"amount", amount_of(late, given_back, owner.locale)}});
  }
  job.finish(tx);
}

void settle(jobs::Context& job, std::int64_t id, config::Settings const& settings) {
  auto const late = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tx.one<Late>(load_late, id);
  }();
  if (late.late_outcome && !is_refunding(*late.late_outcome)) return;
  stripe::Client const client{settings};
  http_client::Form query;
  query.add("expand[0]", "payments.data.payment.payment_intent");
  auto const invoice = client.get("/v1/invoices/" + late.stripe_invoice_id, query);
  auto const period = period_of(invoice);
  bool const refunds =
      job.transact([&](db::Tx& tx) { return decide(job, tx, id, late, period, settings); });
  if (!refunds) return;

  auto const tried = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return times_tried(tx, owed_for(id));
  }();
  auto const gone = refund_invoice(client, invoice, late.amount_paid,
                                   {"late-refund-" + std::to_string(id), tried},
                                   {.tenant_id = late.tenant_id.text()});
  auto const given_back = std::min(gone.now + gone.before, late.amount_paid);
  job.transact([&](db::Tx& tx) { note_refund(job, tx, id, late, given_back, settings); });
}
}  // namespace

void notice_late_payments(db::Tx& tx, std::string_view stripe_subscription_id) {
  for (auto const id : tx.all<std::int64_t>(late_ones, stripe_subscription_id))
    jobs::enqueue(tx, SettleLatePayment{id}, {.dedupe_key = std::to_string(id)});
}

void add_late_payment_workers(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<SettleLatePayment>{
      .timeout = jobs::Seconds{120},
      .serialise =
          [](SettleLatePayment const& args) {
            return "billing.late:" + std::to_string(args.invoice_id);
          },
      .run =
          [&settings](jobs::Context& job, SettleLatePayment const& args) {
            with_stripe(job, [&] { settle(job, args.invoice_id, settings); });
          },
      .dead =
          [](db::Tx& tx, SettleLatePayment const& args, std::string const& error) {
            auto const late = tx.one<Late>(load_late, args.invoice_id);
            tx.exec(write_outcome, args.invoice_id, "needs_person", std::optional<Time>{});
            tenants::note(tx, late.tenant_id, "billing",
                          activity::LatePayment{.invoice = late.stripe_invoice_id,
                                                .outcome = "needs_person",
                                                .currency = late.currency,
                                                .paid = late.amount_paid,
                                                .error = error});
            write_owed(tx, owed_for(args.invoice_id), late.tenant_id, gave_up(error), args);
          }});
  engine.add(jobs::Worker<FollowRight>{.run = [](jobs::Context& job, FollowRight const& args) {
    job.transact([&](db::Tx& tx) {
      follow_right(tx, tenants::TenantId{args.tenant_id});
      job.finish(tx);
    });
  }});
}

}  // namespace billing
