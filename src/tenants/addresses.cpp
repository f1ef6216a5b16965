// One place that knows which scheme and which port.
#include "tenants/addresses.hpp"

#include <mutex>

#include "platform/config/hosts.hpp"
#include "platform/crypto/certificates.hpp"
#include "platform/files/files.hpp"
#include "tenants/tenants.hpp"

namespace tenants {

namespace {
std::string authority(config::Settings const& settings, std::string_view subdomain, bool over_tls) {
  auto const tls_port =
      settings.tenant_tls_port == 0 ? settings.http_port : settings.tenant_tls_port;
  auto const port = over_tls ? tls_port : settings.tenant_port;
  return std::string{subdomain} + "." + settings.tenant_domain +
         (port == (over_tls ? 443 : 80) ? "" : ":" + std::to_string(port));
}
}  // namespace

bool are_on_this_machine(config::Settings const& settings) {
  return ("." + config::host_of(settings.tenant_domain)).ends_with(".localhost");
}

bool certificate_covers_tenants(config::Settings const& settings) {
  if (settings.certificate_file.empty()) return false;
  crypto::HeldCertificate certificate;
  certificate.chain = files::read(settings.certificate_file).value_or("");
  // Two names that no certificate lists by chance: only a wildcard covers both.
  return certificate.covers("any-name." + settings.tenant_domain) &&
         certificate.covers("another-name." + settings.tenant_domain);
}

bool are_over_tls(config::Settings const& settings) {
  if (settings.certificate_file.empty() || are_on_this_machine(settings)) return false;
  // Asked for every row of a list; and what the front door does is settled at its start, too.
  static std::mutex mutex;
  static std::map<std::pair<std::string, std::string>, bool> known;
  std::lock_guard const lock{mutex};
  auto const [found, is_new] =
      known.try_emplace({settings.certificate_file, settings.tenant_domain});
  if (is_new) found->second = certificate_covers_tenants(settings);
  return found->second;
}

std::string authority_of(config::Settings const& settings, std::string_view subdomain) {
  return authority(settings, subdomain, are_over_tls(settings));
}

std::string url_of(config::Settings const& settings, std::string_view subdomain) {
  return (are_over_tls(settings) ? "https://" : "http://") + authority_of(settings, subdomain);
}

std::string private_url_of(config::Settings const& settings, std::string_view subdomain) {
  if (are_on_this_machine(settings)) return url_of(settings, subdomain);
  return "https://" + authority(settings, subdomain, true);
}

}  // namespace tenants
