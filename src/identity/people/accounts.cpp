// Making and locking accounts, and setting passwords.
#include "identity/people/accounts.hpp"

#include "identity/sessions/devices.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/json/checks.hpp"
#include "platform/retention/retention.hpp"
#include "platform/text/utf8.hpp"

namespace identity::people {

namespace {
constexpr std::size_t longest_name = 120;

db::Query const insert_staff{"identity.insert_staff", R"sql(
  INSERT INTO staff (email, name, role, password_hash) VALUES (lower($1), $2, $3, $4) RETURNING id
)sql"};

db::Query const any_owner{"identity.any_owner",
                          "SELECT EXISTS (SELECT 1 FROM staff WHERE role = 'owner')"};

db::Query const set_password{"identity.set_password", R"sql(
  UPDATE staff SET password_hash = $2, password_changed_at = now() WHERE email = lower($1)
  RETURNING id
)sql"};

db::Query const disable{"identity.lock_account", R"sql(
  UPDATE staff SET disabled_at = now(), version = version + 1 WHERE id = $1 AND disabled_at IS NULL
)sql"};

void require_long(std::string const& password) {
  if (utf8::count(password) < shortest_password)
    throw std::runtime_error{"the password must have at least 12 characters"};
}

std::string folded(std::string_view text) {
  std::string out;
  for (unsigned char const c : text)
    if (c > ' ') out += char(std::tolower(c));
  return out;
}

retention::Kept const kept_staff{"staff", "what a removed person did stays with their row"};

constexpr FieldCode guessable{"guessable",
                              "must not be the email address, the name or one letter repeated"};
}  // namespace

void require_unguessable(std::string_view password, std::string_view email, std::string_view name,
                         std::string_view pointer) {
  auto const given = folded(password);
  auto const address = folded(email), local_part = address.substr(0, address.find('@'));
  bool const is_one_letter = given.find_first_not_of(given.substr(0, 1)) == std::string::npos;
  if (!is_one_letter && given != address && given != local_part && given != folded(name)) return;
  throw refusal(wrong<guessable>(std::string{pointer}));
}

StaffId create_staff(db::Tx& tx, NewStaff const& staff) {
  if (checks::account_email(staff.email))
    throw std::runtime_error{"\"" + staff.email + "\" is not an email address"};
  if (auto const* complaint = checks::one_line(staff.name))
    throw std::runtime_error{"the name " + std::string{complaint->pattern}};
  if (utf8::count(staff.name) > longest_name)
    throw std::runtime_error{"the name must have at most 120 characters"};
  require_long(staff.password);
  try {
    auto const id = tx.one<StaffId>(insert_staff, staff.email, staff.name, staff.role,
                                    crypto::hash_password(staff.password));
    announce_change(tx);
    return id;
  } catch (db::Failure const& failure) {
    if (failure.constraint == "staff_email_taken")
      throw std::runtime_error{"there is already somebody with the email " + staff.email};
    if (failure.constraint == "staff_role_exists")
      throw std::runtime_error{"there is no role \"" + staff.role + "\""};
    throw;
  }
}

bool has_owner(db::Tx& tx) { return tx.one<bool>(any_owner); }

bool reset_password(db::Tx& tx, std::string const& email, std::string const& password) {
  require_long(password);
  auto const id = tx.maybe<StaffId>(set_password, email, crypto::hash_password(password));
  if (!id) return false;
  sessions::end_all_of(tx, *id, "", "password_reset");
  sessions::distrust_devices(tx, *id);
  return true;
}

bool lock_account(db::Tx& tx, StaffId id) {
  if (tx.exec(disable, id) == 0) return false;
  sessions::end_all_of(tx, id, "", "account_locked");
  return true;
}

}  // namespace identity::people
