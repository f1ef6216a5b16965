#include "billing/plan_mails.hpp"

#include "customers/customers.hpp"
#include "platform/mail/mail.hpp"
#include "tenants/addresses.hpp"

namespace billing {

namespace {
mail::Declared const plan_changed{
    "plan_changed",
    {"{address} is now on the {plan} plan",
     "Hello {name},\n\n{address} is now on the {plan} plan. What it costs, and what comes next, "
     "is on your page: {page}\n\nWas it not you? Write to {support}\n"},
    {"{address} ya tiene el plan {plan}",
     "Hola, {name}:\n\n{address} ya tiene el plan {plan}. Lo que cuesta y lo que viene después "
     "está en tu página: {page}\n\n¿No has sido tú? Escribe a {support}\n"}};
mail::Declared const plan_stays{
    "plan_stays",
    {"{address} stays on its plan",
     "Hello {name},\n\nyou had asked for the {plan} plan for {address} from now on. More is stored "
     "there than that plan "
     "holds, so everything stays as it is, and nothing was charged for the change.\n\nYou can "
     "choose again "
     "on your page: {page}\n\nQuestions? {support}\n"},
    {"{address} sigue con su plan",
     "Hola, {name}:\n\nHabías pedido el plan {plan} para {address} a partir de hoy. Lo que hay "
     "guardado ocupa más de lo que ese plan permite, así que todo sigue como estaba y no se ha "
     "cobrado nada por el cambio.\n\nPuedes volver a elegir "
     "en tu página: {page}\n\n¿Preguntas? {support}\n"}};

void tell(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
          mail::Template const& what, std::string const& plan) {
  auto const tenant = tenants::get(tx, id);
  auto const owner = customers::get(tx, tenant.customer_id);
  std::map<std::string, std::string> const words{
      {"name", owner.name},
      {"address", tenants::authority_of(settings, tenant.subdomain)},
      {"plan", plan},
      {"page", settings.public_url + "/portal"},
      {"support", settings.support_email}};
  mail::send(tx, what, owner.locale, owner.email, words, {owner.id, id});
}
}  // namespace

void tell_plan_changed(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
                       std::string const& plan) {
  tell(tx, settings, id, plan_changed, plan);
}

void tell_plan_stays(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
                     std::string const& plan) {
  tell(tx, settings, id, plan_stays, plan);
}

}  // namespace billing
