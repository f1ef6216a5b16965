#pragma once
// Settings: flags over environment over onboarding.toml over defaults, one name in all of them.
// http_port is --http-port, ONBOARDING_HTTP_PORT and [http] port. A wrong or unknown setting stops
// the start with its name and a suggestion.
#include <map>
#include <stdexcept>

#include "platform/json/checks.hpp"
#include "platform/log/log.hpp"
#include "platform/types/fields.hpp"

namespace config {

enum class Provisioner { process, incus };
constexpr auto names_of(Provisioner) { return std::array<std::string_view, 2>{"process", "incus"}; }

enum class Clock { machine, sandbox };
constexpr auto names_of(Clock) { return std::array<std::string_view, 2>{"machine", "sandbox"}; }

struct Settings {
  std::string data_dir;
  std::string http_bind = "127.0.0.1";
  std::int64_t http_port = 4443;
  std::string http_listen;
  std::string public_url;
  std::string allowed_origins;
  bool any_host = false;  // no setting: public_url was not set, the Host tells where pages live
  std::string database_url;
  std::int64_t database_workers = 4;
  std::string embedded_user;
  std::string tenant_domain = "localhost";
  std::int64_t tenant_port = 8080, tenant_tls_port = 0;
  std::string certificate_file;
  std::int64_t tenant_capacity = 200;
  Provisioner provisioner = Provisioner::process;
  std::string blueprint = "sample", blueprints_dir;
  std::int64_t pool_size = 0;
  std::string owner_email;
  std::string owner_password;
  std::string stripe_api_base;
  std::string stripe_secret_key;
  std::string stripe_webhook_secret;
  std::int64_t sandbox_port = 4242;
  Clock clock = Clock::machine;
  std::string smtp_url;
  std::string mail_from = "Onboarding <no-reply@localhost>";
  std::string support_email = "support@localhost";
  std::string slack_webhook_url;
  std::string incus_url, incus_project = "default", incus_storage_pool, incus_network;
  std::string incus_certificate_file, incus_key_file, incus_server_certificate_file;
  std::string incus_trust_token;
  std::string backup_dir, backup_s3_url, backup_s3_region = "us-east-1", backup_s3_access_key;
  std::string backup_s3_secret_key;
  std::int64_t backup_every_hours = 24, backup_keep_daily = 7, backup_keep_weekly = 4;
  std::int64_t backup_keep_monthly = 6;
  std::string acme_directory_url, acme_email, acme_ca_file;
  std::string domain_addresses, dns_server;
  std::int64_t session_idle_minutes = 480;
  std::int64_t signup_lease_minutes = 30;
  std::int64_t checkout_rate = 20;
  std::int64_t rate_per_address = 3'000;
  std::int64_t rate_per_person = 1'200;
  std::int64_t rate_per_key = 600;
  std::string master_key;
  std::string master_key_file;
  logging::Format log_format = logging::Format::text;
  logging::Level log_level = logging::Level::info;

  /// A live key of Stripe's; everything else is play money.
  [[nodiscard]] bool takes_real_money() const {
    return stripe_secret_key.starts_with("sk_live_") || stripe_secret_key.starts_with("rk_live_");
  }

