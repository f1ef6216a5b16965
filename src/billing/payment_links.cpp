// An invoice's own address opens to everybody who has it, so it goes to the owner's mailbox and
// nowhere else; who asks for it learns nothing.
#include "billing/payment_links.hpp"

#include "billing/following.hpp"
#include "billing/invoice_mails.hpp"
#include "billing/renewals.hpp"
#include "billing/rights.hpp"
#include "platform/log/log.hpp"
#include "platform/mail/mail.hpp"
#include "platform/money/money.hpp"

namespace billing {

namespace {
mail::Declared const payment_needed{
    "payment_needed",
    {"{address} has been stopped: a payment is outstanding",
     "Hello {name},\n\n{address} has been stopped because a payment is outstanding. Nothing is "
     "deleted. Pay here, and it runs again by itself within a minute:\n\n{links}\n\nThese "
     "addresses "
     "open your invoices to anybody who has them.\n\nQuestions? {support}\n"},
    {"{address} está parado: hay un pago pendiente",
     "Hola, {name}:\n\n{address} está parado porque hay un pago pendiente. No se borra nada. Paga "
     "aquí y volverá a funcionar solo en un minuto:\n\n{links}\n\nEstas direcciones abren tus "
     "facturas a cualquiera que las tenga.\n\n¿Preguntas? {support}\n"}};

mail::Declared const subscription_over{
    "subscription_over",
    {"{address} has been stopped: its subscription has ended",
     "Hello {name},\n\n{address} has been stopped because its subscription has ended. Nothing is "
     "deleted yet. Start a new one here ({price}), and it runs again by itself within a "
     "minute:\n\n{link}\n\nThis address works until {until}; after that, open {address} and ask "
     "for a new one. Invoices of the old subscription need not be paid for that.\n\n"
     "Questions? {support}\n"},
    {"{address} está parado: su suscripción ha terminado",
     "Hola, {name}:\n\n{address} está parado porque su suscripción ha terminado. Todavía no se "
     "borra nada. Inicia una nueva aquí ({price}) y volverá a funcionar solo en un "
     "minuto:\n\n{link}\n\nEsta dirección sirve hasta el {until}; después, abre {address} y pide "
     "otra. Para eso no hace falta pagar facturas de la suscripción anterior.\n\n"
     "¿Preguntas? {support}\n"}};

// Only what brings it back: invoices of a subscription that has ended do not. Those of the customer
// alone are not for another tenant either.
db::Query const open_invoices{"billing.open_invoices", R"sql(
  SELECT id, hosted_invoice_url AS url FROM billing_invoices i
   WHERE customer_id = $1 AND status = 'open' AND hosted_invoice_url IS NOT NULL
     AND (stripe_subscription_id IS NULL AND subscription_id IS NULL AND NOT $3
          OR subscription_id IN (SELECT id FROM subscriptions
                                  WHERE tenant_id = $2 AND ended_at IS NULL))
   ORDER BY date, id LIMIT 10
)sql"};
db::Query const unpaid_subscriptions{"billing.unpaid_subscriptions", R"sql(
  SELECT stripe_subscription_id FROM subscriptions
   WHERE tenant_id = $1 AND status = 'unpaid' AND ended_at IS NULL
)sql"};
db::Query const sent_lately{"billing.payment_link_sent_lately", R"sql(
  SELECT EXISTS (SELECT 1 FROM activity
                  WHERE tenant_id = $1 AND kind = 'payment_link_sent' AND data->>'reason' LIKE $2
                    AND at > now() - interval '1 hour')
)sql"};
db::Query const unpaid_tenant{"billing.unpaid_tenant", R"sql(
  SELECT id FROM tenants t WHERE subdomain = $1
     AND EXISTS (SELECT 1 FROM tenant_holds
                  WHERE tenant_id = t.id AND reason IN ('billing', 'trial_ended'))
)sql"};

struct Asked {
  std::string subdomain;
  static constexpr auto rules() {
    return ::rules(rule(&Asked::subdomain, {.doc = "The tenant's name", .max_length = 64}));
  }
};
struct Accepted {
  bool accepted, mailed;
  static constexpr auto rules() {
    return ::rules(
        rule(&Accepted::accepted, {.doc = "Always true, whether there is something to pay or not"}),
        rule(&Accepted::mailed,
             {.doc = "False where no mail server is set: the staff has to pass the "
                     "addresses on"}));
  }
};

std::vector<std::string> invoices_of(stripe::Client const& client, std::string const& subscription,
                                     std::string_view status) {
  http_client::Form query;
  query.add("subscription", subscription).add("status", status).add("limit", 100);
  auto const list = client.get("/v1/invoices", query);
  std::vector<std::string> out;
  if (auto const* data = stripe::find(list, "data"); data && data->is_array())
    for (auto const& invoice : data->get_array())
      out.push_back(stripe::text(invoice.as_object(), "id"));
  return out;
}

/// Subscriptions that Stripe gave up on go on writing drafts that nobody collects. Each is made a
/// real invoice that can be paid. Only after the owner has paid one are the others tried, too:
/// nobody else starts a charge.
void finalise_drafts(jobs::Context& job, stripe::Client const& client, tenants::TenantId tenant,
                     Occasion occasion) {
  auto const subscriptions = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tx.all<std::string>(unpaid_subscriptions, tenant);
  }();
  auto attempt = [&](std::string const& invoice, auto const& what) {
    try {
      what();
    } catch (stripe::Refused const& refused) {
      logging::info("billing", "{} of {} is not collected: {}", invoice, tenant.text(),
                    refused.what());
    }
    follow_invoice(job.connection, client, invoice);
  };
  for (auto const& subscription : subscriptions) {
    for (auto const& draft : invoices_of(client, subscription, "draft"))
      attempt(draft, [&] {
        http_client::Form finalize;
        finalize.add("auto_advance", "false");  // Stripe makes no attempts of its own
        client.post("/v1/invoices/" + draft + "/finalize", finalize,
                    stripe::key_once("finalize-" + draft));
      });
    if (occasion == Occasion::paid)
      for (auto const& open : invoices_of(client, subscription, "open"))
        attempt(open, [&] {  // once, with the method that is kept
          client.post("/v1/invoices/" + open + "/pay", {}, stripe::key_once("collect-" + open));
        });
    follow_subscription(job.connection, client, subscription, tenant);
  }
}

struct OpenInvoice {
  std::int64_t id;
  std::string url;
};
/// What has to be paid to bring it back.
struct Way {
  std::vector<OpenInvoice> invoices;
  std::optional<Renewal> renewal;
};
Way way_back(jobs::Context& job, tenants::Tenant const& tenant, Occasion occasion,
             config::Settings const& settings) {
  stripe::Client const client{settings};
  auto look = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    auto const right = right_of(tx, tenant.id);
    return std::pair{right, tx.all<OpenInvoice>(open_invoices, tenant.customer_id, tenant.id,
                                                right == Right::owes || right == Right::over)};
  };
  auto [right, invoices] = look();
  if (right == Right::owes) {
    finalise_drafts(job, client, tenant.id, occasion);
    std::tie(right, invoices) = look();
    if (right == Right::runs) return {};
  }
  if (right != Right::over && !(right == Right::owes && invoices.empty()))
    return {std::move(invoices), {}};
  return {{}, offer_renewal(job.connection, client, settings, tenant.id)};
}

