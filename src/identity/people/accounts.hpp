#pragma once
// Accounts of staff: made and repaired from the command line, from invitations, at the first start.
// Passwords are kept by Argon2id.
#include "identity/directory.hpp"

namespace identity::people {

constexpr std::size_t shortest_password = 12;
/// What everybody knows of a person is no password (NIST SP 800-63B, 5.1.1.2: context-specific
/// words). Throws Problem{validation_failed} at `pointer`.
void require_unguessable(std::string_view password, std::string_view email, std::string_view name,
                         std::string_view pointer);

struct NewStaff {
  std::string email, name, password;
  std::string role = "owner";  // a name in `roles`
};
/// Creates a person; std::runtime_error with a sentence when the e-mail is taken, the role unknown
/// or the password shorter than 12 characters.
StaffId create_staff(db::Tx& tx, NewStaff const& staff);
[[nodiscard]] bool has_owner(db::Tx& tx);
/// Sets a new password and ends the person's sessions; false when nobody has that e-mail.
bool reset_password(db::Tx& tx, std::string const& email, std::string const& password);
/// Disables the account and ends its sessions; false when it was disabled already. The last owner
/// cannot be locked: db::Failure with the constraint staff_keeps_an_owner.
bool lock_account(db::Tx& tx, StaffId id);

}  // namespace identity::people
