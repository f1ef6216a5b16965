// Asking for a link. Whoever asks learns nothing: one job is put down whether the customer is known
// or not, and only the mail tells.
#include "activity/activity.hpp"
#include "platform/config/config.hpp"
#include "platform/json/checks.hpp"
#include "platform/mail/mail.hpp"
#include "portal/doors.hpp"
#include "portal/sessions.hpp"
#include "tenants/tenants.hpp"

namespace portal {

namespace {
mail::Declared const portal_link{
    "portal_link",
    {"Your page of {company}: invoices, card and subscription",
     "Hello {name},\n\nhere you see what runs for {company} and what comes next, get your "
     "invoices, choose another plan, change the card and cancel:\n\n{link}\n\nThe link works once "
     "and for an hour. Whoever opens "
     "it can do all of that, so do not pass it on.\n\nWas it not you who asked for it? Then just "
     "ignore this mail. Questions? {support}\n"},
    {"Tu página de {company}: facturas, tarjeta y suscripción",
     "Hola, {name}:\n\nAquí ves qué tienes contratado para {company} y qué viene después, "
     "descargas tus facturas, eliges otro plan, cambias la tarjeta y puedes darte de "
     "baja:\n\n{link}\n\nEl enlace sirve una "
     "sola vez y durante una hora. Quien lo abra puede hacer todo eso, así que no se lo pases a "
     "nadie.\n\n¿No lo has pedido tú? Entonces no hagas caso de este correo. ¿Preguntas? "
     "{support}\n"},
    false,
    link_life};

// Who has only looked at a payment page has nothing to see; the demo's customers do not exist.
constexpr auto has_something = R"sql(
  NOT c.is_demo
  AND (EXISTS (SELECT FROM subscriptions WHERE customer_id = c.id)
       OR EXISTS (SELECT FROM billing_invoices WHERE customer_id = c.id)
       OR EXISTS (SELECT FROM tenants WHERE customer_id = c.id AND live_at IS NOT NULL))
)sql";
// A person may have signed up more than once: each of their customers has its page.
db::Query const by_email{"portal.customers_by_email",
                         std::string{"SELECT c.id FROM customers AS c WHERE lower(c.email) = "
                                     "lower($1) AND "} +
                             has_something + " ORDER BY c.id DESC LIMIT 5"};
db::Query const by_subdomain{"portal.customer_by_subdomain",
                             std::string{"SELECT c.id FROM tenants AS t JOIN customers AS c ON "
                                         "c.id = t.customer_id WHERE t.subdomain = lower($1) AND "
                                         "t.state NOT IN ('purged', 'rolled_back') AND "} +
                                 has_something};

db::Query const is_customer{"portal.is_customer",
                            std::string{"SELECT EXISTS (SELECT FROM customers AS c WHERE c.id = $1 "
                                        "AND "} +
                                has_something + ")"};
constexpr ProblemType customer_not_found{Kind::not_found, "customer_not_found",
                                         "There is no such customer who has a page"};

/// Works the same whether there is anybody to write to.
struct SendLinks {
  static constexpr std::string_view kind = "portal.send_links";
  std::vector<std::int64_t> customer_ids;
  std::string asked_by;
};

struct Asked {
  std::optional<std::string> email, subdomain, token;
  static constexpr auto rules() {
    return ::rules(rule(&Asked::email, {.doc = "The address that the customer signed up with",
                                        .example = "ada@example.com",
                                        .min_length = 3,
                                        .max_length = 254,
                                        .format = "email",
                                        .check = checks::email}),
                   rule(&Asked::subdomain,
                        {.doc = "Or one of their tenants", .min_length = 1, .max_length = 64}),
                   rule(&Asked::token, {.doc = "Or a link of theirs that is over",
                                        .min_length = 1,
                                        .max_length = 100,
                                        .secret = true}));
  }
};
struct Accepted {
  bool accepted, mailed;
  static constexpr auto rules() {
    return ::rules(rule(&Accepted::accepted, {.doc = "Always true, whether anybody is known or "
                                                     "not; nothing is sent while a link waits"}),
                   rule(&Accepted::mailed,
                        {.doc = "False where no mail server is set: the staff has to pass the "
                                "link on"}));
  }
};

std::vector<customers::CustomerId> meant_by(db::Tx& tx, Asked const& asked) {
  if (asked.email) return tx.all<customers::CustomerId>(by_email, *asked.email);
  std::optional<customers::CustomerId> one;
  if (asked.subdomain)
    one = tx.maybe<customers::CustomerId>(by_subdomain, *asked.subdomain);
  else
    one = owner_of_link(tx, *asked.token);
  if (!one) return {};
  return {*one};
}

void enqueue(db::Tx& tx, std::vector<customers::CustomerId> const& customers,
             std::string_view asked_by) {
  SendLinks args{{}, std::string{asked_by}};
  auto key = args.asked_by;
  for (auto const customer : customers) {
    args.customer_ids.push_back(customer.value);
    key += " " + std::to_string(customer.value);
  }
  jobs::enqueue(tx, args, {.dedupe_key = key});
}

Accepted ask(http::Context& context, Asked const& asked) {
  if (int(asked.email.has_value()) + int(asked.subdomain.has_value()) +
          int(asked.token.has_value()) !=
      1)
    throw refusal(wrong<faults::required>("/email"));
  auto const customers = meant_by(context.tx, asked);
  if (!customers.empty()) context.audit_target = customers.front().text();
  enqueue(context.tx, customers, http::visitor);
  return {true, !context.settings.smtp_url.empty()};
}

struct OneTenant {
  tenants::TenantId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneTenant::id, {.doc = "Id of the tenant"}));
  }
};

