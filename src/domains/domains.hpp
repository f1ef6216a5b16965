#pragma once
// Customers' own domains: from "here it is" over DNS and certificate to the front door, and what
// happens when one of them is no longer right.
#include "domains/acme.hpp"
#include "domains/domain.hpp"
#include "platform/haproxy/front_door.hpp"
#include "platform/jobs/jobs.hpp"

namespace http {
class Api;
}

namespace domains {

/// Looks where a domain's DNS leads.
struct Check {
  static constexpr std::string_view kind = "domains.check";
  std::int64_t domain_id;
};
/// Gets a certificate, the first or the next one.
struct Obtain {
  static constexpr std::string_view kind = "domains.obtain";
  std::int64_t domain_id;
};
/// Makes the front door serve what the row says.
struct Install {
  static constexpr std::string_view kind = "domains.install";
  std::int64_t domain_id;
};
/// The row is gone; the front door forgets the domain.
struct Forget {
  static constexpr std::string_view kind = "domains.forget";
  std::string domain;
};
/// Every minute: what falls due, what has ended, and whether the front door has what the rows say.
struct Sweep {
  static constexpr std::string_view kind = "domains.sweep";
};

class Domains {
 public:
  /// A node without a front door answers questions and leaves the work to the one that has it.
  Domains(config::Settings const& settings, vault::Vault& vault, haproxy::FrontDoor* front_door)
      : settings_{settings}, vault_{vault}, front_door_{front_door}, acme_{settings} {}

  void add_endpoints(http::Api& api);
  void add_workers(jobs::Engine& engine);
  /// Before the front door starts: its files as the rows say.
  void start_up(db::Connection& connection);

 private:
  void check(jobs::Context& job, DomainId id);
  /// Until it has a certificate it leads to the platform's name; whoever issues one asks there.
  void open(std::string const& domain, std::string const& subdomain);
  void obtain(jobs::Context& job, DomainId id);
  void keep(jobs::Context& job, DomainId id, crypto::HeldCertificate const& certificate);
  void fail(jobs::Context& job, DomainId id, std::string_view problem, std::string const& detail);
  void install(jobs::Context& job, DomainId id);
  void refuse(jobs::Context& job, DomainId id, std::string const& words);
  void forget(jobs::Context& job, std::string const& domain);
  void sweep(jobs::Context& job);
  void compare(db::Connection& connection);
  /// What is to be done next for a domain whose DNS is right.
  void go_on(db::Tx& tx, Domain& domain);

  config::Settings const& settings_;
  vault::Vault& vault_;
  haproxy::FrontDoor* front_door_;
  Acme acme_;
};

}  // namespace domains
