// Starting, stopping and talking to the program under test.
#include "support/app.hpp"

#include <cstdlib>
#include <set>

#include "identity/people/accounts.hpp"
#include "platform/crypto/crypto.hpp"

namespace support {

namespace {
constexpr auto webhook_secret = "whsec_functional_tests";
constexpr auto secret_key = "sk_test_functional_tests";

config::Settings settings_for(Database const& database, TemporaryDirectory const& directory) {
  config::Settings settings;
  settings.data_dir = directory.path().string();
  settings.database_url = database.url();
  settings.stripe_secret_key = secret_key;
  settings.stripe_webhook_secret = webhook_secret;
  settings.stripe_api_base = "http://127.0.0.1:1";  // nobody listens on port 1
  settings.checkout_rate = 100'000;
  settings.tenant_port = free_port();
  settings.http_port = free_port();
  settings.http_listen = "127.0.0.1:" + std::to_string(free_port());
  settings.public_url = "http://" + settings.http_listen;
  return settings;
}

/// Without a front door nothing can be built: what asks for it waits for ever, so that work() and
/// hurry() leave it alone.
constexpr auto park_provisioning = R"sql(
  CREATE FUNCTION park_provisioning() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
      NEW.run_at := 'infinity';
      RETURN NEW;
  END $$;
  CREATE TRIGGER park_provisioning BEFORE INSERT ON jobs FOR EACH ROW
      WHEN (NEW.kind = 'tenants.reconcile') EXECUTE FUNCTION park_provisioning();
)sql";
}  // namespace

App::App(With with)
    : settings{settings_for(database, directory)},
      master_key{crypto::random_key()},
      with_{std::move(with)} {
  auto const* level = std::getenv("ONBOARDING_TEST_LOG");
  if (level) {
    logging::configure(logging::Format::text, logging::Level::debug);
  } else {
    logging::configure(logging::Format::text, logging::Level::error);
  }
  for (auto const* name : {"logs", "mails"}) files::make_directory(directory.path() / name, 0700);
  files::make_directory(directory.path() / "secrets", 0700);
  files::write_atomically(key_file(), master_key, 0600);
  if (with_.settings) with_.settings(settings);
  if (!with_.front_door) run(park_provisioning);
  start();
  if (with_.sandbox || with_.webhooks) {
    sandbox::Settings stripe;
    stripe.listen = "127.0.0.1:0";
    stripe.database_url = database.url();
    stripe.secret_key = secret_key;
    if (with_.webhooks) {
      stripe.webhook_url = url() + "/webhook/stripe";
      stripe.webhook_secret = webhook_secret;
    }
    sandbox_ = std::make_unique<sandbox::Sandbox>(stripe);
    sandbox_->start();
    settings.stripe_api_base = sandbox_->url();
  }
}

void App::start() {
  supervisor_ = std::make_unique<process::Supervisor>();
  auto const certificates = with_.front_door ? crypto::ensure_local_ca(directory.path() / "tls", {})
                                             : crypto::LocalCertificates{};
  front_door_ = std::make_unique<haproxy::FrontDoor>(
      haproxy::Settings{.directory = directory.path() / "front_door",
                        .bind_addresses = {"127.0.0.1"},
                        .https_port = int(settings.http_port),
                        .tenant_port = int(settings.tenant_port),
                        .tenant_tls_port = int(settings.tenant_tls_port),
                        .tenant_domain = settings.tenant_domain,
                        .certificate = certificates.server,
                        .program = settings.http_listen},
      *supervisor_);
  application_ =
      std::make_unique<app::Application>(settings, key(), *supervisor_, front_door_.get());
  if (with_.front_door) {
    application_->hold_tenants([] {});
    db::Connection connection{database.url()};
    provisioning::start_up(application_->world(), connection);
    application_->domains().start_up(connection);
  }
  application_->start({.listen = settings.http_listen,
                       .database_url = settings.database_url,
                       .standard_workers = 4},
                      with_.jobs ? app::Application::Jobs::run : app::Application::Jobs::leave);
  if (!with_.front_door) return;
  front_door_->start();
  provisioning::start_tenants(application_->world());
  if (with_.wait_for_tenants) application_->world().starting.wait();
}

std::filesystem::path App::key_file() const { return directory.path() / "secrets/master_key"; }
vault::MasterKey App::key() const { return vault::MasterKey::in_file(key_file()); }

App::~App() {
  if (sandbox_) sandbox_->stop();
  application_.reset();
  supervisor_->stop_all();
}

void App::restart() {
  application_.reset();
  supervisor_->stop_all();
  front_door_.reset();
  supervisor_.reset();
  start();
}

std::string App::url() const { return settings.public_url; }

std::string App::email_of(Role role) { return std::string{name_of(role)} + "@example.com"; }

void App::add_staff(Role role) {
  database.transact([&](db::Tx& tx) {
    identity::people::create_staff(
        tx, {email_of(role), "Grace Hopper", password, std::string{name_of(role)}});
  });
}

Caller App::as(Role role, By by) {
  if (auto const known = callers_.find({role, by}); known != callers_.end()) return known->second;
  if (value("SELECT count(*) FROM staff WHERE email = '" + email_of(role) + "'") == "0")
    add_staff(role);
  auto const reply =
      visitor().post("/api/admin/login", {{"email", email_of(role)}, {"password", password}});
  if (reply.status != 200) throw std::runtime_error{"the login failed: " + reply.body};
  Headers headers{"Authorization: Bearer " + reply["access_token"]};
  if (by == By::cookie) {
    auto const cookie = reply.header("set-cookie");
    headers = {"Cookie: " + cookie.substr(0, cookie.find(';')),
               "X-CSRF-Token: " + reply["csrf_token"], "Origin: " + url()};
  }
  return callers_.emplace(std::pair{role, by}, Caller{url(), headers}).first->second;
}

