#pragma once
// The mails of a sign-up, in both languages.
#include "platform/mail/mail.hpp"

namespace signup {

inline constexpr mail::Template payment_received{
    "payment_received",
    {"We are building {address}",
     "Hello {name},\n\nthank you: your payment has arrived and {address} is being built now.\n"
     "You can watch it here, on any device:\n\n{status_url}\n\nThis usually takes less than a "
     "minute. We write again as soon as it runs.\n"},
    {"Estamos creando {address}",
     "Hola, {name}:\n\nGracias. Hemos recibido el pago y {address} ya se está creando.\n"
     "Puedes seguirlo aquí, desde cualquier dispositivo:\n\n{status_url}\n\nSuele tardar menos de "
     "un minuto. Te escribiremos en cuanto esté en marcha.\n"}};

inline constexpr mail::Template tenant_ready{
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

inline constexpr mail::Template payment_failed{
    "payment_failed",
    {"Your payment for {address} did not go through",
     "Hello {name},\n\nyour bank did not confirm the payment for {address}, so nothing was charged "
     "and nothing was built. The name is kept for you for a while; you can pay another way "
     "here:\n\n{status_url}\n"},
    {"El pago de {address} no se ha completado",
     "Hola, {name}:\n\nTu banco no ha confirmado el pago de {address}, así que no se ha cobrado "
     "nada ni se ha creado nada. Te guardamos el nombre un tiempo; puedes pagar de otra forma "
     "aquí:\n\n{status_url}\n"}};

inline constexpr mail::Template provisioning_given_up{
    "provisioning_given_up",
    {"We could not build {address}; your money is on its way back",
     "Hello {name},\n\nwe tried several times and could not get {address} to run. That is our "
     "fault, not yours. The subscription is canceled and {amount} is refunded to the card you "
     "paid with.\n\nCase: {case_id}. Write to {support} and we will make it right.\n"},
    {"No hemos podido crear {address}; te devolvemos el dinero",
     "Hola, {name}:\n\nLo hemos intentado varias veces y no hemos conseguido poner en marcha "
     "{address}. Es culpa nuestra, no tuya. La suscripción está cancelada y te devolvemos {amount} "
     "a la tarjeta con la que pagaste.\n\nCaso: {case_id}. Escribe a {support} y lo "
     "arreglaremos.\n"}};

}  // namespace signup
