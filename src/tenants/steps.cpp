// Step rows and what their history tells.
#include "tenants/steps.hpp"

#include "platform/realtime/hub.hpp"
#include "platform/retention/retention.hpp"

namespace tenants {

namespace {
db::Query const insert_step{"tenants.insert_step", R"sql(
  INSERT INTO provisioning_steps (tenant_id, position, name) VALUES ($1, $2, $3)
  ON CONFLICT (tenant_id, position) DO NOTHING
)sql"};

db::Query const start_step{"tenants.start_step", R"sql(
  UPDATE provisioning_steps
     SET state = 'running', started_at = clock_timestamp(), finished_at = NULL,
         attempts = attempts + 1, error_code = NULL
   WHERE tenant_id = $1 AND name = $2
)sql"};

db::Query const finish_step{"tenants.finish_step", R"sql(
  UPDATE provisioning_steps
     SET state = $3, finished_at = clock_timestamp(), error_code = $4,
         started_at = coalesce(started_at, clock_timestamp())
   WHERE tenant_id = $1 AND name = $2
)sql"};

db::Query const hold_step{"tenants.hold_step", R"sql(
  UPDATE provisioning_steps SET state = 'queued', started_at = NULL, error_code = $3
   WHERE tenant_id = $1 AND name = $2
)sql"};

db::Query const list_steps{"tenants.list_steps", R"sql(
  SELECT name, state, started_at, finished_at, attempts, error_code
    FROM provisioning_steps WHERE tenant_id = $1 ORDER BY position
)sql"};

db::Query const from_history{"tenants.estimate", R"sql(
  SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50_seconds,
         percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90_seconds,
         count(*) AS samples
    FROM (SELECT extract(epoch FROM live_at - queued_at)::float8 AS seconds
            FROM tenants
           WHERE blueprint = $1 AND provisioner = $2
             AND live_at IS NOT NULL AND queued_at IS NOT NULL
           ORDER BY live_at DESC LIMIT 50) AS recent
  HAVING count(*) > 0
)sql"};

struct Weight {
  std::string name;
  double seconds;
};

db::Query const usual_durations{"tenants.usual_durations", R"sql(
  SELECT name, percentile_cont(0.5) WITHIN GROUP (
           ORDER BY extract(epoch FROM finished_at - started_at)::float8) AS seconds
    FROM provisioning_steps
   WHERE state = 'done' AND tenant_id IN (
         SELECT id FROM tenants WHERE blueprint = $1 AND live_at IS NOT NULL
            AND queued_at IS NOT NULL ORDER BY live_at DESC LIMIT 50)
   GROUP BY name
)sql"};

void announce_change(db::Tx& tx, TenantId id) {
  realtime::announce(tx, "tenant:" + std::to_string(id.value));
}

retention::Kept const kept_provisioning_steps{"provisioning_steps", "a fixed number a tenant"};
}  // namespace

void plan_steps(db::Tx& tx, TenantId id, std::vector<std::string_view> const& names) {
  for (std::size_t i = 0; i < names.size(); ++i) tx.exec(insert_step, id, i + 1, names[i]);
  announce_change(tx, id);
}

void begin_step(db::Tx& tx, TenantId id, std::string_view name) {
  tx.exec(start_step, id, name);
  announce_change(tx, id);
}

void end_step(db::Tx& tx, TenantId id, std::string_view name, StepState state,
              std::optional<FailureCode> error_code) {
  tx.exec(finish_step, id, name, state,
          error_code ? std::optional{error_code->text()} : std::nullopt);
  announce_change(tx, id);
}

void await_step(db::Tx& tx, TenantId id, std::string_view name, FailureCode code) {
  tx.exec(hold_step, id, name, code.text());
  announce_change(tx, id);
}

std::vector<Step> steps(db::Tx& tx, TenantId id) { return tx.all<Step>(list_steps, id); }

std::optional<Estimate> estimate(db::Tx& tx, std::string_view blueprint,
                                 std::string_view provisioner) {
  return tx.maybe<Estimate>(from_history, blueprint, provisioner);
}

double progress(db::Tx& tx, std::vector<Step> const& all, std::string_view blueprint) {
  auto const weights = tx.all<Weight>(usual_durations, blueprint);
  double done = 0, total = 0;
  for (auto const& step : all) {
    // A step without history weighs like a tenth of a second, so that the bar still moves.
    double weight = 0.1;
    for (auto const& known : weights)
      if (known.name == step.name) weight = std::max(0.02, known.seconds);
    total += weight;
    if (step.state == StepState::done) done += weight;
  }
  return total > 0 ? done / total : 0;
}

}  // namespace tenants
