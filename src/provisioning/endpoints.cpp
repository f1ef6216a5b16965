// The doors that look at the world: the owner's link, a container's log, the reconciler's findings.
#include "platform/http/endpoint.hpp"
#include "provisioning/jobs.hpp"
#include "provisioning/verbs.hpp"

namespace provisioning {

namespace {
struct OneTenant {
  tenants::TenantId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneTenant::id, {.doc = "Id of the tenant", .example = "ten_1"}));
  }
};

struct OwnerLink {
  std::string url;
  static constexpr auto rules() {
    return ::rules(
        rule(&OwnerLink::url, {.doc = "Makes whoever opens it first the owner; 7 days"}));
  }
};

struct LogRequest {
  tenants::TenantId id;
  std::optional<std::int64_t> lines;
  static constexpr auto rules() {
    return ::rules(rule(&LogRequest::id, {.doc = "Id of the tenant"}),
                   rule(&LogRequest::lines,
                        {.doc = "The newest lines, 200 unless told", .min = 1, .max = 1000}));
  }
};
struct LogLines {
  std::vector<std::string> data;
  static constexpr auto rules() { return ::rules(rule(&LogLines::data, {.doc = "Oldest first"})); }
};

struct ResolveRequest {
  FindingId id;
  Resolution action;
  static constexpr auto rules() {
    return ::rules(rule(&ResolveRequest::id, {.doc = "Id of the finding"}));
  }
};

constexpr ProblemType tenant_not_running{Kind::conflict, "tenant_not_running",
                                         "The tenant does not run"};
constexpr ProblemType action_not_offered{Kind::conflict, "action_not_offered",
                                         "This cannot be done about this finding"};

/// What a driver could not do, as an answer.
template <class Work>
auto reaching(Work&& work) {
  try {
    return work();
  } catch (StepFailure const& failure) {
    throw Problem{world_unreachable, failure.what()};
  }
}
}  // namespace

void add_endpoints(World& world, http::Api& api) {
  add_pool_endpoint(api);
  api.add(http::Endpoint<OneTenant, OwnerLink>{
      .route = "POST /api/tenants/{id}/owner-link",
      .summary = "Make a link that lets its owner in once",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.owner_link_made",
      .limit = http::per_minute(20),
      .problems = {tenants::tenant_not_found, tenant_not_running, world_unreachable},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .status = 201,
      .step_up = true,
      .handle =
          [&world](http::Context& context, OneTenant const& request) {
            if (tenants::get(context.tx, request.id).state != tenants::State::live)
              throw Problem{tenant_not_running};
            context.audit_target = request.id.text();
            return OwnerLink{
                reaching([&] { return owner_link(world, context.worker.connection, request.id); })};
          },
  });
  api.add(http::Endpoint<LogRequest, LogLines>{
      .route = "GET /api/tenants/{id}/logs",
      .summary = "Show the newest lines that a tenant wrote",
      .tag = "Tenants",
      .scope = "tenants:read",
      .problems = {tenants::tenant_not_found, world_unreachable},
      .lane = http::Lane::slow,
      .handle =
          [&world](http::Context& context, LogRequest const& request) {
            auto const tenant = tenants::get(context.tx, request.id);
            return LogLines{reaching([&] {
              return world.driver.log(context.worker.connection, tenant,
                                      std::size_t(request.lines.value_or(200)));
            })};
          },
  });
  list::add(api, finding_list());
  api.add(http::Endpoint<ResolveRequest, Finding>{
      .route = "POST /api/tenants/findings/{id}/resolve",
      .summary = "Adopt, heal, destroy or ignore a finding",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "finding.resolved",
      .problems = {finding_not_found, action_not_offered},
      .status = 202,
      .step_up = true,
      .handle =
          [](http::Context& context, ResolveRequest const& request) {
            auto found = open_finding(context.tx, request.id);
            if (std::find(found.actions.begin(), found.actions.end(), request.action) ==
                found.actions.end())
              throw Problem{action_not_offered};
            jobs::enqueue(context.tx,
                          ResolveFinding{request.id.value, request.action,
                                         std::string{context.actor.label()}, found.tenant_id},
                          {.dedupe_key = request.id.text()});
            context.audit_target = found.subject + " " + found.name;
            context.audit_after.text = json::text(request);
            return found;
          },
  });
}

}  // namespace provisioning