  static constexpr auto fields() {
    using S = Settings;
    return ::fields(
        field("data_dir", &S::data_dir,
              {.doc = "Directory of everything that is kept: database, keys, mails, tenants"}),
        field("http_bind", &S::http_bind, {.doc = "Address that the front door listens on"}),
        field("http_port", &S::http_port,
              {.doc = "HTTPS port of the front door", .min = 1, .max = 65535}),
        field("http_listen", &S::http_listen,
              {.doc = "Where the program itself listens behind the front door: a unix socket, or "
                      "127.0.0.1:port; empty: a socket in the data directory"}),
        field("public_url", &S::public_url,
              {.doc = "Address that people use; empty: https://localhost:<http_port>"}),
        field("allowed_origins", &S::allowed_origins,
              {.doc = "Further addresses of the console (https://host:port), comma-separated: "
                      "changes are taken from pages of these and of public_url only",
               .check = checks::origins}),
        field(
            "database_url", &S::database_url,
            {.doc = "PostgreSQL connection string; empty: a private cluster in the data directory",
             .secret = true}),
        field("database_workers", &S::database_workers,
              {.doc = "Threads that answer requests, each with its own connection",
               .min = 1,
               .max = 64}),
        field("embedded_user", &S::embedded_user,
              {.doc = "User that the program and PostgreSQL become when started as root; empty: "
                      "onboarding (else an id without a name), and postgres"}),
        field("tenant_domain", &S::tenant_domain,
              {.doc = "Tenants answer on <name>.<tenant_domain>"}),
        field("tenant_port", &S::tenant_port,
              {.doc = "Port of the tenants' addresses", .min = 1, .max = 65535}),
        field("tenant_tls_port", &S::tenant_tls_port,
              {.doc = "HTTPS port of the tenants' addresses; 0: http_port, where the name decides",
               .min = 0,
               .max = 65535}),
        field("certificate_file", &S::certificate_file,
              {.doc = "Certificate chain and key (PEM) of the console and of *.<tenant_domain>; "
                      "empty: made by a local authority"}),
        field("tenant_capacity", &S::tenant_capacity,
              {.doc = "Tenants that this machine may hold, reservations included",
               .min = 0,
               .max = 1000000}),
        field("provisioner", &S::provisioner,
              {.doc = "What a tenant is made of: process, or incus (containers)"}),
        field("blueprint", &S::blueprint,
              {.doc = "What runs inside a new tenant: a folder of blueprints_dir"}),
        field("blueprints_dir", &S::blueprints_dir,
              {.doc = "Where the blueprints lie; empty: those that come with the program"}),
        field("pool_size", &S::pool_size,
              {.doc = "Tenants of each plan that are kept ready before anybody asks; 0: none",
               .min = 0,
               .max = 100}),
        field(
            "owner_email", &S::owner_email,
            {.doc = "Creates the first owner when there is none", .check = checks::account_email}),
        field("owner_password", &S::owner_password,
              {.doc = "Password of that owner; empty: one is made and shown once",
               .min_length = 12,
               .secret = true}),
        field("stripe_api_base", &S::stripe_api_base,
              {.doc = "Stripe's address; empty: the built-in sandbox"}),
        field("stripe_secret_key", &S::stripe_secret_key,
              {.doc = "Stripe's secret key (sk_…)", .secret = true}),
        field("stripe_webhook_secret", &S::stripe_webhook_secret,
              {.doc = "Signing secrets of the webhook endpoint (whsec_…), comma-separated while "
                      "one is rolled",
               .secret = true}),
        field("sandbox_port", &S::sandbox_port,
              {.doc = "Port of the built-in Stripe sandbox", .min = 1, .max = 65535}),
        field("clock", &S::clock,
              {.doc = "Whose time everything lives by: machine, or sandbox (a test clock of the "
                      "built-in Stripe sandbox moves it; never with real Stripe)"}),
        field("smtp_url", &S::smtp_url,
              {.doc = "smtp://user:password@host:port; empty: mails stay in the outbox and as .eml "
                      "files",
               .secret = true}),
        field("mail_from", &S::mail_from, {.doc = "Sender of mails"}),
        field("support_email", &S::support_email,
              {.doc = "Address shown to customers who need help"}),
        field("slack_webhook_url", &S::slack_webhook_url,
              {.doc = "Not used by this version", .secret = true}),
        field("incus_url", &S::incus_url,
              {.doc = "Incus: a unix socket, or https://host:8443; empty: this machine's socket"}),
        field("incus_project", &S::incus_project, {.doc = "Project that holds the tenants"}),
        field("incus_storage_pool", &S::incus_storage_pool,
              {.doc = "Storage pool of the tenants; empty: the only one"}),
        field("incus_network", &S::incus_network,
              {.doc = "Bridge of the tenants; empty: the only managed one"}),
        field("incus_certificate_file", &S::incus_certificate_file,
              {.doc = "Our client certificate for https (PEM); made at first use when it is not "
                      "there"}),
        field("incus_key_file", &S::incus_key_file, {.doc = "Its key (PEM)"}),
        field("incus_server_certificate_file", &S::incus_server_certificate_file,
              {.doc = "The server's certificate, the only one believed (PEM)"}),
        field("incus_trust_token", &S::incus_trust_token,
              {.doc = "One-time token of `incus config trust add`, to be trusted at first use",
               .secret = true}),
        field("backup_dir", &S::backup_dir,
              {.doc = "Where tenants' backups lie; empty: backups in data_dir"}),
        field("backup_s3_url", &S::backup_s3_url,
              {.doc = "S3-compatible target instead: https://host/bucket/prefix"}),
        field("backup_s3_region", &S::backup_s3_region, {.doc = "Its region"}),
        field("backup_s3_access_key", &S::backup_s3_access_key, {.doc = "Its access key"}),
        field("backup_s3_secret_key", &S::backup_s3_secret_key,
              {.doc = "Its secret key", .secret = true}),
        field("backup_every_hours", &S::backup_every_hours,
              {.doc = "Hours between a tenant's scheduled backups; 0: none", .min = 0, .max = 720}),
        field("backup_keep_daily", &S::backup_keep_daily,
              {.doc = "Days of which the newest backup is kept", .min = 1, .max = 365}),
        field("backup_keep_weekly", &S::backup_keep_weekly,
              {.doc = "Weeks of which the newest backup is kept", .min = 0, .max = 520}),
        field("backup_keep_monthly", &S::backup_keep_monthly,
              {.doc = "Months of which the newest backup is kept", .min = 0, .max = 120}),
        field("acme_directory_url", &S::acme_directory_url,
              {.doc = "ACME service that certifies customers' domains, https://…/directory; empty: "
                      "certificates are uploaded"}),
        field("acme_email", &S::acme_email,
              {.doc = "Whom that service writes to; empty: support_email"}),
        field("acme_ca_file", &S::acme_ca_file,
              {.doc = "Who signed the ACME service's own certificate (PEM); empty: whom this "
                      "machine trusts"}),
        field("domain_addresses", &S::domain_addresses,
              {.doc = "IP addresses that customers' domains may lead to, comma-separated; empty: "
                      "those of the tenant's own name"}),
        field("dns_server", &S::dns_server,
              {.doc = "Asked about customers' domains, as address:port (IPv4); empty: this "
                      "machine's resolver"}),
        field("session_idle_minutes", &S::session_idle_minutes,
              {.doc = "A session of the console that is not used for so long ends",
               .min = 15,
               .max = 1440}),
        field("signup_lease_minutes", &S::signup_lease_minutes,
              {.doc = "How long a name is kept while somebody pays", .min = 1, .max = 1440}),
        field("checkout_rate", &S::checkout_rate,
              {.doc = "Sign-ups per minute and address", .min = 1, .max = 100000}),
        field("rate_per_address", &S::rate_per_address,
              {.doc = "Requests to the API per minute and address, on all nodes together; 0: any",
               .min = 0,
               .max = 10000000}),
        field("rate_per_person", &S::rate_per_person,
              {.doc = "Requests to the API per minute and person; 0: any",
               .min = 0,
               .max = 10000000}),
        field("rate_per_key", &S::rate_per_key,
              {.doc = "Requests to the API per minute and API key; 0: any",
               .min = 0,
               .max = 10000000}),
        field("master_key", &S::master_key,
              {.doc = "Key of everything that is sealed: 32 bytes as hexadecimal digits or "
                      "URL-safe base64; empty: see master_key_file",
               .secret = true}),
        field("master_key_file", &S::master_key_file,
              {.doc = "File of that key, as text or as 32 bytes; empty: the systemd credential "
                      "master_key, else secrets/master_key in the data directory"}),
        field("log_format", &S::log_format,
              {.doc = "text or json; unset: text on a terminal, json otherwise"}),
        field("log_level", &S::log_level, {.doc = "debug, info, warning or error"}));
  }
};

/// A sentence for the person who starts the program.
struct Mistake : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Origin { built_in, file, environment, flag };
constexpr auto names_of(Origin) {
  return std::array<std::string_view, 4>{"default", "file", "environment", "flag"};
}

struct Loaded {
  Settings settings;
  std::map<std::string, Origin> origins;
  std::string file;  // the configuration file that was read, or empty
  bool is_set(std::string const& name) const { return origins.contains(name); }
};

/// `flags` are name → text as given on the command line ("http_port" → "4443"). Reads ONBOARDING_*
/// from `environment` and the TOML file named by the setting "config", else ./onboarding.toml, else
/// /etc/onboarding/onboarding.toml. Throws Mistake.
[[nodiscard]] Loaded load(std::map<std::string, std::string> const& flags,
                          char const* const* environment);

/// The nearest of `known` to a misspelt name, empty when none is near.
[[nodiscard]] std::string suggestion(std::string_view wrong, std::vector<std::string> const& known);

/// One line per setting: name, value (secrets as ********) and, when asked, where it came from.
[[nodiscard]] std::string show(Loaded const& loaded, bool with_origin, bool as_json);

}  // namespace config
