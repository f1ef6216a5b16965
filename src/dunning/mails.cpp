// The templates, and the sentences about what comes next: out of the same plan that is acted on.
#include "dunning/mails.hpp"

#include <algorithm>

#include "platform/mail/mail.hpp"
#include "platform/money/money.hpp"

namespace dunning {

namespace {
mail::Declared const first_mail{
    "dunning_first_mail",
    {"A payment for {address} did not go through",
     "Hello {name},\n\nwe could not collect this payment for {address}:\n\n{invoices}\n\nOften the "
     "card has expired or the bank wants to be asked. Pay at the address above, with the same "
     "card or another one.\n\n{next}\n\nThe address opens your invoice to anybody who has "
     "it.\n\nQuestions? {support}\n"},
    {"No hemos podido cobrar un pago de {address}",
     "Hola, {name}:\n\nNo hemos podido cobrar este pago de {address}:\n\n{invoices}\n\nA menudo la "
     "tarjeta ha caducado o el banco pide una confirmación. Paga en la dirección de arriba, con la "
     "misma tarjeta o con otra.\n\n{next}\n\nLa dirección abre tu factura a cualquiera que la "
     "tenga.\n\n¿Preguntas? {support}\n"}};

mail::Declared const second_mail{
    "dunning_second_mail",
    {"Reminder: a payment for {address} is outstanding",
     "Hello {name},\n\nthis payment for {address} is still outstanding:\n\n{invoices}\n\n{next}\n\n"
     "If you cannot pay at the moment, write to {support}: we find a way.\n\nThe address opens "
     "your invoice to anybody who has it.\n"},
    {"Recordatorio: hay un pago pendiente de {address}",
     "Hola, {name}:\n\nEste pago de {address} sigue pendiente:\n\n{invoices}\n\n{next}\n\nSi ahora "
     "no puedes pagar, escribe a {support} y buscamos una solución.\n\nLa dirección abre tu "
     "factura a cualquiera que la tenga.\n"}};

mail::Declared const third_mail{
    "dunning_third_mail",
    {"A payment for {address} has been outstanding for a while",
     "Hello {name},\n\nwe have not received this payment for {address} "
     "yet:\n\n{invoices}\n\n{next}\n\nIf something is wrong with the invoice, or you cannot pay at "
     "the moment, write to {support}.\n\nThe address opens your invoice to anybody who has it.\n"},
    {"Hay un pago de {address} pendiente desde hace días",
     "Hola, {name}:\n\nTodavía no hemos recibido este pago de "
     "{address}:\n\n{invoices}\n\n{next}\n\nSi algo no cuadra en la factura o ahora no puedes "
     "pagar, escribe a {support}.\n\nLa dirección abre tu factura a cualquiera que la tenga.\n"}};

mail::Declared const warning{
    "dunning_warning",
    {"{address} will be suspended: a payment is outstanding",
     "Hello {name},\n\nthis payment for {address} is still "
     "outstanding:\n\n{invoices}\n\n{next}\n\nOnce it is paid, everything goes on by itself. If "
     "you "
     "cannot pay at the moment, write to {support} before that day.\n\nThe address opens your "
     "invoice to anybody who has it.\n"},
    {"{address} se va a suspender: hay un pago pendiente",
     "Hola, {name}:\n\nEste pago de {address} sigue "
     "pendiente:\n\n{invoices}\n\n{next}\n\nEn cuanto se pague, todo sigue como antes. Si ahora no "
     "puedes pagar, escribe a {support} antes de ese día.\n\nLa dirección abre tu factura a "
     "cualquiera que la tenga.\n"}};

mail::Declared const held{
    "dunning_hold",
    {"{address} is suspended: a payment is outstanding",
     "Hello {name},\n\n{address} has been suspended, because this payment is "
     "outstanding:\n\n{invoices}\n\nNothing is deleted. Pay at the address above, and it runs "
     "again by itself within a minute.\n\n{next}\n\nThe address opens your invoice to anybody who "
     "has it.\n\nQuestions? {support}\n"},
    {"{address} está suspendido: hay un pago pendiente",
     "Hola, {name}:\n\n{address} se ha suspendido porque este pago está "
     "pendiente:\n\n{invoices}\n\nNo se borra nada. Paga en la dirección de arriba y volverá a "
     "funcionar solo en un minuto.\n\n{next}\n\nLa dirección abre tu factura a cualquiera que la "
     "tenga.\n\n¿Preguntas? {support}\n"}};

mail::Declared const archived{
    "dunning_archive",
    {"{address} has been archived",
     "Hello {name},\n\n{address} was suspended because of an unpaid invoice, and has now been "
     "archived. Its subscription ends with that: nothing more is charged.\n\n{next} As long as "
     "it is archived we can bring it back: write to {support}\n"},
    {"{address} se ha archivado",
     "Hola, {name}:\n\n{address} estaba suspendido por una factura sin pagar y ahora se ha "
     "archivado. Con ello termina su suscripción: no se cobra nada más.\n\n{next} Mientras esté "
     "archivado podemos recuperarlo: escribe a {support}\n"}};

mail::Declared const purged{
    "dunning_purge",
    {"{address} has been deleted",
     "Hello {name},\n\nan invoice of {address} was never paid. As we wrote, the system has now "
     "been "
     "deleted with its data.\n\nQuestions? {support}\n"},
    {"{address} se ha borrado",
     "Hola, {name}:\n\nUna factura de {address} no se llegó a pagar. Como te avisamos, el sistema "
     "se ha borrado con sus datos.\n\n¿Preguntas? {support}\n"}};

mail::Template const& template_of(Step step) {
  switch (step) {
    case Step::first_mail:
      return first_mail;
    case Step::second_mail:
      return second_mail;
    case Step::third_mail:
      return third_mail;
    case Step::warning:
      return warning;
    case Step::hold:
      return held;
    case Step::archive:
      return archived;
    case Step::purge:
      return purged;
  }
  throw std::logic_error{"a step without a mail"};
}

std::string day_of(Time time) { return clock_source::rfc3339(time).substr(0, 10); }

std::string invoices_of(Look const& look, i18n::Locale locale) {
  std::string text;
  for (auto const& debt : look.debts) {
    if (!text.empty()) text += '\n';
    text += debt.number + ": " + money::text(debt.amount, debt.currency, locale);
    if (debt.address) text += "\n" + *debt.address;
  }
  return text;
}

/// What comes by itself if nobody pays: Stripe's next attempt, and the next thing that is taken.
std::string next_of(Look const& look, std::string const& address, i18n::Locale locale, Time now) {
  bool const spanish = locale == i18n::Locale::es;
  std::vector<std::string> sentences;
  auto const add = [&](std::string const& english, std::string const& in_spanish) {
    sentences.push_back(spanish ? in_spanish : english);
  };
  if (auto const next = look.debts.front().next_attempt; next && *next > now) {
    auto const day = day_of(*next);
    add("We try again to collect it on " + day + ".",
        "Volveremos a intentar el cobro el " + day + ".");
  }
  auto const planned = plan(look.facts(look.open->ladder), now);
  auto const coming = std::ranges::find_if(planned, [](Planned const& one) {
    return !is_mail(one.step) && one.progress == Progress::coming;
  });
  if (look.standing.held_since && !look.has(Step::archive))
    add(address + " is suspended until it is paid.",
        address + " está suspendido hasta que se pague.");
  if (coming != planned.end()) {
    auto const day = day_of(std::max(*coming->at, now));
    if (coming->step == Step::hold)
      add("Without payment, " + address + " is suspended on " + day + ". Nothing is deleted.",
          "Sin el pago, " + address + " se suspende el " + day + ". No se borra nada.");
    else if (coming->step == Step::archive)
      add("Without payment it is archived on " + day + ", and its subscription ends.",
          "Sin el pago se archiva el " + day + " y termina su suscripción.");
    else
      add("On " + day + " it is deleted with its data.", "El " + day + " se borra con sus datos.");
  }
  if (sentences.empty() && look.has(Step::archive))
    add("Nothing of it is deleted for now.", "De momento no se borra nada.");
  if (sentences.empty()) add("It keeps running meanwhile.", "Mientras tanto sigue funcionando.");
  std::string text;
  for (auto const& sentence : sentences) text += (text.empty() ? "" : " ") + sentence;
  return text;
}
}  // namespace

std::int64_t write_to_owner(db::Tx& tx, config::Settings const& settings, Step step,
                            Look const& look, Time now) {
  auto const owner = customers::get(tx, look.standing.customer_id);
  auto const address = tenants::get(tx, look.standing.id).subdomain + "." + settings.tenant_domain;
  // However often its cases come and go, of one invoice each step is told once.
  auto const key =
      "dunning/inv_" + std::to_string(look.open->invoice_id) + "/" + std::string{name_of(step)};
  auto const sent = mail::send_once(tx, key, template_of(step), owner.locale, owner.email,
                                    {{"name", owner.name},
                                     {"address", address},
                                     {"invoices", invoices_of(look, owner.locale)},
                                     {"next", next_of(look, address, owner.locale, now)},
                                     {"support", settings.support_email}},
                                    {owner.id, look.standing.id});
  return sent.id;
}

}  // namespace dunning
