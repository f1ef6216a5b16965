// haproxy.cfg. Two frontends: `console` (TLS, the program) and `tenants` (host → map → address).
#include "platform/haproxy/settings.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "platform/config/config.hpp"
#include "platform/files/files.hpp"
#include "platform/haproxy/tenant_frontend.hpp"
#include "platform/haproxy/waiting_pages.hpp"

namespace haproxy {

namespace {
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

/// HAProxy refuses to start when its connections, two descriptors each, cannot all be opened.
int possible_connections(int wanted) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max == RLIM_INFINITY) return wanted;
  auto const possible = (std::int64_t(files.rlim_max) - 256) / 2;
  return int(std::clamp<std::int64_t>(possible, 100, wanted));
}

/// What holds for both.
std::string general(Settings const& settings, std::string const& group) {
  Places const at{settings.directory};
  auto const text = fmt::format(
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
  return text +
         fmt::format(
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
}

std::string console_frontend(Settings const& settings, std::vector<std::string> const& addresses) {
  bool const is_shared = settings.shares_tls_port();
  std::string text = "frontend console\n";
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
  return text +
         R"(  acl is_api path_beg /api/ /webhook/ /ws/ /healthz /readyz /metrics
  use_backend program_api if is_api
  default_backend program_pages

)";
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
  auto text = general(settings, group) + console_frontend(settings, addresses);
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

  return text + tenant_frontend(settings, addresses, group, page_errors);
}

}  // namespace haproxy
