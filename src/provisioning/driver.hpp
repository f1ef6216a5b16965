#pragma once
// What a tenant is made of, behind one interface. Every call is idempotent and keyed by the tenant:
// repeating it after a crash is always right.
#include "platform/db/db.hpp"
#include "platform/process/supervisor.hpp"
#include "tenants/tenants.hpp"

namespace provisioning {

/// What a driver needs to know about a tenant.
struct Instance {
  tenants::Tenant tenant;
  std::string company;
  i18n::Locale locale;
};

enum class InstanceState { absent, stopped, running, crashing };
constexpr auto names_of(InstanceState) {
  return std::array<std::string_view, 4>{"absent", "stopped", "running", "crashing"};
}

struct Usage {
  double cpu_seconds;   // since the instance started
  std::int64_t memory;  // resident bytes
  std::int64_t disk;    // bytes of files and database
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

struct StepFailure : std::runtime_error {
  StepFailure(ErrorClass kind, std::string code, std::string const& detail)
      : std::runtime_error{detail}, kind{kind}, code{std::move(code)} {}
  ErrorClass kind;
  std::string code;
};
struct Transient : StepFailure {
  Transient(std::string code, std::string const& detail)
      : StepFailure{ErrorClass::transient, std::move(code), detail} {}
};
struct NeedsPerson : StepFailure {
  NeedsPerson(std::string code, std::string const& detail)
      : StepFailure{ErrorClass::needs_a_person, std::move(code), detail} {}
};
struct Hopeless : StepFailure {
  Hopeless(std::string code, std::string const& detail)
      : StepFailure{ErrorClass::permanent, std::move(code), detail} {}
};

class Driver {
 public:
  virtual ~Driver() = default;

  /// The place with its limits: a directory and a port, or a container. Not started.
  virtual void create(db::Connection& connection, Instance const& instance) = 0;
  /// Its own role and database.
  virtual void create_database(db::Connection& connection, Instance const& instance) = 0;
  /// Starts the application; returns without waiting for it to answer.
  virtual void start(db::Connection& connection, Instance const& instance) = 0;
  virtual void stop(db::Connection& connection, tenants::Tenant const& tenant) = 0;
  /// Removes everything that belongs to the tenant, newest first.
  virtual void destroy(db::Connection& connection, tenants::Tenant const& tenant) = 0;
  [[nodiscard]] virtual InstanceState state(db::Connection& connection,
                                            tenants::Tenant const& tenant) = 0;
  /// "127.0.0.1:20001"; throws Transient when there is none.
  [[nodiscard]] virtual std::string address(db::Connection& connection,
                                            tenants::Tenant const& tenant) = 0;
  [[nodiscard]] virtual std::optional<Usage> usage(db::Connection& connection,
                                                   tenants::Tenant const& tenant) = 0;
  /// A fresh address that makes whoever opens it first the owner, valid for 7 days.
  [[nodiscard]] virtual std::string owner_link(db::Connection& connection,
                                               tenants::Tenant const& tenant) = 0;
  /// Why it does not run, in its own words; empty when there is nothing to say.
  [[nodiscard]] virtual std::string last_words(tenants::Tenant const& tenant) = 0;
};

}  // namespace provisioning
