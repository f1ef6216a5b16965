#pragma once
// The private cluster on the disk: everything that is done before PostgreSQL runs, which takes the
// rights of its user and of whom the data directory belongs to.
#include <functional>

#include "platform/process/identity.hpp"

namespace postgres {

struct ClusterSettings {
  std::filesystem::path data_dir;
  std::string run_as;  // when started by root; empty: postgres or onboarding
  int max_connections = 400, reserved_connections = 50;
  /// Holds one directory per major version (…/15/bin).
  std::filesystem::path installations = "/usr/lib/postgresql";
};

/// What is going on, in a few words, for the person who waits.
using Progress = std::function<void(std::string_view)>;

class Home {
 public:
  explicit Home(ClusterSettings settings);

  /// Makes the cluster on first use, waits for a PostgreSQL that is still there from before, and
  /// writes its settings. Throws std::runtime_error with a sentence that says what to do.
  void prepare(Progress const& progress);
  [[nodiscard]] bool is_prepared() const { return is_prepared_; }
  /// What a postmaster that was killed has left behind.
  void end_orphans() const;
  /// Throws what PostgreSQL's output means.
  [[noreturn]] void refuse(std::string const& output) const;

  [[nodiscard]] ClusterSettings const& settings() const { return settings_; }
  [[nodiscard]] std::filesystem::path const& directory() const { return home_; }
  [[nodiscard]] std::filesystem::path const& data() const { return data_; }
  [[nodiscard]] std::filesystem::path const& socket() const { return socket_; }
  [[nodiscard]] std::filesystem::path const& log() const { return log_; }
  [[nodiscard]] std::filesystem::path const& programs() const { return programs_; }
  [[nodiscard]] std::optional<process::Identity> const& identity() const { return identity_; }
  /// Of the superuser; empty when there is none yet.
  [[nodiscard]] std::string password() const;

 private:
  void prepare_directories();
  void choose_identity();
  void choose_programs();
  void initialise();
  void wait_for_previous(Progress const& progress) const;
  void write_settings() const;
  [[nodiscard]] std::filesystem::path password_file() const;

  ClusterSettings settings_;
  std::filesystem::path home_, data_, socket_, log_;
  std::filesystem::path programs_;
  std::optional<process::Identity> identity_;
  bool is_prepared_ = false;
};

}  // namespace postgres
