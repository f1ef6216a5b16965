// Pages are finished files; what is decided here is language, encoding, and whether somebody has to
// log in first.
#include "app/pages.hpp"

#include "app/web_files.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/http/problems.hpp"
#include "platform/i18n/i18n.hpp"

namespace app {

namespace {

constexpr auto policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src "
    "'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'";

WebFile const* find_file(std::string_view name) {
  auto const& files = web_files();
  auto const found = std::lower_bound(
      files.begin(), files.end(), name,
      [](WebFile const& file, std::string_view wanted) { return file.name < wanted; });
  return found != files.end() && found->name == name ? &*found : nullptr;
}

std::optional<i18n::Locale> asked_for(http::Request const& request) {
  auto const pairs = http::parse_form(request.query);
  if (!pairs) return {};
  for (auto const& [key, value] : *pairs)
    if (key == "lang") return enum_from<i18n::Locale>(value);
  return {};
}

}  // namespace

i18n::Locale language_of(http::Request const& request) {
  if (auto const asked = asked_for(request)) return *asked;
  if (auto const kept =
          enum_from<i18n::Locale>(request.cookie(identity::sessions::language_cookie)))
    return *kept;
  return i18n::from_accept_language(request.header("accept-language"));
}

namespace {
/// The file in the smallest form that the client understands.
http::Response serve(WebFile const& file, http::Request const& request) {
  http::Response response{.content_type = std::string{file.type}};
  auto const accepted = request.header("accept-encoding");
  auto understands = [&](std::string_view name) {
    return accepted.find(name) != std::string_view::npos;
  };
  response.static_body = file.plain;
  if (!file.brotli.empty() && understands("br")) {
    response.static_body = file.brotli;
    response.headers.push_back({"Content-Encoding", "br"});
  } else if (!file.gzip.empty() && understands("gzip")) {
    response.static_body = file.gzip;
    response.headers.push_back({"Content-Encoding", "gzip"});
  }
  response.headers.push_back({"Vary", "Accept-Encoding"});
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
  response.headers.push_back(
      {"Cache-Control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache"});
  return response;
}

void add_page_headers(http::Response& response, WebFile const& file, http::Request const& request) {
  response.headers.push_back(
      {"Content-Security-Policy", file.policy.empty() ? policy : std::string{file.policy}});
  response.headers.push_back({"Referrer-Policy", "same-origin"});
  response.headers.push_back({"Cross-Origin-Opener-Policy", "same-origin"});
  response.headers.push_back({"Vary", "Accept-Language, Cookie"});
  if (auto const asked = asked_for(request))
    response.headers.push_back({"Set-Cookie", std::string{identity::sessions::language_cookie} +
                                                  "=" + std::string{name_of(*asked)} +
                                                  "; Path=/; Max-Age=31536000; SameSite=Lax" +
                                                  (request.secure ? "; Secure" : "")});
}

http::Response page(std::string_view name, http::Request const& request) {
  auto const* file = find_file("pages/" + std::string{name} + "." +
                               std::string{name_of(language_of(request))} + ".html");
  if (!file) throw Problem{http::not_found};
  auto response = serve(*file, request);
  add_page_headers(response, *file, request);
  return response;
}

}  // namespace

http::Response filled_page(std::string_view name, http::Request const& request,
                           std::string_view place, std::string_view text) {
  auto const* file = find_file("pages/" + std::string{name} + "." +
                               std::string{name_of(language_of(request))} + ".html");
  if (!file) throw Problem{http::not_found};
  http::Response response{.content_type = std::string{file->type},
                          .body = std::string{file->plain}};
  for (auto at = response.body.find(place); at != std::string::npos;
       at = response.body.find(place, at + text.size()))
    response.body.replace(at, place.size(), text);
  add_page_headers(response, *file, request);
  return response;
}

namespace {
std::optional<http::Response> error_page(http::Request const& request, int status) {
  auto const* name = status == 404 ? "not_found" : "error";
  auto response = filled_page(name, request, "{{request_id}}", request.request_id);
  response.status = status;
  response.headers.push_back({"Cache-Control", "no-store"});
  if (status == 503) response.headers.push_back({"Retry-After", "5"});
  return response;
}

http::Declared edge_route(std::string_view route) {
  http::Declared declared{route};
  declared.lane = http::Lane::edge;
  return declared;
}

void add_page(http::Api& api, std::string_view path, std::string_view name, bool staff_only) {
  auto declared = edge_route("GET " + std::string{path});
  declared.raw = [name = std::string{name}, staff_only](http::Context& context) {
    // An access token lives for minutes: a page whose session can be refreshed does that by itself.
    if (staff_only && context.actor.user_id == 0 &&
        context.request.cookie("__Host-refresh").empty())
      return http::Response{
          .status = 303,
          .content_type = "text/plain",
          .headers = {{"Location", "/login?next=" + http::percent_encode(context.request.target)},
                      {"Cache-Control", "no-store"}}};
    return page(name, context.request);
  };
  api.add(std::move(declared));
}

void add_redirect(http::Api& api, std::string_view path, std::string_view to) {
  auto declared = edge_route("GET " + std::string{path});
  declared.raw = [to = std::string{to}](http::Context&) {
    return http::Response{
        .status = 303, .content_type = "text/plain", .headers = {{"Location", to}}};
  };
  api.add(std::move(declared));
}

}  // namespace

void add_pages(http::Api& api) {
  for (auto const& [path, name, leads_to, staff_only] : web_routes()) {
    if (leads_to.empty()) {
      add_page(api, path, name, staff_only);
    } else {
      add_redirect(api, path, leads_to);
    }
  }
  add_tenant_page(api, "unknown", 404);
  add_tenant_page(api, "suspended", 503);
  add_tenant_page(api, "maintenance", 503);
  add_tenant_page(api, "starting", 503);

  auto assets = edge_route("GET /assets/{file...}");
  assets.raw = [](http::Context& context) {
    auto const* file = find_file("assets/" + std::string{context.request.path_parameter("file")});
    if (!file) throw Problem{http::not_found};
    return serve(*file, context.request);
  };
  api.add(std::move(assets));
  api.error_page = error_page;
}

}  // namespace app
