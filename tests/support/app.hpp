#pragma once
// The whole program in-process, on a database and a data directory of its own: what functional
// tests talk to. Jobs run when a test says so (work()), or by themselves when it asks for that.
#include <map>

#include "app/application.hpp"
#include "platform/crypto/local_ca.hpp"
#include "platform/files/temporary_directory.hpp"
#include "sandbox/sandbox.hpp"
#include "support/client.hpp"
#include "support/database.hpp"

namespace support {

using identity::Role;

struct With {
  bool sandbox = false;     // the Stripe sandbox; without it nothing listens at Stripe's address
  bool webhooks = false;    // the sandbox delivers its events by itself
  bool front_door = false;  // a real HAProxy, needed by whatever provisions
  bool jobs = false;        // jobs run by themselves
  bool wait_for_tenants = true;  // a restart returns when they run
  std::function<void(config::Settings&)> settings{};
};

enum class By { bearer, cookie };

/// An event as Stripe would send it.
struct StripeEvent {
  std::string id, type, body;
};

class App {
 public:
  /// A program that nobody has used before.
  static App fresh(With with = {}) { return App{std::move(with)}; }
  ~App();
  App(App const&) = delete;
  App& operator=(App const&) = delete;

  // Who asks.
  Caller visitor() const { return {url(), {}}; }
  /// Somebody of the staff with this role, logged in through the API.
  Caller as(Role role, By by = By::bearer);
  static std::string email_of(Role role);
  static constexpr auto password = "correct horse battery staple";
  void add_staff(Role role);
  std::string url() const;

  // Jobs.
  /// Runs what is ready until nothing is; returns how many ran.
  int work();
  /// What waits for its time becomes ready, as if that time had passed.
  void hurry(std::string const& kind = "%");
  template <class Args>
  void enqueue(Args const& args) {
    database.transact([&](db::Tx& tx) { jobs::enqueue(tx, args); });
  }
  /// "kind state" of all jobs of a kind, oldest first.
  std::vector<std::string> jobs(std::string const& kind) const;

  // Looking into the database.
  std::string value(std::string const& sql) const { return support::value(database, sql); }
  std::vector<std::string> rows(std::string const& sql) const {
    return support::rows(database, sql);
  }
  void run(std::string const& sql) const { (void)support::rows(database, sql); }

  /// What all steps of the ledger add up to.
  std::string mrr() const {
    return value("SELECT coalesce(sum(delta), 0) FROM mrr_steps WHERE policy = 'recurring'");
  }
  /// "kind amount" of each movement that is believed now, by day.
  std::vector<std::string> movements() const {
    return rows(
        "SELECT kind || ' ' || amount FROM mrr_movements WHERE policy = 'recurring' AND "
        "upper_inf(believed) ORDER BY customer_id, currency, day");
  }

  // Stripe.
  /// A request to the sandbox with our key.
  Reply stripe(std::string const& method, std::string const& path,
               http_client::Form form = {}) const;
  /// POST with these fields.
  Reply at_stripe(std::string const& path,
                  std::vector<std::pair<std::string, std::string>> const& fields = {}) const;
  /// Makes the sandbox fail: the next `count` requests below `path` get `status`.
  void break_stripe(int status, int count, std::string const& path = "/v1/");
  /// Everything that has happened at Stripe, oldest first.
  std::vector<StripeEvent> events() const;
  /// Sends a signed webhook.
  Reply deliver(StripeEvent const& event) const;
  /// Sends all events that were not sent yet, in order; returns how many.
  int deliver_news();
  /// Tells what is new and works it off, and what comes of that at Stripe, until it is quiet.
  void settle();
  /// Opens a payment page and pays there.
  Page pay(std::string const& checkout_url, std::string const& card = "4242 4242 4242 4242") const;
  Page pay_by_debit(std::string const& checkout_url) const;
  /// The bank decides about the debit of a Checkout Session: succeeded or failed.
  void finish_debit(std::string const& session_id, std::string const& outcome) const;

  // Sign-ups of the cast.
  /// POST /api/checkout; throws when it is refused.
  Reply sign_up(Json const& form) const;
  /// Signs up, pays by card, delivers the events and runs the jobs that follow.
  Reply sign_up_and_pay(Json const& form);
  /// The path of GET /api/signups/{token} for an answer of POST /api/checkout.
  static std::string status_path(Reply const& checkout);

  app::Application& application() { return *application_; }
  haproxy::FrontDoor& front_door() { return *front_door_; }
  process::Supervisor& supervisor() { return *supervisor_; }
  sandbox::Sandbox& sandbox() { return *sandbox_; }
  /// A tenant's own address through the front door.
  Caller tenant(std::string const& subdomain) const;
  /// The file that holds `master_key` at first, and what reads it.
  std::filesystem::path key_file() const;
  vault::MasterKey key() const;
  /// The program is stopped and started again on the same data, as after a restart of the service.
  void restart();

  Database database;
  TemporaryDirectory directory;
  config::Settings settings;
  std::string master_key;

 private:
  explicit App(With with);
  void start();

  With with_;
  std::unique_ptr<process::Supervisor> supervisor_;
  std::unique_ptr<haproxy::FrontDoor> front_door_;
  std::unique_ptr<app::Application> application_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::map<std::pair<Role, By>, Caller> callers_;
  std::set<std::string> delivered_;
  std::mutex working_mutex_;
  db::Connection working_{database.url(), "onboarding jobs", db::Patience::long_work()};
};

/// Ada of Acme signs up for the plan Team, monthly in euro; members given here replace hers.
boost::json::object acme(boost::json::object const& changes = {});

}  // namespace support
