#pragma once
// The services around the program that it brings itself when they are not configured: PostgreSQL,
// HAProxy with a local certificate, the Stripe sandbox. All are supervised children.
#include "app/application.hpp"
#include "app/privileges.hpp"
#include "app/usable.hpp"
#include "platform/crypto/local_ca.hpp"
#include "platform/postgres/cluster.hpp"

namespace app {

/// What is written for the person who waits.
using Progress = std::function<void(std::string_view)>;

class Embedded {
 public:
  /// Takes the data directory (one server at a time) and completes `loaded`: database_url,
  /// stripe_*, public_url, http_listen. Throws std::runtime_error with what to do.
  /// `gets_events`: the sandbox may turn its webhooks from another node to this one.
  Embedded(config::Loaded& loaded, Progress const& progress, bool gets_events = true);
  ~Embedded();

  /// Starts the front door; the program listens already.
  void open_front_door();
  /// Now and then: certificates that end soon, a PostgreSQL that was upgraded on disk.
  void look_after();
  void stop();

  [[nodiscard]] vault::MasterKey const& master_key() const { return master_key_; }
  [[nodiscard]] bool has_sandbox() const { return has_sandbox_; }
  [[nodiscard]] std::string sandbox_url() const;
  [[nodiscard]] std::filesystem::path certificate_authority() const;
  process::Supervisor& supervisor() { return *supervisor_; }
  haproxy::FrontDoor& front_door() { return *front_door_; }
  /// What the front door shows to the program where that listens on TCP, else empty.
  [[nodiscard]] std::string const& front_door_key() const { return front_door_key_; }
  config::Settings const& settings() const { return settings_; }

 private:
  [[nodiscard]] haproxy::Settings front_door_settings() const;
  /// Throws config::Mistake unless every port can be bound.
  void require_ports() const;
  /// What takes the rights that it was started with, and the end of them.
  std::optional<postgres::Home> prepare(Progress const& progress);
  [[nodiscard]] std::string configured_certificate() const;
  void prepare_stripe();
  void start_sandbox(bool gets_events);

  config::Settings& settings_;
  bool data_is_new_;  // nobody's files are in the data directory yet
  files::DirectoryLock lock_;
  vault::MasterKey master_key_;
  Staff staff_;
  std::optional<process::Supervisor> supervisor_;  // its thread begins when root is given up
  std::unique_ptr<postgres::Cluster> cluster_;
  crypto::LocalCertificates certificates_;
  std::unique_ptr<haproxy::FrontDoor> front_door_;
  std::string certificate_text_;  // of certificate_file
  std::string front_door_key_;
  bool has_sandbox_ = false, stopped_ = false;
};

}  // namespace app
