// Pages are finished files; what is decided here is language, encoding, and whether somebody has to
// log in first.
#include "app/pages.hpp"

#include "app/web_files.hpp"
#include "identity/sessions/sessions.hpp"
#include "organisation/organisation.hpp"
#include "platform/html/html.hpp"
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

std::string_view page_of_list(std::string_view list) {
  auto const& routes = web_routes();
  auto const found = std::find_if(routes.begin(), routes.end(),
                                  [&](WebRoute const& route) { return route.list == list; });
  return found == routes.end() ? std::string_view{} : found->path;
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
  // An address that is a secret is told to nobody, not even to ourselves.
  bool const is_secret = request.route.find("{token}") != std::string::npos;
  response.headers.push_back({"Referrer-Policy", is_secret ? "no-referrer" : "same-origin"});
  response.headers.push_back({"Cross-Origin-Opener-Policy", "same-origin"});
  response.headers.push_back({"Vary", "Accept-Language, Cookie"});
  if (auto const asked = asked_for(request))
    response.headers.push_back({"Set-Cookie", std::string{identity::sessions::language_cookie} +
                                                  "=" + std::string{name_of(*asked)} +
                                                  "; Path=/; Max-Age=31536000; SameSite=Lax" +
                                                  (request.secure ? "; Secure" : "")});
}

WebFile const& page_file(std::string_view name, http::Request const& request) {
  auto const* file = find_file("pages/" + std::string{name} + "." +
                               std::string{name_of(language_of(request))} + ".html");
  if (!file) throw Problem{http::not_found};
  return *file;
}

http::Response filled(WebFile const& file, http::Request const& request, Places const& places) {
  http::Response response{.content_type = std::string{file.type}};
  std::string_view rest = file.plain;
  for (auto open = rest.find("{{"); open != std::string_view::npos; open = rest.find("{{")) {
    auto const close = rest.find("}}", open);
    if (close == std::string_view::npos) break;
    response.body += rest.substr(0, open);
    if (auto const place = places.find(rest.substr(open + 2, close - open - 2));
        place != places.end())
      response.body += place->second;
    rest.remove_prefix(close + 2);
  }
  response.body += rest;
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
  add_page_headers(response, file, request);
  return response;
}

/// What staff have chosen for the pages of visitors; nothing that nobody has said.
Places look_of(settings::Groups const& groups) {
  auto const branding = groups.now<organisation::Branding>();
  auto const organisation = groups.now<organisation::Organisation>();
  auto const hours = groups.now<organisation::WorkingHours>();
  Places out{{"product", html::escaped(branding->name)},
             {"owner", html::escaped(organisation->legal_name.empty() ? branding->name
                                                                      : organisation->legal_name)}};
  if (!branding->accent_colour.empty())
    out["accent"] = " data-accent=\"" + html::escaped(branding->accent_colour) + '"';
  if (!hours->days.empty()) {
    std::string days;
    for (auto const day : hours->days) days += (days.empty() ? "" : ",") + std::to_string(day);
    out["hours"] = " data-days=\"" + days + "\" data-begins=\"" +
                   std::to_string(hours->begins_minute) + "\" data-ends=\"" +
                   std::to_string(hours->ends_minute) + "\" data-zone=\"" +
                   html::escaped(organisation->reporting_zone) + '"';
  }
  return out;
}

/// A page that has places is kept as it is; all others are compressed when they are built.
bool has_places(WebFile const& file) { return file.brotli.empty(); }

http::Response page(std::string_view name, http::Request const& request,
                    settings::Groups const& groups) {
  auto const& file = page_file(name, request);
  if (has_places(file)) {
    auto response = filled(file, request, look_of(groups));
    response.headers.push_back({"Cache-Control", "no-cache"});
    return response;
  }
  auto response = serve(file, request);
  add_page_headers(response, file, request);
  return response;
}

}  // namespace

http::Response filled_page(std::string_view name, http::Request const& request,
                           Places const& places) {
  return filled(page_file(name, request), request, places);
}

namespace {
http::Response error_page(http::Request const& request, int status,
                          settings::Groups const& groups) {
  auto const* name = status == 404 ? "not_found" : "error";
  auto places = look_of(groups);
  places["request_id"] = html::escaped(request.request_id);
  auto response = filled_page(name, request, places);
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

void add_page(http::Api& api, settings::Groups const& groups, std::string_view path,
              std::string_view name, bool staff_only) {
  auto declared = edge_route("GET " + std::string{path});
  declared.raw = [&groups, name = std::string{name}, staff_only](http::Context& context) {
    // An access token lives for minutes: a page whose session can be refreshed does that by itself.
    if (staff_only && context.actor.user_id == 0 &&
        context.request.cookie("__Host-refresh").empty())
      return http::Response{
          .status = 303,
          .content_type = "text/plain",
          .headers = {{"Location", "/login?next=" + http::percent_encode(context.request.target)},
                      {"Cache-Control", "no-store"}}};
    return page(name, context.request, groups);
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

void add_pages(http::Api& api, settings::Groups const& groups) {
  for (auto const& [path, name, leads_to, _, staff_only] : web_routes()) {
    if (leads_to.empty()) {
      add_page(api, groups, path, name, staff_only);
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
  api.error_page = [&groups](http::Request const& request, int status) {
    return std::optional{error_page(request, status, groups)};
  };
}

}  // namespace app
