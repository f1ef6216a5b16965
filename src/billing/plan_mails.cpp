#include "billing/plan_mails.hpp"

#include "customers/customers.hpp"
#include "platform/mail/mail.hpp"

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
     "Hello {name},\n\nyou had asked for the {plan} plan for {address} from now on. {reason} So "
     "everything stays as it is, and nothing was charged for the change.\n\nYou can choose again "
     "on your page: {page}\n\nQuestions? {support}\n"},
    {"{address} sigue con su plan",
     "Hola, {name}:\n\nHabías pedido el plan {plan} para {address} a partir de hoy. {reason} Por "
     "eso todo sigue como estaba y no se ha cobrado nada por el cambio.\n\nPuedes volver a elegir "
     "en tu página: {page}\n\n¿Preguntas? {support}\n"}};

std::string reason(bool is_too_full, i18n::Locale locale) {
  bool const is_spanish = locale == i18n::Locale::es;
  if (is_too_full)
    return is_spanish ? "Lo que hay guardado ocupa más de lo que ese plan permite."
                      : "More is stored there than that plan holds.";
  return is_spanish ? "Ese plan ya no se vende." : "That plan is not sold any more.";
}

void tell(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
          mail::Template const& what, std::string const& plan, bool is_too_full) {
  auto const tenant = tenants::get(tx, id);
  auto const owner = customers::get(tx, tenant.customer_id);
  std::map<std::string, std::string> words{
      {"name", owner.name},
      {"address", tenant.subdomain + "." + settings.tenant_domain},
      {"plan", plan},
      {"page", settings.public_url + "/portal"},
      {"support", settings.support_email}};
  if (what.name == plan_stays.name) words["reason"] = reason(is_too_full, owner.locale);
  mail::send(tx, what, owner.locale, owner.email, words, {owner.id, id});
}
}  // namespace

void tell_plan_changed(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
                       std::string const& plan) {
  tell(tx, settings, id, plan_changed, plan, false);
}

void tell_plan_stays(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
                     std::string const& plan, bool is_too_full) {
  tell(tx, settings, id, plan_stays, plan, is_too_full);
}

}  // namespace billing
