// Names that lie too near to each other, and names that no certificate covers.
#include "app/name_risks.hpp"

#include "platform/config/hosts.hpp"
#include "tenants/addresses.hpp"
#include "tenants/subdomains.hpp"

namespace app {

namespace {
db::Query const tenants_named{"app.tenants_named", R"sql(
  SELECT subdomain FROM tenants
   WHERE subdomain = ANY ($1::text[]) AND state NOT IN ('purged', 'rolled_back')
   ORDER BY subdomain
)sql"};
}  // namespace

std::string shared_domain(std::string_view console, std::string_view tenants) {
  auto labels_from_the_end = [](std::string_view name) {
    std::vector<std::string_view> labels;
    while (true) {
      auto const dot = name.rfind('.');
      labels.push_back(dot == std::string_view::npos ? name : name.substr(dot + 1));
      if (dot == std::string_view::npos) return labels;
      name.remove_suffix(name.size() - dot);
    }
  };
  auto const one = labels_from_the_end(console), other = labels_from_the_end(tenants);
  std::string shared;
  std::size_t count = 0;
  while (count < one.size() && count < other.size() && one[count] == other[count]) {
    shared = std::string{one[count]} + (shared.empty() ? "" : "." + shared);
    ++count;
  }
  // Browsers take no cookies for a whole top-level domain; an IPv4 address is no name.
  bool const is_address = console.find_first_not_of("0123456789.") == std::string_view::npos;
  return count < 2 || is_address ? std::string{} : shared;
}

std::vector<std::string> name_risks(db::Tx& tx, config::Settings const& settings) {
  std::vector<std::string> risks;
  auto const console = config::host_of(settings.public_url);
  auto const& domain = settings.tenant_domain;
  if (auto const shared = shared_domain(console, config::host_of(domain)); !shared.empty())
    risks.push_back(
        "tenants (*." + domain + ") and the console (" + console + ") lie below " + shared +
        ": a tenant's page can set cookies there that browsers send to the console and to other "
        "tenants. The front door drops those for the console, up to 32 KiB; beyond, somebody is "
        "shut out until they clear their cookies. Set tenant_domain to a domain of its own, best "
        "one of the Public Suffix List");
  for (auto const& name : tx.all<std::string>(tenants_named, tenants::own_names(settings)))
    risks.push_back("the tenant \"" + name + "\" has a name that this installation uses itself (" +
                    name + "." + domain + "): give it another one in its settings");
  if (!tenants::are_over_tls(settings) && !tenants::are_on_this_machine(settings))
    risks.push_back(
        "tenants are reached over http, in the clear: set certificate_file to a "
        "certificate that covers *." +
        domain);
  return risks;
}

}  // namespace app
