// haproxy.cfg. Two frontends: `console` (TLS, the program) and `tenants` (host → map → address).
#include "platform/haproxy/settings.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <stdexcept>

#include "platform/config/config.hpp"
#include "platform/config/hosts.hpp"
#include "platform/files/files.hpp"
#include "platform/haproxy/waiting_pages.hpp"

namespace haproxy {

namespace {
/// HAProxy's quoting for a value that came from outside.
std::string word(std::string_view text) {
  std::string out = "\"";
  for (char const c : text) {
    if (c == '\n' || c == '\r' || c == '\0')
      throw std::runtime_error{"a setting of the front door holds a line break"};
    if (c == '"' || c == '\\' || c == '$') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string bound(std::string const& address, int port) {
  bool const is_v6 = address.find(':') != std::string::npos;
  return (is_v6 ? "ipv6@" + address : address) + ':' + std::to_string(port);
}

/// A problem document as a log-format string; the id is HAProxy's own, the program never saw it.
std::string problem(int status, std::string_view code, std::string_view title,
                    std::string_view detail) {
  std::string slug{code};
  for (char& c : slug)
    if (c == '_') c = '-';
  return fmt::format(
      R"(lf-string '{{"type":"/problems/{}","title":"{}","status":{},"detail":"{}","code":"{}","request_id":"%[uuid]"}}')",
      slug, title, status, detail, code);
}

std::string json_answer(int status, std::string_view code, std::string_view title,
                        std::string_view detail, int retry_after) {
  auto text = fmt::format("status {} content-type application/problem+json {}", status,
                          problem(status, code, title, detail));
  text += " hdr Cache-Control no-store";
  if (retry_after) text += fmt::format(" hdr Retry-After {}", retry_after);
  return text;
}

std::string page_answer(int status, std::filesystem::path const& page) {
  return fmt::format(
      "status {} content-type {} file {} hdr Cache-Control no-store hdr Retry-After 5 "
      "hdr Content-Security-Policy {}",
      status, word("text/html; charset=utf-8"), word(page.string()), word(page_policy()));
}

/// Per-address limits; the table is the frontend's own.
std::string address_limits(Settings const& settings) {
  std::string text =
      "  stick-table type ipv6 size 100k expire 1m store conn_cur,http_req_rate(10s)\n"
      "  tcp-request connection track-sc0 src\n";
  auto refuse = [&](std::string_view condition) {
    text += fmt::format("  http-request return {} if {}\n",
                        json_answer(429, "rate_limited", "Too many requests",
                                    "This address sends more than is served; wait a moment", 5),
                        condition);
  };
  if (settings.connections_per_address) {
    // Far beyond the limit a TLS handshake would be a gift.
    text += fmt::format("  tcp-request connection reject if {{ sc0_conn_cur gt {} }}\n",
                        settings.connections_per_address * 2);
    refuse(fmt::format("{{ sc0_conn_cur gt {} }}", settings.connections_per_address));
  }
  if (settings.requests_per_address)
    refuse(fmt::format("{{ sc0_http_req_rate gt {} }}", settings.requests_per_address));
  return text;
}

constexpr std::string_view forwarded_headers = R"(  http-request del-header Forwarded
  http-request del-header X-Forwarded- -m beg
  http-request del-header X-Real-IP
  http-request del-header X-Tenant-Host
  http-request del-header X-Front-Door
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
)";

/// With `crt-list`, customers' certificates are chosen by the name that a client asks for (SNI);
/// the first certificate is for everybody else.
std::string tls_binds(Settings const& settings, std::vector<std::string> const& addresses, int port,
                      bool with_customers) {
  std::string text;
  for (auto const& address : addresses) {
    text += fmt::format("  bind {} ssl crt {}", bound(address, port),
                        word(settings.certificate.string()));
    if (with_customers) text += fmt::format(" crt-list {}", Places::certificate_list_name);
    text += " alpn h2,http/1.1\n";
  }
  return text;
}

enum class Beside { nothing, console };

/// txn.route: what the map says, never for the console's own name; on a port of the console's as
/// well, only for tenants' names.
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

/// What follows from it. Visitors are sent to TLS with 307: a browser keeps a permanent redirect,
/// also when the certificate that it leads to is no longer good.
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

/// What browsers bring along to the console from other pages of the same domain. Neither the size
/// nor the names of these cookies are the program's to deal with.
std::string console_cookies(Settings const& settings, std::string_view unless) {
  if (settings.console_cookies.empty()) return {};
  std::string names;
  for (auto const& name : settings.console_cookies) names += (names.empty() ? "" : "|") + name;
  auto const foreign = "(?![ \\t]*(?:" + names + ")=)";
  return fmt::format(
             "  http-request set-header Cookie '%[req.fhdr(cookie),regsub(\"^{0}[^;]+|;{0}[^;]*\","
             "\"\",g),regsub(\"^;[ \\t]*\",\"\")]' if {{ req.fhdr(cookie) -m found }}{1}\n",
             foreign, unless) +
         fmt::format(
             "  http-request return {} hdr Clear-Site-Data {} if {{ req.fhdr(cookie),length gt "
             "8192 }}{}\n",
             page_answer(431, Places{settings.directory}.pages / cookies_page().file),
             word("\"cookies\""), unless);
}

/// A unix socket as HAProxy, which runs in the directory, finds it: in addresses it reads `$` as
/// the name of a variable, whatever the quotes.
std::string socket_address(Settings const& settings, std::filesystem::path const& socket) {
  auto const relative = socket.lexically_relative(settings.directory);
  bool const is_below = !relative.empty() && *relative.begin() != "..";
  return "unix@" + (is_below ? relative : socket).string();
}

std::string program_address(Settings const& settings) {
  return settings.program.starts_with('/') ? socket_address(settings, settings.program)
                                           : settings.program;
}

/// A request that finds the program away goes to `waiting`, our own relay that connects when the
/// program is back. HAProxy's own retries would not do: a unix socket refuses at once, and they do
/// not pause then. What has reached the program is sent again only when that is harmless.
std::string program_backend(std::string_view name, Settings const& settings,
                            std::string_view more) {
  auto const key = settings.program_key.empty() ? std::string{}
                                                : "  http-request set-header X-Front-Door " +
                                                      word(settings.program_key) + '\n';
  return fmt::format(R"(backend {}
  retries 1
  option redispatch 1
  retry-on conn-failure empty-response
  http-request disable-l7-retry unless METH_GET or METH_HEAD
  timeout server 120s
{}{}  use-server program if TRUE
  server program {} backup
  server waiting {}

)",
                     name, key, more, word(program_address(settings)),
                     word(socket_address(settings, Places{settings.directory}.relay_socket)));
}

/// For us alone, whichever user HAProxy is.
std::string socket_mode(std::string const& group) {
  return group.empty() ? "600" : "660 gid " + group;
}

std::string relay(Settings const& settings, std::string const& group) {
  auto const socket = socket_address(settings, Places{settings.directory}.relay_socket);
  return fmt::format(R"(frontend waiting
  mode tcp
  no log
  no option http-ignore-probes
  bind {} mode {}
  tcp-request inspect-delay 40s
  tcp-request content lua.wait_for_program
  default_backend waiting

backend waiting
  mode tcp
  no log
  server program {}

)",
                     word(socket), socket_mode(group), word(program_address(settings)));
}
}  // namespace

