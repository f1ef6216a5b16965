// The way of one request. serve() reads top to bottom: route (done by the edge), limits,
// authenticate, scope, origin, parse, begin, handle, audit, commit, answer.
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "platform/crypto/crypto.hpp"
#include "platform/http/endpoint.hpp"
#include "platform/http/idempotency.hpp"
#include "platform/http/problems.hpp"
#include "platform/http/rate_limit.hpp"
#include "platform/log/log.hpp"
#include "platform/text/utf8.hpp"

namespace http {

struct Api::Meters {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter()
          .Name("onboarding_http_requests_total")
          .Help("Requests answered, by route and status")
          .Register(*registry);
  prometheus::Family<prometheus::Histogram>& durations =
      prometheus::BuildHistogram()
          .Name("onboarding_http_request_duration_seconds")
          .Help("Time on a worker, by route")
          .Register(*registry);
  RateLimiter limiter;
  std::vector<std::unique_ptr<Meter>> of_endpoints;
};

/// One endpoint's counters: finding them by their labels costs more than a small answer.
struct Api::Meter {
  Meter(Meters& meters, std::string route_label)
      : requests{meters.requests},
        route{std::move(route_label)},
        durations{meters.durations.Add(
            {{"route", route}},
            prometheus::Histogram::BucketBoundaries{0.001, 0.005, 0.025, 0.1, 0.5, 2, 10})} {}

  void count(int status, double seconds) {
    durations.Observe(seconds);
    std::scoped_lock lock{mutex};
    auto& counter = by_status[status];
    if (!counter) counter = &requests.Add({{"route", route}, {"status", std::to_string(status)}});
    counter->Increment();
  }

  prometheus::Family<prometheus::Counter>& requests;
  std::string const route;
  prometheus::Histogram& durations;
  std::mutex mutex;
  std::map<int, prometheus::Counter*> by_status;
};

namespace {

Problem from_another_site(Request const& request) {
  return Problem{cross_site_request,
                 "The Origin header must name public_url or one of allowed_origins.",
                 "Origin: " + std::string{utf8::first(request.header("origin"), 200)}};
}

/// The cookie is sent by the browser unasked, so a write by cookie must prove its own page.
void refuse_cross_site(Declared const& endpoint, Origins const& origins, Request const& request,
                       Actor const& actor) {
  if (!endpoint.writes()) return;
  auto const origin = request.header("origin");
  if (!endpoint.raw && !origin.empty() && !origins.has(request)) throw from_another_site(request);
  if (!actor.by_cookie || endpoint.scope.empty()) return;
  if (origin.empty()) throw Problem{cross_site_request, "The Origin header is missing."};
  if (!origins.has(request)) throw from_another_site(request);
  if (!crypto::equal_in_constant_time(request.header("x-csrf-token"), actor.csrf_token))
    throw Problem{cross_site_request, "The X-CSRF-Token header is missing or wrong."};
}

Problem missing(std::string const& scope, Actor const& actor) {
  if (actor.must_enrol)
    return Problem{second_factor_required,
                   "Add an authenticator app (POST /api/settings/2fa/totp) or a passkey (POST "
                   "/api/settings/passkeys/options) first; until then nothing else is open to you."}
        .with("enrol_url", R"("/admin/settings/profile")");
  return Problem{missing_scope, "It needs the permission " + scope + "."}.with("permission",
                                                                               '"' + scope + '"');
}

/// The buckets that one request draws from; what the scarcest of them said goes with the answer.
class Allowance {
 public:
  Allowance(RateLimiter& limiter, Worker* worker)
      : limiter_{limiter}, shared_{worker ? &worker->connection : nullptr} {}

