// The SQL of domains.
#include "domains/domain.hpp"

#include "platform/realtime/hub.hpp"
#include "platform/retention/retention.hpp"

namespace domains {

namespace {
using namespace std::chrono_literals;

constexpr auto actor = "domains";

constexpr std::string_view columns =
    "id, domain, tenant_id, state, dns_is_right, dns_problem, dns_found, checked_at, fingerprint, "
    "issuer, not_after, source, problem, problem_detail, attempts, next_attempt_at, renewals, "
    "created_at";
std::string select(std::string_view rest) {
  return "SELECT " + std::string{columns} + " FROM tenant_domains " + std::string{rest};
}

db::Query const list_of_tenant{"domains.of_tenant",
                               select("WHERE tenant_id = $1 ORDER BY domain LIMIT 100")};
db::Query const list_all{"domains.all", select("ORDER BY id")};
db::Query const lock_by_id{"domains.lock", select("WHERE id = $1 FOR UPDATE")};
db::Query const lock_by_name{"domains.lock_by_name",
                             select("WHERE tenant_id = $1 AND domain = $2 FOR UPDATE")};
db::Query const list_due{"domains.due", "SELECT id FROM tenant_domains WHERE check_due_at <= $1"};
db::Query const exists_by_name{"domains.exists",
                               "SELECT EXISTS (SELECT 1 FROM tenant_domains WHERE domain = $1)"};
db::Query const count_of_tenant{"domains.count",
                                "SELECT count(*) FROM tenant_domains WHERE tenant_id = $1"};
db::Query const insert_domain{"domains.insert", R"sql(
  INSERT INTO tenant_domains (domain, tenant_id, created_by, created_at, check_due_at)
  VALUES ($1, $2, $3, $4, $4) ON CONFLICT (domain) DO NOTHING RETURNING id
)sql"};
db::Query const delete_domain{"domains.delete", "DELETE FROM tenant_domains WHERE id = $1"};
db::Query const delete_of_tenant{"domains.delete_of_tenant",
                                 "DELETE FROM tenant_domains WHERE tenant_id = $1"};
db::Query const update_dns{"domains.update_dns", R"sql(
  UPDATE tenant_domains
     SET dns_is_right = $2, dns_problem = $3, dns_found = $4, checked_at = $5, check_due_at = $6
   WHERE id = $1
)sql"};
db::Query const update_certificate{"domains.update_certificate", R"sql(
  UPDATE tenant_domains
     SET chain = $2, sealed_key = $3, fingerprint = $4, issuer = $5, not_after = $6, source = $7,
         renewals = $8
   WHERE id = $1
)sql"};
db::Query const delete_certificate{"domains.delete_certificate", R"sql(
  UPDATE tenant_domains
     SET chain = NULL, sealed_key = NULL, fingerprint = NULL, issuer = NULL, not_after = NULL,
         source = NULL, state = CASE WHEN state = 'active' THEN 'waiting_for_certificate' ELSE state END
   WHERE id = $1
)sql"};
db::Query const update_attempts{"domains.update_attempts", R"sql(
  UPDATE tenant_domains
     SET problem = $2, problem_detail = $3, attempts = $4, next_attempt_at = $5 WHERE id = $1
)sql"};
db::Query const update_state{"domains.update_state",
                             "UPDATE tenant_domains SET state = $2 WHERE id = $1 AND state <> $2"};
db::Query const load_chain{"domains.load_chain", "SELECT chain FROM tenant_domains WHERE id = $1"};
db::Query const load_key{"domains.load_key", "SELECT sealed_key FROM tenant_domains WHERE id = $1"};

std::string context_of(DomainId id) { return "tenant_domains/" + std::to_string(id.value); }

State state_of(Domain const& domain) {
  if (!domain.dns_is_right.value_or(false)) return State::waiting_for_dns;
  if (domain.has_certificate()) return State::active;
  bool const is_dead = domain.not_after || domain.attempts >= maximum_attempts;
  return is_dead ? State::certificate_failed : State::waiting_for_certificate;
}

/// People who have just changed their DNS wait for it.
std::chrono::seconds next_look(Domain const& domain, Verdict const& verdict) {
  if (verdict.is_right) return 24h;
  auto const age = clock_source::now() - domain.created_at;
  if (verdict.problem == "dns_unreachable" || age < 24h) return 5min;
  return age < 24h * 30 ? 1h : 24h;
}

std::chrono::seconds pause_after(std::int64_t attempts) {
  constexpr std::chrono::seconds pauses[]{5min, 30min, 2h, 12h};
  return pauses[std::min<std::size_t>(std::size_t(attempts - 1), std::size(pauses) - 1)];
}

void save_attempts(db::Tx& tx, Domain const& domain) {
  tx.exec(update_attempts, domain.id, domain.problem, domain.problem_detail, domain.attempts,
          domain.next_attempt_at);
}

void clear_problem(Domain& domain) {
  domain.problem.reset();
  domain.problem_detail.reset();
  domain.attempts = 0;
  domain.next_attempt_at.reset();
}

retention::Kept const kept_tenant_domains{"tenant_domains", "those that customers have"};
}  // namespace

std::vector<Domain> of_tenant(db::Tx& tx, tenants::TenantId tenant) {
  return tx.all<Domain>(list_of_tenant, tenant);
}
std::vector<Domain> all(db::Tx& tx) { return tx.all<Domain>(list_all); }
std::vector<DomainId> due(db::Tx& tx) { return tx.all<DomainId>(list_due, clock_source::now()); }
std::optional<Domain> lock(db::Tx& tx, DomainId id) { return tx.maybe<Domain>(lock_by_id, id); }
bool exists(db::Tx& tx, std::string_view domain) { return tx.one<bool>(exists_by_name, domain); }

Domain lock(db::Tx& tx, tenants::TenantId tenant, std::string_view domain) {
  auto found = tx.maybe<Domain>(lock_by_name, tenant, domain);
  if (!found) throw Problem{domain_not_found};
  return std::move(*found);
}

Domain add(db::Tx& tx, tenants::TenantId tenant, std::string_view domain, std::string_view by) {
  if (tx.one<std::int64_t>(count_of_tenant, tenant) >= maximum_domains)
    throw Problem{too_many_domains, "They are " + std::to_string(maximum_domains) + "."};
  auto const id = tx.maybe<DomainId>(insert_domain, domain, tenant, by, clock_source::now());
  if (!id) throw Problem{domain_taken};
  tenants::note(tx, tenant, by, activity::DomainAdded{std::string{domain}});
  return std::move(*lock(tx, *id));
}

void remove(db::Tx& tx, Domain const& domain, std::string_view by) {
  tx.exec(delete_domain, domain.id);
  tenants::note(tx, domain.tenant_id, by, activity::DomainRemoved{domain.domain});
}

void remove_all(db::Tx& tx, tenants::TenantId tenant) { tx.exec(delete_of_tenant, tenant); }

void write_verdict(db::Tx& tx, Domain& domain, Verdict const& verdict) {
  auto const now = clock_source::now();
  bool const was_right = domain.dns_is_right.value_or(false);
  if (verdict.problem != "dns_unreachable") domain.dns_is_right = verdict.is_right;
  auto text = [](std::string const& value) {
    return value.empty() ? std::optional<std::string>{} : value;
  };
  domain.dns_problem = text(verdict.problem);
  domain.dns_found = text(verdict.found);
  domain.checked_at = now;
  tx.exec(update_dns, domain.id, domain.dns_is_right, domain.dns_problem, domain.dns_found, now,
          now + next_look(domain, verdict));
  if (verdict.is_right && !was_right) {
    clear_problem(domain);
    save_attempts(tx, domain);
  }
}

void write_certificate(db::Tx& tx, vault::Vault& vault, Domain& domain,
                       crypto::HeldCertificate const& certificate, Source source) {
  if (domain.fingerprint) ++domain.renewals;
  domain.fingerprint = certificate.fingerprint;
  domain.issuer = certificate.issuer;
  domain.not_after = certificate.not_after;
  domain.source = source;
  clear_problem(domain);
  tx.exec(update_certificate, domain.id, certificate.chain,
          vault.seal(tx, certificate.key, context_of(domain.id)), domain.fingerprint, domain.issuer,
          domain.not_after, source, domain.renewals);
  save_attempts(tx, domain);
}

void drop_certificate(db::Tx& tx, Domain& domain) {
  tx.exec(delete_certificate, domain.id);
  domain.fingerprint.reset();
  domain.issuer.reset();
  domain.not_after.reset();
  domain.source.reset();
}

void write_failure(db::Tx& tx, Domain& domain, std::string_view problem, std::string_view detail) {
  ++domain.attempts;
  domain.next_attempt_at.reset();
  if (domain.attempts < maximum_attempts)
    domain.next_attempt_at = clock_source::now() + pause_after(domain.attempts);
  domain.problem = problem;
  domain.problem_detail = detail;
  save_attempts(tx, domain);
}

void write_problem(db::Tx& tx, Domain& domain, std::string_view problem, std::string_view detail) {
  domain.problem = problem;
  domain.problem_detail.reset();
  if (!detail.empty()) domain.problem_detail = detail;
  save_attempts(tx, domain);
}

void forget_attempts(db::Tx& tx, Domain& domain) {
  domain.attempts = 0;
  domain.next_attempt_at.reset();
  save_attempts(tx, domain);
}

void settle(db::Tx& tx, Domain& domain) {
  auto const before = domain.state;
  domain.state = state_of(domain);
  if (tx.exec(update_state, domain.id, domain.state) > 0)
    tenants::note(tx, domain.tenant_id, actor,
                  activity::DomainChanged{domain.domain, std::string{name_of(before)},
                                          std::string{name_of(domain.state)}});
  else
    realtime::announce(tx, "tenant:" + std::to_string(domain.tenant_id.value));
}

std::string pem_of(db::Tx& tx, vault::Vault& vault, Domain const& domain) {
  return tx.one<std::string>(load_chain, domain.id) +
         vault.open(tx, tx.one<std::string>(load_key, domain.id), context_of(domain.id));
}

}  // namespace domains
