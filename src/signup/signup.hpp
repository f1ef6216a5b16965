#pragma once
// From a filled-in form to a paid name: the sign-up's row, its page on Stripe, what Stripe's answer
// does, and what its owner sees meanwhile.
#include "billing/events.hpp"
#include "platform/json/checks.hpp"
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
  Time lease_until;
  static constexpr auto fields() {
    return ::fields(field("id", &Signup::id), field("tenant_id", &Signup::tenant_id),
                    field("customer_id", &Signup::customer_id), field("plan_id", &Signup::plan_id),
                    field("interval", &Signup::interval), field("currency", &Signup::currency),
                    field("amount", &Signup::amount), field("payment", &Signup::payment),
                    field("stripe_session_id", &Signup::stripe_session_id),
                    field("stripe_session_url", &Signup::stripe_session_url),
                    field("session_attempt", &Signup::session_attempt),
                    field("lease_until", &Signup::lease_until));
  }
};

struct Form {
  std::string company, name, email, country;
  i18n::Locale locale;
  std::string subdomain, plan;
  tenants::Interval interval;
  std::string currency;
  static constexpr auto fields() {
    return ::fields(
        field("company", &Form::company,
              {.doc = "Company",
               .example = "Acme Ltd",
               .min_length = 1,
               .max_length = 120,
               .check = checks::one_line}),
        field("name", &Form::name,
              {.doc = "Name of the person",
               .example = "Ada Smith",
               .min_length = 1,
               .max_length = 120,
               .check = checks::one_line}),
        field("email", &Form::email,
              {.doc = "E-mail of the person",
               .example = "ada@example.com",
               .min_length = 3,
               .max_length = 254,
               .format = "email",
               .check = checks::email}),
        field("country", &Form::country,
              {.doc = "ISO 3166-1 alpha-2",
               .example = "ES",
               .min_length = 2,
               .max_length = 2,
               .check = checks::country}),
        field("locale", &Form::locale, {.doc = "Language of pages and mails", .example = "es"}),
        field("subdomain", &Form::subdomain,
              {.doc = "3 to 40 letters, digits and hyphens",
               .example = "acme",
               .min_length = 1,
               .max_length = 40,
               .check = tenants::subdomain_rule}),
        field("plan", &Form::plan,
              {.doc = "Id of a plan", .example = "team", .min_length = 1, .max_length = 40}),
        field("interval", &Form::interval, {.doc = "Billing interval", .example = "month"}),
        field("currency", &Form::currency,
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
  Signups(config::Settings const& settings, vault::Vault& vault,
          provisioning::Provisioning& provisioning);

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
  /// The sign-up of this form: a new one, or the one that the same form has made before.
  SignupId begin(db::Tx& tx, Form const& form) const;
  /// Its payment page: makes the customer and the Checkout Session at Stripe when they are missing.
  Signup open_session(db::Connection& connection, SignupId id) const;
  [[nodiscard]] Problem stripe_is_down(SignupId id, std::string const& why) const;
  void refresh(db::Connection& connection, SignupId id) const;
  std::string describe(db::Tx& tx, SignupId id) const;

  void expire_lease(jobs::Context& job, SignupId id) const;
  void refund(jobs::Context& job, tenants::TenantId tenant) const;
  void tell_live(jobs::Context& job, tenants::TenantId tenant) const;

  config::Settings const& settings_;
  provisioning::Provisioning& provisioning_;
  vault::Vault& vault_;
  std::string token_key_;
  stripe::Client client_;
};

// Verbs on the rows (signups.cpp).
[[nodiscard]] Signup lock(db::Tx& tx, SignupId id);
[[nodiscard]] std::optional<Signup> find(db::Tx& tx, SignupId id);
[[nodiscard]] std::optional<Signup> find_by_tenant(db::Tx& tx, tenants::TenantId id);
/// The sign-up that an identical form made and that is still unpaid.
[[nodiscard]] std::optional<Signup> find_same(db::Tx& tx, Form const& form);
Signup insert(db::Tx& tx, tenants::Tenant const& tenant, Form const& form, std::int64_t amount,
              Time lease_until);
void write_session(db::Tx& tx, SignupId id, std::string_view session_id,
                   std::string_view session_url);
void write_payment(db::Tx& tx, SignupId id, Payment payment);
void next_session(db::Tx& tx, SignupId id, Time lease_until);
/// What a Checkout Session's present state does to its sign-up; false when it is not one of ours.
/// The webhook's job, the page that the visitor returns to and the lease's end all come here.
bool apply_session(db::Tx& tx, std::string_view event_type, stripe::Object const& session,
                   billing::Origin const& origin);

}  // namespace signup
