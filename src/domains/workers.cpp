// What happens by itself, one job for each step.
#include "audit/audit.hpp"
#include "domains/domains.hpp"
#include "domains/names.hpp"
#include "domains/routes.hpp"
#include "platform/log/log.hpp"
#include "tenants/jobs.hpp"

namespace domains {

namespace {
constexpr auto actor = "domains";

template <class Job>
void enqueue(db::Tx& tx, DomainId id) {
  jobs::enqueue(tx, Job{id.value}, {.dedupe_key = std::to_string(id.value)});
}

/// Its addresses follow. What is on its way to a state gets them there.
void reconcile(db::Tx& tx, tenants::TenantId id) {
  using tenants::State;
  auto const state = tenants::get(tx, id).state;
  if (state == State::live || state == State::suspended || state == State::archived)
    jobs::enqueue(tx, tenants::Reconcile{id.value},
                  {.dedupe_key = std::to_string(id.value), .max_attempts = 25});
}

std::optional<Domain> load(db::Connection& connection, DomainId id) {
  db::Tx tx{connection, db::Mode::autocommit};
  return lock(tx, id);
}

void write_audit(db::Tx& tx, std::string_view action, Domain const& domain) {
  struct About {
    std::string domain;
    std::optional<std::string> issuer;
    std::optional<Time> not_after;
  };
  audit::write_by_system(tx, actor, action, domain.tenant_id.text(),
                         RawJson{json::text(About{domain.domain, domain.issuer, domain.not_after})},
                         domain.problem_detail.value_or(""));
}
}  // namespace

void Domains::add_workers(jobs::Engine& engine) {
  if (!front_door_) return;
  auto of_one = [](auto const& args) { return "domain:" + std::to_string(args.domain_id); };
  engine.add(jobs::Worker<Check>{.serialise = of_one,
                                 .run = [this](jobs::Context& job, Check const& args) {
                                   check(job, DomainId{args.domain_id});
                                 }});
  engine.add(jobs::Worker<Obtain>{
      .timeout = jobs::Seconds{240},
      .serialise = [](Obtain const&) { return std::string{Obtain::kind}; },
      .run = [this](jobs::Context& job,
                    Obtain const& args) { obtain(job, DomainId{args.domain_id}); }});
  engine.add(jobs::Worker<Install>{.serialise = of_one,
                                   .run = [this](jobs::Context& job, Install const& args) {
                                     install(job, DomainId{args.domain_id});
                                   }});
  engine.add(jobs::Worker<Forget>{
      .run = [this](jobs::Context& job, Forget const& args) { forget(job, args.domain); }});
  engine.add(jobs::Worker<Sweep>{.timeout = jobs::Seconds{300},
                                 .serialise = [](Sweep const&) { return std::string{Sweep::kind}; },
                                 .run = [this](jobs::Context& job, Sweep const&) { sweep(job); }});
  engine.schedule<Sweep>(jobs::Seconds{60});
}

void Domains::start_up(db::Connection& connection) {
  haproxy::Certificates::ByDomain wanted;
  db::Tx tx{connection, db::Mode::autocommit};
  for (auto const& domain : all(tx)) {
    if (!domain.has_certificate()) continue;
    if (is_own(domain.domain, settings_)) {
      logging::error("domains", "{} is a name of this platform now and not served to {}",
                     domain.domain, domain.tenant_id.text());
      continue;
    }
    try {
      wanted[domain.domain] = pem_of(tx, vault_, domain);
    } catch (std::runtime_error const& error) {
      logging::error("domains", "the key of {} cannot be read: {}", domain.domain, error.what());
    }
  }
  front_door_->certificates().write_all(wanted);
}

void Domains::check(jobs::Context& job, DomainId id) {
  auto const domain = load(job.connection, id);
  if (!domain) return;
  auto const subdomain = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tenants::get(tx, domain->tenant_id).subdomain;
  }();
  auto const verdict =
      diagnose(domain->domain, subdomain + "." + settings_.tenant_domain, settings_);
  open(domain->domain, subdomain);
  job.transact([&](db::Tx& tx) {
    if (auto row = lock(tx, id)) {
      write_verdict(tx, *row, verdict);
      go_on(tx, *row);
      settle(tx, *row);
    }
    job.finish(tx);
  });
}

void Domains::open(std::string const& domain, std::string const& subdomain) {
  if (!front_door_->routes().contains(domain))
    front_door_->route(domain, fallback(subdomain, settings_));
}

void Domains::go_on(db::Tx& tx, Domain& domain) {
  if (!domain.dns_is_right.value_or(false) || !domain.needs_certificate()) return;
  if (!acme_.is_configured()) {
    if (!domain.problem) write_problem(tx, domain, "upload_needed", "");
    return;
  }
  bool const is_due = !domain.next_attempt_at || *domain.next_attempt_at <= clock_source::now();
  if (domain.attempts < maximum_attempts && is_due) enqueue<Obtain>(tx, domain.id);
}