Accepted send_by_staff(http::Context& context, OneTenant const& request) {
  auto const tenant = tenants::get(context.tx, request.id);
  context.audit_target = tenant.customer_id.text();
  enqueue(context.tx, {tenant.customer_id}, context.actor.label());
  return {true, !context.settings.smtp_url.empty()};
}

struct OneCustomer {
  customers::CustomerId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneCustomer::id, {.doc = "Id of the customer"}));
  }
};

Accepted send_to_customer(http::Context& context, OneCustomer const& request) {
  if (!context.tx.one<bool>(is_customer, request.id)) throw Problem{customer_not_found};
  context.audit_target = request.id.text();
  enqueue(context.tx, {request.id}, context.actor.label());
  return {true, !context.settings.smtp_url.empty()};
}

void send(db::Tx& tx, config::Settings const& settings, customers::CustomerId id,
          std::string const& asked_by) {
  auto const token = make_link(tx, id, asked_by == http::visitor ? By::customer : By::staff);
  if (!token) return;
  auto const customer = customers::get(tx, id);
  mail::send(tx, portal_link, customer.locale, customer.email,
             {{"name", customer.name},
              {"company", customer.company},
              {"link", settings.public_url + "/portal/" + *token},
              {"support", settings.support_email}},
             {.customer = id});
  activity::record(tx, {.customer = id}, asked_by, activity::PortalLinkSent{});
}
}  // namespace

void add_link_endpoints(http::Api& api) {
  api.add(http::Endpoint<Asked, Accepted>{
      .route = "POST /api/portal/links",
      .summary = "Mail a customer the link to their page",
      .tag = "Portal",
      .audit = "portal.link_asked",
      .limit = http::per_minute(5),
      .handle = ask,
  });
  api.add(http::Endpoint<OneTenant, Accepted>{
      .route = "POST /api/tenants/{id}/portal-link",
      .summary = "Mail a tenant's customer the link to their page",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "portal.link_sent",
      .limit = http::per_minute(20),
      .problems = {tenants::tenant_not_found},
      .handle = send_by_staff,
  });
  api.add(http::Endpoint<OneCustomer, Accepted>{
      .route = "POST /api/customers/{id}/portal-link",
      .summary = "Mail a customer the link to their page, to give another card for example",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "portal.link_sent",
      .limit = http::per_minute(20),
      .problems = {customer_not_found},
      .handle = send_to_customer,
  });
}

void add_link_worker(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<SendLinks>{.run = [&settings](jobs::Context& job, SendLinks const& args) {
    job.transact([&](db::Tx& tx) {
      for (auto const id : args.customer_ids)
        send(tx, settings, customers::CustomerId{id}, args.asked_by);
      job.finish(tx);
    });
  }});
}

}  // namespace portal
