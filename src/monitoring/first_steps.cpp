// GET /api/dashboard/first-steps.
#include "monitoring/first_steps.hpp"

namespace monitoring {

namespace {

enum class Step { first_tenant, stripe_events, stripe_live, mail, domain };
constexpr auto names_of(Step) {
  return std::array<std::string_view, 5>{"first_tenant", "stripe_events", "stripe_live", "mail",
                                         "domain"};
}

struct StepState {
  Step step;
  bool done;
};

struct FirstSteps {
  std::vector<StepState> data;
  static constexpr auto rules() {
    return ::rules(rule(&FirstSteps::data, {.doc = "In a sensible order"}));
  }
};

struct Happened {
  bool first_tenant, stripe_events;
};

// Tenants of the demo business are nobody's first tenant.
db::Query const happened{"monitoring.first_steps", R"sql(
  SELECT EXISTS (SELECT 1 FROM tenants WHERE live_at IS NOT NULL AND provisioner <> 'demo')
           AS first_tenant,
         EXISTS (SELECT 1 FROM stripe_events) AS stripe_events
)sql"};

FirstSteps first_steps(http::Context& context, http::Nothing const&) {
  auto const seen = context.tx.one<Happened>(happened);
  auto const& settings = context.settings;
  return {{{Step::first_tenant, seen.first_tenant},
           {Step::stripe_events, seen.stripe_events},
           {Step::stripe_live, settings.takes_real_money()},
           {Step::mail, !settings.smtp_url.empty()},
           {Step::domain, settings.tenant_domain != "localhost"}}};
}

}  // namespace

void add_first_steps(http::Api& api) {
  api.add(http::Endpoint<http::Nothing, FirstSteps>{
      .route = "GET /api/dashboard/first-steps",
      .summary = "Tell what a new installation still needs",
      .tag = "Dashboard",
      .scope = "dashboard:read",
      .handle = first_steps,
  });
}

}  // namespace monitoring
