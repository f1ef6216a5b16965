// The routes of the pages, and the one place that turns a failure into a page.
#include "sandbox/pages.hpp"

#include "platform/log/log.hpp"
#include "sandbox/assets.hpp"
#include "sandbox/checkout_page.hpp"
#include "sandbox/error.hpp"

namespace sandbox {

namespace {
using Handler = http::Response (*)(Engine&, db::Connection&, http::Request const&);

struct PageRoute {
  char const *method, *pattern;
  Handler handle;
};
constexpr PageRoute routes[]{
    {"GET", "/c/pay/{id}", checkout_page},
    {"POST", "/c/pay/{id}", checkout_page},
    {"GET", "/c/pay/{id}/authenticate", checkout_authentication},
    {"POST", "/c/pay/{id}/authenticate", checkout_authentication},
    {"GET", "/authenticate/{id}", intent_authentication},
    {"POST", "/authenticate/{id}", intent_authentication},
    {"GET", "/i/{id}", invoice_page},
    {"POST", "/i/{id}", invoice_page},
    {"GET", "/i/{id}/pdf", invoice_pdf},
    {"GET", "/receipts/{id}", receipt_page},
    {"GET", "/sandbox", overview_page},
    {"POST", "/sandbox/{noun}/{id}/{action}", overview_action},
};

http::Response guarded(Handler handle, Engine& engine, db::Connection& connection,
                       http::Request const& request) {
  try {
    return handle(engine, connection, request);
  } catch (ApiError const& error) {
    return plain_page(error.status, error.message);
  } catch (db::Unavailable const& error) {
    logging::warning("sandbox", "{}", error.what());
    return plain_page(503,
                      "The sandbox's database cannot be reached. Please try again in a moment.");
  } catch (std::exception const& error) {
    logging::error("sandbox", "{} {}: {}", request.method, request.route, error.what());
    return plain_page(500, "The sandbox failed at this page.");
  }
}

/// A form of another site is not taken: a page that somebody is lured to must not pay, refund or
/// break anything here. Browsers name the site that a form comes from; programs need not.
bool is_own_form(Engine const& engine, http::Request const& request) {
  auto const origin = request.header("origin");
  auto const site = request.header("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none") return false;
  if (origin.empty() || origin == origin_of(engine.settings.public_url)) return true;
  // The same machine by its other names; never by Host, which a page's author chooses.
  auto const own = origin_of(engine.settings.public_url);
  auto const port = own.substr(std::min(own.rfind(':'), own.size()));
  for (std::string_view const name : {"localhost", "127.0.0.1", "[::1]"})
    if (origin == "http://" + std::string{name} + port) return true;
  return false;
}

http::Response asset(std::string_view content, char const* type) {
  http::Response response{.content_type = type, .static_body = content};
  response.headers = {{"Cache-Control", "no-cache"}, {"X-Content-Type-Options", "nosniff"}};
  return response;
}
}  // namespace

void add_pages(http::Router& router, Engine& engine, std::latch const& ready) {
  for (auto const& route : routes)
    router.add({.method = route.method,
                .pattern = route.pattern,
                .handle = [&, handle = route.handle](http::Worker* worker, http::Request& request) {
                  ready.wait();
                  if (request.method == "POST" && !is_own_form(engine, request))
                    return plain_page(403, "This form was sent by another site.");
                  return guarded(handle, engine, worker->connection, request);
                }});
  router.add({.method = "GET",
              .pattern = "/assets/sandbox.css",
              .lane = http::Lane::edge,
              .handle = [](http::Worker*, http::Request&) {
                return asset(stylesheet(), "text/css; charset=utf-8");
              }});
  router.add({.method = "GET",
              .pattern = "/assets/sandbox.js",
              .lane = http::Lane::edge,
              .handle = [](http::Worker*, http::Request&) {
                return asset(script(), "text/javascript; charset=utf-8");
              }});
  router.add({.method = "GET",
              .pattern = "/",
              .lane = http::Lane::edge,
              .handle = [](http::Worker*, http::Request&) { return see_other("/sandbox"); }});
  router.add({.method = "GET",
              .pattern = "/healthz",
              .lane = http::Lane::edge,
              .handle = [](http::Worker*, http::Request&) {
                return http::Response{.content_type = "text/plain", .body = "ok\n"};
              }});
}

http::Response plain_page(int status, std::string_view sentence) {
  return html({.title = "Stripe sandbox",
               .body = fmt::format("<main class=\"note\"><h1>Stripe sandbox</h1><p>{}</p></main>",
                                   escaped(sentence)),
               .status = status});
}

}  // namespace sandbox