namespace {
/// HAProxy refuses to start when its connections, two descriptors each, cannot all be opened.
int possible_connections(int wanted) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max == RLIM_INFINITY) return wanted;
  auto const possible = (std::int64_t(files.rlim_max) - 256) / 2;
  return int(std::clamp<std::int64_t>(possible, 100, wanted));
}
}  // namespace

Places::Places(std::filesystem::path const& directory)
    : configuration{directory / "haproxy.cfg"},
      map{directory / map_name},
      runtime_socket{directory / "runtime.sock"},
      pages{directory / "pages"},
      wait_script{directory / "wait.lua"},
      program_directory{directory / "program"},
      relay_socket{program_directory / "waiting.sock"},
      probe_socket{directory / "probe.sock"},
      certificates{directory / certificates_name},
      certificate_list{directory / certificate_list_name},
      certificate{directory / "certificate.pem"} {}

std::string wait_script(Settings const& settings) {
  std::string quoted;
  for (char const c : program_address(settings)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return fmt::format(R"(-- Generated: holds a connection until the program accepts, at most 30 s.
core.register_action("wait_for_program", {{ "tcp-req" }}, function()
  for _ = 1, 300 do
    local probe = core.tcp()
    probe:settimeout(1)
    local accepts = probe:connect("{}")
    probe:close()
    if accepts then return end
    core.msleep(100)
  end
end, 0)
)",
                     quoted);
}

