// The doors of tenants: plans and names for visitors, the list and single tenants for staff.
#include "tenants/endpoints.hpp"

#include "platform/json/checks.hpp"
#include "tenants/addresses.hpp"
#include "tenants/detail.hpp"
#include "tenants/life/endings.hpp"
#include "tenants/places.hpp"
#include "tenants/plans.hpp"
#include "tenants/subdomains.hpp"

namespace tenants {

namespace {

struct Plans {
  std::vector<std::string> currencies;
  std::vector<Plan> plans;
  std::string address_suffix;
  Availability availability;
  bool sends_mail;
  static constexpr auto fields() {
    return ::fields(
        field("currencies", &Plans::currencies), field("plans", &Plans::plans),
        field("availability", &Plans::availability,
              {.doc = "open, or why nobody can sign up at present; an address left at "
                      "POST /api/waitlist is written to when that has changed"}),
        field(
            "sends_mail", &Plans::sends_mail,
            {.doc = "False where no mail server is set: mails are kept for the staff to pass on"}),
        field("address_suffix", &Plans::address_suffix,
              {.doc = "What follows the name in a tenant's address", .example = ".example.com"}));
  }
};

struct SubdomainRequest {
  std::string name;
  static constexpr auto rules() {
    return ::rules(
        rule(&SubdomainRequest::name, {.doc = "The name to look at", .max_length = 200}));
  }
};

struct SubdomainAnswer {
  std::string name;
  bool available;
  SubdomainStatus status;
  std::optional<std::string> reason;
  std::vector<std::string> suggestions;
  std::string url;
  static constexpr auto rules() {
    return ::rules(
        rule(&SubdomainAnswer::name, {.doc = "Lower-cased"}),
        rule(&SubdomainAnswer::reason,
             {.doc = "too_short, too_long, bad_characters, bad_start, bad_end, bad_hyphens, "
                     "reserved or taken"}),
        rule(&SubdomainAnswer::suggestions, {.doc = "Up to three free names"}),
        rule(&SubdomainAnswer::url, {.doc = "Where the tenant would answer"}));
  }
};

struct StateCounts {
  std::vector<StateCount> data;
};

struct NewTenant {
  std::string company, name, email, country;
  i18n::Locale locale;
  std::string subdomain, plan;
  static constexpr auto rules() {
    return ::rules(
        rule(&NewTenant::company, {.doc = "Company",
                                   .example = "Acme Ltd",
                                   .min_length = 1,
                                   .max_length = 120,
                                   .check = checks::one_line}),
        rule(&NewTenant::name, {.doc = "Name of the contact",
                                .example = "Ada Smith",
                                .min_length = 1,
                                .max_length = 120,
                                .check = checks::one_line}),
        rule(&NewTenant::email, {.doc = "Email of the contact",
                                 .example = "ada@example.com",
                                 .min_length = 3,
                                 .max_length = 254,
                                 .format = "email",
                                 .check = checks::email}),
        rule(&NewTenant::country, {.doc = "ISO 3166-1 alpha-2",
                                   .example = "ES",
                                   .min_length = 2,
                                   .max_length = 2,
                                   .check = checks::country}),
        rule(&NewTenant::locale, {.doc = "Language of mails", .example = "es"}),
        rule(&NewTenant::subdomain, {.doc = "3 to 40 letters, digits and hyphens",
                                     .example = "acme",
                                     .min_length = 1,
                                     .max_length = 40,
                                     .check = subdomain_rule}),
        rule(&NewTenant::plan,
             {.doc = "Id of a plan", .example = "starter", .min_length = 1, .max_length = 40}));
  }
};

http::Endpoint<http::Nothing, Plans> const plans_endpoint{
    .route = "GET /api/plans",
    .summary = "List the plans with their prices",
    .tag = "Sign-up",
    .handle =
        [](http::Context& context, http::Nothing const&) {
          Plans out{.currencies = {},
                    .plans = plans_for_sale(context.tx),
                    .address_suffix = authority_of(context.settings, ""),
                    .availability = availability(context.tx, context.settings),
                    .sends_mail = !context.settings.smtp_url.empty()};
          for (auto const& plan : out.plans)
            for (auto const& price : plan.prices)
              if (std::find(out.currencies.begin(), out.currencies.end(), price.currency) ==
                  out.currencies.end())
                out.currencies.push_back(price.currency);
          return out;
        },
};

http::Endpoint<SubdomainRequest, SubdomainAnswer> const subdomain_endpoint{
    .route = "GET /api/subdomains/{name}",
    .summary = "Tell whether a name is free, or why not",
    .tag = "Sign-up",
    .limit = http::per_minute(240),
    .handle =
        [](http::Context& context, SubdomainRequest const& request) {
          auto check = check_subdomain(context.tx, own_names(context.settings), request.name);
          auto url = url_of(context.settings, check.name);
          return SubdomainAnswer{
              std::move(check.name),        check.available, check.status, std::move(check.reason),
              std::move(check.suggestions), std::move(url)};
        },
};

http::Endpoint<http::Nothing, StateCounts> const states_endpoint{
    .route = "GET /api/tenants/states",
    .summary = "Count tenants by state",
    .tag = "Tenants",
    .scope = "tenants:read",
    .handle = [](http::Context& context,
                 http::Nothing const&) { return StateCounts{count_by_state(context.tx)}; },
};

http::Endpoint<OneTenant, TenantDetail> const one_endpoint{
    .route = "GET /api/tenants/{id}",
    .summary = "Show one tenant with its provisioning steps",
    .tag = "Tenants",
    .scope = "tenants:read",
    .problems = {tenant_not_found},
    .handle = [](http::Context& context,
                 OneTenant const& request) { return detail_with_version(context, request.id); },
};

http::Endpoint<NewTenant, TenantDetail> const create_endpoint{
    .route = "POST /api/tenants",
    .summary = "Create a tenant without a payment",
    .tag = "Tenants",
    .scope = "tenants:write",
    .audit = "tenant.created",
    .limit = http::per_minute(60),
    .problems = {subdomain_taken, capacity_exhausted, plan_not_for_sale},
    .constraints = {{"tenants_subdomain_taken", "/subdomain", faults::taken}},
    .status = 201,
    .idempotent = true,
    .handle =
        [](http::Context& context, NewTenant const& request) {
          auto const customer = customers::create(
              context.tx,
              {request.company, request.name, request.email, request.country, request.locale});
          auto const tenant =
              reserve(context.tx, context.settings, customer.id, request.subdomain, request.plan,
                      context.actor.label(), clock_source::now() + std::chrono::minutes{5});
          start_provisioning(context.tx, tenant.id, context.actor.label());
          context.audit_target = tenant.id.text();
          context.audit_after.text = json::text(request);
          context.response.headers.push_back({"Location", "/api/tenants/" + tenant.id.text()});
          return detail_with_version(context, tenant.id);
        },
};

http::Endpoint<OneTenant, TenantDetail> const retry_endpoint{
    .route = "POST /api/tenants/{id}/retry",
    .summary = "Try again what failed: to build a tenant, or to bring it where it is on its way to",
    .tag = "Tenants",
    .scope = "tenants:write",
    .audit = "tenant.retried",
    .problems = {tenant_not_found, state_conflict, subdomain_taken, capacity_exhausted, order_over},
    .handle =
        [](http::Context& context, OneTenant const& request) {
          take_turn_to_reserve(context.tx);
          require_unpaid(context.tx, lock(context.tx, request.id));
          retry(context.tx, context.settings, request.id, context.actor.label());
          context.audit_target = request.id.text();
          return detail_with_version(context, request.id);
        },
};

}  // namespace

void add_endpoints(http::Api& api, blueprints::Catalogue const* catalogue) {
  api.add(plans_endpoint);
  api.add(subdomain_endpoint);
  list::add(api, tenant_list(api.settings()));
  api.add(states_endpoint);
  api.add(create_endpoint);
  api.add(one_endpoint);
  auto timeline =
      activity::list_of_tenant("GET /api/tenants/{id}/events", "Tenants", "tenants:read");
  timeline.problems = {tenant_not_found};
  timeline.require = require_of_path;
  list::add(api, std::move(timeline));
  api.add(retry_endpoint);
  add_config_endpoints(api, catalogue);
  add_plan_settings_endpoints(api, catalogue);
  add_maintenance_endpoints(api);
  add_hold_endpoints(api);
  add_life_endpoints(api);
  add_operation_endpoints(api);
  add_health_endpoints(api);
}

}  // namespace tenants