  /// Before anything is believed: the address alone.
  void take_for_address(config::Settings const& settings, Declared const& endpoint,
                        Request const& request) {
    address_ = address_group(request.remote_address);
    if (endpoint.is_counted())
      take("address", "address " + address_, per_minute(int(settings.rate_per_address)));
  }
  /// The person's or the key's, and the endpoint's own.
  void take_for_actor(config::Settings const& settings, Declared const& endpoint,
                      Actor const& actor) {
    auto who = address_;
    if (actor.api_key_id != 0) who = "key " + std::to_string(actor.api_key_id);
    if (actor.user_id != 0) who = "person " + std::to_string(actor.user_id);
    if (endpoint.is_counted() && actor.is_known())
      take(actor.user_id ? "person" : "key", who,
           per_minute(int(actor.user_id ? settings.rate_per_person : settings.rate_per_key)));
    if (endpoint.scope.empty()) who = address_;
    take("endpoint", endpoint.method + endpoint.path + ' ' + who, endpoint.limit);
  }
  void tell(Response& response) const {
    if (!taken_) return;
    auto const [count, seconds] = limit_;
    auto& headers = response.headers;
    headers.push_back(
        {"RateLimit-Policy", fmt::format("\"{}\";q={};w={}", policy_, count, seconds)});
    headers.push_back({"RateLimit", fmt::format("\"{}\";r={};t={}", policy_, taken_->remaining,
                                                taken_->reset_seconds)});
    headers.push_back({"X-RateLimit-Limit", std::to_string(count)});
    headers.push_back({"X-RateLimit-Remaining", std::to_string(taken_->remaining)});
    headers.push_back({"X-RateLimit-Reset", std::to_string(taken_->reset_seconds)});
  }

 private:
  void take(std::string_view policy, std::string const& bucket, Limit limit) {
    if (limit.count == 0) return;
    auto const taken = limiter_.take(bucket, limit, shared_);
    if (!taken_ || !taken.allowed ||
        std::int64_t{taken.remaining} * limit_.count <
            std::int64_t{taken_->remaining} * limit.count) {
      policy_ = policy;
      limit_ = limit;
      taken_ = taken;
    }
    if (!taken.allowed)
      throw Problem{too_many_requests, "Try again in " + std::to_string(taken.wait_seconds) + " s."}
          .retry_after(taken.wait_seconds);
  }

  RateLimiter& limiter_;
  db::Connection* shared_;
  std::string address_;
  std::string_view policy_;
  Limit limit_;
  std::optional<Taken> taken_;
};

Problem from_constraint(Declared const& endpoint, db::Failure const& failure) {
  for (auto const& known : endpoint.constraints) {
    if (known.constraint != failure.constraint) continue;
    return refusal(wrong(std::string{known.pointer}, known.code));
  }
  return Problem{internal_error, {}, failure.what()};
}

/// PostgreSQL is away, or cannot do it now; what helps stands in its words.
Problem from_unavailable(db::Unavailable const& lost) {
  if (std::string_view{lost.what()}.find("No space left on device") != std::string_view::npos)
    return Problem{disk_full}.retry_after(30);
  return Problem{database_unavailable}.retry_after(2);
}

/// Only has to change when the answer changes.
std::string entity_tag(std::string_view body) {
  return fmt::format("\"{:016x}\"", std::hash<std::string_view>{}(body));
}

/// A handler's own tag names the version that a change must be of; the rest may differ under it.
bool has_tag(Response const& response) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [](Header const& header) { return header.name == "ETag"; });
}

/// Whoever has the answer already is told so instead.
void tag(Declared const& endpoint, Request const& request, Response& response) {
  if (request.method != "GET" || response.status != 200 || endpoint.raw || response.file ||
      has_tag(response))
    return;
  auto const tag = entity_tag(response.body);
  response.headers.push_back({"ETag", tag});
  if (request.header("if-none-match") != tag) return;
  response.status = 304;
  response.body.clear();
}

/// The change is made whatever goes wrong now: what could not be done here, the announcement of the
/// change makes this process do a little later.
void finish_after_commit(Context const& context) {
  for (auto const& action : context.after_commit) {
    try {
      action();
    } catch (std::exception const& error) {
      logging::warning("http", "after {} {}: {}", context.request.method, context.request.route,
                       error.what());
    }
  }
}

}  // namespace

Api::Api(config::Settings const& settings)
    : settings_{settings},
      origins_{settings},
      authenticate_{[](Request const&) { return Actor{}; }},
      meters_{std::make_unique<Meters>()} {
  router_.is_own_page = [this](Request const& request) { return origins_.has(request); };
  router_.refuse = [this](Request const& request, int status, std::string_view code,
                          std::string_view detail) {
    if (error_page && wants_page(request))
      if (auto page = error_page(request, status)) return std::move(*page);
    return problem_document(request, status, code, detail, detail);
  };
}

