#pragma once
// What a tenant is made of, behind one interface. Every call is idempotent and keyed by the tenant:
// repeating it after a crash is always right.
#include "blueprints/blueprints.hpp"
#include "platform/db/db.hpp"
#include "platform/i18n/message.hpp"
#include "platform/readiness/readiness.hpp"
#include "tenants/failure_codes.hpp"
#include "tenants/tenants.hpp"

namespace provisioning {

/// What a driver needs to know about a tenant.
struct Instance {
  tenants::Tenant tenant;
  std::string company, owner_name, owner_email, country;
  i18n::Locale locale;
};

enum class InstanceState { absent, stopped, running, crashing, unreachable };
constexpr auto names_of(InstanceState) {
  return std::array<std::string_view, 5>{"absent", "stopped", "running", "crashing", "unreachable"};
}

struct Usage {
  double cpu_seconds;        // since the instance started
  std::int64_t memory;       // bytes in use
  std::int64_t disk;         // bytes of its own: files and database
  std::int64_t network_in;   // bytes since the instance started
  std::int64_t network_out;  // bytes since the instance started
  std::int64_t processes;
};

/// Something of ours in the world, for comparing with the rows.
struct Found {
  std::string subject;  // "instance", "database", "role", "directory"
  std::string name;
  std::optional<tenants::TenantId> tenant;  // whose it says it is
  std::optional<std::int64_t> pool;         // or the place of the standby pool
  InstanceState state = InstanceState::absent;
  std::optional<std::string> member{};          // the machine of a cluster
  std::optional<std::string> applied_limits{};  // as limits_text() writes them
  std::string stranger{};  // what it says of itself instead of our id: not ours, only to be shown
};

/// Why a step failed, and with it what comes next.
enum class ErrorClass {
  transient,       // again after a pause
  unknown,         // nobody foresaw it: the same, because each step looks before it acts
  needs_a_person,  // again too, but after minutes, so that somebody can repair the cause meanwhile
  permanent,       // trying again cannot help
};
constexpr auto names_of(ErrorClass) {
  return std::array<std::string_view, 4>{"transient", "unknown", "needs a person", "permanent"};
}

/// Pages have words for its code, `failure.<code>`; the rest is for whoever reads the API.
inline constexpr i18n::Code<"failed", "{failure}"> has_failed;
[[nodiscard]] inline i18n::Message failed_with(std::string_view code, std::string_view detail) {
  auto message = has_failed(code);
  message.text += ": " + std::string{detail};
  return message;
}

struct StepFailure : std::runtime_error {
  StepFailure(ErrorClass kind, tenants::FailureCode code, std::string const& detail)
      : std::runtime_error{detail}, kind{kind}, code{code} {}
  /// Where it is the reason of something else.
  [[nodiscard]] i18n::Message message() const { return failed_with(code, what()); }
  ErrorClass kind;
  tenants::FailureCode code;
};
struct Transient : StepFailure {
  Transient(tenants::FailureCode code, std::string const& detail)
      : StepFailure{ErrorClass::transient, code, detail} {}
};
struct NeedsPerson : StepFailure {
  NeedsPerson(tenants::FailureCode code, std::string const& detail)
      : StepFailure{ErrorClass::needs_a_person, code, detail} {}
};
struct Hopeless : StepFailure {
  Hopeless(tenants::FailureCode code, std::string const& detail)
      : StepFailure{ErrorClass::permanent, code, detail} {}
};

class Driver {
 public:
  virtual ~Driver() = default;

  /// What has to work outside before a tenant can be built.
  [[nodiscard]] virtual std::vector<readiness::Check> checks() = 0;

