#pragma once
// What the owner of a tenant is told while it runs, in both languages.
#include "platform/mail/mail.hpp"

namespace provisioning {

inline mail::Declared const storage_nearly_full{
    "storage_nearly_full",
    {"{address} is running out of space",
     "Hello {name},\n\n{address} uses {used} MiB of its {limit} MiB. Please delete what you no "
     "longer need, or choose a larger plan, within {days} days: otherwise it will be stopped until "
     "there is space again. Nothing will be deleted by us.\n\nQuestions? {support}\n"},
    {"{address} se está quedando sin espacio",
     "Hola, {name}:\n\n{address} ocupa {used} MiB de {limit} MiB. Borra lo que ya no necesites o "
     "elige un plan mayor en los próximos {days} días: de lo contrario se detendrá hasta que haya "
     "espacio de nuevo. Nosotros no borraremos nada.\n\n¿Preguntas? {support}\n"}};

inline mail::Declared const storage_full{
    "storage_full",
    {"{address} has no space left and was stopped",
     "Hello {name},\n\n{address} uses {used} MiB, more than its {limit} MiB, and went on growing. "
     "It has been stopped, so that it takes no space from others. Nothing was deleted: choose a "
     "larger plan, or write to us, and it runs again.\n\nQuestions? {support}\n"},
    {"{address} se ha quedado sin espacio y se ha detenido",
     "Hola, {name}:\n\n{address} ocupa {used} MiB, más de sus {limit} MiB, y seguía creciendo. Lo "
     "hemos detenido para que no quite espacio a los demás. No se ha borrado nada: elige un plan "
     "mayor o escríbenos, y volverá a funcionar.\n\n¿Preguntas? {support}\n"}};

}  // namespace provisioning
