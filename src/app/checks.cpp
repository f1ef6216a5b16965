// What lies outside the program, and how each of it is tried: every check on one screen.
#include "app/checks.hpp"

#include <netdb.h>
#include <sys/statvfs.h>

#include <future>
#include <thread>

#include "app/application.hpp"
#include "domains/dns.hpp"
#include "platform/crypto/certificates.hpp"
#include "platform/files/files.hpp"
#include "platform/jobs/pruning.hpp"
#include "platform/mail/mail.hpp"
#include "platform/pdf/document.hpp"
#include "platform/process/helper.hpp"

namespace app {

namespace {
using namespace std::chrono_literals;
using readiness::Failed;

constexpr std::int64_t mib = 1024 * 1024;
constexpr auto time_to_renew = 14 * 24h;
constexpr auto dns_patience = 5s;

db::Query const database_time{"app.database_time", "SELECT clock_timestamp()"};

std::string host_in(std::string_view url) {
  auto const begin = url.find("://");
  url.remove_prefix(begin == std::string_view::npos ? 0 : begin + 3);
  return std::string{url.starts_with('[') ? url.substr(0, url.find(']') + 1)
                                          : url.substr(0, url.find_first_of(":/"))};
}

/// A name that only this machine answers to, or no name at all.
bool is_local(std::string const& host) {
  return host == "localhost" || host.ends_with(".localhost") || host.starts_with('[') ||
         host.find_first_not_of("0123456789.") == std::string::npos;
}

void try_database(config::Settings const& settings) {
  db::Connection connection{settings.database_url, "onboarding readiness"};
  db::Tx tx{connection, db::Mode::autocommit};
  (void)tx.one<Time>(database_time);
}

void try_clock(config::Settings const& settings) {
  if (auto const trouble = stripe::clock_trouble(settings); !trouble.empty())
    throw Failed{{.code = "clock_of_stripe", .detail = trouble, .setting = "stripe_api_base"}};
  if (settings.database_url.empty()) return;
  db::Connection connection{settings.database_url, "onboarding readiness"};
  db::Tx tx{connection, db::Mode::autocommit};
  auto const theirs = tx.one<Time>(database_time);
  auto const off = std::chrono::abs(clock_source::now() - theirs);
  if (off <= 60s) return;
  auto const seconds =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(off).count());
  throw Failed{{.code = "clock_of_database",
                .parameters = {{"seconds", seconds}},
                .detail = "this machine's clock and PostgreSQL's are " + seconds + " s apart"}};
}

void try_pruning(config::Settings const& settings) {
  db::Connection connection{settings.database_url, "onboarding readiness"};
  db::Tx tx{connection, db::Mode::autocommit};
  if (!jobs::is_pruned(tx))
    throw Failed{
        {.code = "pruning_stands", .detail = "old rows have not been removed for more than a day"}};
}

void try_disk(config::Settings const& settings) {
  struct statvfs disk {};
  if (::statvfs(settings.data_dir.c_str(), &disk) != 0)
    throw std::runtime_error{files::sentence("look at", settings.data_dir, errno)};
  auto const total = std::int64_t(disk.f_blocks) * std::int64_t(disk.f_frsize);
  auto const free = std::int64_t(disk.f_bavail) * std::int64_t(disk.f_frsize);
  auto const wanted = std::max(64 * mib, std::min(1024 * mib, total / 50));
  if (free < wanted)
    throw Failed{{.code = "disk_full",
                  .parameters = {{"path", settings.data_dir},
                                 {"free", std::to_string(free / mib)},
                                 {"least", std::to_string(wanted / mib)}},
                  .detail = "the disk of " + settings.data_dir +
                            " is full: " + std::to_string(free / mib) + " MiB are free, " +
                            std::to_string(wanted / mib) + " MiB is the least"}};
  if (disk.f_files > 0 && disk.f_favail < 1000)
    throw Failed{
        {.code = "disk_without_files",
         .parameters = {{"path", settings.data_dir}, {"files", std::to_string(disk.f_favail)}},
         .detail = "the disk of " + settings.data_dir + " can hold only " +
                   std::to_string(disk.f_favail) + " more files"}};
}

void try_certificate(config::Settings const& settings) {
  if (settings.certificate_file.empty()) return;  // our own authority's, renewed by ourselves
  auto const text = process::read_setting(settings.certificate_file);
  if (!text)
    throw Failed{{.code = "certificate_missing",
                  .parameters = {{"path", settings.certificate_file}},
                  .detail = settings.certificate_file + " is not there"}};
  auto const held = crypto::read_certificate(*text, *text);
  auto const end = clock_source::rfc3339(held.not_after);
  auto const left = held.not_after - clock_source::now();
  if (left < 0s)
    throw Failed{{.code = "certificate_ended",
                  .parameters = {{"time", end}},
                  .detail = "the certificate has ended on " + end}};
  for (auto const& host :
       {host_in(settings.public_url), std::string{"a-tenant."} + settings.tenant_domain})
    if (!is_local(host) && !held.covers(host))
      throw Failed{{.code = "certificate_of_others",
                    .parameters = {{"name", host}},
                    .detail = "the certificate does not cover " + host}};
  if (left < time_to_renew)
    throw Failed{{.code = "certificate_ends",
                  .parameters = {{"time", end}},
                  .detail = "the certificate ends on " + end}};
}

/// The resolver has no time limit that we could set; one that hangs keeps a thread of its own.
int resolve(std::string const& host) {
  auto const done = std::make_shared<std::promise<int>>();
  auto answer = done->get_future();
  std::thread{[done, host] {
    addrinfo* found = nullptr;
    int const error = ::getaddrinfo(host.c_str(), nullptr, nullptr, &found);
    if (error == 0) ::freeaddrinfo(found);
    done->set_value(error);
  }}.detach();
  return answer.wait_for(dns_patience) == std::future_status::ready ? answer.get() : EAI_AGAIN;
}

/// As a visitor's machine would look it up; /etc/hosts counts unless a server is named.
bool is_known_to_dns(std::string const& host, std::string const& server) {
  using Outcome = domains::Lookup::Outcome;
  if (!server.empty()) {
    auto const seen = domains::look_up(host, server);
    if (seen.outcome == Outcome::unreachable)
      throw Failed{{.code = "dns_server_silent",
                    .parameters = {{"server", server}},
                    .detail = "the DNS server " + server + " does not answer",
                    .setting = "dns_server",
                    .advice = "Set dns_server to one that answers, or leave it empty"}};
    return !seen.addresses.empty();
  }
  int const error = resolve(host);
  if (error == EAI_AGAIN)
    throw Failed{{.code = "dns_silent",
                  .parameters = {{"name", host}},
                  .detail = "DNS does not answer for " + host,
                  .advice = "Look at /etc/resolv.conf"}};
  return error == 0;
}

void try_dns(config::Settings const& settings) {
  auto const require = [&](std::string const& host, std::string const& setting,
                           std::string const& record) {
    if (is_local(host) || is_known_to_dns(host, settings.dns_server)) return;
    throw Failed{
        {.code = "dns_without_record",
         .parameters = {{"name", host}, {"record", record}},
         .detail = "DNS knows no " + host,
         .setting = setting,
         .advice = "Make a DNS record (A, AAAA or CNAME) of " + record + " that leads here"}};
  };
  auto const console = host_in(settings.public_url);
  require(console, "public_url", console);
  // A name that nobody has: what answers for it answers for every tenant.
  require("a-tenant-yet-to-come." + settings.tenant_domain, "tenant_domain",
          "*." + settings.tenant_domain);
}
}  // namespace

