// The doors of a tenant's domains, and the answer that an ACME service fetches.
#include "domains/domains.hpp"
#include "domains/names.hpp"
#include "platform/http/endpoint.hpp"
#include "platform/text/utf8.hpp"

namespace domains {

namespace {
struct OfTenant {
  tenants::TenantId id;
  static constexpr auto rules() {
    return ::rules(rule(&OfTenant::id, {.doc = "Id of the tenant", .example = "ten_1"}));
  }
};
struct AddRequest : OfTenant {
  std::string domain;
  static constexpr auto fields() {
    return ::fields(inherited<OfTenant>(), field("domain", &AddRequest::domain,
                                                 {.doc = "A host name of the customer's own",
                                                  .example = "shop.example.com",
                                                  .min_length = 1,
                                                  .max_length = 253}));
  }
};
struct OneDomain : OfTenant {
  std::string domain;
  static constexpr auto fields() {
    return ::fields(
        inherited<OfTenant>(),
        field("domain", &OneDomain::domain, {.doc = "The domain", .example = "shop.example.com"}));
  }
};
struct UploadRequest : OneDomain {
  std::string certificate, private_key;
  static constexpr auto fields() {
    return ::fields(inherited<OneDomain>(),
                    field("certificate", &UploadRequest::certificate,
                          {.doc = "PEM: the certificate, then those that signed it",
                           .min_length = 1,
                           .max_length = 40'000}),
                    field("private_key", &UploadRequest::private_key,
                          {.doc = "PEM, without a passphrase; kept sealed and never shown",
                           .min_length = 1,
                           .max_length = 20'000,
                           .secret = true}));
  }
};

struct DomainView {
  std::string domain, name;
  State state;
  std::optional<std::string> problem, found;
  std::string expected;
  std::optional<Time> checked_at;
  std::optional<std::string> issuer;
  std::optional<Time> not_after;
  std::optional<Source> source;
  std::int64_t renewals, attempts;
  std::optional<Time> next_attempt_at;
  Time created_at;
  static constexpr auto rules() {
    return ::rules(
        rule(&DomainView::domain, {.doc = "As it stands in DNS"}),
        rule(&DomainView::name, {.doc = "As people read it (bücher.example)"}),
        rule(&DomainView::problem,
             {.doc = "Of its DNS: no_such_name, no_address, wrong_name, points_elsewhere, "
                     "target_unknown, dns_unreachable; of its certificate: upload_needed, "
                     "acme_failed, acme_missing, certificate_wrong, certificate_refused, "
                     "certificate_ends_soon, certificate_expired"}),
        rule(&DomainView::found,
             {.doc = "What goes with the problem: where the domain leads instead, or the words of "
                     "whoever refused a certificate"}),
        rule(&DomainView::expected, {.doc = "Where its DNS has to lead"}),
        rule(&DomainView::issuer, {.doc = "Who signed its certificate"}),
        rule(&DomainView::not_after, {.doc = "When the certificate ends"}),
        rule(&DomainView::attempts, {.doc = "Attempts to get a certificate that failed, of five"}));
  }
};

DomainView view_of(Domain const& row, std::string const& expected) {
  bool const by_dns = row.dns_problem.has_value();
  // Nobody renews what was uploaded but whoever uploaded it.
  bool const ends_soon = row.source == Source::upload && row.has_certificate() &&
                         *row.not_after < clock_source::now() + renewal;
  auto const of_certificate =
      ends_soon && !row.problem ? std::optional<std::string>{"certificate_ends_soon"} : row.problem;
  return {row.domain,
          readable(row.domain),
          row.state,
          by_dns ? row.dns_problem : of_certificate,
          by_dns ? row.dns_found : row.problem_detail,
          expected,
          row.checked_at,
          row.issuer,
          row.not_after,
          row.source,
          row.renewals,
          row.attempts,
          row.next_attempt_at,
          row.created_at};
}

std::string host_of(http::Context const& context, tenants::Tenant const& tenant) {
  return tenant.subdomain + "." + context.settings.tenant_domain;
}

/// The tenant under its lock; its domains may be changed as long as it stands.
tenants::Tenant changeable(db::Tx& tx, tenants::TenantId id) {
  using tenants::State;
  auto tenant = tenants::lock(tx, id);
  if (tenants::is_final(tenant.state) || tenant.state == State::reserved ||
      tenant.state == State::awaiting_payment || tenant.state == State::purging)
    throw Problem{tenants::state_conflict, "It is " + std::string{name_of(tenant.state)} + "."}
        .with("state", json::text(tenant.state));
  return tenant;
}

void look_soon(db::Tx& tx, Domain const& domain) {
  jobs::enqueue(tx, Check{domain.id.value}, {.dedupe_key = std::to_string(domain.id.value)});
}

http::Page<DomainView> list(http::Context& context, OfTenant const& request) {
  auto const expected = host_of(context, tenants::get(context.tx, request.id));
  http::Page<DomainView> out;
  for (auto const& row : of_tenant(context.tx, request.id))
    out.data.push_back(view_of(row, expected));
  return out;
}

DomainView add_domain(http::Context& context, AddRequest const& request) {
  auto const name = read_domain(request.domain, context.settings);
  auto const tenant = changeable(context.tx, request.id);
  auto const row = add(context.tx, request.id, name, context.actor.label());
  look_soon(context.tx, row);
  auto const made = view_of(row, host_of(context, tenant));
  context.audit_target = request.id.text();
  context.audit_after.text = json::text(made);
  return made;
}

http::Nothing remove_domain(http::Context& context, OneDomain const& request) {
  auto const tenant = tenants::lock(context.tx, request.id);
  auto const row = domains::lock(context.tx, request.id, request.domain);
  remove(context.tx, row, context.actor.label());
  jobs::enqueue(context.tx, Forget{row.domain}, {.dedupe_key = row.domain});
  context.audit_target = request.id.text();
  context.audit_before.text = json::text(view_of(row, host_of(context, tenant)));
  return {};
}

DomainView check_domain(http::Context& context, OneDomain const& request) {
  auto const tenant = tenants::lock(context.tx, request.id);
  auto row = domains::lock(context.tx, request.id, request.domain);
  forget_attempts(context.tx, row);
  look_soon(context.tx, row);
  context.audit_target = request.id.text();
  context.audit_reason = row.domain;
  return view_of(row, host_of(context, tenant));
}

constexpr FieldCode other_name{"other_name", "must be for {name}; it is for {names}"};
constexpr FieldCode expired{"expired", "must still be good; it ended at {ended_at}"};
constexpr FieldCode not_yet_good{"not_yet_good", "must be good already; it begins at {begins_at}"};

crypto::HeldCertificate checked(UploadRequest const& request) {
  auto certificate = [&] {
    try {
      return crypto::read_certificate(request.certificate, request.private_key);
    } catch (crypto::CertificateMistake const& mistake) {
      bool const is_key = mistake.part == crypto::CertificateMistake::Part::key;
      throw refusal(wrong(is_key ? "/private_key" : "/certificate", mistake.code));
    }
  }();
  if (!certificate.covers(request.domain)) {
    std::string names;
    for (auto const& name : certificate.names) names += (names.empty() ? "" : ", ") + name;
    throw refusal(wrong<other_name>("/certificate", request.domain,
                                    names.empty() ? "–" : utf8::first(names, 300)));
  }
  if (certificate.not_after <= clock_source::now())
    throw refusal(wrong<expired>("/certificate", certificate.not_after));
  if (certificate.not_before > clock_source::now())
    throw refusal(wrong<not_yet_good>("/certificate", certificate.not_before));
  return certificate;
}

void serve_challenge(http::Api& api, Acme const& acme) {
  http::Declared declared{"GET /.well-known/acme-challenge/{token}"};
  declared.raw = [&acme](http::Context& context) {
    http::Response response;
    auto const text = acme.answer(context.request.path_parameter("token"));
    response.status = text ? 200 : 404;
    response.content_type = "text/plain; charset=utf-8";
    response.headers.push_back({"Cache-Control", "no-store"});
    response.body = text.value_or("unknown token\n");
    return response;
  };
  api.add(std::move(declared));
}
}  // namespace

void Domains::add_endpoints(http::Api& api) {
  using tenants::tenant_not_found;
  api.add(http::Endpoint<OfTenant, http::Page<DomainView>>{
      .route = "GET /api/tenants/{id}/domains",
      .summary = "List a tenant's own domains",
      .tag = "Tenants",
      .scope = "tenants:read",
      .problems = {tenant_not_found},
      .handle = list,
  });
  api.add(http::Endpoint<AddRequest, DomainView>{
      .route = "POST /api/tenants/{id}/domains",
      .summary = "Add a domain of the customer's own; its DNS is looked at by a job",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.domain_added",
      .problems = {tenant_not_found, tenants::state_conflict, domain_taken, too_many_domains},
      .status = 201,
      .idempotent = true,
      .handle = add_domain,
  });
  api.add(http::Endpoint<OneDomain, http::Nothing>{
      .route = "DELETE /api/tenants/{id}/domains/{domain}",
      .summary = "Remove a domain, its certificate and its jobs",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.domain_removed",
      .problems = {tenant_not_found, domain_not_found},
      .handle = remove_domain,
  });
  api.add(http::Endpoint<OneDomain, DomainView>{
      .route = "POST /api/tenants/{id}/domains/{domain}/check",
      .summary = "Look at the domain's DNS again and give its certificate new attempts",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.domain_checked",
      .problems = {tenant_not_found, domain_not_found},
      .status = 202,
      .handle = check_domain,
  });
  api.add(http::Endpoint<UploadRequest, DomainView>{
      .route = "PUT /api/tenants/{id}/domains/{domain}/certificate",
      .summary = "Use a certificate of the customer's own",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.certificate_uploaded",
      .problems = {tenant_not_found, domain_not_found, tenants::state_conflict},
      .handle =
          [this](http::Context& context, UploadRequest const& request) {
            auto const certificate = checked(request);
            auto& tx = context.tx;
            auto const tenant = changeable(tx, request.id);
            auto row = domains::lock(tx, request.id, request.domain);
            auto const expected = host_of(context, tenant);
            context.audit_target = request.id.text();
            context.audit_before.text = json::text(view_of(row, expected));
            write_certificate(tx, vault_, row, certificate, Source::upload);
            settle(tx, row);
            tenants::note(tx, request.id, context.actor.label(),
                          activity::CertificateUploaded{row.domain});
            jobs::enqueue(tx, Install{row.id.value}, {.dedupe_key = std::to_string(row.id.value)});
            auto const changed = view_of(row, expected);
            context.audit_after.text = json::text(changed);
            return changed;
          },
  });
  serve_challenge(api, acme_);
}

}  // namespace domains
