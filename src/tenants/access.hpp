#pragma once
// Credentials that are shown once: a link leads to them, and whoever opens it first has them.
#include "platform/http/endpoint.hpp"
#include "platform/vault/vault.hpp"
#include "tenants/tenants.hpp"

namespace tenants {

/// "https://…/access/<token>", valid for 7 days. Only the token's hash is kept; the password is
/// sealed, and is forgotten when it was shown.
[[nodiscard]] std::string make_access(db::Tx& tx, config::Settings const& settings,
                                      vault::Vault& vault, TenantId id, std::string_view login,
                                      std::string_view password);

/// POST /access/{token}.
void add_access_endpoint(http::Api& api, vault::Vault& vault);

}  // namespace tenants
