// How a tenant is: what probes saw, what it uses now and used before.
#include "platform/series/series.hpp"
#include "tenants/detail.hpp"
#include "tenants/endpoints.hpp"

namespace tenants {

namespace {
struct Day {
  std::string day;
  std::int64_t probes, down, degraded;
  static constexpr auto rules() {
    return ::rules(rule(&Day::day, {.doc = "In UTC", .example = "2026-11-26"}));
  }
};

struct Uptime {
  std::int64_t seconds;
  std::optional<double> percent_30d, percent_90d;
  std::vector<Day> days;
  static constexpr auto rules() {
    return ::rules(rule(&Uptime::seconds,
                        {.doc = "Since it last went live; 0 while it stands still or is down"}),
                   rule(&Uptime::percent_30d,
                        {.doc = "Share of probes that it answered; null: none were made"}),
                   rule(&Uptime::days, {.doc = "Up to 90, oldest first; days without probes are "
                                               "left out"}));
  }
};

struct Resources {
  double cpu_percent;
  std::int64_t cpu_limit_percent, memory_bytes, memory_limit_bytes, disk_bytes, disk_limit_bytes,
      network_in_bytes, network_out_bytes, processes, process_limit;
  Time at;
  static constexpr auto rules() {
    return ::rules(rule(&Resources::cpu_percent, {.doc = "Of one core"}),
                   rule(&Resources::network_in_bytes, {.doc = "Since the sample before"}),
                   rule(&Resources::at, {.doc = "When that was measured"}));
  }
};

struct HealthView {
  Health status;
  std::optional<Time> status_since;
  Uptime uptime;
  std::optional<Resources> resource_usage;
  std::optional<std::int64_t> latency_ms;
  std::optional<std::string> version;
  static constexpr auto rules() {
    return ::rules(
        rule(&HealthView::resource_usage, {.doc = "null: not measured yet"}),
        rule(&HealthView::latency_ms, {.doc = "Of the last probe through its own address"}),
        rule(&HealthView::version, {.doc = "Of its application"}));
  }
};

struct Facts {
  Health health;
  std::optional<Time> health_since;
  std::int64_t seconds;
  std::optional<std::int64_t> latency_ms;
  std::optional<std::string> application_version;
};
db::Query const load_facts{"tenants.load_health", R"sql(
  SELECT health, health_since, latency_ms, application_version,
         CASE WHEN state = 'live' AND health <> 'down'
              THEN extract(epoch FROM now() - state_since)::bigint ELSE 0 END AS seconds
    FROM tenants WHERE id = $1
)sql"};
db::Query const load_days{"tenants.load_uptime", R"sql(
  SELECT day::text AS day, probes, down, degraded FROM tenant_uptime
   WHERE tenant_id = $1 AND day > (now() AT TIME ZONE 'UTC')::date - 90 ORDER BY day
)sql"};
struct Shares {
  std::optional<double> percent_30d, percent_90d;
};
db::Query const load_shares{"tenants.load_uptime_shares", R"sql(
  SELECT round(100 * sum(probes - down) FILTER (WHERE is_recent)
               / nullif(sum(probes) FILTER (WHERE is_recent), 0), 3)::float8 AS percent_30d,
         round(100 * sum(probes - down) / nullif(sum(probes), 0), 3)::float8 AS percent_90d
    FROM (SELECT probes, down, day > (now() AT TIME ZONE 'UTC')::date - 30 AS is_recent
            FROM tenant_uptime
           WHERE tenant_id = $1 AND day > (now() AT TIME ZONE 'UTC')::date - 90) AS days
)sql"};
db::Query const load_resources{"tenants.load_resources", R"sql(
  SELECT cpu AS cpu_percent, cpu_limit_percent, ram AS memory_bytes,
         memory_limit_mib * 1048576::bigint AS memory_limit_bytes, disk AS disk_bytes,
         storage_limit_mib * 1048576::bigint AS disk_limit_bytes, network_in AS network_in_bytes,
         network_out AS network_out_bytes, processes, process_limit, "timestamp" AS at
    FROM tenant_health JOIN tenants ON tenants.id = tenant_id
   WHERE tenant_id = $1 ORDER BY "timestamp" DESC LIMIT 1
)sql"};

enum class Range { day, week, month };
constexpr auto names_of(Range) { return std::array<std::string_view, 3>{"24h", "7d", "30d"}; }

struct UsageRequest {
  TenantId id;
  std::optional<Range> range;
  static constexpr auto rules() {
    return ::rules(rule(&UsageRequest::id, {.doc = "Id of the tenant"}),
                   rule(&UsageRequest::range, {.doc = "24h unless told"}));
  }
};
struct Usage {
  Range range;
  std::int64_t step_seconds;
  std::vector<series::Series> data;
  static constexpr auto rules() {
    return ::rules(
        rule(&Usage::step_seconds, {.doc = "Length of an interval"}),
        rule(&Usage::data,
             {.doc =
                  "tenant_cpu (mean, of one core), tenant_memory, tenant_disk and "
                  "tenant_processes (highest of the interval), tenant_network (in the interval)"}));
  }
};

struct Limits {
  std::int64_t cpu, memory, disk, processes;
};
db::Query const load_limits{"tenants.load_usage_limits", R"sql(
  SELECT cpu_limit_percent * 100::bigint AS cpu, memory_limit_mib * 1048576::bigint AS memory,
         storage_limit_mib * 1048576::bigint AS disk, process_limit AS processes
    FROM tenants WHERE id = $1
)sql"};

/// What was not measured is null.
struct Sample {
  Time at;
  std::optional<std::int64_t> cpu, memory, disk, network_in, network_out, processes;
};
db::Query const load_usage{"tenants.load_usage", R"sql(
  WITH samples AS (
    SELECT date_bin(make_interval(secs => $2), "timestamp", timestamptz '2000-01-01 00:00+00') AS at,
           round(avg(cpu)::numeric * 100)::bigint AS cpu, max(ram) AS memory, max(disk) AS disk,
           sum(network_in)::bigint AS network_in, sum(network_out)::bigint AS network_out,
           max(processes) AS processes
      FROM tenant_health
     WHERE tenant_id = $1 AND "timestamp" > now() - make_interval(secs => $3)
     GROUP BY 1)
  SELECT at, cpu, memory, disk, network_in, network_out, processes
    FROM generate_series((SELECT min(at) FROM samples), now(), make_interval(secs => $2)) AS steps (at)
    LEFT JOIN samples USING (at) ORDER BY at
)sql"};

using Measure = std::optional<std::int64_t> Sample::*;

series::Series measured(std::string definition, series::Unit unit, std::int64_t limit,
                        std::vector<std::pair<std::string, Measure>> const& measures,
                        std::vector<Sample> const& samples, std::chrono::seconds step) {
  series::Series out{
      .definition = std::move(definition), .unit = std::move(unit), .axis = series::Axis::moments};
  if (limit > 0) out.limit = limit;
  for (auto const& [name, _] : measures) out.columns.push_back({name, series::Mark::line});
  auto const now = clock_source::now();
  for (auto const& sample : samples) {
    series::Row row{.key = clock_source::rfc3339(sample.at), .complete = sample.at + step <= now};
    for (auto const& [_, value] : measures) row.values.push_back(sample.*value);
    out.rows.push_back(std::move(row));
  }
  return out;
}

HealthView health(http::Context& context, OneTenant const& request) {
  auto& tx = context.tx;
  auto const facts = tx.maybe<Facts>(load_facts, request.id);
  if (!facts) throw Problem{tenant_not_found};
  auto const shares = tx.one<Shares>(load_shares, request.id);
  return {
      facts->health,
      facts->health_since,
      {facts->seconds, shares.percent_30d, shares.percent_90d, tx.all<Day>(load_days, request.id)},
      tx.maybe<Resources>(load_resources, request.id),
      facts->latency_ms,
      facts->application_version};
}

Usage usage(http::Context& context, UsageRequest const& request) {
  auto const limits = context.tx.maybe<Limits>(load_limits, request.id);
  if (!limits) throw Problem{tenant_not_found};
  struct Extent {
    std::int64_t seconds, step;
  };
  static constexpr Extent extents[]{{86'400, 300}, {7 * 86'400, 3'600}, {30 * 86'400, 14'400}};
  auto const range = request.range.value_or(Range::day);
  auto const [seconds, step_seconds] = extents[std::size_t(range)];
  auto const samples = context.tx.all<Sample>(load_usage, request.id, step_seconds, seconds);
  std::chrono::seconds const step{step_seconds};
  using series::UnitKind;
  series::Unit const bytes{UnitKind::bytes};
  return {range,
          step_seconds,
          {measured("tenant_cpu", {UnitKind::percent, 2}, limits->cpu, {{"cpu", &Sample::cpu}},
                    samples, step),
           measured("tenant_memory", bytes, limits->memory, {{"memory", &Sample::memory}}, samples,
                    step),
           measured("tenant_disk", bytes, limits->disk, {{"disk", &Sample::disk}}, samples, step),
           measured("tenant_network", bytes, 0,
                    {{"in", &Sample::network_in}, {"out", &Sample::network_out}}, samples, step),
           measured("tenant_processes", {UnitKind::count}, limits->processes,
                    {{"processes", &Sample::processes}}, samples, step)}};
}
}  // namespace

void add_health_endpoints(http::Api& api) {
  api.add(http::Endpoint<OneTenant, HealthView>{
      .route = "GET /api/tenants/{id}/health",
      .summary = "Show how a tenant is and what it uses",
      .tag = "Tenants",
      .scope = "tenants:read",
      .problems = {tenant_not_found},
      .handle = health,
  });
  api.add(http::Endpoint<UsageRequest, Usage>{
      .route = "GET /api/tenants/{id}/usage",
      .summary = "Show what a tenant used over time",
      .tag = "Tenants",
      .scope = "tenants:read",
      .problems = {tenant_not_found},
      .handle = usage,
  });
}

}  // namespace tenants
