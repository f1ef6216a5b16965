// Names: rules, reserved words, availability, suggestions.
#include "tenants/subdomains.hpp"

#include <algorithm>

#include "platform/config/hosts.hpp"
#include "platform/json/problem.hpp"
#include "platform/text/utf8.hpp"

namespace tenants {

namespace {
constexpr std::size_t shortest = 3, longest = 40;

// Sorted. Names that would mislead, that services expect, or that we may want ourselves.
constexpr std::string_view reserved_names[]{
    "abuse",      "account",    "accounts",   "admin",     "administrator", "api",
    "app",        "apps",       "assets",     "auth",      "autoconfig",    "autodiscover",
    "backup",     "beta",       "billing",    "blog",      "cdn",           "checkout",
    "cloud",      "console",    "contact",    "dashboard", "demo",          "dev",
    "dns",        "docs",       "email",      "ftp",       "help",          "host",
    "hostmaster", "imap",       "info",       "internal",  "invoice",       "invoices",
    "legal",      "localhost",  "login",      "logs",      "mail",          "metrics",
    "monitor",    "monitoring", "mta-sts",    "news",      "ns1",           "ns2",
    "onboarding", "owner",      "panel",      "password",  "payments",      "pop",
    "portal",     "postgres",   "postmaster", "preview",   "private",       "proxy",
    "public",     "register",   "root",       "sandbox",   "secure",        "security",
    "server",     "setup",      "shop",       "signup",    "smtp",          "ssh",
    "ssl",        "staff",      "staging",    "static",    "status",        "stripe",
    "support",    "sysadmin",   "system",     "team",      "tenant",        "tenants",
    "test",       "testing",    "tls",        "vpn",       "webhook",       "webmail",
    "webmaster",  "wpad",       "www",
};
static_assert(std::is_sorted(std::begin(reserved_names), std::end(reserved_names)));

db::Query const taken_among{"tenants.taken_among", R"sql(
  SELECT subdomain FROM tenants
   WHERE subdomain = ANY ($1::text[]) AND state NOT IN ('purged', 'rolled_back')
  UNION
  SELECT subdomain FROM tenant_aliases
   WHERE subdomain = ANY ($1::text[]) AND expires_at > now() AND tenant_id <> $2
)sql"};

/// The nearest valid name, for suggestions: bad characters become hyphens.
std::string cleaned(std::string_view name) {
  std::string out;
  for (char c : name) {
    bool const plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain)
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  auto const first = std::find_if(out.begin(), out.end(), [](char c) { return c >= 'a'; });
  out.erase(out.begin(), first);
  out = out.substr(0, longest - 5);
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}
}  // namespace

constexpr FieldCode bad_start{"bad_start", "must begin with a letter"};
constexpr FieldCode bad_end{"bad_end", "must end with a letter or a digit"};
constexpr FieldCode bad_hyphens{"bad_hyphens", "must not have hyphens in third and fourth place"};
constexpr FieldCode subdomain_form{
    "subdomain_form", "must be 3 to 40 letters, digits or hyphens, beginning with a letter"};

std::optional<std::string_view> name_problem(std::string_view name) {
  if (name.size() < shortest) return "too_short";
  if (name.size() > longest) return "too_long";
  for (char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return "bad_characters";
  if (name.front() < 'a') return "bad_start";
  if (name.back() == '-') return "bad_end";
  // For encoded names of the future (RFC 5891, 4.2.3.1); those of today, "xn--", are reserved.
  if (name.substr(2, 2) == "--" && !name.starts_with("xn")) return "bad_hyphens";
  return {};
}

bool is_reserved(std::string_view name) {
  return std::binary_search(std::begin(reserved_names), std::end(reserved_names), name) ||
         name.starts_with("xn--");
}

OwnNames own_names(config::Settings const& settings) {
  OwnNames names;
  auto const domain = "." + config::host_of(settings.tenant_domain);
  for (auto const& address :
       {settings.public_url, settings.mail_from, settings.support_email, settings.acme_email,
        settings.smtp_url, settings.stripe_api_base, settings.backup_s3_url, settings.incus_url,
        settings.acme_directory_url, settings.dns_server}) {
    auto host = config::host_of(address);
    if (!host.ends_with(domain)) continue;
    host.resize(host.size() - domain.size());
    // Of console.eu.example.com it is "eu": whoever has that may set cookies for all below it.
    names.push_back(host.substr(host.rfind('.') + 1));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

SubdomainCheck check_subdomain(db::Tx& tx, OwnNames const& ours, std::string_view asked,
                               std::int64_t tenant) {
  SubdomainCheck check{
      .name = std::string{asked}, .available = false, .status = SubdomainStatus::invalid};
  for (auto& c : check.name)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');

  auto is_ours = [&](std::string const& name) {
    return is_reserved(name) || std::find(ours.begin(), ours.end(), name) != ours.end();
  };
  auto const base = cleaned(check.name);
  std::vector<std::string> candidates;
  if (!base.empty())
    for (auto const* ending : {"", "-app", "-hq", "-erp", "2", "3", "-team", "-one"})
      candidates.push_back(base + ending);
  std::erase_if(candidates, [&](std::string const& name) {
    return name == check.name || name_problem(name) || is_ours(name);
  });
  auto asked_and_near = candidates;
  asked_and_near.emplace_back(utf8::first(check.name, longest + 1));
  auto const taken = tx.all<std::string>(taken_among, asked_and_near, tenant);
  auto is_taken = [&](std::string const& name) {
    return std::find(taken.begin(), taken.end(), name) != taken.end();
  };

  if (auto const problem = name_problem(check.name)) {
    check.reason = *problem;
  } else if (is_ours(check.name)) {
    check.status = SubdomainStatus::reserved;
    check.reason = "reserved";
  } else if (is_taken(check.name)) {
    check.status = SubdomainStatus::taken;
    check.reason = "taken";
  } else {
    check.status = SubdomainStatus::free;
    check.available = true;
    return check;
  }
  for (auto& name : candidates)
    if (check.suggestions.size() < 3 && !is_taken(name)) check.suggestions.push_back(name);
  return check;
}

FieldCode const* subdomain_rule(std::string_view name) {
  if (is_reserved(name)) return &faults::reserved;
  auto const problem = name_problem(name);
  if (!problem) return nullptr;
  for (auto const* code : {&bad_start, &bad_end, &bad_hyphens})
    if (*problem == code->code) return code;
  return &subdomain_form;
}

}  // namespace tenants
