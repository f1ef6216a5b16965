#pragma once
// Where a tenant is reached: with TLS wherever the certificate covers its name.
#include "platform/config/config.hpp"

namespace tenants {

/// Whether certificate_file is good for every name below tenant_domain, as it was when this process
/// first asked; never on localhost, which browsers take for secure without TLS.
[[nodiscard]] bool are_over_tls(config::Settings const& settings);
/// As it is now, on localhost too.
[[nodiscard]] bool certificate_covers_tenants(config::Settings const& settings);
[[nodiscard]] bool are_on_this_machine(config::Settings const& settings);

/// "acme.localhost:8080": the port is left out where browsers know it.
[[nodiscard]] std::string authority_of(config::Settings const& settings,
                                       std::string_view subdomain);
/// For links that let somebody in: url_of() with TLS even where only a certificate that browsers
/// warn about is there, because whoever reads the link on its way is the owner.
[[nodiscard]] std::string private_url_of(config::Settings const& settings,
                                         std::string_view subdomain);

}  // namespace tenants
