#pragma once
// The mails of a sign-up, in both languages.
#include "platform/mail/mail.hpp"

namespace signup {

inline mail::Declared const payment_received{
    "payment_received",
    {"We are building {address}",
     "Hello {name},\n\nthank you: your payment has arrived and {address} is being built now.\n"
     "You can watch it here, on any device:\n\n{status_url}\n\nThis usually takes less than a "
     "minute. We write again as soon as it runs.\n"},
    {"Estamos creando {address}",
     "Hola, {name}:\n\nGracias. Hemos recibido el pago y {address} ya se está creando.\n"
     "Puedes seguirlo aquí, desde cualquier dispositivo:\n\n{status_url}\n\nSuele tardar menos de "
     "un minuto. Te escribiremos en cuanto esté en marcha.\n"}};

inline mail::Declared const trial_begun{
    "trial_begun",
    {"We are building {address}: your trial has begun",
     "Hello {name},\n\nyour trial of {address} has begun, and nothing was charged. It runs until "
     "{day}; from then on {price} is charged with the payment method that you gave, less any "
     "discount of yours. We remind you before that day.\n\n{address} is being built now. You can "
     "watch it here, on any device:\n\n{status_url}\n\nTo choose another plan, or to cancel before "
     "that day, open your page: {page}\n\nQuestions? {support}\n"},
    {"Estamos creando {address}: tu prueba ha empezado",
     "Hola, {name}:\n\nTu prueba de {address} ha empezado y no se ha cobrado nada. Dura hasta el "
     "{day}; a partir de ese día se cobra {price} con el método de pago que diste, menos el "
     "descuento que tengas. Te avisaremos antes.\n\n{address} ya se está creando. Puedes seguirlo "
     "aquí, desde cualquier dispositivo:\n\n{status_url}\n\nPara elegir otro plan, o cancelar "
     "antes de ese día, abre tu página: {page}\n\n¿Preguntas? {support}\n"}};

inline mail::Declared const no_second_trial{
    "no_second_trial",
    {"The trial of {address} cannot begin",
     "Hello {name},\n\nthere is one trial a person, and with this email address or this payment "
     "method there has been a subscription before. So the trial of {address} has not begun, and "
     "its subscription is canceled. {money}\n\nThe name is kept for you for a while. To have "
     "{address} without a trial, for {price}, go on here:\n\n{status_url}\n\nWas it not you? Then "
     "just ignore this: nothing is charged. Questions? {support}\n"},
    {"La prueba de {address} no puede empezar",
     "Hola, {name}:\n\nHay una sola prueba por persona, y con este correo o este método de pago ya "
     "ha habido una suscripción. Por eso la prueba de {address} no ha empezado y su suscripción "
     "está cancelada. {money}\n\nTe guardamos el nombre un tiempo. Si quieres {address} sin "
     "prueba, por {price}, sigue aquí:\n\n{status_url}\n\n¿No has sido tú? Entonces no hagas caso: "
     "no se cobra nada. ¿Preguntas? {support}\n"}};

inline mail::Declared const waiting_for_bank{
    "waiting_for_bank",
    {"We wait for your bank to build {address}",
     "Hello {name},\n\nyou pay {address} by bank debit. Banks need a few business days for that; "
     "as "
     "soon as yours has confirmed it we build {address} and write to you. The name is kept for you "
     "until then, and there is nothing more to do.\n\nYou can see how it stands here, on any "
     "device:\n\n{status_url}\n\nQuestions? {support}\n"},
    {"Esperamos a tu banco para crear {address}",
     "Hola, {name}:\n\nPagas {address} por adeudo bancario. Los bancos tardan unos días hábiles; "
     "en "
     "cuanto el tuyo lo confirme crearemos {address} y te escribiremos. Te guardamos el nombre "
     "hasta entonces y no tienes que hacer nada más.\n\nPuedes ver cómo va aquí, desde cualquier "
     "dispositivo:\n\n{status_url}\n\n¿Preguntas? {support}\n"}};

inline mail::Declared const tenant_ready{
    "tenant_ready",
    {"{address} is ready",
     "Hello {name},\n\n{address} is running. Open it with this link; it works once and makes you "
     "its owner on this device:\n\n{owner_link}\n\nThe address itself is {url}\n\n"
     "Questions? {support}\n"},
    {"{address} está listo",
     "Hola, {name}:\n\n{address} ya está en marcha. Ábrelo con este enlace; sirve una sola vez y "
     "te reconoce como propietario en este dispositivo:\n\n{owner_link}\n\nLa dirección es "
     "{url}\n\n"
     "¿Preguntas? {support}\n"}};

inline mail::Declared const payment_failed{
    "payment_failed",
    {"Your payment for {address} did not go through",
     "Hello {name},\n\nyour bank did not confirm the payment for {address}, so nothing was charged "
     "and nothing was built. The name is kept for you for a while; you can pay another way "
     "here:\n\n{status_url}\n"},
    {"El pago de {address} no se ha completado",
     "Hola, {name}:\n\nTu banco no ha confirmado el pago de {address}, así que no se ha cobrado "
     "nada ni se ha creado nada. Te guardamos el nombre un tiempo; puedes pagar de otra forma "
     "aquí:\n\n{status_url}\n"}};

inline mail::Declared const provisioning_given_up{
    "provisioning_given_up",
    {"We could not build {address}",
     "Hello {name},\n\nwe tried several times and could not get {address} to run. That is our "
     "fault, not yours. The subscription is canceled. {money}\n\nCase: {case_id}. Write to "
     "{support} and we will make it right.\n"},
    {"No hemos podido crear {address}",
     "Hola, {name}:\n\nLo hemos intentado varias veces y no hemos conseguido poner en marcha "
     "{address}. Es culpa nuestra, no tuya. La suscripción está cancelada. {money}\n\nCaso: "
     "{case_id}. Escribe a {support} y lo arreglaremos.\n"}};

inline mail::Declared const paid_after_name_was_gone{
    "paid_after_name_was_gone",
    {"Your order came after {address} had been given to somebody else",
     "Hello {name},\n\nwe kept {address} for you as long as we could, but your order was completed "
     "after that time, and meanwhile somebody else had taken the name. So nothing was built, and "
     "the subscription is canceled. {money}\n\nYou are welcome to choose another name: "
     "{start_url}\n\nCase: {case_id}. Questions? {support}\n"},
    {"Tu pedido ha llegado cuando {address} ya era de otra persona",
     "Hola, {name}:\n\nTe guardamos {address} todo el tiempo posible, pero el pedido se completó "
     "después y, mientras tanto, otra persona se quedó con el nombre. Por eso no se ha creado nada "
     "y la "
     "suscripción está cancelada. {money}\n\nPuedes elegir otro nombre cuando quieras: "
     "{start_url}\n\nCaso: {case_id}. ¿Preguntas? {support}\n"}};

inline mail::Declared const paid_after_place_was_gone{
    "paid_after_place_was_gone",
    {"Your order came when there was no place left for {address}",
     "Hello {name},\n\nwe kept a place for {address} as long as we could, but your order "
     "was completed after that time, when all places had been taken. So nothing was built, and the "
     "subscription is canceled. {money}\n\nLeave your address there and we write when there is a "
     "place again: {start_url}\n\nCase: {case_id}. Questions? {support}\n"},
    {"Tu pedido ha llegado cuando ya no quedaba sitio para {address}",
     "Hola, {name}:\n\nTe guardamos un sitio para {address} todo el tiempo posible, pero el pedido "
     "se completó después, cuando ya estaban todos ocupados. Por eso no se ha creado nada y la "
     "suscripción está cancelada. {money}\n\nDéjanos tu correo ahí y te avisamos cuando vuelva a "
     "haber sitio: {start_url}\n\nCaso: {case_id}. ¿Preguntas? {support}\n"}};

inline mail::Declared const stopped_before_ready{
    "stopped_before_ready",
    {"{address} has been stopped before it was ready",
     "Hello {name},\n\nwe have stopped {address} before it was ready, and nothing of it is left. "
     "The subscription is canceled. {money}\n\nCase: {case_id}. Was this not what you wanted? "
     "Write to {support}\n"},
    {"{address} se ha detenido antes de estar listo",
     "Hola, {name}:\n\nHemos detenido {address} antes de que estuviera listo y no queda nada. La "
     "suscripción está cancelada. {money}\n\nCaso: {case_id}. ¿No era lo que querías? Escribe a "
     "{support}\n"}};

inline mail::Declared const paid_on_closed_page{
    "paid_on_closed_page",
    {"Your order of {address} does not count",
     "Hello {name},\n\nyour order of {address} came on a payment page that had been closed just "
     "then, because the order was changed or its time was over. So it does not count, and its "
     "subscription is canceled. {money}\n\nCase: {case_id}. Questions? {support}\n"},
    {"Tu pedido de {address} no cuenta",
     "Hola, {name}:\n\nTu pedido de {address} llegó por una página de pago que se acababa de "
     "cerrar, "
     "porque el pedido había cambiado o se había agotado el tiempo. Por eso no cuenta y su "
     "suscripción está cancelada. {money}\n\nCaso: {case_id}. ¿Preguntas? {support}\n"}};

inline mail::Declared const paid_twice{
    "paid_twice",
    {"You have ordered {address} twice",
     "Hello {name},\n\nwe have received a second order of {address}. One is enough, so the "
     "second subscription is canceled. {money} {address} goes on with the first.\n\nCase: "
     "{case_id}. Questions? {support}\n"},
    {"Has pedido {address} dos veces",
     "Hola, {name}:\n\nHemos recibido un segundo pedido de {address}. Con uno basta, así que la "
     "segunda suscripción está cancelada. {money} {address} sigue con la primera.\n\nCaso: "
     "{case_id}. ¿Preguntas? {support}\n"}};

inline mail::Declared const place_again{
    "place_again",
    {"There is a place again",
     "Hello,\n\nyou asked us to write when there is a place again. There is one now:\n\n{url}\n\n"
     "This is the only mail about it. Was it not you? Then just ignore it. Questions? {support}\n"},
    {"Vuelve a haber sitio",
     "Hola:\n\nNos pediste que te avisáramos cuando volviera a haber sitio. Ya lo hay:\n\n{url}\n\n"
     "Este es el único correo que te mandamos sobre ello. ¿No fuiste tú? Entonces no hagas caso. "
     "¿Preguntas? {support}\n"},
    true};

}  // namespace signup
