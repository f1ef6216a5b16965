#pragma once
// Tenants' data kept elsewhere: made, looked at, tried, thinned out, and brought back.
#include <set>

#include "backups/backup.hpp"
#include "backups/targets.hpp"
#include "provisioning/findings.hpp"
#include "provisioning/provisioning.hpp"

namespace http {
struct Context;
struct File;
}  // namespace http

namespace backups {

/// One backup of a tenant that falls due.
struct Make {
  static constexpr std::string_view kind = "backups.make";
  std::int64_t tenant_id;
};
/// Looks at a backup again; with `restore` it is restored for a test too.
struct Verify {
  static constexpr std::string_view kind = "backups.verify";
  std::int64_t backup_id;
  bool restore;
};
/// Finds the tenants whose backup falls due.
struct Plan {
  static constexpr std::string_view kind = "backups.plan";
};
/// Thins out, and makes rows and files agree.
struct Sweep {
  static constexpr std::string_view kind = "backups.sweep";
};
/// Chooses a backup to be restored for a test when the last test is a week ago.
struct Rehearse {
  static constexpr std::string_view kind = "backups.rehearse";
};

/// Where a target carries the mark of an installation.
[[nodiscard]] std::string mark_of(std::string_view installation);

class Backups {
 public:
  /// A node without tenants answers questions and leaves the work to the one that has them.
  Backups(config::Settings const& settings, provisioning::World& world, bool holds_tenants);

  void add_endpoints(http::Api& api);
  void add_workers(jobs::Engine& engine);
  /// Throws when a new backup could not be stored now, or those that were made are not in reach.
  void try_targets();
  /// What provisioning asks of us at the turns of a tenant's life.
  [[nodiscard]] provisioning::Keeper keeper();

 private:
  using Instance = provisioning::Instance;

  // make.cpp
  /// Makes and verifies one; throws StepFailure, the row is failed then and no file is left.
  Backup make(jobs::Context& job, Instance const& instance, Reason reason,
              std::string_view requested_by);
  /// Makes one unless there is one that was begun after `since`, so that a job may be repeated.
  Backup make_once(jobs::Context& job, Instance const& instance, Reason reason, Time since,
                   std::string_view requested_by);
  void fill(jobs::Context& job, Instance const& instance, Backup const& backup);
  /// Reads it back; throws Hopeless and marks it damaged when it is not what its row says.
  void verify(jobs::Context& job, Backup const& backup);
  /// What a job that was killed has left: no other one works on this tenant.
  void clear_interrupted(jobs::Context& job, tenants::TenantId tenant);
  void keep_last(jobs::Context& job, Instance const& instance, std::string_view reason);
  /// The archive as a file in our work folder, with the size and checksum of its row.
  void fetch(db::Connection& connection, Backup const& backup, std::filesystem::path const& file);

  // presence.cpp
  /// Whether it is the place that our backups were written to: it carries our mark or one of them,
  /// or it is to hold none yet. A mount point without its disk is not.
  [[nodiscard]] bool is_there(db::Connection& connection, Target& target);
  /// Throws NeedsPerson{"backup_target_away"} unless it is.
  void require_there(db::Connection& connection, Target& target);
  /// This is the place from now on, whatever it should hold and does not.
  void settle_in(db::Connection& connection, std::string const& target);

  // operations.cpp
  void run(jobs::Context& job, tenants::Operation const& operation);
  void run_backup(jobs::Context& job, tenants::Operation const& operation);
  void run_restore(jobs::Context& job, tenants::Operation const& operation);
  void run_clone(jobs::Context& job, tenants::Operation const& operation);
  void put_back(jobs::Context& job, Instance const& instance, Backup const& backup);
  void fail_operation(jobs::Context& job, tenants::Operation const& operation,
                      provisioning::StepFailure const& failure);
  void restore_data(db::Connection& connection, Instance const& instance);

  // rehearsal.cpp
  void run_verify(jobs::Context& job, Verify const& wanted);
  void rehearse(jobs::Context& job);
  [[nodiscard]] RawJson restore_for_test(db::Connection& connection,
                                         std::filesystem::path const& archive);

  // schedule.cpp
  void plan(jobs::Context& job);
  void sweep(jobs::Context& job);
  /// Of the targets that were found in order only.
  void thin_out(jobs::Context& job, std::set<std::string> const& in_order);
  void compare(jobs::Context& job, Target& target, provisioning::Findings& findings);
  /// What a finding showed then; false when it is a backup's or another one by now. Throws Hopeless
  /// when it is not ours to remove.
  bool remove_stray(db::Connection& connection, std::string const& name, Time shown_at);
  /// The row first: a file that is left then is found by the next sweep.
  void remove(jobs::Context& job, Backup const& backup, std::string_view actor);

  // endpoints.cpp
  http::File download(http::Context& context, tenants::TenantId tenant, BackupId id);

  [[nodiscard]] Target& target_of(Backup const& backup);
  /// A file of our own in the work folder.
  [[nodiscard]] std::filesystem::path work_file(std::string_view name) const;

  config::Settings const& settings_;
  provisioning::World& world_;
  bool holds_tenants_;
  std::vector<std::unique_ptr<Target>> targets_;  // new ones go to the last
};

/// A file or folder that is gone at the end, whatever happens.
class Scratch {
 public:
  explicit Scratch(std::filesystem::path path) : path_{std::move(path)} { clear(); }
  ~Scratch() { clear(); }
  Scratch(Scratch const&) = delete;
  Scratch& operator=(Scratch const&) = delete;
  std::filesystem::path const& path() const { return path_; }

 private:
  void clear() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path path_;
};

}  // namespace backups
