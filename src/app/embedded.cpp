// Starting and completing the embedded services.
#include "app/embedded.hpp"

#include <unistd.h>

#include "identity/sessions/devices.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/config/hosts.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/db/migrations.hpp"
#include "platform/process/helper.hpp"
#include "portal/portal.hpp"
#include "tenants/addresses.hpp"

namespace app {

namespace {

/// A secret that is made once and then kept in a file of mode 0600.
std::string kept_secret(std::filesystem::path const& path, std::string_view prefix) {
  if (auto const kept = files::read(path); kept && !kept->empty()) return *kept;
  auto const made = std::string{prefix} + crypto::random_hex(24);
  files::write_atomically(path, made, 0600);
  return made;
}

std::string lost_key(vault::MasterKey const& key) {
  return "the key file " + key.file().string() +
         " is missing: restore it from a backup (what was sealed with it cannot be read without "
         "it)";
}

/// Not there, or empty as a directory that was made for us.
bool is_new(std::filesystem::path const& directory) {
  std::error_code error;
  bool const is_empty = std::filesystem::is_empty(directory, error);
  return error == std::errc::no_such_file_or_directory || (!error && is_empty);
}

config::Settings& with_data_directory(config::Settings& settings) {
  settings.data_dir = data_directory(settings);
  return settings;
}

}  // namespace

Embedded::Embedded(config::Loaded& loaded, Progress const& progress, bool gets_events)
    : settings_{with_data_directory(loaded.settings)},
      data_is_new_{is_new(settings_.data_dir)},
      lock_{settings_.data_dir},
      master_key_{vault::MasterKey::of(settings_)},
      staff_{staff_of(settings_)} {
  auto database = prepare(progress);
  supervisor_.emplace();
  std::filesystem::path const data{settings_.data_dir};
  settings_.any_host = settings_.public_url.empty();
  if (settings_.any_host)
    settings_.public_url =
        "https://localhost" +
        (settings_.http_port == 443 ? std::string{} : ":" + std::to_string(settings_.http_port));
  while (settings_.public_url.ends_with('/')) settings_.public_url.pop_back();

  certificates_ = crypto::ensure_local_ca(data / "tls", {});
  if (settings_.http_listen.empty())
    settings_.http_listen = haproxy::FrontDoor::program_socket(data / "front_door").string();
  if (!settings_.http_listen.starts_with('/')) front_door_key_ = crypto::random_token(24);
  front_door_ = std::make_unique<haproxy::FrontDoor>(front_door_settings(), *supervisor_);

  prepare_stripe();
  if (database) {
    cluster_ = std::make_unique<postgres::Cluster>(std::move(*database), *supervisor_);
    cluster_->start(progress);
    settings_.database_url = cluster_->url();
  }
  {
    db::Connection connection{settings_.database_url, "onboarding start",
                              db::Patience::long_work()};
    progress("checking the database");
    db::migrate(connection);
    db::Tx tx{connection, db::Mode::autocommit};
    if (master_key_.is_new() && vault::Vault::is_in_use(tx))
      throw std::runtime_error{lost_key(master_key_)};
    master_key_.keep();
  }
  if (has_sandbox_) {
    progress("starting the Stripe sandbox");
    start_sandbox(gets_events);
  }
}

Embedded::~Embedded() { stop(); }

std::optional<postgres::Home> Embedded::prepare(Progress const& progress) {
  namespace fs = std::filesystem;
  fs::path const data{settings_.data_dir};
  require_ports();
  // A directory with files of others keeps the mode that they gave it.
  if (data_is_new_) files::make_directory(data, 0711);
  files::make_directory(data / "secrets", 0700);
  // Where earlier versions kept it only root may write.
  if (std::error_code none; fs::exists(data / "installation", none))
    fs::rename(data / "installation", data / "secrets/installation", none);
  files::make_directory(data / "logs", 0700);
  files::make_directory(data / "mails", 0700);
  // A new key beside an old database would look like the right one and open nothing.
  if (master_key_.is_new() && files::read(data / "postgres/data/PG_VERSION"))
    throw std::runtime_error{lost_key(master_key_)};
  std::optional<postgres::Home> database;
  if (settings_.database_url.empty()) {
    progress("starting PostgreSQL");
    database.emplace(
        postgres::ClusterSettings{.data_dir = data, .run_as = settings_.embedded_user});
    database->prepare(progress);
  }
  give_up_root(settings_, staff_, database ? database->identity() : std::nullopt);
  return database;
}

void Embedded::require_ports() const {
  haproxy::require_ports(front_door_settings());
  if (settings_.stripe_api_base.empty())
    haproxy::require_port("127.0.0.1", int(settings_.sandbox_port), "sandbox_port");
}

void Embedded::prepare_stripe() {
  has_sandbox_ = settings_.stripe_api_base.empty();
  std::filesystem::path const secrets = std::filesystem::path{settings_.data_dir} / "secrets";
  if (has_sandbox_) {
    settings_.stripe_api_base = sandbox_url();
    if (settings_.stripe_secret_key.empty())
      settings_.stripe_secret_key = kept_secret(secrets / "sandbox_secret_key", "sk_test_");
    if (settings_.stripe_webhook_secret.empty())
      settings_.stripe_webhook_secret = kept_secret(secrets / "sandbox_webhook_secret", "whsec_");
    return;
  }
  while (settings_.stripe_api_base.ends_with('/')) settings_.stripe_api_base.pop_back();
}

std::string Embedded::sandbox_url() const {
  return "http://localhost:" + std::to_string(settings_.sandbox_port);
}

std::filesystem::path Embedded::certificate_authority() const { return certificates_.authority; }

void Embedded::start_sandbox(bool gets_events) {
  process::Spec spec;
  spec.name = "stripe-sandbox";
  spec.launch.executable = process::this_program;
  spec.launch.arguments = {"sandbox",
                           "--listen",
                           "127.0.0.1:" + std::to_string(settings_.sandbox_port),
                           "--public-url",
                           sandbox_url(),
                           "--webhook-url",
                           settings_.public_url + "/webhook/stripe",
                           "--webhook-ca-file",
                           certificates_.authority.string()};
  if (!gets_events) spec.launch.arguments.emplace_back("--leave-endpoint");
  // Secrets go through the environment: a command line is visible to everybody on the machine.
  spec.launch.environment = {{"ONBOARDING_DATABASE_URL", settings_.database_url},
                             {"ONBOARDING_STRIPE_SECRET_KEY", settings_.stripe_secret_key},
                             {"ONBOARDING_STRIPE_WEBHOOK_SECRET", settings_.stripe_webhook_secret},
                             {"ONBOARDING_LOG_FORMAT", std::string{name_of(settings_.log_format)}}};
  // It needs nothing of ours but its database.
  spec.launch.run_as = staff_.sandbox;
  spec.longest_pause = std::chrono::seconds{5};
  spec.layer = 2;
  spec.log_file = std::filesystem::path{settings_.data_dir} / "logs/stripe-sandbox.log";
  supervisor_->start(std::move(spec));
}

namespace {
/// Not for localhost: the sandbox and the tenants answer there without TLS, and a browser would
/// remember for two years that they must not.
bool has_a_name_of_its_own(std::string_view public_url) {
  if (!public_url.starts_with("https://")) return false;
  auto const host = config::host_of(public_url);
  return host != "localhost" && !host.ends_with(".localhost") &&
         host.find_first_not_of("0123456789.") != std::string_view::npos && !host.starts_with('[');
}
constexpr std::int64_t two_years = 63'072'000;
}  // namespace

haproxy::Settings Embedded::front_door_settings() const {
  haproxy::Settings settings;
  settings.directory = std::filesystem::path{settings_.data_dir} / "front_door";
  settings.bind_addresses = settings_.http_bind == "127.0.0.1"
                                ? haproxy::usable_addresses({"127.0.0.1", "::1"})
                                : std::vector<std::string>{settings_.http_bind};
  settings.https_port = int(settings_.http_port);
  settings.tenant_port = int(settings_.tenant_port);
  settings.tenant_tls_port = int(settings_.tenant_tls_port);
  settings.tenant_domain = settings_.tenant_domain;
  settings.console_url = settings_.public_url;
  for (auto const name :
       {identity::sessions::access_cookie, identity::sessions::refresh_cookie,
        identity::sessions::device_cookie, identity::sessions::language_cookie, portal::cookie})
    settings.console_cookies.emplace_back(name);
  settings.certificate = settings_.certificate_file.empty()
                             ? certificates_.server
                             : std::filesystem::path{settings_.certificate_file};
  settings.program = settings_.http_listen;
  settings.program_key = front_door_key_;
  if (has_a_name_of_its_own(settings_.public_url)) settings.strict_transport_seconds = two_years;
  settings.tenants_over_tls = tenants::are_over_tls(settings_);
  if (settings.tenants_over_tls) settings.tenants_strict_transport_seconds = two_years;
  return settings;
}

std::string Embedded::configured_certificate() const {
  if (settings_.certificate_file.empty()) return {};
  return process::read_setting(settings_.certificate_file).value_or("");
}

void Embedded::open_front_door() {
  certificate_text_ = configured_certificate();
  front_door_->start();
}

void Embedded::look_after() {
  if (cluster_) cluster_->restart_if_upgraded();
  auto const certificates =
      crypto::ensure_local_ca(std::filesystem::path{settings_.data_dir} / "tls", {});
  // Whoever renews the certificate of certificate_file writes over the file.
  auto const text = configured_certificate();
  bool const is_renewed = std::exchange(certificate_text_, text) != text;
  if (certificates.server_is_new || is_renewed) front_door_->reload(front_door_settings());
}

void Embedded::stop() {
  if (std::exchange(stopped_, true)) return;
  supervisor_->stop_all();
}

}  // namespace app