std::vector<std::string> usable_addresses(std::vector<std::string> const& wanted) {
  std::vector<std::string> usable;
  auto const has_v6 = files::read("/proc/net/if_inet6").value_or("").size() > 0;
  for (auto const& address : wanted) {
    in6_addr ignored;
    bool const is_v6 = inet_pton(AF_INET6, address.c_str(), &ignored) == 1;
    if (!is_v6 && address != "*" && inet_pton(AF_INET, address.c_str(), &ignored) != 1)
      throw config::Mistake{"the front door cannot listen on \"" + address +
                            "\": http_bind takes a numeric address, or * for all"};
    if (!is_v6 || has_v6) usable.push_back(address);
  }
  return usable;
}

std::string configuration(Settings const& settings, std::string const& group) {
  Places const at{settings.directory};
  auto const addresses = usable_addresses(settings.bind_addresses);
  std::string text = fmt::format(
      R"(# Generated at each start and reload; changes made here are lost.
global
  maxconn {}
  log stderr format raw local0 notice
  stats socket {} mode {} level admin expose-fd listeners
  stats timeout 10m
  hard-stop-after 10m
  # Another program on our port must be an error, not a half of our visitors.
  noreuseport
  # Mozilla's intermediate profile.
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
  ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256
  tune.h2.max-concurrent-streams 100
  # Twice the usual, so that cookies of other pages are dropped before they shut somebody out.
  tune.bufsize 32768
  lua-load {}
)",
      possible_connections(settings.connections), word(socket_address(settings, at.runtime_socket)),
      socket_mode(group), word(at.wait_script.string()));
  text += fmt::format(
      R"(
defaults
  mode http
  log global
  option dontlog-normal
  option http-ignore-probes
  timeout connect 5s
  timeout client 60s
  timeout client-fin 10s
  timeout server 60s
  timeout queue 30s
  timeout http-request 10s
  timeout http-keep-alive 60s
  timeout tunnel 1h
  http-error {}
  http-error {}
  http-error {}

)",
      json_answer(400, "malformed_request", "The request is not valid HTTP",
                  "The front door could not read the request", 0),
      json_answer(408, "request_timeout", "The request came too slowly",
                  "The request was not complete after ten seconds", 0),
      json_answer(500, "internal", "Something went wrong", "The front door failed", 0));

  // ---- console ----
  bool const is_shared = settings.shares_tls_port();
  text += "frontend console\n";
  text += tls_binds(settings, addresses, settings.https_port, is_shared);
  // The whole of a small body must arrive in time before the program is bothered with it.
  if (!is_shared) text += "  option http-buffer-request\n";
  text += address_limits(settings);
  text += forwarded_headers;
  text += "  http-request set-header X-Forwarded-Proto https\n";
  if (is_shared) {
    text += tenant_route(settings, Beside::console);
    text += "  http-request wait-for-body time 10s unless is_tenant\n";
  }
  text += console_cookies(settings, is_shared ? " !is_tenant" : "");
  if (is_shared) text += tenant_rules(settings);
  if (settings.strict_transport_seconds)
    text += fmt::format("  http-response set-header Strict-Transport-Security \"max-age={}\"{}\n",
                        settings.strict_transport_seconds, is_shared ? " unless is_tenant" : "");
  text +=
      R"(  acl is_api path_beg /api/ /webhook/ /ws/ /healthz /readyz /metrics
  use_backend program_api if is_api
  default_backend program_pages

)";
  std::string api_errors, page_errors;
  for (int const status : {502, 503, 504}) {
    api_errors +=
        fmt::format("  http-error {}\n",
                    json_answer(status, "unavailable", "The service is not available",
                                "The service is starting or busy; try again in a few seconds", 5));
    page_errors +=
        fmt::format("  http-error {}\n", page_answer(status, at.pages / program_page().file));
  }
  text += program_backend("program_api", settings, api_errors);
  // Only pages and files are compressed: the length of a compressed secret gives it away, and
  // HAProxy decides before it could look at the headers of an answer. A page that holds secrets
  // says Cache-Control: no-transform.
  text += program_backend(
      "program_pages", settings,
      "  compression algo gzip\n"
      "  compression type text/html text/css text/plain text/javascript application/javascript "
      "application/json application/manifest+json image/svg+xml\n" +
          page_errors);
  text += relay(settings, group);

  // ---- tenants ----
  text += "frontend tenants\n";
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
