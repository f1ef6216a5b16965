// What machines ask about the program: /openapi.json, /postman.json, /healthz, /readyz, /metrics.
#include "app/documents.hpp"

#include "platform/db/migrations.hpp"
#include "platform/http/problems.hpp"

namespace app {

namespace {

http::Declared document(std::string_view route, std::string_view summary, http::Lane lane) {
  auto declared = http::detail::declared(route);
  declared.summary = summary;
  declared.tag = "About";
  declared.lane = lane;
  declared.answer = boost::json::object{{"type", "object"}};
  return declared;
}

struct Check {
  std::string status;
  std::optional<std::string> detail;
  static constexpr auto fields() {
    return ::fields(field("status", &Check::status, {.doc = "ok or failed"}),
                    field("detail", &Check::detail));
  }
};

struct Readiness {
  std::string status;
  Check database, migrations, jobs;
  static constexpr auto fields() {
    return ::fields(field("status", &Readiness::status), field("database", &Readiness::database),
                    field("migrations", &Readiness::migrations), field("jobs", &Readiness::jobs));
  }
};

db::Query const oldest_ready{"app.oldest_ready_job", R"sql(
  SELECT coalesce(extract(epoch FROM now() - min(run_at)), 0)::bigint FROM jobs
   WHERE state = 'waiting' AND run_at <= now()
)sql"};

constexpr std::int64_t late_seconds = 60;

Readiness readiness(http::Context& context) {
  Readiness out{"ok", {"ok", {}}, {"ok", {}}, {"ok", {}}};
  try {
    int const present = db::schema_version(context.worker.connection);
    int const wanted = db::embedded_migrations().back().version;
    if (present != wanted)
      out.migrations = {
          "failed", "schema " + std::to_string(present) + ", program " + std::to_string(wanted)};
    auto const late = context.tx.one<std::int64_t>(oldest_ready);
    if (late > late_seconds)
      out.jobs = {"failed", "the oldest waiting job is late by " + std::to_string(late) + " s"};
  } catch (db::Unavailable const&) {
    out.database = {"failed", "PostgreSQL does not answer"};
    out.migrations = out.jobs = {"failed", "unknown without the database"};
  }
  if (out.database.status != "ok" || out.migrations.status != "ok" || out.jobs.status != "ok")
    out.status = "failed";
  return out;
}

}  // namespace

void add_documents(http::Api& api) {
  auto openapi = document("GET /openapi.json", "The API as OpenAPI 3.1", http::Lane::edge);
  openapi.raw = [&api, text = std::string{}](http::Context&) mutable {
    if (text.empty()) text = api.openapi();
    return http::Response{.body = text, .headers = {{"Cache-Control", "no-cache"}}};
  };
  api.add_raw(std::move(openapi));

  auto postman = document("GET /postman.json", "The API as a Postman collection", http::Lane::edge);
  postman.raw = [&api](http::Context&) {
    return http::Response{.body = api.postman(), .headers = {{"Cache-Control", "no-cache"}}};
  };
  api.add_raw(std::move(postman));

  auto healthz = document("GET /healthz", "Tell that the process lives", http::Lane::edge);
  healthz.raw = [](http::Context&) {
    return http::Response{.body = R"({"status":"ok"})", .headers = {{"Cache-Control", "no-store"}}};
  };
  api.add_raw(std::move(healthz));

  auto readyz = document("GET /readyz", "Tell whether each dependency works", http::Lane::standard);
  readyz.answer = json::schema<Readiness>();
  readyz.problems = {http::database_unavailable};
  readyz.raw = [](http::Context& context) {
    auto const state = readiness(context);
    return http::Response{.status = state.status == "ok" ? 200 : 503,
                          .body = json::text(state),
                          .headers = {{"Cache-Control", "no-store"}}};
  };
  api.add_raw(std::move(readyz));

  auto metrics = document("GET /metrics", "Counters in Prometheus' text format", http::Lane::edge);
  metrics.answer_type = "text/plain";
  metrics.answer = boost::json::object{{"type", "string"}};
  metrics.scope = "dashboard:read";
  metrics.raw = [&api](http::Context&) {
    return http::Response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                          .body = api.metrics(),
                          .headers = {{"Cache-Control", "no-store"}}};
  };
  api.add_raw(std::move(metrics));
}

}  // namespace app
