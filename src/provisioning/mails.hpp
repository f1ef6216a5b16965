#pragma once
// What the owner of a tenant is told while it runs, in both languages.
#include "platform/mail/mail.hpp"

namespace provisioning {

inline constexpr mail::Template storage_nearly_full{
    "storage_nearly_full",
    {"{address} is running out of space",
     "Hello {name},\n\n{address} uses {used} MiB of its {limit} MiB. Please delete what you no "
     "longer need, or choose a larger plan, within {days} days: otherwise it will be stopped until "
     "there is space again. Nothing will be deleted by us.\n\nQuestions? {support}\n"},
    {"{address} se está quedando sin espacio",
     "Hola, {name}:\n\n{address} ocupa {used} MiB de {limit} MiB. Borra lo que ya no necesites o "
     "elige un plan mayor en los próximos {days} días: de lo contrario se detendrá hasta que haya "
     "espacio de nuevo. Nosotros no borraremos nada.\n\n¿Preguntas? {support}\n"}};

}  // namespace provisioning
