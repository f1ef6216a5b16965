#pragma once
// The embedded front door: HAProxy as a supervised child, its configuration, and the routes from
// tenants' host names to addresses, which change at run time without a reload.
#include <mutex>
#include <stop_token>
#include <thread>

#include "platform/haproxy/certificates.hpp"
#include "platform/haproxy/runtime.hpp"
#include "platform/haproxy/settings.hpp"
#include "platform/process/supervisor.hpp"

namespace haproxy {

class FrontDoor {
 public:
  /// Makes the directories, so that the program can listen in program_socket() before start().
  FrontDoor(Settings settings, process::Supervisor& supervisor);

  /// The unix socket for the program in a directory that only we and HAProxy can enter: listen
  /// there with mode 0666.
  [[nodiscard]] static std::filesystem::path program_socket(std::filesystem::path const& directory);

  /// Writes and checks the configuration, starts HAProxy and returns when it serves. Throws
  /// std::runtime_error with a sentence (not installed, port taken, no certificate).
  void start();
  /// Takes over new settings or a new certificate without dropping a connection. When HAProxy
  /// refuses them nothing changes and this throws. The ports and addresses may change, too.
  void reload(Settings settings);
  void stop();
  /// A unix socket where tenants are reached by their names as through the port, without limits.
  [[nodiscard]] std::string probe_socket() const { return places_.probe_socket.string(); }
  [[nodiscard]] bool answers() const { return runtime_.worker().has_value(); }

  /// `host` without port; `value` is "address:port" of a loopback or private IPv4 address, or
  /// suspended, maintenance, starting, redirect:host[:port] or, for customers' domains, tls: before
  /// one of the others or fallback:host[:port]. Kept in the map file (for HAProxy's next start) and
  /// set in the running HAProxy. Throws std::runtime_error for anything else.
  void route(std::string const& host, std::string const& value);
  void remove(std::string const& host);
  void replace_all(Runtime::Map const& routes);
  /// What the running HAProxy uses; what the file holds while it does not run.
  [[nodiscard]] Runtime::Map routes() const;

  /// Of customers' domains; the front door's own is in its settings.
  Certificates& certificates() { return certificates_; }

  static constexpr std::string_view process_name = "haproxy";

 private:
  /// Until it is asked to stop: a HAProxy that runs and does not answer is ended, so that the
  /// supervisor starts it again.
  void watch(std::stop_token const& stopping, std::chrono::milliseconds longest_silence,
             std::chrono::milliseconds longest_loading);
  void make_directories();
  /// What a HAProxy of another user has left, which this one may not replace.
  void remove_strange_sockets() const;
  [[nodiscard]] static std::string certificate_of(Settings const& settings);
  void write_checked(Settings const& settings);
  void write_map() const;
  [[nodiscard]] Runtime::Map read_map_file() const;

  Settings settings_;
  process::Supervisor& supervisor_;
  Places places_;
  Runtime runtime_;
  std::optional<process::Identity> identity_;  // HAProxy's; none: our own
  Shared shared_;
  Certificates certificates_;
  mutable std::mutex mutex_;  // guards routes_ and the order of their changes
  Runtime::Map routes_;
  std::jthread watcher_;
};

/// A value that sends visitors on, with their path: redirect:acme.example.com:8080.
inline constexpr auto redirect_prefix = "redirect:";
/// The same for now only: a customer's domain whose certificate is not there or not good any more.
inline constexpr auto fallback_prefix = "fallback:";
/// Before a value: the domain has a certificate, visitors that come without TLS are sent to it.
inline constexpr auto tls_prefix = "tls:";

/// The host in lower case without a final dot; throws std::runtime_error when it is no host name.
[[nodiscard]] std::string checked_host(std::string const& host);
/// Throws std::runtime_error when it is not a value that may stand in the map.
void check_route_value(std::string const& value);

/// Throws config::Mistake that names `setting` unless the port can be bound. Waits some seconds for
/// the holder: the child of a server that was killed a moment ago may still be leaving.
void require_port(std::string const& address, int port, std::string_view setting);
/// The same for both ports of a front door, so that it can be said before anything is started.
void require_ports(Settings const& settings);

}  // namespace haproxy
