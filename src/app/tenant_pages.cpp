// What a tenant's address shows while the tenant itself does not answer there: why, and until when.
#include "app/pages.hpp"
#include "platform/html/html.hpp"
#include "platform/http/problems.hpp"
#include "tenants/tenants.hpp"

namespace app {

namespace {

struct Standing {
  std::string subdomain;
  std::optional<std::string> message;
  std::optional<Time> until;
  bool unpaid;
};

// By the platform's name or the customer's own. The reason is told only where the owner can do
// something about it; the invoice's own address, which opens to everybody who has it, is not for a
// page that everybody can see.
db::Query const load_standing{"app.load_standing", R"sql(
  SELECT subdomain, maintenance_message AS message, maintenance_until AS until,
         EXISTS (SELECT 1 FROM tenant_holds
                  WHERE tenant_id = tenants.id AND reason IN ('billing', 'trial_ended')) AS unpaid
    FROM tenants
   WHERE (subdomain = $1
          OR id = (SELECT tenant_id FROM tenant_domains WHERE domain = $2))
     AND state NOT IN ('purged', 'rolled_back')
)sql"};

std::string time_element(Time time) {
  auto const text = clock_source::rfc3339(time);
  return "<time datetime=\"" + text + "\">" + text.substr(0, 10) + ' ' + text.substr(11, 5) +
         " UTC</time>";
}

std::string notice_of(http::Context& context, std::string_view name, i18n::Locale locale) {
  auto const host = std::string{context.request.header("x-tenant-host")};
  auto const suffix = "." + context.settings.tenant_domain;
  bool const is_own = host.ends_with(suffix);
  auto const subdomain = is_own ? host.substr(0, host.size() - suffix.size()) : std::string{};
  auto const standing = context.tx.maybe<Standing>(load_standing, subdomain, host);
  if (!standing) return {};
  bool const spanish = locale == i18n::Locale::es;
  std::string out;
  if (name == "maintenance") {
    if (standing->message) out += "<p>" + html::escaped(*standing->message) + "</p>";
    if (standing->until)
      out += (spanish ? "<p>Hasta las " : "<p>Until ") + time_element(*standing->until) + "</p>";
  } else if (name == "suspended" && standing->unpaid) {
    out += spanish ? "<p>Hay un pago pendiente. En cuanto se reciba, vuelve a funcionar solo.</p>"
                   : "<p>A payment is outstanding. As soon as it arrives, it runs again by itself."
                     "</p>";
    out += "<p><a href=\"" + html::escaped(context.settings.public_url) + "/pay/" +
           html::escaped(standing->subdomain) +
           (spanish ? "\">Recibir el enlace de pago</a></p>" : "\">Get the payment link</a></p>");
    out += "<p><a href=\"mailto:" + html::escaped(context.settings.support_email) + "\">" +
           html::escaped(context.settings.support_email) + "</a></p>";
  }
  return out;
}
}  // namespace

void add_tenant_page(http::Api& api, std::string_view name, int status) {
  // The front door sends visitors of a tenant's address here, with the path it chose.
  http::Declared declared{"GET /_tenant/" + std::string{name}};
  declared.raw = [name = std::string{name}, status](http::Context& context) {
    auto response =
        filled_page("tenant_" + name, context.request,
                    {{"notice", notice_of(context, name, language_of(context.request))}});
    response.status = status;
    std::erase_if(response.headers,
                  [](http::Header const& header) { return header.name == "Cache-Control"; });
    response.headers.push_back({"Cache-Control", "no-store"});
    if (status == 503) response.headers.push_back({"Retry-After", "5"});
    return response;
  };
  api.add(std::move(declared));
}

}  // namespace app
