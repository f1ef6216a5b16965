#include "billing/trials.hpp"

#include "billing/plan_mails.hpp"
#include "customers/customers.hpp"
#include "platform/mail/mail.hpp"
#include "platform/money/money.hpp"
#include "tenants/addresses.hpp"
#include "tenants/tenants.hpp"

namespace billing {

namespace {
mail::Declared const trial_ends{
    "trial_ends",
    {"{address}: your trial ends on {day}",
     "Hello {name},\n\nthe trial of {address} ends on {day}. From then on {price} is charged with "
     "the payment method that you gave.\n\nYou need not do anything to go on. To choose another "
     "plan or another card, or to cancel before that day:\n\n{page}\n\nQuestions? {support}\n"},
    {"{address}: tu periodo de prueba termina el {day}",
     "Hola, {name}:\n\nEl periodo de prueba de {address} termina el {day}. A partir de ese día se "
     "cobra {price} con el método de pago que diste.\n\nPara seguir no tienes que hacer nada. Para "
     "elegir otro plan u otra tarjeta, o cancelar antes de ese día:\n\n{page}\n\n¿Preguntas? "
     "{support}\n"}};

mail::Declared const trial_ends_without_card{
    "trial_ends_without_card",
    {"{address}: your trial ends on {day}, and there is no payment method",
     "Hello {name},\n\nthe trial of {address} ends on {day}, and there is no payment method that "
     "could be charged. To go on for {price}, add one on your page before that day:\n\n{page}\n\n"
     "Otherwise {address} stops then. Nothing is deleted, and a subscription brings it "
     "back.\n\nQuestions? {support}\n"},
    {"{address}: tu periodo de prueba termina el {day} y falta un método de pago",
     "Hola, {name}:\n\nEl periodo de prueba de {address} termina el {day} y no hay ningún método "
     "de "
     "pago en el que cobrar. Para seguir por {price}, añade uno en tu página antes de ese "
     "día:\n\n{page}\n\nSi no, {address} se para entonces. No se borra nada, y con una suscripción "
     "vuelve a funcionar.\n\n¿Preguntas? {support}\n"}};

db::Query const has_method{"billing.has_payment_method", R"sql(
  SELECT EXISTS (SELECT FROM payment_methods WHERE customer_id = $1 AND "default")
)sql"};
db::Query const tenant_of{"billing.tenant_of_trial", R"sql(
  SELECT tenant_id FROM subscriptions
   WHERE stripe_subscription_id = $1 AND tenant_id IS NOT NULL AND ended_at IS NULL
)sql"};

db::Query const end_of_trial{"billing.end_of_trial", R"sql(
  SELECT trial_end FROM subscriptions
   WHERE stripe_subscription_id = $1 AND status = 'trialing' AND trial_end IS NOT NULL
)sql"};

/// Of the one item that ours have; what a discount leaves of it is known when it is charged.
std::string price_of(stripe::Object const& subscription, i18n::Locale locale) {
  auto const quantity =
      std::max<std::int64_t>(1, stripe::integer(subscription, "items.data.0.quantity"));
  auto const amount =
      money::times(stripe::integer(subscription, "items.data.0.price.unit_amount"), quantity);
  auto out =
      price_text({stripe::text(subscription, "currency"), amount},
                 stripe::text(subscription, "items.data.0.price.recurring.interval"), locale);
  if (auto const* all = stripe::find(subscription, "discounts");
      all && all->is_array() && !all->get_array().empty())
    out += locale == i18n::Locale::es ? " (menos tu descuento)" : " (less your discount)";
  return out;
}
}  // namespace

std::optional<Time> trial_end_of(db::Tx& tx, std::string_view stripe_subscription_id) {
  return tx.maybe<Time>(end_of_trial, stripe_subscription_id);
}

void remind_of_trial_end(db::Tx& tx, config::Settings const& settings,
                         stripe::Object const& subscription) {
  auto const ends = stripe::time(subscription, "trial_end");
  bool const goes_on = stripe::text(subscription, "status") == "trialing" &&
                       !stripe::boolean(subscription, "cancel_at_period_end") &&
                       !stripe::time(subscription, "cancel_at");
  if (!goes_on || !ends || *ends <= clock_source::now()) return;
  auto const id = stripe::text(subscription, "id");
  auto const tenant_id = tx.maybe<tenants::TenantId>(tenant_of, id);
  if (!tenant_id) return;
  auto const tenant = tenants::get(tx, *tenant_id);
  auto const owner = customers::get(tx, tenant.customer_id);
  auto const day = clock_source::rfc3339(*ends).substr(0, 10);
  auto const& what = tx.one<bool>(has_method, owner.id) ? trial_ends : trial_ends_without_card;
  mail::send_once(tx, "trial/" + id + "/" + day, what, owner.locale, owner.email,
                  {{"name", owner.name},
                   {"address", tenants::authority_of(settings, tenant.subdomain)},
                   {"day", day},
                   {"price", price_of(subscription, owner.locale)},
                   {"page", settings.public_url + "/portal"},
                   {"support", settings.support_email}},
                  {owner.id, tenant.id});
}

}  // namespace billing
