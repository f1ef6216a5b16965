#include "billing/plan_mails.hpp"

#include <fmt/format.h>

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
     "Hello {name},\n\n{address} was to change to the {plan} plan now. More is stored there than "
     "that plan holds, so everything stays as it is, and nothing was charged for the change.\n\n"
     "You can choose again on your page: {page}\n\nQuestions? {support}\n"},
    {"{address} sigue con su plan",
     "Hola, {name}:\n\n{address} iba a cambiar ahora al plan {plan}. Lo que hay guardado ocupa más "
     "de lo que ese plan permite, así que todo sigue como estaba y no se ha cobrado nada por el "
     "cambio.\n\nPuedes volver a elegir en tu página: {page}\n\n¿Preguntas? {support}\n"}};
mail::Declared const plan_ordered{
    "plan_ordered",
    {"{address} changes to the {plan} plan on {day}",
     "Hello {name},\n\n{address} changes to the {plan} plan on {day}, when its present period is "
     "over. From then on it costs {price}, before discounts and taxes. Until then nothing "
     "changes.\n\nUp to that day the present plan can be kept, on your page: {page}\n\n"
     "Questions? {support}\n"},
    {"{address} cambia al plan {plan} el {day}",
     "Hola, {name}:\n\n{address} cambia al plan {plan} el {day}, cuando termina el periodo actual. "
     "A partir de ese día cuesta {price}, sin contar descuentos ni impuestos. Hasta entonces no "
     "cambia nada.\n\nHasta ese día puedes quedarte con el plan actual, en tu página: "
     "{page}\n\n¿Preguntas? {support}\n"}};
mail::Declared const plan_order_over{
    "plan_order_over",
    {"{address} does not change to the {plan} plan after all",
     "Hello {name},\n\n{address} does not change to the {plan} plan on {day} any more. What it "
     "has, and what that costs, is on your page: {page}\n\nWas it not you? Write to {support}\n"},
    {"{address} ya no cambia al plan {plan}",
     "Hola, {name}:\n\n{address} ya no cambia al plan {plan} el {day}. Lo que tiene y lo que "
     "cuesta "
     "está en tu página: {page}\n\n¿No has sido tú? Escribe a {support}\n"}};

using Words = std::map<std::string, std::string>;
/// Words that all of them have.
Words words_of(config::Settings const& settings, tenants::Tenant const& tenant,
               customers::Customer const& owner, std::string const& plan) {
  return {{"name", owner.name},
          {"address", tenants::authority_of(settings, tenant.subdomain)},
          {"plan", plan},
          {"page", settings.public_url + "/portal"},
          {"support", settings.support_email}};
}

void tell(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
          mail::Template const& what, std::string const& plan) {
  auto const tenant = tenants::get(tx, id);
  auto const owner = customers::get(tx, tenant.customer_id);
  mail::send(tx, what, owner.locale, owner.email, words_of(settings, tenant, owner, plan),
             {owner.id, id});
}

/// Of Stripe's days, which are those of UTC.
std::string day_of(Time at) { return clock_source::rfc3339(at).substr(0, 10); }

std::string key_of(OrderedPlan const& ordered, std::string_view step) {
  return fmt::format("plan-order/{}/{}", ordered.order, step);
}
}  // namespace

std::string price_text(money::Amount const& price, std::string_view interval, i18n::Locale locale) {
  bool const is_spanish = locale == i18n::Locale::es;
  auto out = money::text(price, locale);
  if (interval == "month") out += is_spanish ? " al mes" : " a month";
  if (interval == "year") out += is_spanish ? " al año" : " a year";
  return out;
}

void tell_plan_ordered(db::Tx& tx, config::Settings const& settings, OrderedPlan const& ordered,
                       money::Amount const& price, std::string_view interval) {
  auto const tenant = tenants::get(tx, ordered.tenant);
  auto const owner = customers::get(tx, tenant.customer_id);
  auto words = words_of(settings, tenant, owner, ordered.plan);
  words["day"] = day_of(ordered.begins);
  words["price"] = price_text(price, interval, owner.locale);
  mail::send_once(tx, key_of(ordered, "ordered"), plan_ordered, owner.locale, owner.email, words,
                  {owner.id, tenant.id});
}

void tell_plan_order_over(db::Tx& tx, config::Settings const& settings,
                          OrderedPlan const& ordered) {
  auto const tenant = tenants::get(tx, ordered.tenant);
  auto const owner = customers::get(tx, tenant.customer_id);
  auto words = words_of(settings, tenant, owner, ordered.plan);
  words["day"] = day_of(ordered.begins);
  mail::send_once(tx, key_of(ordered, "over"), plan_order_over, owner.locale, owner.email, words,
                  {owner.id, tenant.id});
}

void tell_plan_changed(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
                       std::string const& plan) {
  tell(tx, settings, id, plan_changed, plan);
}

void tell_plan_stays(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
                     std::string const& plan) {
  tell(tx, settings, id, plan_stays, plan);
}

}  // namespace billing