/// A customer who was deleted at Stripe cannot pay there any more.
bool is_deleted_at_stripe(jobs::Context& job, tenants::Tenant const& tenant,
                          config::Settings const& settings) {
  auto const customer = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return customers::get(tx, tenant.customer_id).stripe_customer_id.value_or("");
  }();
  return !customer.empty() &&
         stripe::boolean(stripe::Client{settings}.get("/v1/customers/" + customer), "deleted");
}

std::string price_of(Renewal const& renewal, i18n::Locale locale) {
  bool const spanish = locale == i18n::Locale::es, one = renewal.interval_count == 1;
  auto const& unit = renewal.interval;
  std::string const name = !spanish         ? unit + (one ? "" : "s")
                           : unit == "day"  ? (one ? "día" : "días")
                           : unit == "week" ? (one ? "semana" : "semanas")
                           : unit == "year" ? (one ? "año" : "años")
                                            : (one ? "mes" : "meses");
  return money::text(money::times(renewal.amount, renewal.quantity), renewal.currency, locale) +
         (spanish ? (one ? " al " : " cada ") : (one ? " a " : " every ")) +
         (one ? "" : std::to_string(renewal.interval_count) + " ") + name;
}

void send(jobs::Context& job, SendPaymentLink const& args, config::Settings const& settings) {
  tenants::TenantId const id{args.tenant_id};
  auto const occasion = args.occasion.value_or(Occasion::asked);
  bool const asked = occasion == Occasion::asked;
  auto const lately = [&](db::Tx& tx, std::string_view way) {
    return asked && tx.one<bool>(sent_lately, id, way);
  };
  auto const [tenant, known] = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    auto found = tenants::get(tx, id);
    bool const has_hold = tx.maybe<tenants::TenantId>(unpaid_tenant, found.subdomain).has_value();
    // Strangers may ask as often as they like: Stripe is asked once an hour.
    bool const done = !can_be_paid_for(tx, found) || !has_hold ||
                      (right_of(tx, id) == Right::over ? lately(tx, "renewal") : lately(tx, "%"));
    return std::pair{std::move(found), done};
  }();
  if (known) return;
  Way way;
  try {
    way = way_back(job, tenant, occasion, settings);
  } catch (stripe::Refused const& refused) {
    if (refused.code != "resource_missing" || !is_deleted_at_stripe(job, tenant, settings)) throw;
    return logging::info("billing",
                         "{} is offered no way to pay: its customer is deleted at Stripe",
                         tenant.id.text());
  }
  job.transact([&](db::Tx& tx) {
    static_cast<void>(tenants::lock(tx, id));
    auto const owner = customers::get(tx, tenant.customer_id);
    std::map<std::string, std::string> words{
        {"name", owner.name},
        {"address", tenant.subdomain + "." + settings.tenant_domain},
        {"support", settings.support_email}};
    if (way.renewal) {
      words["price"] = price_of(*way.renewal, owner.locale);
      words["link"] = way.renewal->url.value_or("");
      auto const until = clock_source::rfc3339(way.renewal->expires_at);
      words["until"] = until.substr(0, 10) + " " + until.substr(11, 5) + " UTC";
      mail::send(tx, subscription_over, owner.locale, owner.email, words, {owner.id, id});
      tenants::note(tx, id, "billing", activity::PaymentLinkSent{"renewal"});
    } else if (!way.invoices.empty() && !lately(tx, "%")) {
      std::vector<std::int64_t> invoices;
      for (auto const& invoice : way.invoices) {
        auto& lines = words["links"];
        lines += (lines.empty() ? "" : "\n") + invoice.url;
        invoices.push_back(invoice.id);
      }
      note_invoice_mail(
          tx, mail::send(tx, payment_needed, owner.locale, owner.email, words, {owner.id, id}),
          invoices);
      tenants::note(tx, id, "billing",
                    activity::PaymentLinkSent{"invoices", std::int64_t(way.invoices.size())});
    }
    job.finish(tx);
  });
}
}  // namespace