  // ---- life ----
  /// The place with its limits: a directory and a port, or a container. Not started.
  virtual void create(db::Connection& connection, Instance const& instance) = 0;
  /// Its own role and database; nothing where the blueprint's image brings its own.
  virtual void create_database(db::Connection& connection, Instance const& instance) = 0;
  /// Starts the application; returns without waiting for it to answer.
  virtual void start(db::Connection& connection, Instance const& instance) = 0;
  /// Tells the running application who its owner is, its company, language and address (the
  /// blueprint's `configure`); again after a change of name.
  virtual void configure(db::Connection& connection, Instance const& instance) = 0;
  virtual void stop(db::Connection& connection, tenants::Tenant const& tenant) = 0;
  /// Removes everything that belongs to the tenant, newest first.
  virtual void destroy(db::Connection& connection, tenants::Tenant const& tenant) = 0;
  /// Applies the row's limits and reads them back. Throws Transient{"limit_below_use"} when the
  /// tenant uses more at present; nothing is changed then.
  virtual void set_limits(db::Connection& connection, tenants::Tenant const& tenant) = 0;
  /// Whether a tenant that has used its storage cannot write any more; otherwise it is stopped once
  /// it is seen beyond.
  [[nodiscard]] virtual bool bounds_storage() const { return true; }
  /// To another machine of the cluster; Hopeless where there is only one.
  virtual void move(db::Connection& connection, tenants::Tenant const& tenant,
                    std::string const& member) = 0;

  // ---- looking ----
  [[nodiscard]] virtual InstanceState state(db::Connection& connection,
                                            tenants::Tenant const& tenant) = 0;
  /// "127.0.0.1:20001"; throws Transient when there is none.
  [[nodiscard]] virtual std::string address(db::Connection& connection,
                                            tenants::Tenant const& tenant) = 0;
  [[nodiscard]] virtual std::optional<Usage> usage(db::Connection& connection,
                                                   tenants::Tenant const& tenant) = 0;
  /// Why it does not run, in its own words; empty when there is nothing to say.
  [[nodiscard]] virtual std::string last_words(tenants::Tenant const& tenant) = 0;
  /// The newest lines that its application and system wrote, oldest first.
  [[nodiscard]] virtual std::vector<std::string> log(db::Connection& connection,
                                                     tenants::Tenant const& tenant,
                                                     std::size_t lines) = 0;
  /// Everything of ours, also what no row knows.
  [[nodiscard]] virtual std::vector<Found> list(db::Connection& connection) = 0;
  /// Whether its data outlive its place: they lie on the database server, which still has them.
  [[nodiscard]] virtual bool keeps_data(db::Connection&, tenants::Tenant const&) { return false; }
  /// Things that were made before they carried the installation's id get it, as the ledger says.
  virtual void label_known(db::Connection&) {}
  /// Removes something that list() found and that belongs to no tenant; never a stranger's.
  virtual void destroy_stray(db::Connection& connection, Found const& found) = 0;

  // ---- the standby pool ----
  [[nodiscard]] virtual bool can_pool() const { return false; }
  /// A place that belongs to nobody yet, made and started with these limits.
  virtual void create_pooled(db::Connection&, std::int64_t, tenants::Tenant const&) {}
  /// Gives it to a tenant, running as it is; called again, it changes nothing.
  virtual void claim(db::Connection&, std::int64_t, Instance const&) {}

  // ---- access and data ----
  /// A fresh address that makes whoever opens it first the owner, valid for 7 days.
  [[nodiscard]] virtual std::string owner_link(db::Connection& connection,
                                               Instance const& instance) = 0;
  /// Writes the tenant's data (database and files) into `archive`, a zstd-compressed tar; the
  /// application may run meanwhile.
  virtual void backup(db::Connection& connection, Instance const& instance,
                      std::filesystem::path const& archive) = 0;
  /// Replaces the tenant's data with what `archive` holds. The tenant's place exists; the
  /// application is stopped by this and runs afterwards.
  virtual void restore(db::Connection& connection, Instance const& instance,
                       std::filesystem::path const& archive) = 0;
};

/// "memory=512MiB cpu=50% processes=300 disk=5120MiB": how applied limits are written down.
[[nodiscard]] std::string limits_text(tenants::Tenant const& tenant);
/// The other way round; none when something is missing or zero.
[[nodiscard]] std::optional<tenants::Changes> read_limits(std::string const& text);

}  // namespace provisioning
