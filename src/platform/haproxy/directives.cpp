// Lines that both frontends of haproxy.cfg are made of.
#include "platform/haproxy/directives.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "platform/haproxy/waiting_pages.hpp"

namespace haproxy {

namespace {
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
}  // namespace

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

std::string socket_address(Settings const& settings, std::filesystem::path const& socket) {
  auto const relative = socket.lexically_relative(settings.directory);
  bool const is_below = !relative.empty() && *relative.begin() != "..";
  return "unix@" + (is_below ? relative : socket).string();
}

std::string program_address(Settings const& settings) {
  return settings.program.starts_with('/') ? socket_address(settings, settings.program)
                                           : settings.program;
}

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

std::string socket_mode(std::string const& group) {
  return group.empty() ? "600" : "660 gid " + group;
}

}  // namespace haproxy
