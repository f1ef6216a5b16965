// An invoice's own address opens to everybody who has it, so it goes to the owner's mailbox and
// nowhere else; who asks for it learns nothing.
#include "billing/payment_links.hpp"

#include "customers/customers.hpp"
#include "platform/mail/mail.hpp"

namespace billing {

namespace {
constexpr mail::Template payment_needed{
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

// Of its subscription, or of the customer alone: those are not for another tenant either.
db::Query const open_invoices{"billing.open_invoices", R"sql(
  SELECT hosted_invoice_url FROM billing_invoices i
   WHERE customer_id = $1 AND status = 'open' AND hosted_invoice_url IS NOT NULL
     AND (subscription_id IS NULL
          OR subscription_id IN (SELECT id FROM subscriptions WHERE tenant_id = $2))
   ORDER BY date, id LIMIT 10
)sql"};
db::Query const sent_lately{"billing.payment_link_sent_lately", R"sql(
  SELECT EXISTS (SELECT 1 FROM tenant_events
                  WHERE tenant_id = $1 AND kind = 'payment_link_sent'
                    AND created_at > now() - interval '1 hour')
)sql"};
db::Query const unpaid_tenant{"billing.unpaid_tenant", R"sql(
  SELECT id FROM tenants t WHERE subdomain = $1
     AND EXISTS (SELECT 1 FROM tenant_holds
                  WHERE tenant_id = t.id AND reason IN ('billing', 'trial_ended'))
)sql"};

struct Asked {
  std::string subdomain;
  static constexpr auto fields() {
    return ::fields(
        field("subdomain", &Asked::subdomain, {.doc = "The tenant's name", .max_length = 64}));
  }
};
struct Accepted {
  bool accepted;
  static constexpr auto fields() {
    return ::fields(field("accepted", &Accepted::accepted,
                          {.doc = "Always true, whether there is something to pay or not"}));
  }
};

void send(jobs::Context& job, tenants::TenantId id, config::Settings const& settings) {
  job.transact([&](db::Tx& tx) {
    auto const tenant = tenants::lock(tx, id);
    auto const links = tx.all<std::string>(open_invoices, tenant.customer_id, id);
    if (!links.empty() && !tx.one<bool>(sent_lately, id)) {
      std::string lines;
      for (auto const& link : links) lines += (lines.empty() ? "" : "\n") + link;
      auto const owner = customers::get(tx, tenant.customer_id);
      mail::send(tx, payment_needed, owner.locale, owner.email,
                 {{"name", owner.name},
                  {"address", tenant.subdomain + "." + settings.tenant_domain},
                  {"links", lines},
                  {"support", settings.support_email}});
      tenants::note(tx, id, "payment_link_sent", "billing", std::to_string(links.size()));
    }
    job.finish(tx);
  });
}
}  // namespace

void enqueue_payment_link(db::Tx& tx, tenants::TenantId id) {
  jobs::enqueue(tx, SendPaymentLink{id.value}, {.dedupe_key = std::to_string(id.value)});
}

void add_payment_link_endpoint(http::Api& api) {
  api.add(http::Endpoint<Asked, Accepted>{
      .route = "POST /pay/{subdomain}",
      .summary = "Mail the owner of a stopped tenant the addresses of its open invoices",
      .tag = "Sign-up",
      .audit = "tenant.payment_link_asked",
      .limit = http::per_minute(5),
      .handle =
          [](http::Context& context, Asked const& asked) {
            if (auto const id =
                    context.tx.maybe<tenants::TenantId>(unpaid_tenant, asked.subdomain)) {
              context.audit_target = id->text();
              enqueue_payment_link(context.tx, *id);
            }
            return Accepted{true};
          },
  });
}

void add_payment_link_worker(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<SendPaymentLink>{
      .run = [&settings](jobs::Context& job, SendPaymentLink const& args) {
        send(job, tenants::TenantId{args.tenant_id}, settings);
      }});
}

}  // namespace billing
