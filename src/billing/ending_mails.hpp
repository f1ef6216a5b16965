#pragma once
// What an owner reads when a tenant ends, and when that is taken back.
#include "platform/mail/mail.hpp"

namespace billing {

inline mail::Declared const tenant_ends{
    "tenant_ends",
    {"{address} ends, and so does its subscription",
     "Hello {name},\n\n{address} has been ended and is no longer reachable. For 30 days it can be "
     "brought back; after that it is deleted.\n\n{money} Nothing more is charged.\n\nWas this not "
     "what you wanted? Write to {support}\n"},
    {"{address} termina, y con él su suscripción",
     "Hola, {name}:\n\n{address} se ha dado de baja y ya no está accesible. Durante 30 días se "
     "puede "
     "recuperar; después se borra.\n\n{money} No se cobra nada más.\n\n¿No era lo que querías? "
     "Escribe a {support}\n"}};

inline mail::Declared const tenant_goes_on{
    "tenant_goes_on",
    {"{address} does not end after all",
     "Hello {name},\n\nwe wrote that {address} ends. That has been taken back, and nothing of it "
     "is "
     "deleted. {money}\n\nQuestions? {support}\n"},
    {"{address} no termina",
     "Hola, {name}:\n\nTe escribimos que {address} se daba de baja. La baja se ha anulado y no se "
     "borra nada. {money}\n\n¿Preguntas? {support}\n"}};

}  // namespace billing
