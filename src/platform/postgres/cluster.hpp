#pragma once
// The private PostgreSQL cluster of the embedded mode: made by initdb below the data directory, run
// as a child, reached through a unix socket only. In production the database is a service instead.
#include <functional>

#include "platform/process/supervisor.hpp"

namespace postgres {

struct ClusterSettings {
  std::filesystem::path data_dir;
  std::string run_as;  // when started by root; empty: onboarding or postgres
  int max_connections = 400, reserved_connections = 50;
  /// Holds one directory per major version (…/15/bin).
  std::filesystem::path installations = "/usr/lib/postgresql";
};

class Cluster {
 public:
  /// What is going on, in a few words, for the person who waits.
  using Progress = std::function<void(std::string_view)>;

  Cluster(ClusterSettings settings, process::Supervisor& supervisor);

  /// Makes the cluster on first use, starts it and returns when it answers and the database
  /// `onboarding` exists. Throws std::runtime_error with a sentence that says what to do.
  void start(Progress const& progress = {});
  /// Ends it cleanly (connections are cut, a checkpoint is written).
  void stop();
  [[nodiscard]] bool answers() const;
  /// Starts it again when its program on disk was replaced (a security update): call it now and
  /// then, for example each minute. Two calls must see the same new program, because a package is
  /// unpacked file by file. True when it did.
  bool restart_if_upgraded();

  /// Connection string of the superuser. It holds the password: never log it.
  [[nodiscard]] std::string url(std::string const& database = "onboarding") const;
  /// Connection string of another role, for example a tenant's.
  [[nodiscard]] std::string url(std::string const& database, std::string const& role,
                                std::string const& password) const;
  [[nodiscard]] std::filesystem::path const& socket_directory() const { return socket_; }
  /// Directory of initdb, pg_dump and the others that fit this cluster; known after start().
  [[nodiscard]] std::filesystem::path const& programs() const { return programs_; }
  /// The user that it runs as; none when that is our own.
  [[nodiscard]] std::optional<process::Identity> const& identity() const { return identity_; }

  static constexpr std::string_view process_name = "postgresql";

 private:
  void prepare_directories();
  void choose_identity();
  void choose_programs();
  void initialise();
  void wait_for_previous(Progress const& progress) const;
  void write_settings() const;
  void launch(Progress const& progress);
  void create_database();
  [[noreturn]] void refuse(std::string const& output) const;

  ClusterSettings settings_;
  process::Supervisor& supervisor_;
  std::filesystem::path home_, data_, socket_, log_;
  std::filesystem::path programs_;
  std::optional<process::Identity> identity_;
  std::string password_;
  std::string program_stamp_, new_stamp_;
};

}  // namespace postgres
