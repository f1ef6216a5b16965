// Filling and sending the mails to staff.
#include "identity/mails.hpp"

namespace identity {

namespace {
struct Addressee {
  std::string email, name;
  std::optional<std::string> locale;
};
db::Query const load_addressee{"identity.load_addressee",
                               "SELECT email, name, locale FROM staff WHERE id = $1"};

struct Words {
  std::string_view en, es;
};
Words words_of(AccountChange change) {
  switch (change) {
    case AccountChange::totp_added:
      return {"An authenticator app was added to your account.",
              "Se ha añadido una aplicación de autenticación a tu cuenta."};
    case AccountChange::totp_removed:
      return {"The authenticator app was removed from your account.",
              "Se ha quitado la aplicación de autenticación de tu cuenta."};
    case AccountChange::passkey_added:
      return {"A passkey was added to your account.",
              "Se ha añadido una llave de acceso a tu cuenta."};
    case AccountChange::passkey_removed:
      return {"A passkey was removed from your account.",
              "Se ha quitado una llave de acceso de tu cuenta."};
    case AccountChange::recovery_codes_renewed:
      return {"Your account has new recovery codes; the old ones no longer work.",
              "Tu cuenta tiene nuevos códigos de recuperación; los anteriores ya no sirven."};
    case AccountChange::password_changed:
      return {"The password of your account was changed, and your other sessions have ended.",
              "Se ha cambiado la contraseña de tu cuenta y se han cerrado tus demás sesiones."};
    case AccountChange::factors_reset:
      return {
          "An owner has removed all second factors of your account and ended your sessions. "
          "Your password is the same; add a second factor again after you sign in.",
          "Un propietario ha quitado todos los segundos factores de tu cuenta y ha cerrado tus "
          "sesiones. Tu contraseña es la misma; vuelve a añadir un segundo factor cuando "
          "entres."};
  }
  return {};
}

i18n::Locale locale_of(Addressee const& addressee) {
  return enum_from<i18n::Locale>(addressee.locale.value_or("en")).value_or(i18n::Locale::en);
}

void send(db::Tx& tx, config::Settings const& settings, Addressee const& addressee,
          mail::Template const& text, std::map<std::string, std::string> values) {
  values["name"] = addressee.name;
  auto const now = clock_source::rfc3339(clock_source::now());
  values["time"] = now.substr(0, 10) + " " + now.substr(11, 5) + " UTC";
  values["sessions_url"] = settings.public_url + "/admin/settings/sessions";
  values["profile_url"] = settings.public_url + "/admin/settings/profile";
  mail::send(tx, text, locale_of(addressee), addressee.email, values);
}
}  // namespace

void write_to(db::Tx& tx, config::Settings const& settings, StaffId staff,
              mail::Template const& text, std::map<std::string, std::string> values) {
  send(tx, settings, tx.one<Addressee>(load_addressee, staff), text, std::move(values));
}

void tell_change(db::Tx& tx, config::Settings const& settings, StaffId staff,
                 AccountChange change) {
  auto const addressee = tx.one<Addressee>(load_addressee, staff);
  auto const words = words_of(change);
  auto const sentence = locale_of(addressee) == i18n::Locale::es ? words.es : words.en;
  send(tx, settings, addressee, account_changed, {{"change", std::string{sentence}}});
}

}  // namespace identity
