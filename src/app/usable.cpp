// Settings that fit each other and this machine.
#include "app/usable.hpp"

#include <unistd.h>

#include <cstdlib>

#include "app/privileges.hpp"
#include "app/sandbox_clock.hpp"
#include "blueprints/blueprints.hpp"
#include "platform/config/mistakes.hpp"
#include "platform/crypto/certificates.hpp"
#include "platform/files/files.hpp"
#include "platform/process/identity.hpp"

namespace app {

namespace {
using Mistakes = std::vector<std::string>;

void look_at_ports(config::Settings const& settings, Mistakes& mistakes) {
  std::map<std::int64_t, std::string> taken;
  auto require_own = [&](std::int64_t port, std::string const& setting) {
    auto const [other, is_own] = taken.emplace(port, setting);
    if (!is_own)
      mistakes.push_back(other->second + " and " + setting + " are both " + std::to_string(port) +
                         ": set one to another port");
  };
  require_own(settings.http_port, "http_port");
  require_own(settings.tenant_port, "tenant_port");
  if (settings.tenant_tls_port != 0 && settings.tenant_tls_port != settings.http_port)
    require_own(settings.tenant_tls_port, "tenant_tls_port");
  if (settings.stripe_api_base.empty()) require_own(settings.sandbox_port, "sandbox_port");
}

void look_at_stripe(config::Settings const& settings, Mistakes& mistakes) {
  if (settings.stripe_api_base.empty()) {
    // The sandbox would be taken for the real one until the first invoice.
    if (settings.takes_real_money())
      mistakes.emplace_back(
          "ONBOARDING_STRIPE_SECRET_KEY is a live key, but ONBOARDING_STRIPE_API_BASE is empty, "
          "which means the built-in sandbox: set it to https://api.stripe.com");
    return;
  }
  if (settings.stripe_secret_key.empty())
    mistakes.emplace_back(
        "ONBOARDING_STRIPE_SECRET_KEY is missing: Stripe's address is set, its key is not");
  if (settings.stripe_webhook_secret.empty())
    mistakes.emplace_back(
        "ONBOARDING_STRIPE_WEBHOOK_SECRET is missing: without it nobody's payment could be "
        "believed");
}

void look_at_clock(config::Loaded const& loaded, Mistakes& mistakes) {
  auto const& settings = loaded.settings;
  if (settings.clock == config::Clock::machine) {
    std::error_code none;
    if (settings.database_url.empty() &&
        std::filesystem::exists(sandbox_clock_file(settings), none))
      mistakes.push_back(data_directory(settings) +
                         " has lived by the sandbox's clock, and its time cannot go back: set "
                         "clock to sandbox, or data_dir to another place");
    return;
  }
  auto const clock = config::spelled(loaded, "clock") + " is sandbox, ";
  if (!settings.stripe_api_base.empty())
    mistakes.push_back(clock +
                       "but stripe_api_base is set: only the built-in sandbox moves the time");
  if (!settings.database_url.empty())
    mistakes.push_back(clock +
                       "but database_url is set: only a private PostgreSQL lives by its time");
}

void look_at_files(config::Loaded const& loaded, Mistakes& mistakes) {
  auto const& settings = loaded.settings;
  auto look = [&](std::string const& setting, std::string const& path) -> std::string {
    if (path.empty()) return {};
    auto const subject = config::spelled(loaded, setting) + " names " + path + ", ";
    try {
      if (auto content = files::read(path)) return std::move(*content);
      mistakes.push_back(subject + "which is not there");
    } catch (std::runtime_error const& error) {
      mistakes.push_back(subject + "but it " + error.what());
    }
    return {};
  };
  auto const certificate = look("certificate_file", settings.certificate_file);
  if (!certificate.empty()) {
    try {
      (void)crypto::read_certificate(certificate, certificate);
    } catch (crypto::CertificateMistake const& error) {
      mistakes.push_back(config::spelled(loaded, "certificate_file") + " names " +
                         settings.certificate_file + ": " + error.what() +
                         "; it must hold the certificate chain and its key (PEM)");
    }
  }
  (void)look("acme_ca_file", settings.acme_ca_file);
  (void)look("incus_server_certificate_file", settings.incus_server_certificate_file);
  (void)look("master_key_file", settings.master_key_file);
}

void look_at_blueprint(config::Loaded const& loaded, Mistakes& mistakes) {
  auto const& settings = loaded.settings;
  try {
    blueprints::Catalogue const catalogue{settings.blueprints_dir.empty()
                                              ? blueprints::default_directory()
                                              : std::filesystem::path{settings.blueprints_dir}};
    auto const known = catalogue.names();
    if (std::find(known.begin(), known.end(), settings.blueprint) == known.end()) {
      std::string names;
      for (auto const& name : known) names += (names.empty() ? "" : ", ") + name;
      mistakes.push_back(config::spelled(loaded, "blueprint") + " is \"" + settings.blueprint +
                         "\", it must be one of " + names);
    } else if (settings.provisioner == config::Provisioner::process &&
               !catalogue.at(settings.blueprint).as_process) {
      mistakes.push_back("the blueprint \"" + settings.blueprint +
                         "\" needs containers: set provisioner to incus");
    }
  } catch (std::exception const& error) {
    mistakes.push_back(config::spelled(loaded, "blueprints_dir") + ": " + error.what());
  }
}

template <class Look>
void look_at(Mistakes& mistakes, Look const& look) {
  try {
    look();
  } catch (std::runtime_error const& error) {
    mistakes.emplace_back(error.what());
  }
}
}  // namespace

void require_usable(config::Loaded const& loaded) {
  auto const& settings = loaded.settings;
  Mistakes mistakes;
  look_at_ports(settings, mistakes);
  look_at_stripe(settings, mistakes);
  look_at_clock(loaded, mistakes);
  look_at_files(loaded, mistakes);
  look_at_blueprint(loaded, mistakes);
  if (!settings.backup_s3_url.empty() &&
      (settings.backup_s3_access_key.empty() || settings.backup_s3_secret_key.empty()))
    mistakes.emplace_back(
        "backup_s3_url is set, but backup_s3_access_key or backup_s3_secret_key is not");
  look_at(mistakes, [&] {
    if (auto const program = staff_of(settings).program) require_usable_by(*program, settings);
  });
  config::refuse(mistakes);
}

std::string data_directory(config::Settings const& settings) {
  if (!settings.data_dir.empty())
    return std::filesystem::absolute(settings.data_dir).lexically_normal().string();
  if (::geteuid() == 0) return "/var/lib/onboarding";
  if (auto const* home = std::getenv("XDG_DATA_HOME"); home && *home)
    return std::string{home} + "/onboarding";
  if (auto const* home = std::getenv("HOME"); home && *home)
    return std::string{home} + "/.local/share/onboarding";
  throw config::Mistake{"there is no home directory: say where the data lies with --data-dir"};
}

}  // namespace app