void enqueue_payment_link(db::Tx& tx, tenants::TenantId id, Occasion occasion) {
  jobs::enqueue(tx, SendPaymentLink{id.value, occasion},
                {.dedupe_key = std::to_string(id.value) + std::string{name_of(occasion)}});
}

void add_payment_link_endpoint(http::Api& api) {
  api.add(http::Endpoint<Asked, Accepted>{
      .route = "POST /pay/{subdomain}",
      .summary = "Mail the owner of a stopped tenant what has to be paid",
      .tag = "Sign-up",
      .audit = "tenant.payment_link_asked",
      .limit = http::per_minute(5),
      .handle =
          [](http::Context& context, Asked const& asked) {
            if (auto const id =
                    context.tx.maybe<tenants::TenantId>(unpaid_tenant, asked.subdomain)) {
              context.audit_target = id->text();
              enqueue_payment_link(context.tx, *id, Occasion::asked);
            }
            return Accepted{true, !context.settings.smtp_url.empty()};
          },
  });
}

void add_payment_link_worker(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<SendPaymentLink>{
      .timeout = jobs::Seconds{300},
      .serialise =
          [](SendPaymentLink const& args) {
            return "billing.tenant:" + std::to_string(args.tenant_id);
          },
      .run =
          [&settings](jobs::Context& job, SendPaymentLink const& args) {
            with_stripe(job, [&] { send(job, args, settings); });
          },
      .dead =
          [](db::Tx& tx, SendPaymentLink const& args, std::string const& error) {
            tenants::note(tx, tenants::TenantId{args.tenant_id}, "billing",
                          activity::PaymentLinkFailed{error});
          }});
}

}  // namespace billing
