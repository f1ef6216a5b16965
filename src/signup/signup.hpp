#pragma once
// From a filled-in form to a paid name: the sign-up's row, its page on Stripe, what Stripe's answer
// does, and what its owner sees meanwhile.
#include "billing/events.hpp"
#include "platform/json/checks.hpp"
#include "platform/mail/mail.hpp"
#include "platform/vault/vault.hpp"
#include "provisioning/provisioning.hpp"
#include "tenants/plans.hpp"
#include "tenants/steps.hpp"
#include "tenants/subdomains.hpp"

namespace signup {

using SignupId = Id<"sgn">;

enum class Payment { none, open, processing, paid, failed, expired, refunded };
constexpr auto names_of(Payment) {
  return std::array<std::string_view, 7>{"none",   "open",    "processing", "paid",
                                         "failed", "expired", "refunded"};
}

struct Signup {
  SignupId id;
  tenants::TenantId tenant_id;
  customers::CustomerId customer_id;
  std::string plan_id;
  tenants::Interval interval;
  std::string currency;
  std::int64_t amount;
  Payment payment;
  std::optional<std::string> stripe_session_id, stripe_session_url;
  std::int64_t session_attempt;
  Time lease_until, created_at;
  /// The subscription that paid; every other one of this sign-up is a mistake.
  std::optional<std::string> paid_subscription_id;
  /// Money came, but too late: the code of the problem with the name or the place.
  std::optional<std::string> refusal;
  /// What Stripe's idempotency keys of this sign-up begin with: numbers of rows come again after an
  /// older database was restored.
  std::string stripe_key;
  /// From here on what was paid goes back, and nothing is built.
  std::optional<Time> return_begun_at;
  /// Free days that were promised with the order.
  std::int64_t trial_days;
  /// The subscription of a trial that was not given: its owner had had one before.
  std::optional<std::string> refused_trial;
};

/// A payment page that we opened, and what it asks for.
struct Page {
  std::string session_id;
  SignupId signup_id;
  tenants::Interval interval;
  std::string currency;
  std::int64_t amount;
  std::optional<std::string> subscription_id;
  std::int64_t trial_days;
};

struct Form {
  std::string company, name, email, country;
  i18n::Locale locale;
  std::string subdomain, plan;
  tenants::Interval interval;
  std::string currency;
  static constexpr auto rules() {
    return ::rules(
        rule(&Form::company, {.doc = "Company",
                              .example = "Acme Ltd",
                              .min_length = 1,
                              .max_length = 120,
                              .check = checks::one_line}),
        rule(&Form::name, {.doc = "Name of the person",
                           .example = "Ada Smith",
                           .min_length = 1,
                           .max_length = 120,
                           .check = checks::one_line}),
        rule(&Form::email, {.doc = "Email of the person",
                            .example = "ada@example.com",
                            .min_length = 3,
                            .max_length = 254,
                            .format = "email",
                            .check = checks::email}),
        rule(&Form::country, {.doc = "ISO 3166-1 alpha-2",
                              .example = "ES",
                              .min_length = 2,
                              .max_length = 2,
                              .check = checks::country}),
        rule(&Form::locale, {.doc = "Language of pages and mails", .example = "es"}),
        rule(&Form::subdomain, {.doc = "3 to 40 letters, digits and hyphens",
                                .example = "acme",
                                .min_length = 1,
                                .max_length = 40,
                                .check = tenants::subdomain_rule}),
        rule(&Form::plan,
             {.doc = "Id of a plan", .example = "team", .min_length = 1, .max_length = 40}),
        rule(&Form::interval, {.doc = "Billing interval", .example = "month"}),
        rule(&Form::currency,
             {.doc = "ISO 4217, lower case", .example = "eur", .min_length = 3, .max_length = 3}));
  }
};

/// What the setup page shows (GET /api/signups/{token}).
enum class Progress {
  awaiting_payment,
  payment_processing,
  payment_failed,
  expired,
  queued,
  provisioning,
  provision_failed,
  rolled_back,
  live,
};
constexpr auto names_of(Progress) {
  return std::array<std::string_view, 9>{
      "awaiting_payment", "payment_processing", "payment_failed", "expired", "queued",
      "provisioning",     "provision_failed",   "rolled_back",    "live"};
}

class Signups {
 public:
  Signups(config::Settings const& settings, vault::Vault& vault, provisioning::World& world);

  /// Reads the key of the tokens; before anything asks for one.
  void start();
  void add_endpoints(http::Api& api);
  void add_event_handlers(billing::Events& events);
  void add_workers(jobs::Engine& engine);

  /// The unguessable name of a sign-up's page; computed, not stored.
  [[nodiscard]] std::string token(SignupId id) const;
  [[nodiscard]] std::optional<SignupId> id_of(std::string_view token) const;
  [[nodiscard]] std::string status_url(SignupId id) const;