Api::~Api() = default;

Response Api::serve(Declared const& endpoint, Meter& meter, Worker* worker, Request& request) {
  logging::Scope const ids{request.request_id, "", ""};
  auto const started = std::chrono::steady_clock::now();
  Allowance allowance{meters_->limiter, worker};
  Response response;
  try {
    admit_(request, endpoint.writes());
    allowance.take_for_address(settings_, endpoint, request);
    auto const actor = authenticate_(request);
    allowance.take_for_actor(settings_, endpoint, actor);
    if (!endpoint.scope.empty()) {
      if (!actor.is_known()) throw Problem{authentication_required};
      if (!actor.may(endpoint.scope)) throw missing(endpoint.scope, actor);
    }
    refuse_cross_site(endpoint, origins_, request, actor);
    if (!worker) {  // edge lane: no database behind it
      static db::Connection none{""};
      db::Tx tx{none, db::Mode::autocommit};
      Worker edge{none, none};
      Context context{edge, tx, actor, request, settings_, response};
      response = endpoint.raw(context);
    } else {
      response = run(endpoint, *worker, request, actor);
      tag(endpoint, request, response);
    }
  } catch (Problem const& problem) {
    response = answer(request, problem);
  } catch (db::Unavailable const& lost) {
    logging::warning("http", "{} {}: {}", endpoint.method, endpoint.path, lost.what());
    response = answer(request, from_unavailable(lost));
  } catch (db::Failure const& failure) {
    response = answer(request, from_constraint(endpoint, failure));
  } catch (std::exception const& error) {
    response = answer(request, Problem{internal_error, {}, error.what()});
  }
  allowance.tell(response);
  auto const seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  meter.count(response.status, seconds);
  logging::debug("http", "{} {} {} {:.1f} ms", request.method, endpoint.path, response.status,
                 seconds * 1000);
  return response;
}

Response Api::run(Declared const& endpoint, Worker& worker, Request& request, Actor const& actor) {
  Response response;
  bool const single = endpoint.writes() && endpoint.transaction == Transaction::automatic;
  bool const has_key = endpoint.idempotent && !request.header("idempotency-key").empty();
  for (int attempt = 1;; ++attempt) {
    try {
      db::Tx tx{worker.connection, single ? db::Mode::read_write : db::Mode::autocommit};
      std::optional<IdempotentCall> call;
      if (has_key) {
        call.emplace(tx, endpoint, request, actor);
        if (auto stored = call->stored()) return std::move(*stored);
      }
      Context context{worker, tx, actor, request, settings_, response};
      if (call) context.call = &*call;
      if (endpoint.step_up) require_step_up_(tx, actor);
      if (endpoint.raw) {
        response = endpoint.raw(context);
      } else {
        auto const call_handler = endpoint.prepare(request);
        call_handler(context);
        response.status = endpoint.status;
        response.headers.push_back({"Cache-Control", "no-store"});
      }
      auto const finish = [&](db::Tx& last) {
        if (!endpoint.audit.empty() && write_audit_ && response.status < 400)
          write_audit_(last, {context.audit_action.empty() ? std::string_view{endpoint.audit}
                                                           : context.audit_action,
                              actor, request, context.audit_target, context.audit_before,
                              context.audit_after, context.audit_reason, context.audit_by});
        if (call) call->keep(last, response);
      };
      if (single || (endpoint.audit.empty() && !call))
        finish(tx);
      else
        db::transact(worker.connection, finish);
      tx.commit();
      finish_after_commit(context);
      return response;
    } catch (db::Failure const& failure) {
      if (!single || !failure.is_retryable() || attempt == 5) throw;
    } catch (db::Lost const&) {
      // Nothing is committed: PostgreSQL was restarted, and may be there again.
      if ((!single && endpoint.writes()) || attempt > 1) throw;
    }
    response = {};
  }
}

