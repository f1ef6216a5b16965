#pragma once
// The mails to staff about their own account, in both languages.
#include "identity/directory.hpp"
#include "platform/mail/mail.hpp"

namespace identity {

inline mail::Declared const new_device{
    "new_device",
    {"A log-in from a new device",
     "Hello {name},\n\nsomebody has just signed in to your account on a device that we have not "
     "seen "
     "before.\n\nDevice: {device}\nAddress: {address}\nTime: {time}\n\nWas it you? Then there is "
     "nothing to do.\n\nIf not, end that session and change your password at once:\n\n"
     "{sessions_url}\n\nThen tell an owner of your console.\n"},
    {"Acceso desde un dispositivo nuevo",
     "Hola, {name}:\n\nAlguien acaba de entrar en tu cuenta desde un dispositivo que no "
     "conocíamos.\n\nDispositivo: {device}\nDirección: {address}\nHora: {time}\n\n¿Has sido tú? "
     "Entonces no tienes que hacer nada.\n\nSi no, cierra esa sesión y cambia tu contraseña cuanto "
     "antes:\n\n{sessions_url}\n\nDespués, avisa a un propietario de tu consola.\n"}};

inline mail::Declared const account_changed{
    "account_changed",
    {"Your account has changed",
     "Hello {name},\n\n{change}\n\nTime: {time}\n\nIf that was neither you nor somebody you asked, "
     "change your password and look at your sessions at once:\n\n{sessions_url}\n"},
    {"Tu cuenta ha cambiado",
     "Hola, {name}:\n\n{change}\n\nHora: {time}\n\nSi no has sido tú ni nadie a quien se lo hayas "
     "pedido, cambia tu contraseña y revisa tus sesiones cuanto antes:\n\n{sessions_url}\n"}};

inline mail::Declared const recovery_code_used{
    "recovery_code_used",
    {"A recovery code of yours was used",
     "Hello {name},\n\none of your recovery codes was used to get into your account; it will not "
     "work again.\n\nTime: {time}\nCodes left: {left}\n\nWhen few are left, make new ones in your "
     "profile:\n\n{profile_url}\n\nIf it was not you, change your password at once.\n"},
    {"Se ha usado uno de tus códigos de recuperación",
     "Hola, {name}:\n\nSe ha usado uno de tus códigos de recuperación para entrar en tu cuenta; ya "
     "no volverá a servir.\n\nHora: {time}\nCódigos restantes: {left}\n\nCuando te queden pocos, "
     "genera otros en tu perfil:\n\n{profile_url}\n\nSi no has sido tú, cambia tu contraseña "
     "cuanto "
     "antes.\n"}};

inline mail::Declared const second_factor_guessed{
    "second_factor_guessed",
    {"Somebody knows your password",
     "Hello {name},\n\nsomebody has given your right password and then wrong second factors, "
     "{count} "
     "times. They did not get in, and for a quarter of an hour nobody can try again.\n\nTime: "
     "{time}\nAddress: {address}\n\nIf it was not you, change your password:\n\n{profile_url}\n"},
    {"Alguien conoce tu contraseña",
     "Hola, {name}:\n\nAlguien ha escrito bien tu contraseña y después ha fallado {count} veces el "
     "segundo factor. No ha podido entrar, y durante un cuarto de hora nadie puede volver a "
     "intentarlo.\n\nHora: {time}\nDirección: {address}\n\nSi no has sido tú, cambia tu "
     "contraseña:\n\n{profile_url}\n"}};

enum class AccountChange {
  totp_added,
  totp_removed,
  passkey_added,
  passkey_removed,
  recovery_codes_renewed,
  password_changed,
  factors_reset
};

/// Writes to somebody of the staff, in their language. `values` are those beyond name, time and the
/// addresses of pages.
void write_to(db::Tx& tx, config::Settings const& settings, StaffId staff,
              mail::Template const& text, std::map<std::string, std::string> values = {});
void tell_change(db::Tx& tx, config::Settings const& settings, StaffId staff, AccountChange change);

}  // namespace identity