 private:
  /// The sign-up of this form: a new one, or the open one that the same visitor has begun.
  struct Begun {
    SignupId id;
    bool is_new;
  };
  Begun begin(db::Tx& tx, Form const& form, std::string_view address) const;
  /// Whoever holds the token of an open sign-up may change all of it; its payment page ends.
  void change(db::Connection& connection, SignupId id, Form const& form) const;
  /// Its payment page: a new one when the present one is over. Makes the customer and the Checkout
  /// Session at Stripe when they are missing.
  Signup open_page(db::Connection& connection, SignupId id) const;
  Signup make_page(db::Connection& connection, SignupId id) const;
  /// Ends what can still be paid of a sign-up: its pages, and the subscriptions that a payment
  /// which failed has left there, with their open invoices. What turns out to be paid counts.
  void end_pages(db::Connection& connection, SignupId id, stripe::Patience patience) const;
  /// False: it is being paid, and stays.
  [[nodiscard]] bool end_subscription(stripe::Object const& subscription,
                                      stripe::Patience patience) const;
  /// Whether a payment of this invoice is under way at a bank, after one that failed.
  [[nodiscard]] bool is_tried_again(std::string const& invoice, stripe::Patience patience) const;
  [[nodiscard]] Problem stripe_is_down(SignupId id, std::string const& why) const;
  void refresh(db::Connection& connection, SignupId id) const;
  std::string describe(db::Tx& tx, SignupId id) const;

  // What Stripe says about a payment (payments.cpp).
  bool apply_session(db::Tx& tx, std::string_view event_type, stripe::Object const& session,
                     Time at) const;
  void look_at_subscription(jobs::Context& job, billing::SubscriptionRuns const& args) const;
  void settle(db::Tx& tx, Signup const& signup, stripe::Object const& subscription, Time at) const;
  void give_back_after_failure(db::Tx& tx, Signup const& signup) const;
  void wait_for_debit(db::Tx& tx, Signup const& signup) const;

  /// Ends a trial that is not its owner's first; the sign-up may be paid for instead (trials.cpp).
  void refuse_trial(db::Tx& tx, Signup const& signup, std::string const& subscription) const;

  // Giving back (returns.cpp).
  void return_after_roll_back(jobs::Context& job, tenants::TenantId tenant) const;
  void return_second_payment(jobs::Context& job, SignupId id,
                             std::string const& subscription) const;

  // Bounds of what is not paid, and who waits for a place (waiting.cpp).
  void require_room(db::Tx& tx, Form const& form, std::string_view address,
                    SignupId except = {}) const;
  void add_waitlist(http::Api& api) const;
  void tell_waiting(jobs::Context& job) const;

  void expire_lease(jobs::Context& job, SignupId id) const;
  /// A mail with the way to the sign-up's page.
  void tell(db::Tx& tx, Signup const& signup, mail::Template const& what) const;
  void tell_live(jobs::Context& job, tenants::TenantId tenant) const;
  [[nodiscard]] Time next_lease(Signup const& signup) const;
  /// What Stripe and its dashboard know a sign-up by: nobody can guess another one's.
  [[nodiscard]] std::string reference(SignupId id) const;

  config::Settings const& settings_;
  provisioning::World& world_;
  vault::Vault& vault_;
  std::string token_key_;
  stripe::Client client_;
};

// Verbs on the rows (signups.cpp).
[[nodiscard]] Signup lock(db::Tx& tx, SignupId id);
[[nodiscard]] std::optional<Signup> find(db::Tx& tx, SignupId id);
[[nodiscard]] std::optional<Signup> find_by_tenant(db::Tx& tx, tenants::TenantId id);
/// The unpaid sign-up that a visitor from this address has begun for this name and e-mail.
[[nodiscard]] std::optional<Signup> find_same(db::Tx& tx, Form const& form,
                                              std::string_view address);
Signup insert(db::Tx& tx, tenants::Tenant const& tenant, Form const& form,
              tenants::Offer const& offer, Time lease_until, std::string_view address);
/// Another order in the same sign-up.
void rewrite(db::Tx& tx, SignupId id, Form const& form, tenants::Offer const& offer,
             Time lease_until);
void write_page(db::Tx& tx, Signup const& signup, std::string_view session_id,
                std::string_view session_url);
void write_payment(db::Tx& tx, SignupId id, Payment payment);
/// `fingerprint` of what it was paid with; empty: not known.
void write_paid(db::Tx& tx, SignupId id, std::string_view subscription_id,
                std::string_view fingerprint);
void write_refused_trial(db::Tx& tx, SignupId id, std::string_view subscription_id);
void write_refusal(db::Tx& tx, SignupId id, std::string_view code);
void write_return_begun(db::Tx& tx, SignupId id);
void write_lease(db::Tx& tx, Signup const& signup, Time lease_until);
void next_page(db::Tx& tx, SignupId id, Time lease_until);
[[nodiscard]] std::optional<Page> find_page(db::Tx& tx, std::string_view session_id);
[[nodiscard]] std::optional<Page> find_page_of(db::Tx& tx, std::string_view subscription_id);
/// Those that have not been ended.
[[nodiscard]] std::vector<Page> pages(db::Tx& tx, SignupId id);
void write_subscription(db::Tx& tx, std::string_view session_id, std::string_view subscription_id);
void end_page(db::Tx& tx, std::string_view session_id);
/// Still to be paid, and nothing is under way.
[[nodiscard]] bool is_open(Signup const& signup, tenants::State tenant);
[[nodiscard]] bool is_settled(Payment payment);

}  // namespace signup
