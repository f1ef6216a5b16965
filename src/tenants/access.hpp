#pragma once
// Credentials that are shown once: a link leads to them, and whoever opens it first has them.
#include "platform/http/endpoint.hpp"
#include "platform/vault/vault.hpp"
#include "tenants/tenants.hpp"

namespace tenants {

/// "https://…/access/<token>", valid for 7 days. Only the token's hash is kept; the password is
/// sealed, and is forgotten when it was shown. The password is a new one: links that were not
/// opened yet would show one that is over, so they end.
[[nodiscard]] std::string make_access(db::Tx& tx, config::Settings const& settings,
                                      vault::Vault& vault, TenantId id, std::string_view login,
                                      std::string_view password);

/// Another link to the password behind the newest link that nobody has opened yet; none when there
/// is no such link.
[[nodiscard]] std::optional<std::string> repeat_access(db::Tx& tx, config::Settings const& settings,
                                                       vault::Vault& vault, TenantId id);
/// Whether somebody has seen a password of this tenant: from then on it is the owner's own.
[[nodiscard]] bool was_access_seen(db::Tx& tx, TenantId id);

/// POST /access/{token}.
void add_access_endpoint(http::Api& api, vault::Vault& vault);

}  // namespace tenants
