// The frontend `tenants` of haproxy.cfg: host → map → address.
#include "platform/haproxy/tenant_frontend.hpp"

#include <fmt/format.h>

#include "platform/config/hosts.hpp"
#include "platform/haproxy/waiting_pages.hpp"

namespace haproxy {

std::string tenant_route(Settings const& settings, Beside beside) {
  constexpr auto map = Places::map_name;
  auto const console = config::host_of(settings.console_url);
  std::string text =
      "  http-request set-var(txn.host) req.hdr(host),field(1,:),lower,regsub(\\.$,)\n";
  std::string condition;
  if (beside == Beside::console) {
    text += fmt::format("  acl is_named var(txn.host),map_str({}) -m found\n", map);
    if (!settings.tenant_domain.empty())
      text += fmt::format("  acl is_named var(txn.host) -m end .{}\n", settings.tenant_domain);
    condition += " is_named";
  }
  if (!console.empty()) {
    text += fmt::format("  acl is_console var(txn.host) -m str {}\n", word(console));
    condition += " !is_console";
    // Whoever comes to a port of the tenants by the console's name meant the console.
    if (beside == Beside::nothing)
      text +=
          settings.console_url.starts_with("https://")
              ? fmt::format("  http-request redirect code 307 location {}%[pathq] if is_console\n",
                            word(settings.console_url))
              : "  http-request set-var(txn.value) str(unknown) if is_console\n";
  }
  if (!condition.empty()) condition.insert(0, " if");
  text += fmt::format("  http-request set-var(txn.value) var(txn.host),map_str({},unknown){}\n",
                      map, condition);
  return text +
         "  http-request set-var(txn.route) var(txn.value),regsub(^tls:,)\n"
         "  acl is_tenant var(txn.value) -m found\n";
}

std::string tenant_rules(Settings const& settings) {
  auto const port = settings.shares_tls_port() ? settings.https_port : settings.tenant_tls_port;
  auto const suffix = port == 443 ? std::string{} : ":" + std::to_string(port);
  auto const scheme = settings.tenants_over_tls ? "https" : "http";
  std::string own;
  if (!settings.tenant_domain.empty()) {
    own = fmt::format("  acl is_below_domain var(txn.host) -m end .{}\n", settings.tenant_domain);
    // Our own questions come by a socket and want the tenant itself.
    if (settings.tenants_over_tls)
      own += fmt::format(
          "  http-request redirect code 307 location https://%[var(txn.host)]{}%[pathq] if "
          "is_below_domain !{{ ssl_fc }} !{{ so_name -m str probe }}\n",
          suffix);
    if (settings.tenants_strict_transport_seconds)
      own += fmt::format(
          "  http-response set-header Strict-Transport-Security \"max-age={}\" if "
          "{{ var(txn.host) -m end .{} }} {{ ssl_fc }} {{ var(txn.value) -m found }}\n",
          settings.tenants_strict_transport_seconds, settings.tenant_domain);
  }
  return own + fmt::format(
                   R"(  acl is_challenge path_beg /.well-known/acme-challenge/
  acl has_certificate var(txn.value) -m beg tls:
  acl falls_back var(txn.value) -m beg fallback:
  http-request redirect code 307 location https://%[var(txn.host)]{}%[pathq] if has_certificate !is_challenge !{{ ssl_fc }}
  http-request redirect code 307 location {}://%[var(txn.route),regsub(^fallback:,)]%[pathq] if falls_back !is_challenge
  # A former name leads to the present one, with path and method.
  http-request redirect code 308 location {}://%[var(txn.route),regsub(^redirect:,)]%[pathq] if {{ var(txn.route) -m beg redirect: }}
  # A session that began with TLS is never sent without it.
  http-response replace-header Set-Cookie '(?i)^((?!.*;[ \t]*secure[ \t]*(?:;|$)).*)$' '\1; Secure' if {{ ssl_fc }} {{ var(txn.value) -m found }}
  # A customer's domain may leave us: a day, not years.
  http-response set-header Strict-Transport-Security "max-age=86400" if {{ ssl_fc }} {{ var(txn.value) -m beg tls: }}
  # Whoever issues certificates asks here whether the domain is ours.
  use_backend program_api if is_challenge has_certificate
  use_backend program_api if is_challenge falls_back
  acl is_address var(txn.route) -m reg ^[0-9.]+:[0-9]+$
  use_backend tenant if is_address
  use_backend tenant_notice if is_tenant
)",
                   suffix, scheme, scheme);
}

std::string tenant_frontend(Settings const& settings, std::vector<std::string> const& addresses,
                            std::string const& group, std::string const& page_errors) {
  Places const at{settings.directory};
  bool const is_shared = settings.shares_tls_port();
  std::string text = "frontend tenants\n";
  for (auto const& address : addresses)
    text += fmt::format("  bind {}\n", bound(address, settings.tenant_port));
  // For our own questions, which no limit of an address counts.
  text += fmt::format("  bind {} name probe mode {}\n",
                      word(socket_address(settings, at.probe_socket)), socket_mode(group));
  if (!is_shared) text += tls_binds(settings, addresses, settings.tenant_tls_port, true);
  text += address_limits(settings);
  text += forwarded_headers;
  text += "  http-request set-header X-Forwarded-Proto http unless { ssl_fc }\n";
  text += "  http-request set-header X-Forwarded-Proto https if { ssl_fc }\n";
  text += tenant_route(settings, Beside::nothing);
  text += tenant_rules(settings);
  text += R"(
# Only addresses that the program wrote into the map are ever connected to.
backend tenant
  retries 3
  timeout connect 2s
  timeout server 300s
)";
  for (int const status : {502, 503, 504})
    text += fmt::format("  http-error {}\n", page_answer(status, at.pages / tenant_page().file));
  text += R"(  http-request set-dst var(txn.route),field(1,:)
  http-request set-dst-port var(txn.route),field(2,:)
  server tenant 0.0.0.0:0

)";
  auto const away = json_answer(503, "tenant_not_available", "This workspace is not available",
                                "It is suspended, in maintenance, starting or unknown", 60);
  auto const nobody = json_answer(404, "tenant_unknown", "There is no workspace at this address",
                                  "Nobody has this name", 0);
  text += program_backend(
      "tenant_notice", settings,
      fmt::format("  http-request return {} if {{ var(txn.route) -m str unknown }} "
                  "!METH_GET !METH_HEAD\n",
                  nobody) +
          fmt::format("  http-request return {} unless METH_GET or METH_HEAD\n", away) +
          "  http-request set-header X-Tenant-Host %[var(txn.host)]\n"
          "  http-request set-uri /_tenant/%[var(txn.route)]\n" +
          page_errors);
  return text;
}

}  // namespace haproxy
