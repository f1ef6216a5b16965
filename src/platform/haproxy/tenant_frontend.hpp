#pragma once
// The frontend `tenants` of haproxy.cfg: host → map → address.
#include "platform/haproxy/directives.hpp"

namespace haproxy {

enum class Beside { nothing, console };

/// txn.route: what the map says, never for the console's own name; on a port of the console's as
/// well, only for tenants' names.
std::string tenant_route(Settings const& settings, Beside beside);

/// What follows from it. Visitors are sent to TLS with 307: a browser keeps a permanent redirect,
/// also when the certificate that it leads to is no longer good.
std::string tenant_rules(Settings const& settings);

/// `page_errors` are the pages for when the program is away.
std::string tenant_frontend(Settings const& settings, std::vector<std::string> const& addresses,
                            std::string const& group, std::string const& page_errors);

}  // namespace haproxy
