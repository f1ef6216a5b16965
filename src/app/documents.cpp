// What machines ask about the program: /openapi.json, /postman.json, /healthz, /readyz, /metrics.
#include "app/documents.hpp"

#include "platform/db/migrations.hpp"
#include "platform/db/shortage.hpp"
#include "platform/http/problems.hpp"

namespace app {

namespace {

http::Declared document(std::string_view route, std::string_view summary, http::Lane lane) {
  http::Declared declared{route};
  declared.summary = summary;
  declared.tag = "About";
  declared.lane = lane;
  return declared;
}

struct Check {
  std::string status;
  std::optional<std::string> detail;
  static constexpr auto rules() { return ::rules(rule(&Check::status, {.doc = "ok or failed"})); }
};

struct Readiness {
  std::string status;
  Check database, migrations, jobs;
  std::vector<readiness::Result> outside;
  std::string clock;
  static constexpr auto rules() {
    return ::rules(
        rule(&Readiness::status,
             {.doc = "ok, degraded (something outside fails, requests are answered) or failed"}),
        rule(&Readiness::outside, {.doc = "What this node found at its last tries"}),
        rule(&Readiness::clock,
             {.doc = "machine, or sandbox: then the time is what a test clock says"}));
  }
};

db::Query const oldest_ready{"app.oldest_ready_job", R"sql(
  SELECT coalesce(extract(epoch FROM now() - min(run_at)), 0)::bigint FROM jobs
   WHERE state = 'waiting' AND run_at <= now()
)sql"};

constexpr std::int64_t late_seconds = 60;

/// Jobs that wait while this node does nothing about them are its trouble. That nobody at all works
/// them off is not the trouble of a node that never does: the dashboard tells of that.
Check jobs_check(std::int64_t late, jobs::Engine const* working) {
  if (late <= late_seconds) return {"ok", {}};
  auto const text = "the oldest waiting job is late by " + std::to_string(late) + " s";
  if (!working) return {"ok", text + "; this node works no jobs off"};
  if (working->stands_still_for().count() > late_seconds)
    return {"failed", text + ", and this node has not moved for " +
                          std::to_string(working->stands_still_for().count()) + " s"};
  return {"ok", text};
}

Readiness state_of(http::Context& context, readiness::Watch const& outside,
                   jobs::Engine const* working) {
  Readiness out{"ok",       {"ok", {}},        {"ok", {}},
                {"ok", {}}, outside.results(), std::string{name_of(context.settings.clock)}};
  try {
    int const present = db::schema_version(context.worker.connection);
    int const wanted = db::embedded_migrations().back().version;
    if (present != wanted)
      out.migrations = {
          "failed", "schema " + std::to_string(present) + ", program " + std::to_string(wanted)};
    out.jobs = jobs_check(context.tx.one<std::int64_t>(oldest_ready), working);
  } catch (db::Unavailable const& away) {
    out.database = {"failed", "PostgreSQL does not answer"};
    if (dynamic_cast<db::Busy const*>(&away)) out.database.detail = "PostgreSQL is busy";
    out.migrations = out.jobs = {"failed", "unknown without the database"};
  }
  // These questions find room where others do not.
  if (auto const lack = db::lacks(context.settings.database_url))
    out.database = {"failed", "PostgreSQL has no room: " + *lack};
  for (auto& result : out.outside) {
    if (result.status == readiness::Status::failed) out.status = "degraded";
    // Whoever asks learns what to do; names of machines and roles are for the staff.
    if (context.actor.may("dashboard:read")) continue;
    result.detail.reset();
    result.parameters = {"{}"};
  }
  if (out.database.status != "ok" || out.migrations.status != "ok" || out.jobs.status != "ok")
    out.status = "failed";
  return out;
}

}  // namespace

void add_documents(http::Api& api, readiness::Watch const& outside,
                   std::function<jobs::Engine const*()> working) {
  auto openapi = document("GET /openapi.json", "The API as OpenAPI 3.1", http::Lane::edge);
  openapi.raw = [&api, text = std::string{}](http::Context&) mutable {
    if (text.empty()) text = api.openapi();
    return http::Response{.body = text, .headers = {{"Cache-Control", "no-cache"}}};
  };
  api.add(std::move(openapi));

  auto postman = document("GET /postman.json", "The API as a Postman collection", http::Lane::edge);
  postman.raw = [&api](http::Context&) {
    return http::Response{.body = api.postman(), .headers = {{"Cache-Control", "no-cache"}}};
  };
  api.add(std::move(postman));

  auto healthz = document("GET /healthz", "Tell that the process lives", http::Lane::edge);
  healthz.raw = [](http::Context&) {
    return http::Response{.body = R"({"status":"ok"})", .headers = {{"Cache-Control", "no-store"}}};
  };
  api.add(std::move(healthz));

  auto readyz = document("GET /readyz", "Tell whether each dependency works", http::Lane::standard);
  readyz.answer = &types::type_of<Readiness>;
  readyz.problems = {http::database_unavailable};
  readyz.raw = [&outside, working = std::move(working)](http::Context& context) {
    auto const state = state_of(context, outside, working());
    http::Response response{.status = state.status == "failed" ? 503 : 200,
                            .body = json::text(state),
                            .headers = {{"Cache-Control", "no-store"}}};
    if (response.status == 503) response.headers.push_back({"Retry-After", "2"});
    return response;
  };
  api.add(std::move(readyz));

  auto metrics = document("GET /metrics", "Counters in Prometheus' text format", http::Lane::edge);
  metrics.content_type = "text/plain";
  metrics.scope = "dashboard:read";
  metrics.raw = [&api](http::Context&) {
    return http::Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                          .body = api.metrics(),
                          .headers = {{"Cache-Control", "no-store"}}};
  };
  api.add(std::move(metrics));
}

}  // namespace app
