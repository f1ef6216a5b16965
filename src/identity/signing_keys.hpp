#pragma once
// The keys that sign access tokens: rows, sealed, of which the newest signs and the others are
// believed until they retire.
#include "identity/tokens.hpp"
#include "platform/vault/vault.hpp"

namespace identity {

/// Those that are believed; the first one signs.
[[nodiscard]] std::vector<SigningKey> signing_keys(db::Tx& tx, vault::Vault& vault);
/// Makes one where there is none; nodes that start together take turns.
void require_signing_key(db::Tx& tx, vault::Vault& vault);
/// A new key signs from now on; what the old ones signed is believed until `old_retires_at`.
void rotate_signing_key(db::Tx& tx, vault::Vault& vault, Time old_retires_at);

}  // namespace identity