int App::work() {
  std::unique_lock lock{working_mutex_, std::try_to_lock};
  if (!lock) return application().engine().run_ready();  // another thread of the test works as well
  working_.drop_if_hung_up();
  return application().engine().run_ready(working_);
}

void App::hurry(std::string const& kind) {
  run("UPDATE jobs SET run_at = now() WHERE state = 'waiting' AND run_at < 'infinity' AND "
      "kind LIKE '" +
      kind + "'");
}

std::vector<std::string> App::jobs(std::string const& kind) const {
  return rows("SELECT state FROM jobs WHERE kind = '" + kind + "' ORDER BY id");
}

Reply App::stripe(std::string const& method, std::string const& path,
                  http_client::Form form) const {
  Caller const caller{settings.stripe_api_base,
                      {std::string{"Authorization: Bearer "} + secret_key}};
  if (method == "GET") return caller.get(form.text().empty() ? path : path + "?" + form.text());
  return caller.send(method, path, form.text(),
                     {"Content-Type: application/x-www-form-urlencoded"});
}

Reply App::at_stripe(std::string const& path,
                     std::vector<std::pair<std::string, std::string>> const& fields) const {
  http_client::Form form;
  for (auto const& [name, value] : fields) form.add(name, value);
  return stripe("POST", path, form);
}

void App::break_stripe(int status, int count, std::string const& path) {
  http_client::Form form;
  form.add("count", count).add("status", status).add("path_prefix", path);
  auto const reply = stripe("POST", "/v1/test_helpers/faults", form);
  if (reply.status != 200) throw std::runtime_error{"no fault was set: " + reply.body};
}

std::vector<StripeEvent> App::events() const {
  std::vector<StripeEvent> out;
  std::string after;
  while (true) {
    http_client::Form form;
    form.add("limit", 100);
    if (!after.empty()) form.add("starting_after", after);
    auto const page = stripe("GET", "/v1/events", form);
    for (auto const& event : page.json.at("data").as_array()) {
      after = Reply::text(event, "id");
      out.push_back({after, Reply::text(event, "type"), boost::json::serialize(event)});
    }
    if (page["has_more"] != "true") break;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

Reply App::deliver(StripeEvent const& event) const {
  auto const now = clock_source::unix_seconds(clock_source::now());
  return visitor().send(
      "POST", "/webhook/stripe", event.body,
      {stripe_signature(webhook_secret, event.body, now), "Content-Type: application/json"});
}

int App::deliver_news() {
  int count = 0;
  for (auto const& event : events()) {
    if (!delivered_.insert(event.id).second) continue;
    auto const reply = deliver(event);
    if (reply.status != 200) throw std::runtime_error{"a webhook was refused: " + reply.body};
    ++count;
  }
  return count;
}

void App::settle() {
  for (int round = 0; round < 3; ++round) {
    deliver_news();
    work();
  }
}

Page App::pay(std::string const& checkout_url, std::string const& card) const {
  return Page::open(checkout_url)
      .submit({{"method", "card"},
               {"card_number", card},
               {"card_expiry", "12 / 34"},
               {"card_cvc", "123"},
               {"cardholder_name", "Ada Smith"},
               {"pay", "1"}});
}

Page App::pay_by_debit(std::string const& checkout_url) const {
  return Page::open(checkout_url)
      .submit({{"method", "bank_debit"},
               {"cardholder_name", "Ada Smith"},
               {"bank_result", "waits"},
               {"pay", "1"}});
}

void App::finish_debit(std::string const& session_id, std::string const& outcome) const {
  http_client::Form query, form;
  query.add("expand[0]", "invoice.payments");
  auto const session = stripe("GET", "/v1/checkout/sessions/" + session_id, query);
  auto const intent = session["invoice.payments.data.0.payment.payment_intent"];
  form.add("outcome", outcome);
  auto const reply =
      stripe("POST", "/v1/test_helpers/payment_intents/" + intent + "/finish_processing", form);
  if (reply.status != 200) throw std::runtime_error{"the bank did not answer: " + reply.body};
}

Reply App::sign_up(Json const& form) const {
  auto reply = visitor().post("/api/checkout", form);
  if (reply.status != 201) throw std::runtime_error{"the sign-up was refused: " + reply.body};
  return reply;
}

Reply App::sign_up_and_pay(Json const& form) {
  auto reply = sign_up(form);
  auto const paid = pay(reply["checkout_url"]);
  if (paid.reply.status != 303) throw std::runtime_error{"not paid: " + paid.reply.body};
  deliver_news();
  work();
  return reply;
}

std::string App::status_path(Reply const& checkout) {
  auto const address = checkout["status_url"];
  return "/api/signups/" + address.substr(address.rfind('/') + 1);
}

Caller App::tenant(std::string const& subdomain) const {
  return {"http://127.0.0.1:" + std::to_string(settings.tenant_port),
          {"Host: " + subdomain + "." + settings.tenant_domain}};
}

boost::json::object acme(boost::json::object const& changes) {
  boost::json::object form{
      {"company", "Acme Ltd"}, {"name", "Ada Smith"}, {"email", "ada@acme.example"},
      {"country", "ES"},       {"locale", "en"},      {"subdomain", "acme"},
      {"plan", "team"},        {"interval", "month"}, {"currency", "eur"}};
  for (auto const& [key, value] : changes) form[key] = value;
  return form;
}

}  // namespace support
