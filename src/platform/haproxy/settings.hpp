#pragma once
// What the front door is told, and the haproxy.cfg that follows from it.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace haproxy {

struct Settings {
  std::filesystem::path directory;  // of its files: configuration, map, sockets
  std::vector<std::string> bind_addresses{"127.0.0.1", "::1"};  // "*" or "::" : all
  int https_port = 4443;
  int tenant_port = 8080;
  int tenant_tls_port = 0;    // 0: https_port, where the name decides
  std::string tenant_domain;  // every name below it is a tenant's
  std::string console_url;    // its host is never a tenant's, on no port
  /// The names of the console's cookies: tenants below the same domain can make browsers send it
  /// others, which it never sees. Empty: all pass.
  std::vector<std::string> console_cookies;
  bool tenants_over_tls = false;  // the certificate covers *.tenant_domain: nobody stays on http
  std::filesystem::path certificate;  // PEM: certificate and key
  std::string program;                // "/path/of.sock" or "127.0.0.1:port"
  std::string program_key;            // shown to it with each request; empty: none
  std::string run_as;                 // when started by root; empty: haproxy or onboarding
  std::string executable = "/usr/sbin/haproxy";
  /// Strict-Transport-Security in seconds; 0 sends none (right for a local certificate).
  std::int64_t strict_transport_seconds = 0;
  std::int64_t tenants_strict_transport_seconds = 0;  // of names below tenant_domain
  /// One that runs and does not answer is ended after this; one that has just begun reads its
  /// certificates, of which there may be thousands.
  std::chrono::milliseconds longest_silence{8'000}, longest_loading{120'000};
  int connections = 10'000;
  int connections_per_address = 512;  // beyond: 429; 0: no limit
  int requests_per_address = 3'000;   // in ten seconds; beyond: 429; 0: no limit

  [[nodiscard]] bool shares_tls_port() const {
    return tenant_tls_port == 0 || tenant_tls_port == https_port;
  }
  bool operator==(Settings const&) const = default;
};

/// The addresses to bind that this machine has: a loopback address of IPv6 is left out where IPv6
/// is switched off.
[[nodiscard]] std::vector<std::string> usable_addresses(std::vector<std::string> const& wanted);

/// The text of haproxy.cfg, for HAProxy 2.6 and later. `group` (a number): HAProxy's, when it is
/// another user than we are, else empty.
[[nodiscard]] std::string configuration(Settings const& settings, std::string const& group);

/// The Lua script beside it: holds requests while the program is away.
[[nodiscard]] std::string wait_script(Settings const& settings);

/// Where the files of a front door lie below its directory.
struct Places {
  explicit Places(std::filesystem::path const& directory);
  /// As HAProxy knows the map and the certificates: it runs in the directory, so that its
  /// configuration and its commands, which have no quotes, need not spell the way there.
  static constexpr auto map_name = "hosts.map", certificate_list_name = "certificates.list",
                        certificates_name = "certificates";
  std::filesystem::path configuration, map, runtime_socket, pages, wait_script, program_directory,
      relay_socket, probe_socket, certificates, certificate_list, certificate;
};

}  // namespace haproxy