void add_checks(readiness::Watch& watch, Checked const& parts) {
  auto const& settings = parts.settings;
  bool const has_real_stripe = !settings.stripe_api_base.starts_with("http://");
  // Without one: the private database of a server that is not running.
  bool const has_database = !settings.database_url.empty();
  if (has_database)
    watch.add({.name = "database",
               .setting = "database_url",
               .advice = "Look whether PostgreSQL runs and database_url leads there",
               .often = true,
               .probe = [&settings] { try_database(settings); }});
  // The sandbox comes and goes with the same server.
  if (has_real_stripe || has_database)
    watch.add({.name = "stripe",
               .setting = "stripe_api_base",
               .advice = "Look whether this machine reaches Stripe",
               .probe = [&settings] { stripe::try_account(settings); }});
  // The sandbox is told where to send its events.
  if (has_real_stripe || has_database)
    watch.add({.name = "stripe_webhook",
               .setting = "stripe_webhook_secret",
               .advice = "Look at the endpoint's deliveries in Stripe's dashboard",
               .probe = [&settings, has_real_stripe, has_database] {
                 if (has_real_stripe) stripe::try_webhook_endpoint(settings);
                 if (!has_database) return;
                 db::Connection connection{settings.database_url, "onboarding readiness"};
                 db::Tx tx{connection, db::Mode::autocommit};
                 billing::require_deliveries(tx);
               }});
  watch.add({.name = "clock",
             .setting = "database_url",
             .advice = "Set this machine's clock, and let a time service (NTP) keep it right",
             .probe = [&settings] { try_clock(settings); }});
  if (has_database)
    watch.add({.name = "pruning",
               .setting = "database_url",
               .advice = "Look at the dead job retention.prune: it says which table is in its way",
               .probe = [&settings] { try_pruning(settings); }});
  if (!settings.smtp_url.empty())
    watch.add({.name = "smtp",
               .setting = "smtp_url",
               .advice = "Look at the server's name, port, user and password in smtp_url",
               .probe = [&settings] { mail::try_server(settings.smtp_url); }});
  watch.add({.name = "disk",
             .setting = "data_dir",
             .advice = "Free some space there, or give the disk more",
             .building = parts.builds,
             .often = true,
             .probe = [&settings] { try_disk(settings); }});
  watch.add({.name = "fonts",
             .setting = "",
             .advice = "Install the packages fonts-inter and fonts-dejavu-core",
             .probe = [] {
               if (!pdf::has_fonts())
                 throw Failed{{.code = "fonts_missing",
                               .detail = "no fonts are installed, so no "
                                         "PDF can be written"}};
             }});
  if (!parts.builds) return;
  for (auto& check : parts.driver.checks())
    if (has_database || check.setting != "database_url") watch.add(std::move(check));
  if (!parts.has_front_door) return;
  watch.add({.name = "certificate",
             .setting = "certificate_file",
             .advice = "Renew it (the file is read again by itself), or leave certificate_file "
                       "empty",
             .probe = [&settings] { try_certificate(settings); }});
  watch.add({.name = "dns",
             .setting = "tenant_domain",
             .advice = "Make DNS records that lead here",
             .probe = [&settings] { try_dns(settings); }});
  watch.add({.name = "backup_target",
             .setting = settings.backup_s3_url.empty() ? "backup_dir" : "backup_s3_url",
             .advice = "Look at the target's address, keys and free space",
             .probe = [&backups = parts.backups] { backups.try_targets(); }});
}

}  // namespace app
