// Plans as staff edit them. What is changed holds for whoever chooses the plan from then on: a
// tenant keeps the limits that it has, a subscription the price that it was sold at.
#include <algorithm>

#include "platform/http/preconditions.hpp"
#include "platform/json/checks.hpp"
#include "platform/money/money.hpp"
#include "tenants/endpoints.hpp"
#include "tenants/jobs.hpp"
#include "tenants/plans.hpp"

namespace tenants {

namespace {
constexpr std::int64_t mib = 1024 * 1024;
constexpr std::int64_t most_plans = 20;
constexpr std::size_t most_prices = 40;

constexpr ProblemType plan_not_found{Kind::not_found, "plan_not_found", "There is no such plan"};
constexpr ProblemType last_plan_for_sale{Kind::conflict, "last_plan_for_sale",
                                         "Without this plan nothing would be for sale"};
constexpr ProblemType too_many_plans{Kind::conflict, "too_many_plans", "There are 20 plans"};
constexpr FieldCode price_required{"price_required",
                                   "must name a price: what is for sale costs something"};
constexpr FieldCode price_repeated{"price_repeated",
                                   "must name each currency and interval only once"};
constexpr FieldCode not_a_plan_id{"not_a_plan_id", "must be small letters, digits and _"};

FieldCode const* plan_id_rule(std::string_view id) {
  bool const is_fine = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  return is_fine ? nullptr : &not_a_plan_id;
}

struct PriceOffer {
  std::string currency;
  Interval interval;
  std::int64_t unit_amount;
  static constexpr auto rules() {
    return ::rules(rule(&PriceOffer::currency, {.doc = "ISO 4217, lower case",
                                                .example = "eur",
                                                .min_length = 3,
                                                .max_length = 3,
                                                .check = money::currency}),
                   rule(&PriceOffer::unit_amount,
                        {.doc = "Minor units per interval", .min = 1, .max = 99'999'999}));
  }
};

struct Content {
  std::string name;
  std::int64_t position, max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent;
  std::int64_t trial_days = 0;
  Support support;
  bool featured, for_sale;
  std::vector<PriceOffer> prices;
  static constexpr auto fields() {
    using C = Content;
    return ::fields(
        field("name", &C::name,
              {.doc = "What people read",
               .example = "Team",
               .min_length = 1,
               .max_length = 40,
               .check = checks::one_line}),
        field("position", &C::position,
              {.doc = "Lower ones are shown first", .min = 0, .max = 1000}),
        field("max_users", &C::max_users, {.min = 1, .max = largest.max_users}),
        field("storage_limit_mib", &C::storage_limit_mib,
              {.doc = "MiB of files and database", .min = 64, .max = largest.storage_limit_mib}),
        field("memory_limit_mib", &C::memory_limit_mib,
              {.doc = "MiB of memory", .min = 64, .max = largest.memory_limit_mib}),
        field("cpu_limit_percent", &C::cpu_limit_percent,
              {.doc = "Per cent of one core", .min = 5, .max = largest.cpu_limit_percent}),
        field("trial_days", &C::trial_days,
              {.doc = "Free days before the first charge; 0: none. Who has been promised days "
                      "keeps them",
               .min = 0,
               .max = 90}),
        field("support", &C::support),
        field("featured", &C::featured, {.doc = "Shown as the one to choose"}),
        field("for_sale", &C::for_sale,
              {.doc = "Offered to everybody; who has it keeps it in any case"}),
        field("prices", &C::prices,
              {.doc = "One for each currency and interval", .max_length = most_prices}));
  }
};

struct NewPlan : Content {
  std::string id;
  static constexpr auto fields() {
    return ::fields(inherited<Content>(), field("id", &NewPlan::id,
                                                {.doc = "For programs; never changes",
                                                 .example = "enterprise",
                                                 .min_length = 2,
                                                 .max_length = 31,
                                                 .check = plan_id_rule}));
  }
};
struct ChangedPlan : Content {
  std::string id;
  static constexpr auto fields() {
    return ::fields(inherited<Content>(), field("id", &ChangedPlan::id, {.doc = "Id of the plan"}));
  }
};

struct PlanView : Content {
  std::string id;
  std::int64_t version = 0, tenants = 0;
  static constexpr auto fields() {
    return ::fields(
        inherited<Content>(), field("id", &PlanView::id),
        field("version", &PlanView::version, {.doc = "Counts changes"}),
        field("tenants", &PlanView::tenants,
              {.doc = "How many have it and are not gone: their limits and prices stay"}));
  }
};
struct PlanList {
  std::vector<PlanView> data;
};

struct Row {
  std::string id, name;
  std::int64_t position, max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent;
  std::int64_t trial_days;
  Support support;
  bool featured, for_sale;
  std::int64_t version, tenants;
};
constexpr std::string_view plan_columns = R"sql(
  SELECT p.id, p.name, p.position, p.max_users, p.storage_limit_mib, p.memory_limit_mib,
         p.cpu_limit_percent, p.trial_days, p.support, p.featured, p.for_sale, p.version,
         (SELECT count(*) FROM tenants AS t
           WHERE t.plan_id = p.id AND t.state NOT IN ('rolled_back', 'purged')) AS tenants
    FROM plans AS p
)sql";
db::Query const list_all_plans{"tenants.list_all_plans",
                               std::string{plan_columns} + " ORDER BY p.position, p.id"};
db::Query const find_plan{"tenants.find_plan", std::string{plan_columns} + " WHERE p.id = $1"};
// Whoever else edits plans waits: what is left for sale is counted.
db::Query const lock_plans{"tenants.lock_plans", "SELECT id FROM plans ORDER BY id FOR UPDATE"};
db::Query const prices_of_plan{"tenants.prices_of_plan", R"sql(
  SELECT currency, interval, unit_amount FROM plan_prices
   WHERE plan_id = $1 ORDER BY currency, interval
)sql"};
db::Query const insert_plan{"tenants.insert_plan", R"sql(
  INSERT INTO plans (id, name, position, max_users, storage_limit_mib, memory_limit_mib,
                     cpu_limit_percent, trial_days, support, featured, for_sale)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
)sql"};
db::Query const rewrite_plan{"tenants.rewrite_plan", R"sql(
  UPDATE plans SET name = $2, position = $3, max_users = $4, storage_limit_mib = $5,
         memory_limit_mib = $6, cpu_limit_percent = $7, trial_days = $8, support = $9,
         featured = $10, for_sale = $11, version = version + 1
   WHERE id = $1
)sql"};
db::Query const drop_prices{"tenants.drop_plan_prices",
                            "DELETE FROM plan_prices WHERE plan_id = $1"};
db::Query const insert_price{"tenants.insert_plan_price", R"sql(
  INSERT INTO plan_prices (plan_id, currency, interval, unit_amount) VALUES ($1, $2, $3, $4)
)sql"};
db::Query const others_for_sale{"tenants.other_plans_for_sale", R"sql(
  SELECT EXISTS (SELECT FROM plans WHERE for_sale AND id <> $1)
)sql"};

PlanView view_of(db::Tx& tx, Row const& row) {
  PlanView out;
  out.id = row.id;
  out.name = row.name;
  out.position = row.position;
  out.max_users = row.max_users;
  out.storage_limit_mib = row.storage_limit_mib;
  out.memory_limit_mib = row.memory_limit_mib;
  out.cpu_limit_percent = row.cpu_limit_percent;
  out.trial_days = row.trial_days;
  out.support = row.support;
  out.featured = row.featured;
  out.for_sale = row.for_sale;
  out.prices = tx.all<PriceOffer>(prices_of_plan, row.id);
  out.version = row.version;
  out.tenants = row.tenants;
  return out;
}

PlanView view(db::Tx& tx, std::string const& id) {
  auto const row = tx.maybe<Row>(find_plan, id);
  if (!row) throw Problem{plan_not_found};
  return view_of(tx, *row);
}

/// Nothing is sold that cannot be built.
void check(http::Context const& context, Content const& wanted,
           blueprints::Catalogue const* catalogue) {
  Problem problem{validation_failed};
  if (wanted.for_sale && wanted.prices.empty())
    problem.errors.push_back(wrong<price_required>("/prices"));
  for (std::size_t i = 0; i < wanted.prices.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (wanted.prices[i].currency == wanted.prices[j].currency &&
          wanted.prices[i].interval == wanted.prices[j].interval)
        problem.errors.push_back(
            wrong<price_repeated>("/prices/" + std::to_string(i) + "/currency"));
  auto const& name = context.settings.blueprint;
  auto const names = catalogue ? catalogue->names() : std::vector<std::string>{};
  if (std::find(names.begin(), names.end(), name) != names.end()) {
    auto const blueprint = catalogue->at(name);
    if (wanted.storage_limit_mib < blueprint.minimum_storage_mib)
      problem.errors.push_back(
          wrong<below_minimum>("/storage_limit_mib", blueprint.minimum_storage_mib * mib));
    if (wanted.memory_limit_mib < blueprint.minimum_memory_mib)
      problem.errors.push_back(
          wrong<below_minimum>("/memory_limit_mib", blueprint.minimum_memory_mib * mib));
  }
  if (!problem.errors.empty()) throw problem;
}

void write(db::Tx& tx, db::Query const& query, std::string const& id, Content const& wanted) {
  tx.exec(query, id, wanted.name, wanted.position, wanted.max_users, wanted.storage_limit_mib,
          wanted.memory_limit_mib, wanted.cpu_limit_percent, wanted.trial_days, wanted.support,
          wanted.featured, wanted.for_sale);
  tx.exec(drop_prices, id);
  for (auto const& price : wanted.prices)
    tx.exec(insert_price, id, price.currency, price.interval, price.unit_amount);
}

PlanView make(http::Context& context, NewPlan const& request,
              blueprints::Catalogue const* catalogue) {
  auto& tx = context.tx;
  check(context, request, catalogue);
  auto const present = tx.all<std::string>(lock_plans);
  if (std::find(present.begin(), present.end(), request.id) != present.end())
    throw refusal(wrong<faults::taken>("/id"));
  if (std::int64_t(present.size()) >= most_plans) throw Problem{too_many_plans};
  write(tx, insert_plan, request.id, request);
  auto out = view(tx, request.id);
  http::add_version(context.response, out.version);
  context.audit_target = request.id;
  context.audit_after.text = json::text(out);
  return out;
}

PlanView change(http::Context& context, ChangedPlan const& request,
                blueprints::Catalogue const* catalogue) {
  auto& tx = context.tx;
  (void)tx.all<std::string>(lock_plans);
  auto const old = view(tx, request.id);
  http::require_version(context.request, old.version, {json::text(old)});
  check(context, request, catalogue);
  if (old.for_sale && !request.for_sale && !tx.one<bool>(others_for_sale, request.id))
    throw Problem{last_plan_for_sale};
  write(tx, rewrite_plan, request.id, request);
  if (old.name != request.name)
    jobs::enqueue(tx, PlanRenamed{request.id}, {.dedupe_key = request.id, .max_attempts = 25});
  auto out = view(tx, request.id);
  http::add_version(context.response, out.version);
  context.audit_target = request.id;
  context.audit_before.text = json::text(old);
  context.audit_after.text = json::text(out);
  return out;
}
}  // namespace

void add_plan_settings_endpoints(http::Api& api, blueprints::Catalogue const* catalogue) {
  api.add(http::Endpoint<http::Nothing, PlanList>{
      .route = "GET /api/settings/plans",
      .summary = "List all plans as they are edited, those that are not for sale too",
      .tag = "Settings",
      .scope = "settings:read",
      .handle =
          [](http::Context& context, http::Nothing const&) {
            PlanList out;
            for (auto const& row : context.tx.all<Row>(list_all_plans))
              out.data.push_back(view_of(context.tx, row));
            return out;
          },
  });
  api.add(http::Endpoint<NewPlan, PlanView>{
      .route = "POST /api/settings/plans",
      .summary = "Offer another plan",
      .tag = "Settings",
      .scope = "settings:write",
      .audit = "settings.plan_made",
      .problems = {too_many_plans},
      .status = 201,
      .handle = [catalogue](http::Context& context,
                            NewPlan const& request) { return make(context, request, catalogue); },
  });
  api.add(http::Endpoint<ChangedPlan, PlanView>{
      .route = "PUT /api/settings/plans/{id}",
      .summary = "Change a plan for whoever chooses it from now on",
      .tag = "Settings",
      .scope = "settings:write",
      .audit = "settings.plan_changed",
      .problems = {plan_not_found, last_plan_for_sale, http::version_required,
                   http::version_outdated},
      .handle = [catalogue](
                    http::Context& context,
                    ChangedPlan const& request) { return change(context, request, catalogue); },
  });
}

}  // namespace tenants
