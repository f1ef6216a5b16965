#pragma once
// Customers' own domains as rows: where their DNS leads, their certificate, and what is wrong.
#include "domains/dns.hpp"
#include "platform/crypto/certificates.hpp"
#include "platform/vault/vault.hpp"
#include "tenants/tenants.hpp"

namespace domains {

using DomainId = Id<"dom">;

enum class State { waiting_for_dns, waiting_for_certificate, active, certificate_failed };
constexpr auto names_of(State) {
  return std::array<std::string_view, 4>{"waiting_for_dns", "waiting_for_certificate", "active",
                                         "certificate_failed"};
}
enum class Source { acme, upload };
constexpr auto names_of(Source) { return std::array<std::string_view, 2>{"acme", "upload"}; }

inline constexpr ProblemType domain_not_found{Kind::not_found, "domain_not_found",
                                              "The tenant has no such domain"};
inline constexpr ProblemType domain_taken{Kind::conflict, "domain_taken",
                                          "This domain is in use already"};
inline constexpr ProblemType too_many_domains{Kind::conflict, "too_many_domains",
                                              "The tenant has as many domains as it may have"};

/// How often a certificate is asked for by itself.
inline constexpr int maximum_attempts = 5;
inline constexpr int maximum_domains = 50;  // of one tenant
/// A certificate that ends sooner is replaced.
inline constexpr std::chrono::days renewal{25};

struct Domain {
  DomainId id;
  std::string domain;
  tenants::TenantId tenant_id;
  State state;
  std::optional<bool> dns_is_right;
  std::optional<std::string> dns_problem, dns_found;
  std::optional<Time> checked_at;
  std::optional<std::string> fingerprint, issuer;
  std::optional<Time> not_after;
  std::optional<Source> source;
  std::optional<std::string> problem, problem_detail;
  std::int64_t attempts;
  std::optional<Time> next_attempt_at;
  std::int64_t renewals;
  Time created_at;

  /// One that browsers take.
  [[nodiscard]] bool has_certificate(Time now = clock_source::now()) const {
    return not_after && *not_after > now;
  }
  [[nodiscard]] bool needs_certificate(Time now = clock_source::now()) const {
    return !has_certificate(now) || (source == Source::acme && *not_after < now + renewal);
  }
};

[[nodiscard]] std::vector<Domain> of_tenant(db::Tx& tx, tenants::TenantId tenant);
[[nodiscard]] std::vector<Domain> all(db::Tx& tx);
/// The row under its lock; none when it was removed.
[[nodiscard]] std::optional<Domain> lock(db::Tx& tx, DomainId id);
/// Under its lock; Problem{domain_not_found}.
[[nodiscard]] Domain lock(db::Tx& tx, tenants::TenantId tenant, std::string_view domain);
/// Those whose DNS is to be looked at.
[[nodiscard]] std::vector<DomainId> due(db::Tx& tx);
[[nodiscard]] bool exists(db::Tx& tx, std::string_view domain);

/// Throws Problem: domain_taken, too_many_domains. The caller holds the tenant's lock.
[[nodiscard]] Domain add(db::Tx& tx, tenants::TenantId tenant, std::string_view domain,
                         std::string_view actor);
void remove(db::Tx& tx, Domain const& domain, std::string_view actor);
void remove_all(db::Tx& tx, tenants::TenantId tenant);

/// Writes what a look at DNS said, and when to look again. A look that reached nobody leaves the
/// last verdict as it is. One that is right at last gives the certificate new attempts.
void write_verdict(db::Tx& tx, Domain& domain, Verdict const& verdict);
void write_certificate(db::Tx& tx, vault::Vault& vault, Domain& domain,
                       crypto::HeldCertificate const& certificate, Source source);
/// It is of no use after all.
void drop_certificate(db::Tx& tx, Domain& domain);
/// One more attempt was in vain; sets when the next one is due.
void write_failure(db::Tx& tx, Domain& domain, std::string_view problem, std::string_view detail);
/// No certificate by itself: somebody has to do something.
void write_problem(db::Tx& tx, Domain& domain, std::string_view problem, std::string_view detail);
/// Somebody asks for new attempts.
void forget_attempts(db::Tx& tx, Domain& domain);
/// The state that follows from the rest; with a line in the tenant's history when it changes.
void settle(db::Tx& tx, Domain& domain);

/// Chain and key as HAProxy reads them.
[[nodiscard]] std::string pem_of(db::Tx& tx, vault::Vault& vault, Domain const& domain);

}  // namespace domains
