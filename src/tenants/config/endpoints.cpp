// PATCH of a tenant: name, plan, users and limits, against the version that the client has seen.
#include "tenants/endpoints.hpp"
#include "platform/http/preconditions.hpp"
#include "platform/money/money.hpp"
#include "tenants/detail.hpp"
#include "tenants/plans.hpp"
#include "tenants/subdomains.hpp"

namespace tenants {

namespace {
constexpr std::int64_t mib = 1024 * 1024;

struct ResourceLimits {
  std::optional<std::int64_t> memory_mib, cpu_percent, processes;
  static constexpr auto rules() {
    return ::rules(
        rule(&ResourceLimits::memory_mib,
             {.doc = "MiB of memory", .min = 64, .max = largest.memory_limit_mib}),
        rule(&ResourceLimits::cpu_percent,
             {.doc = "Per cent of one core", .min = 5, .max = largest.cpu_limit_percent}),
        rule(&ResourceLimits::processes, {.min = 20, .max = 100'000}));
  }
};

struct Patch {
  TenantId id;
  std::optional<std::string> subdomain, plan;
  std::optional<std::int64_t> quantity, max_users, storage_limit;
  std::optional<ResourceLimits> resource_limits;
  std::optional<Time> plan_quoted_at;
  std::optional<std::int64_t> amount;
  static constexpr auto rules() {
    return ::rules(
        rule(&Patch::id, {.doc = "Id of the tenant"}),
        rule(&Patch::subdomain, {.doc = "A new name; the old one leads to it for 90 days",
                                 .example = "acme",
                                 .min_length = 1,
                                 .max_length = 40,
                                 .check = subdomain_rule}),
        rule(&Patch::plan,
             {.doc = "Id of a plan; its limits come with it unless they are given here",
              .example = "team",
              .min_length = 1,
              .max_length = 40}),
        rule(&Patch::quantity,
             {.doc = "It has the plan, and its limits, so many times", .min = 1, .max = most_sold}),
        rule(&Patch::max_users, {.min = 1, .max = largest.max_users}),
        rule(&Patch::storage_limit,
             {.doc = "MiB of files and database", .min = 64, .max = largest.storage_limit_mib}),
        rule(&Patch::plan_quoted_at,
             {.doc = "quoted_at of the plan change's preview: then Stripe charges what it said"}),
        rule(&Patch::amount,
             {.doc = "amount of the plan change's preview, required where something is charged; "
                     "when it costs something else by now, nothing is changed",
              .min = 0}));
  }
};

/// What the audit trail shows of either side.
struct Config {
  std::string subdomain, plan;
  std::int64_t quantity, max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent,
      process_limit;
};
RawJson config_of(Tenant const& tenant) {
  return {json::text(Config{tenant.subdomain, tenant.plan_id, tenant.plan_quantity,
                            tenant.max_users, tenant.storage_limit_mib, tenant.memory_limit_mib,
                            tenant.cpu_limit_percent, tenant.process_limit})};
}

Changes changes_of(Patch const& patch) {
  auto const limits = patch.resource_limits.value_or(ResourceLimits{});
  return {.subdomain = patch.subdomain,
          .plan = patch.plan,
          .plan_quantity = patch.quantity,
          .max_users = patch.max_users,
          .storage_limit_mib = patch.storage_limit,
          .memory_limit_mib = limits.memory_mib,
          .cpu_limit_percent = limits.cpu_percent,
          .process_limit = limits.processes,
          .plan_quoted_at = patch.plan_quoted_at};
}

bool is_empty(Changes const& wanted) {
  return !wanted.subdomain && !wanted.plan && !wanted.plan_quantity && !wanted.max_users &&
         !wanted.storage_limit_mib && !wanted.memory_limit_mib && !wanted.cpu_limit_percent &&
         !wanted.process_limit;
}

/// The least that its application runs with; none when it is not known here.
std::optional<blueprints::Blueprint> blueprint_of(blueprints::Catalogue const* catalogue,
                                                  std::string const& name) {
  if (!catalogue) return {};
  auto const names = catalogue->names();
  if (std::find(names.begin(), names.end(), name) == names.end()) return {};
  return catalogue->at(name);
}

constexpr FieldCode storage_below_use{"storage_below_use",
                                      "must be more than {used_bytes}: so much is in use now"};
constexpr FieldCode nothing_to_change{"nothing_to_change",
                                      "must name at least one thing to change"};

struct AskedPlan {
  std::string plan;
  std::int64_t quantity;
  bool is_another;
};
AskedPlan asked_of(Tenant const& tenant, Changes const& wanted) {
  AskedPlan out{wanted.plan.value_or(tenant.plan_id),
                wanted.plan_quantity.value_or(tenant.plan_quantity), false};
  out.is_another = out.plan != tenant.plan_id || out.quantity != tenant.plan_quantity;
  return out;
}

/// How what pays for it is charged: of several subscriptions the one that runs best.
struct Charged {
  std::string currency, interval;
};
db::Query const find_charged{"tenants.how_it_is_charged", R"sql(
  SELECT s.currency, p.interval
    FROM subscriptions AS s JOIN subscription_items AS i USING (stripe_subscription_id)
    JOIN stripe_prices AS p ON p.id = i.price_id
   WHERE s.tenant_id = $1 AND s.ended_at IS NULL AND p.interval IS NOT NULL
     AND s.status NOT IN ('canceled', 'incomplete', 'incomplete_expired')
   ORDER BY array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid', 'paused']
                           ::subscription_status[], s.status), s.id DESC, i.stripe_item_id
   LIMIT 1
)sql"};

/// The price of one, when it is still what was shown; none: nothing is charged.
std::optional<std::int64_t> price_as_shown(db::Tx& tx, Tenant const& tenant, Changes const& wanted,
                                           std::optional<std::int64_t> const& shown) {
  auto const asked = asked_of(tenant, wanted);
  if (!asked.is_another) return {};
  auto const charged = tx.maybe<Charged>(find_charged, tenant.id);
  auto const interval = charged ? enum_from<Interval>(charged->interval) : std::nullopt;
  auto const offer =
      interval ? offer_of(tx, asked.plan, *interval, charged->currency) : std::nullopt;
  auto const price = offer ? std::optional{offer->amount} : std::nullopt;
  if (price && !shown) throw refusal(wrong<faults::required>("/amount"));
  if (shown && (!price || *shown != money::times(*price, asked.quantity)))
    throw Problem{quote_over};
  return price;
}

/// A limit that is asked for, by itself or with a plan, and the field that asks for it.
struct Asked {
  std::int64_t value;
  std::string pointer;
};

void check_storage(db::Tx& tx, Tenant const& tenant, Asked const& storage, std::int64_t least,
                   std::vector<FieldError>& errors) {
  if (storage.value >= tenant.storage_limit_mib) return;
  if (storage.value < least)
    errors.push_back(wrong<below_minimum>(storage.pointer, least * mib));
  else if (auto const used = disk_in_use(tx, tenant.id); used && *used > storage.value * mib)
    errors.push_back(wrong<storage_below_use>(storage.pointer, *used));
}

/// Every reason against the change at once.
void require_sensible(db::Tx& tx, Tenant const& tenant, Changes const& wanted,
                      blueprints::Catalogue const* catalogue) {
  Problem problem{validation_failed};
  std::optional<Asked> storage, memory;
  if (auto const asked = asked_of(tenant, wanted); asked.is_another) {
    std::string const pointer = asked.quantity == tenant.plan_quantity ? "/plan" : "/quantity";
    auto const plans = plans_for_sale(tx);
    auto const plan = std::find_if(plans.begin(), plans.end(),
                                   [&](Plan const& one) { return one.id == asked.plan; });
    if (plan == plans.end()) {
      problem.errors.push_back(wrong<faults::not_for_sale>("/plan"));
    } else if (is_too_large(limits_of(*plan), asked.quantity)) {
      problem.errors.push_back(wrong<beyond_a_tenant>(pointer));
    } else {
      auto const limits = limits_of(*plan, asked.quantity);
      storage = {limits.storage_limit_mib, pointer};
      memory = {limits.memory_limit_mib, pointer};
    }
  }
  if (wanted.storage_limit_mib) storage = {*wanted.storage_limit_mib, "/storage_limit"};
  if (wanted.memory_limit_mib) memory = {*wanted.memory_limit_mib, "/resource_limits/memory_mib"};
  auto const blueprint = blueprint_of(catalogue, tenant.blueprint);
  if (storage)
    check_storage(tx, tenant, *storage, blueprint ? blueprint->minimum_storage_mib : 0,
                  problem.errors);
  if (memory && blueprint && memory->value < blueprint->minimum_memory_mib)
    problem.errors.push_back(
        wrong<below_minimum>(memory->pointer, blueprint->minimum_memory_mib * mib));
  if (!problem.errors.empty()) throw problem;
}

/// change() knows the names that others have; which are the installation's own, its settings say.
void require_not_ours(db::Tx& tx, config::Settings const& settings, std::string const& name,
                      TenantId id) {
  auto const check = check_subdomain(tx, own_names(settings), name, id.value);
  if (check.status == SubdomainStatus::reserved)
    throw Problem{subdomain_taken}.with("suggestions", json::text(check.suggestions));
}

TenantDetail patch(http::Context& context, Patch const& request,
                   blueprints::Catalogue const* catalogue) {
  auto& tx = context.tx;
  auto wanted = changes_of(request);
  if (is_empty(wanted)) throw refusal(wrong<nothing_to_change>(""));
  if (wanted.subdomain) take_turn_to_reserve(tx);  // before the row, as everybody does
  auto const before = lock(tx, request.id);
  http::require_version(context.request, before.version,
                        {json::text(detail(tx, context.settings, request.id))});
  require_sensible(tx, before, wanted, catalogue);
  if (wanted.subdomain && *wanted.subdomain != before.subdomain)
    require_not_ours(tx, context.settings, *wanted.subdomain, request.id);
  wanted.plan_price = price_as_shown(tx, before, wanted, request.amount);
  change(tx, request.id, wanted, context.actor.label());
  context.audit_target = request.id.text();
  context.audit_before = config_of(before);
  context.audit_after = config_of(get(tx, request.id));
  return detail_with_version(context, request.id);
}
}  // namespace

void add_config_endpoints(http::Api& api, blueprints::Catalogue const* catalogue) {
  api.add(http::Endpoint<Patch, TenantDetail>{
      .route = "PATCH /api/tenants/{id}",
      .summary = "Change a tenant's name, plan, users or limits",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.changed",
      .problems = {tenant_not_found, subdomain_taken, state_conflict, quote_over,
                   http::version_required, http::version_outdated},
      .constraints = {{"tenants_subdomain_taken", "/subdomain", faults::taken}},
      .handle = [catalogue](http::Context& context,
                            Patch const& request) { return patch(context, request, catalogue); },
  });
}

}  // namespace tenants
