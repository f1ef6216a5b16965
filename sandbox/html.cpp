// Pages carry no inline code: the policy would refuse it.
#include "sandbox/html.hpp"

#include <chrono>

namespace sandbox {

std::string origin_of(std::string_view url) {
  auto const scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  auto const end = url.find_first_of("/?#", scheme + 3);
  std::string origin{url.substr(0, end)};
  bool const sound =
      origin.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/-[]") == origin.npos;
  return sound ? origin : std::string{};
}

Locale locale_of(std::string_view wanted, http::Request const& request) {
  if (wanted.starts_with("es")) return Locale::es;
  if (!wanted.empty() && wanted != "auto") return Locale::en;
  return i18n::from_accept_language(request.header("accept-language"));
}

std::string day_of(std::int64_t moment, Locale locale) {
  using namespace std::chrono;
  static constexpr char const* english[]{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  static constexpr char const* spanish[]{"ene", "feb", "mar",  "abr", "may", "jun",
                                         "jul", "ago", "sept", "oct", "nov", "dic"};
  year_month_day const date{floor<days>(sys_seconds{seconds{moment}})};
  auto const month = unsigned(date.month()) - 1;
  return fmt::format("{} {} {}", unsigned(date.day()),
                     locale == Locale::es ? spanish[month] : english[month], int(date.year()));
}

http::Response html(Document const& page) {
  http::Response response{.status = page.status, .content_type = "text/html; charset=utf-8"};
  response.body = fmt::format(
      "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" "
      "content=\"noindex\">\n"
      "<title>{}</title>\n<link rel=\"stylesheet\" href=\"/assets/sandbox.css\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n"
      "<script src=\"/assets/sandbox.js\" defer></script>\n</head>\n<body>\n{}\n</body>\n</html>\n",
      name_of(page.locale), escaped(page.title), page.body);
  std::string targets = "'self'";
  for (auto const& url : page.form_targets)
    if (auto const origin = origin_of(url); !origin.empty()) targets += " " + origin;
  response.headers = {{"Content-Security-Policy",
                       "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' "
                       "data:; base-uri 'none'; "
                       "frame-ancestors 'none'; form-action " +
                           targets},
                      {"Cache-Control", "no-store"},
                      {"Referrer-Policy", "strict-origin"},
                      {"X-Content-Type-Options", "nosniff"},
                      {"X-Frame-Options", "DENY"}};
  return response;
}

http::Response see_other(std::string location) {
  for (auto& c : location)
    if (c == '\r' || c == '\n') c = '_';
  http::Response response{.status = 303, .content_type = "text/plain"};
  response.headers = {{"Location", std::move(location)}, {"Cache-Control", "no-store"}};
  return response;
}

std::string sandbox_banner(Locale locale) {
  return fmt::format(
      "<p class=\"banner\"><strong>{}</strong> {}</p>",
      say(locale, "Sandbox – no real money.", "Entorno de pruebas: sin dinero real."),
      say(locale, "Use the test cards; never type a real one.",
          "Usa las tarjetas de prueba; nunca escribas una de verdad."));
}

}  // namespace sandbox
