#pragma once
// The private PostgreSQL cluster of the embedded mode: made by initdb below the data directory, run
// as a child, reached through a unix socket only. In production the database is a service instead.
#include "platform/postgres/home.hpp"
#include "platform/process/supervisor.hpp"

namespace postgres {

class Cluster {
 public:
  Cluster(ClusterSettings settings, process::Supervisor& supervisor);
  /// One that is prepared already.
  Cluster(Home home, process::Supervisor& supervisor);

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
  [[nodiscard]] std::filesystem::path const& socket_directory() const { return home_.socket(); }
  /// Directory of initdb, pg_dump and the others that fit this cluster; known after start().
  [[nodiscard]] std::filesystem::path const& programs() const { return home_.programs(); }
  /// The user that it runs as; none when that is our own.
  [[nodiscard]] std::optional<process::Identity> const& identity() const {
    return home_.identity();
  }

  static constexpr std::string_view process_name = "postgresql";

 private:
  void launch(Progress const& progress);
  void create_database();

  Home home_;
  process::Supervisor& supervisor_;
  std::string program_stamp_, new_stamp_;
};

}  // namespace postgres