Response Api::answer(Request const& request, Problem const& problem) const {
  int const status = status_of(problem.type.kind);
  // By the route's pattern: a path may hold a link's secret. What is wrong with what a client sent
  // is no error of ours.
  auto const level = status >= 500 ? logging::Level::error : logging::Level::info;
  if ((!problem.internal.empty() || status >= 500) && logging::enabled(level))
    logging::write(level, "http",
                   fmt::format("{} {} answered {} {}: {}", request.method, request.route, status,
                               problem.type.code, problem.internal));
  if (error_page && wants_page(request))
    if (auto page = error_page(request, status)) return std::move(*page);
  return problem_document(request, problem);
}

void Api::mount(Declared const& endpoint) {
  auto& meter = *meters_->of_endpoints.emplace_back(
      std::make_unique<Meter>(*meters_, endpoint.method + " " + endpoint.path));
  router_.add(Route{.method = endpoint.method,
                    .pattern = endpoint.path,
                    .lane = endpoint.lane,
                    .body_limit = endpoint.body_limit,
                    .handle = [this, &endpoint, &meter](Worker* worker, Request& request) {
                      return serve(endpoint, meter, worker, request);
                    }});
}

void Api::add(Declared declared) {
  mount(*endpoints_.emplace_back(std::make_unique<Declared>(std::move(declared))));
}

void Api::add_socket(std::string_view pattern, std::string_view summary, std::string_view scope,
                     std::function<Socket::Plan(Worker&, Request const&)> open,
                     std::function<std::string(Worker&, Request const&)> message) {
  // Asked without an upgrade, the address gives the present document once: for clients that poll.
  Declared declared{"GET " + std::string{pattern}};
  declared.summary = summary;
  declared.description = "A WebSocket; asked without an upgrade it answers the document once.";
  declared.scope = scope;
  declared.tag = "Live";
  declared.limit = per_minute(120);
  declared.lane = Lane::live;
  for (auto rest = pattern; rest.find('{') != std::string_view::npos;) {
    rest.remove_prefix(rest.find('{') + 1);
    declared.parameters.push_back(
        {std::string{rest.substr(0, rest.find('}'))}, "path", &types::type_of<std::string>});
  }
  declared.raw = [open, message](Context& context) {
    open(context.worker, context.request);
    return Response{.body = message(context.worker, context.request),
                    .headers = {{"Cache-Control", "no-store"}}};
  };
  add(std::move(declared));
  auto const* const slot = endpoints_.back().get();

  auto allowed = [this, scope = std::string{scope}](Request const& request) {
    admit_(request, false);
    if (scope.empty()) return;
    auto const actor = authenticate_(request);
    if (!actor.is_known()) throw Problem{authentication_required};
    if (!actor.may(scope)) throw missing(scope, actor);
    if (actor.by_cookie && !origins_.has(request)) throw from_another_site(request);
  };
  router_.add(Socket{
      .pattern = std::string{pattern},
      .open = [this, slot, allowed, open](Worker& worker, Request const& request)
          -> std::pair<std::optional<Socket::Plan>, Response> {
        try {
          Allowance{meters_->limiter, &worker}.take_for_address(settings_, *slot, request);
          allowed(request);
          auto plan = open(worker, request);
          if (!slot->scope.empty()) plan.topics.emplace_back(actors_changed);
          return {std::move(plan), {}};
        } catch (Problem const& problem) {
          return {std::nullopt, answer(request, problem)};
        } catch (db::Unavailable const&) {
          return {std::nullopt, answer(request, Problem{database_unavailable}.retry_after(2))};
        } catch (std::exception const& error) {
          return {std::nullopt, answer(request, Problem{internal_error, {}, error.what()})};
        }
      },
      .message = [allowed, message](Worker& worker,
                                    Request const& request) -> std::optional<std::string> {
        try {
          allowed(request);
          return message(worker, request);
        } catch (Problem const&) {
          return {};
        } catch (db::Unavailable const&) {
          throw;
        } catch (std::exception const& error) {
          logging::error("http", "socket {}: {}", request.route, error.what());
          return {};
        }
      }});
}

std::string Api::metrics() const {
  return prometheus::TextSerializer{}.Serialize(meters_->registry->Collect());
}

}  // namespace http
