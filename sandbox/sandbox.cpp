// Wires the parts: tables, endpoint, server, ticker, deliverer.
#include "sandbox/sandbox.hpp"

#include <csignal>
#include <cstdio>
#include <latch>

#include "platform/crypto/crypto.hpp"
#include "platform/db/hold.hpp"
#include "platform/http/server.hpp"
#include "platform/log/log.hpp"
#include "sandbox/api_requests.hpp"
#include "sandbox/deliverer.hpp"
#include "sandbox/pages.hpp"
#include "sandbox/schema.hpp"
#include "sandbox/ticker.hpp"
#include "sandbox/webhook_endpoints.hpp"

namespace sandbox {

namespace {
/// The endpoint of the settings is marked, so that a changed URL or secret changes the same one.
/// False: it is another node's.
bool take_over_endpoint(Engine& engine, db::Connection& connection) {
  if (engine.settings.webhook_url.empty()) return true;
  if (engine.settings.webhook_secret.empty())
    throw std::runtime_error{"the sandbox's webhook URL needs a webhook secret"};
  db::Tx tx{connection};
  Store store{tx, engine.settings, {}};
  store.lock();
  for (auto& endpoint : store.all("webhook_endpoint", {})) {
    if (!truth(endpoint, "_from_settings")) continue;
    if (engine.settings.leaves_endpoint &&
        text(endpoint, "_secret") != engine.settings.webhook_secret)
      return false;
    endpoint["url"] = engine.settings.webhook_url;
    endpoint["_secret"] = engine.settings.webhook_secret;
    store.save(endpoint);
    tx.commit();
    return true;
  }
  auto endpoint = new_endpoint(store, engine.settings.webhook_url, engine.settings.webhook_secret);
  endpoint["_from_settings"] = true;
  store.insert(endpoint);
  tx.commit();
  return true;
}

/// One of all that share a database sends the events, to its own node; another one, which was
/// started beside it, leaves the endpoint as it is.
std::unique_ptr<db::Hold> hold_of(Settings const& settings) {
  using namespace std::chrono_literals;
  try {
    return std::make_unique<db::Hold>(
        settings.database_url, "sandbox.events",
        "onboarding sandbox " + crypto::hex(crypto::sha256(settings.webhook_secret +
                                                           settings.listen + settings.webhook_url)),
        [](std::string const& other) { logging::warning("sandbox", "{} sends events too", other); },
        1s);
  } catch (db::Hold::Taken const& taken) {
    logging::warning("sandbox", "events are sent by another one: {}", taken.what());
    return {};
  }
}

http::Response refuse(http::Request const& request, int status, std::string_view detail) {
  if (!request.path.starts_with("/v1/")) return plain_page(status, detail);
  auto message = std::string{detail};
  if (status == 404)
    message = "Unrecognized request URL (" + request.method + ": " + request.path +
              "). The sandbox has the part of Stripe's API that it needs.";
  return error_answer({status, "invalid_request_error", message}, new_id("req_", 14));
}
}  // namespace

struct Sandbox::Impl {
  explicit Impl(Settings settings) { engine.settings = std::move(settings); }

  void add_routes() {
    for (auto const& endpoint : endpoints())
      router.add({.method = std::string{endpoint.method},
                  .pattern = std::string{endpoint.path},
                  .body_limit = 256 * 1024,
                  .handle = [this, &endpoint](http::Worker* worker, http::Request& request) {
                    ready.wait();
                    return answer_api_request(engine, worker->connection, endpoint, request);
                  }});
    for (auto const method : {"GET", "POST", "DELETE"})
      router.add({.method = method,
                  .pattern = "/v1/test_helpers/faults",
                  .handle = [this](http::Worker*, http::Request& request) {
                    auto const request_id = new_id("req_", 14);
                    try {
                      check_key(engine.settings, request);
                      return json_answer(200, pretty(answer_faults_request(engine, request)),
                                         request_id);
                    } catch (ApiError const& error) {
                      return error_answer(error, request_id);
                    }
                  }});
    add_pages(router, engine, ready);
    router.refuse = [](http::Request const& request, int status, std::string_view,
                       std::string_view detail) { return refuse(request, status, detail); };
  }

  Engine engine;
  std::latch ready{1};
  http::Router router;
  realtime::Hub hub;
  std::unique_ptr<http::Server> server;
  std::unique_ptr<Ticker> ticker;
  std::unique_ptr<Deliverer> deliverer;
  std::unique_ptr<db::Hold> hold;  // of the one that sends events
};

Sandbox::Sandbox(Settings settings) : impl_{std::make_unique<Impl>(std::move(settings))} {}
Sandbox::~Sandbox() { stop(); }

void Sandbox::start() {
  auto& settings = impl_->engine.settings;
  {
    db::Connection connection{settings.database_url, "sandbox"};
    create_schema(connection);
    impl_->hold = hold_of(settings);
    if (impl_->hold && !take_over_endpoint(impl_->engine, connection)) impl_->hold.reset();
  }
  impl_->add_routes();
  impl_->server =
      std::make_unique<http::Server>(http::ServerSettings{.listen = settings.listen,
                                                          .database_url = settings.database_url,
                                                          .standard_workers = 6,
                                                          .slow_workers = 1},
                                     impl_->router, impl_->hub);
  impl_->server->start();
  if (settings.public_url.empty())
    settings.public_url = "http://" + settings.listen.substr(0, settings.listen.rfind(':')) + ":" +
                          std::to_string(port());
  while (settings.public_url.ends_with('/')) settings.public_url.pop_back();
  impl_->ready.count_down();
  impl_->ticker = std::make_unique<Ticker>(impl_->engine);
  if (impl_->hold) impl_->deliverer = std::make_unique<Deliverer>(impl_->engine);
}

void Sandbox::stop() {
  if (!impl_->server) return;
  impl_->engine.stopping = true;
  impl_->server->stop();
  impl_->ticker.reset();
  impl_->deliverer.reset();
  impl_->hold.reset();
  impl_->server.reset();
}

int Sandbox::port() const { return impl_->server ? impl_->server->port() : 0; }
std::string Sandbox::url() const { return impl_->engine.settings.public_url; }

int run(Settings const& settings) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  try {
    Sandbox sandbox{settings};
    sandbox.start();
    std::printf("Stripe sandbox on %s (overview: %s/sandbox)\n", sandbox.url().c_str(),
                sandbox.url().c_str());
    std::fflush(stdout);
    int received = 0;
    sigwait(&signals, &received);
    sandbox.stop();
    return 0;
  } catch (std::exception const& error) {
    logging::error("sandbox", "{}", error.what());
    return 1;
  }
}

}  // namespace sandbox
