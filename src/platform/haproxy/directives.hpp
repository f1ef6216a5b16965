#pragma once
// Lines that both frontends of haproxy.cfg are made of.
#include "platform/haproxy/settings.hpp"

namespace haproxy {

/// HAProxy's quoting for a value that came from outside.
std::string word(std::string_view text);
std::string bound(std::string const& address, int port);
std::string json_answer(int status, std::string_view code, std::string_view title,
                        std::string_view detail, int retry_after);
std::string page_answer(int status, std::filesystem::path const& page);
/// Per-address limits; the table is the frontend's own.
std::string address_limits(Settings const& settings);

inline constexpr std::string_view forwarded_headers = R"(  http-request del-header Forwarded
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
                      bool with_customers);

/// A unix socket as HAProxy, which runs in the directory, finds it: in addresses it reads `$` as
/// the name of a variable, whatever the quotes.
std::string socket_address(Settings const& settings, std::filesystem::path const& socket);
std::string program_address(Settings const& settings);
/// For us alone, whichever user HAProxy is.
std::string socket_mode(std::string const& group);

/// A request that finds the program away goes to `waiting`, our own relay that connects when the
/// program is back. HAProxy's own retries would not do: a unix socket refuses at once, and they do
/// not pause then. What has reached the program is sent again only when that is harmless.
std::string program_backend(std::string_view name, Settings const& settings, std::string_view more);

}  // namespace haproxy
