// The way to Stripe's payment page and back.
#include "signup/checkout.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/db/session_lock.hpp"
#include "platform/log/log.hpp"

namespace signup {

Signups::Signups(config::Settings const& settings, vault::Vault& vault,
                 provisioning::Provisioning& provisioning)
    : settings_{settings}, provisioning_{provisioning}, vault_{vault}, client_{settings} {}

void Signups::start() {
  db::Connection connection{settings_.database_url};
  db::Tx tx{connection, db::Mode::autocommit};
  token_key_ = vault_.secret(tx, "signup/token");
}

std::string Signups::token(SignupId id) const {
  auto const number = std::to_string(id.value);
  return number + "." + crypto::base64url(crypto::hmac_sha256(token_key_, number).substr(0, 18));
}

std::optional<SignupId> Signups::id_of(std::string_view text) const {
  auto const dot = text.find('.');
  if (dot == std::string_view::npos) return {};
  auto const id = SignupId::parse("sgn_" + std::string{text.substr(0, dot)});
  if (!id || !crypto::equal_in_constant_time(token(*id), text)) return {};
  return id;
}

std::string Signups::status_url(SignupId id) const {
  return settings_.public_url + "/setup/" + token(id);
}

SignupId Signups::begin(db::Tx& tx, Form const& form) const {
  auto const amount = tenants::price_of(tx, form.plan, form.interval, form.currency);
  if (!amount) {
    Problem problem{validation_failed};
    problem.errors.push_back({"/plan", "not_for_sale", "must be a plan that is sold this way"});
    throw problem;
  }
  // A form sent twice is one sign-up, also when both arrive at the same moment.
  tenants::take_turn_to_reserve(tx);
  if (auto const same = find_same(tx, form)) return same->id;

  auto const lease_until =
      clock_source::now() + std::chrono::minutes{settings_.signup_lease_minutes};
  auto const customer =
      customers::create(tx, {form.company, form.name, form.email, form.country, form.locale});
  // The sweep of overdue tenants comes a while after the lease's own job, as a safety net.
  auto const tenant = tenants::reserve(tx, settings_, customer.id, form.subdomain, form.plan,
                                       "visitor", lease_until + std::chrono::minutes{30});
  auto const signup = insert(tx, tenant, form, *amount, lease_until);
  jobs::enqueue(tx, ExpireLease{signup.id.value}, {.run_at = lease_until, .max_attempts = 50});
  return signup.id;
}

Problem Signups::stripe_is_down(SignupId id, std::string const& why) const {
  return Problem{stripe_unavailable,
                 "The payment page cannot be opened at the moment. Your name is kept; try again.",
                 why}
      .with("status_url", json::text(status_url(id)))
      .retry_after(10);
}

Signup Signups::open_session(db::Connection& connection, SignupId id) const {
  // One at a time for each sign-up: who comes second finds the first one's page. Stripe's own
  // Idempotency-Key is not enough, because the page's end, a part of it, moves with the clock.
  db::SessionLock const turn{connection, "signup.open_session:" + std::to_string(id.value)};
  auto const [signup, customer, subdomain] = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    auto found = tx_require(find(tx, id));
    auto person = customers::get(tx, found.customer_id);
    auto name = tenants::get(tx, found.tenant_id).subdomain;
    return std::tuple{std::move(found), std::move(person), std::move(name)};
  }();
  if (signup.payment == Payment::open && signup.stripe_session_url) return signup;
  auto const key = "signup-" + std::to_string(id.value);
  auto const account_key = key + "-" + crypto::hex(crypto::sha256(token(id))).substr(0, 12);
  auto const visitor = stripe::Patience::visitor;

  auto stripe_customer = customer.stripe_customer_id;
  if (!stripe_customer) {
    http_client::Form form;
    form.add("email", customer.email)
        .add("name", customer.company)
        .add("preferred_locales[0]", name_of(customer.locale))
        .add("address[country]", customer.country)
        .add("metadata[customer_id]", customer.id.text());
    stripe_customer =
        stripe::text(client_.post("/v1/customers", form, account_key + "-customer", visitor), "id");
    db::transact(connection, [&](db::Tx& tx) {
      customers::link_to_stripe(tx, signup.customer_id, *stripe_customer);
    });
  }

  auto const status = status_url(id);
  // Stripe wants at least 30 minutes; the lease's end closes the page earlier when need be.
  // Rounded, so that a request and its retry, whose answer was lost, ask for the same page.
  auto const earliest =
      std::max(signup.lease_until, clock_source::now() + std::chrono::minutes{30});
  auto const expires_at = (clock_source::unix_seconds(earliest) + 60 + 299) / 300 * 300;
  http_client::Form form;
  form.add("mode", "subscription")
      .add("customer", *stripe_customer)
      .add("client_reference_id", id.text())
      .add("locale", name_of(customer.locale))
      .add("success_url", status + "?session_id={CHECKOUT_SESSION_ID}")
      .add("cancel_url", status + "?canceled=1")
      .add("expires_at", expires_at)
      .add("line_items[0][quantity]", 1)
      .add("line_items[0][price_data][currency]", signup.currency)
      .add("line_items[0][price_data][unit_amount]", signup.amount)
      .add("line_items[0][price_data][recurring][interval]", name_of(signup.interval))
      .add("line_items[0][price_data][product_data][name]", plan_name(connection, signup.plan_id))
      .add("metadata[signup_id]", id.text())
      .add("subscription_data[metadata][tenant_id]", signup.tenant_id.text())
      .add("subscription_data[metadata][subdomain]", subdomain);
  auto const session =
      client_.post("/v1/checkout/sessions", form,
                   account_key + "-session-" + std::to_string(signup.session_attempt) + "-" +
                       std::to_string(expires_at),
                   visitor);
  return db::transact(connection, [&](db::Tx& tx) {
    write_session(tx, id, stripe::text(session, "id"), stripe::text(session, "url"));
    auto tenant = tenants::lock(tx, signup.tenant_id);
    if (tenant.state == tenants::State::reserved)
      tenants::move(tx, tenant, tenants::State::awaiting_payment, "visitor", {},
                    signup.lease_until + std::chrono::minutes{30});
    return tx_require(find(tx, id));
  });
}

void Signups::refresh(db::Connection& connection, SignupId id) const {
  auto const signup = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx_require(find(tx, id));
  }();
  if (!signup.stripe_session_id || signup.payment == Payment::paid ||
      signup.payment == Payment::refunded)
    return;
  http_client::Form query;
  query.add("expand[0]", "subscription");
  auto const session = client_.get("/v1/checkout/sessions/" + *signup.stripe_session_id, query,
                                   stripe::Patience::visitor);
  db::transact(connection, [&](db::Tx& tx) {
    apply_session(tx, "", session, {{}, clock_source::now()});
  });
}

void Signups::add_event_handlers(billing::Events& events) {
  events.on({.prefix = "checkout.session.",
             .path = "/v1/checkout/sessions/",
             .expand = {"subscription"},
             .apply = [](db::Tx& tx, billing::Event const& event, stripe::Object const& session) {
               return apply_session(tx, event.type, session, {event.id, event.created});
             }});
}

}  // namespace signup