void Domains::obtain(jobs::Context& job, DomainId id) {
  auto const domain = load(job.connection, id);
  if (!domain || !domain->dns_is_right.value_or(false) || !domain->needs_certificate() ||
      domain->attempts >= maximum_attempts || !acme_.is_configured())
    return;
  auto const made = crypto::request_certificate(domain->domain);
  try {
    auto const certificate =
        crypto::read_certificate(acme_.obtain(domain->domain, made.request), made.key);
    if (!certificate.covers(domain->domain) || certificate.not_after <= clock_source::now())
      return fail(job, id, "certificate_wrong", "it is for another name or time");
    keep(job, id, certificate);
  } catch (AcmeFailure const& failure) {
    fail(job, id, failure.problem, failure.what());
  } catch (crypto::CertificateMistake const& mistake) {
    fail(job, id, "certificate_wrong", "it " + std::string{mistake.what()});
  }
}

void Domains::keep(jobs::Context& job, DomainId id, crypto::HeldCertificate const& certificate) {
  job.transact([&](db::Tx& tx) {
    if (auto row = lock(tx, id)) {
      write_certificate(tx, vault_, *row, certificate, Source::acme);
      settle(tx, *row);
      tenants::note(tx, row->tenant_id, actor, activity::CertificateIssued{row->domain});
      write_audit(tx, "tenant.certificate_issued", *row);
      enqueue<Install>(tx, id);
    }
    job.finish(tx);
  });
}

void Domains::fail(jobs::Context& job, DomainId id, std::string_view problem,
                   std::string const& detail) {
  job.transact([&](db::Tx& tx) {
    if (auto row = lock(tx, id)) {
      write_failure(tx, *row, problem, detail);
      settle(tx, *row);
      if (row->attempts >= maximum_attempts) {
        tenants::note(tx, row->tenant_id, actor,
                      activity::CertificateFailed{row->domain, std::string{problem}, detail});
        write_audit(tx, "tenant.certificate_failed", *row);
      }
    }
    job.finish(tx);
  });
}

void Domains::install(jobs::Context& job, DomainId id) {
  auto const domain = load(job.connection, id);
  if (!domain) return;
  if (domain->has_certificate() && !is_own(domain->domain, settings_)) {
    auto const pem = [&] {
      db::Tx tx{job.connection, db::Mode::autocommit};
      return pem_of(tx, vault_, *domain);
    }();
    try {
      front_door_->certificates().set(domain->domain, pem);
    } catch (haproxy::CertificateRefused const& error) {
      return refuse(job, id, error.what());
    }
  } else {
    front_door_->certificates().remove(domain->domain);
  }
  job.transact([&](db::Tx& tx) {
    reconcile(tx, domain->tenant_id);
    job.finish(tx);
  });
}

void Domains::refuse(jobs::Context& job, DomainId id, std::string const& words) {
  logging::error("domains", "{}", words);
  job.transact([&](db::Tx& tx) {
    if (auto row = lock(tx, id)) {
      drop_certificate(tx, *row);
      write_problem(tx, *row, "certificate_refused", words);
      settle(tx, *row);
      write_audit(tx, "tenant.certificate_failed", *row);
      reconcile(tx, row->tenant_id);
    }
    job.finish(tx);
  });
}

void Domains::forget(jobs::Context& job, std::string const& domain) {
  {
    db::Tx tx{job.connection, db::Mode::autocommit};
    if (exists(tx, domain)) return;  // it has been added again
  }
  front_door_->remove(domain);
  front_door_->certificates().remove(domain);
}

void Domains::sweep(jobs::Context& job) {
  db::transact(job.connection, [&](db::Tx& tx) {
    for (auto const id : due(tx)) enqueue<Check>(tx, id);
  });
  auto const rows = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return all(tx);
  }();
  for (auto const& known : rows) {
    if (!known.needs_certificate()) continue;
    job.transact([&](db::Tx& tx) {
      auto row = lock(tx, known.id);
      if (!row) return;
      if (row->state == State::active && !row->has_certificate()) {
        write_problem(tx, *row, "certificate_expired", row->problem_detail.value_or(""));
        settle(tx, *row);
        tenants::note(tx, row->tenant_id, actor,
                      activity::CertificateFailed{row->domain, "certificate_expired"});
        write_audit(tx, "tenant.certificate_failed", *row);
        enqueue<Install>(tx, row->id);
      }
      go_on(tx, *row);
    });
  }
  compare(job.connection);
}

void Domains::compare(db::Connection& connection) {
  // The front door first: whatever it serves had its row before.
  auto const running = front_door_->certificates().running();
  if (!running) return;
  auto stranger = *running;
  auto const routes = front_door_->routes();
  db::transact(connection, [&](db::Tx& tx) {
    for (auto const& row : all(tx)) {
      if (is_own(row.domain, settings_)) continue;
      auto const route = routes.find(row.domain);
      if (route == routes.end() ||
          route->second.starts_with(haproxy::tls_prefix) != row.has_certificate())
        reconcile(tx, row.tenant_id);
      if (!row.has_certificate()) continue;
      stranger.erase(row.domain);
      auto const served = running->find(row.domain);
      if (served == running->end() || served->second != row.fingerprint)
        enqueue<Install>(tx, row.id);
    }
  });
  for (auto const& [domain, fingerprint] : stranger) {
    logging::warning("domains", "{} is served a certificate that belongs to no row", domain);
    front_door_->certificates().remove(domain);
  }
}

}  // namespace domains
