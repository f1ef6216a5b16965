// The way to Stripe's payment page and back.
#include "signup/checkout.hpp"

#include <algorithm>

#include "billing/plan_moves.hpp"
#include "customers/changes.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/db/session_lock.hpp"
#include "platform/http/problems.hpp"
#include "platform/log/log.hpp"
#include "platform/readiness/readiness.hpp"
#include "tenants/places.hpp"

namespace signup {

namespace {
// However often it is changed or opened anew, an unpaid sign-up holds its name no longer than this.
constexpr int most_leases = 8;

tenants::Offer offer_or_throw(db::Tx& tx, Form const& form) {
  if (auto const offer = tenants::offer_of(tx, form.plan, form.interval, form.currency))
    return *offer;
  throw refusal(wrong<faults::not_for_sale>("/plan"));
}

/// Everything of a payment that a decision needs, in one answer.
http_client::Form expanded() {
  http_client::Form query;
  query.add("expand[0]", "subscription.latest_invoice")
      .add("expand[1]", "subscription.default_payment_method");
  return query;
}

bool is_order_of(Form const& form, Signup const& signup, customers::Customer const& customer,
                 tenants::Tenant const& tenant) {
  return form.company == customer.company && form.name == customer.name &&
         form.email == customer.email && form.country == customer.country &&
         form.locale == customer.locale && form.subdomain == tenant.subdomain &&
         form.plan == signup.plan_id && form.interval == signup.interval &&
         form.currency == signup.currency;
}
}  // namespace

Signups::Signups(config::Settings const& settings, vault::Vault& vault, provisioning::World& world)
    : settings_{settings}, world_{world}, vault_{vault}, client_{settings} {}

void Signups::start() {
  db::Connection connection{settings_.database_url};
  db::Tx tx{connection, db::Mode::autocommit};
  token_key_ = vault_.secret(tx, "signup/token");
}

std::string Signups::token(SignupId id) const {
  auto const number = std::to_string(id.value);
  return number + "." + crypto::base64url(crypto::hmac_sha256(token_key_, number).substr(0, 18));
}

std::string Signups::reference(SignupId id) const {
  auto const mac = crypto::hmac_sha256(token_key_, "reference " + std::to_string(id.value));
  return id.text() + "_" + crypto::base64url(mac.substr(0, 18));
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

void require_building(db::Tx& tx) {
  if (readiness::can_build(tx)) return;
  std::string why;
  for (auto const& failure : readiness::failures(tx))
    if (failure.building) why += (why.empty() ? "" : "; ") + failure.name + ": " + *failure.detail;
  throw Problem{building_paused, "It opens again by itself; nothing was charged.", why}.retry_after(
      30);
}

Time Signups::next_lease(Signup const& signup) const {
  auto const lease = std::chrono::minutes{settings_.signup_lease_minutes};
  return std::max(signup.lease_until,
                  std::min(clock_source::now() + lease, signup.created_at + most_leases * lease));
}

Signups::Begun Signups::begin(db::Tx& tx, Form const& form, std::string_view address) const {
  require_building(tx);
  auto const offer = offer_or_throw(tx, form);
  // A form sent twice is one sign-up, also when both arrive at the same moment.
  tenants::take_turn_to_reserve(tx);
  if (auto const same = find_same(tx, form, address)) return {same->id, false};
  require_room(tx, form, address);

  auto const lease_until =
      clock_source::now() + std::chrono::minutes{settings_.signup_lease_minutes};
  auto const customer =
      customers::create(tx, {form.company, form.name, form.email, form.country, form.locale});
  // The sweep of overdue tenants comes a while after the lease's own job, as a safety net.
  auto const tenant = tenants::reserve(tx, settings_, customer.id, form.subdomain, form.plan,
                                       http::visitor, lease_until + std::chrono::minutes{30});
  auto const signup = insert(tx, tenant, form, offer, lease_until, address);
  enqueue_lease_end(tx, signup.id, lease_until);
  return {signup.id, true};
}

void Signups::change(db::Connection& connection, SignupId id, Form const& form) const {
  db::SessionLock const turn{connection, turn_of(id)};
  auto require_open = [&](Signup const& signup, tenants::State state) {
    if (is_open(signup, state)) return;
    throw Problem{signup_over}.with("status_url", json::text(status_url(id)));
  };
  bool const same = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    auto const signup = tx_require(find(tx, id));
    auto const tenant = tenants::get(tx, signup.tenant_id);
    require_open(signup, tenant.state);
    offer_or_throw(tx, form);
    return is_order_of(form, signup, customers::get(tx, signup.customer_id), tenant);
  }();
  if (same) return;
  // The old page first: nobody may pay there for what is not wanted any more.
  end_pages(connection, id, stripe::Patience::visitor);
  db::transact(connection, [&](db::Tx& tx) {
    tenants::take_turn_to_reserve(tx);
    auto const signup = lock(tx, id);
    require_open(signup, tenants::get(tx, signup.tenant_id).state);
    require_room(tx, form, "", id);
    customers::rewrite(tx, signup.customer_id,
                       {form.company, form.name, form.email, form.country, form.locale});
    tenants::reserve_anew(tx, settings_, signup.tenant_id, form.subdomain, form.plan,
                          http::visitor);
    auto const until = next_lease(signup);
    auto offer = offer_or_throw(tx, form);
    offer.trial_days = promised_days(signup, form, offer);
    rewrite(tx, id, form, offer, until);
    write_lease(tx, signup, until);
    realtime::announce(tx, "tenant:" + std::to_string(signup.tenant_id.value));
  });
}

Problem Signups::stripe_is_down(SignupId id, std::string const& why) const {
  if (auto const trouble = stripe::clock_trouble(settings_); !trouble.empty())
    return Problem{server_clock_wrong,
                   "Until whoever runs it has set its clock, no payment page can be opened. Your "
                   "name is kept.",
                   trouble + "; " + why}
        .with("status_url", json::text(status_url(id)))
        .retry_after(60);
  if (why.find("disk is full") != std::string::npos ||
      why.find("No space left") != std::string::npos)
    return Problem{http::disk_full, {}, why}
        .with("status_url", json::text(status_url(id)))
        .retry_after(30);
  return Problem{stripe_unavailable,
                 "The payment page cannot be opened at the moment. Your name is kept; try again.",
                 why}
      .with("status_url", json::text(status_url(id)))
      .retry_after(10);
}

Signup Signups::open_page(db::Connection& connection, SignupId id) const {
  // One at a time for each sign-up: who comes second finds the first one's page. Stripe's own
  // Idempotency-Key is not enough, because the page's end, a part of it, moves with the clock.
  db::SessionLock const turn{connection, turn_of(id)};
  auto is_over = [&](db::Tx& tx, Signup const& signup) {
    return !is_open(signup, tenants::get(tx, signup.tenant_id).state);
  };
  auto const signup = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    auto found = tx_require(find(tx, id));
    if (is_over(tx, found))
      throw Problem{signup_over}.with("status_url", json::text(status_url(id)));
    return found;
  }();
  if (signup.payment == Payment::open && signup.stripe_session_url) return signup;
  {
    db::Tx tx{connection, db::Mode::autocommit};
    require_building(tx);
  }
  if (signup.payment == Payment::failed || signup.payment == Payment::expired) {
    end_pages(connection, id, stripe::Patience::visitor);
    db::transact(connection, [&](db::Tx& tx) {
      auto const present = lock(tx, id);
      if (is_over(tx, present))
        throw Problem{signup_over}.with("status_url", json::text(status_url(id)));
      auto const until = next_lease(present);
      next_page(tx, id, until);
      write_lease(tx, present, until);
    });
  }
  return make_page(connection, id);
}

Signup Signups::make_page(db::Connection& connection, SignupId id) const {
  auto const [signup, customer, subdomain] = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    auto found = tx_require(find(tx, id));
    auto person = customers::get(tx, found.customer_id);
    auto name = tenants::get(tx, found.tenant_id).subdomain;
    return std::tuple{std::move(found), std::move(person), std::move(name)};
  }();
  auto const key = "signup-" + signup.stripe_key;
  auto const attempt = std::to_string(signup.session_attempt);
  auto const visitor = stripe::Patience::visitor;

  auto stripe_customer = customer.stripe_customer_id;
  if (!stripe_customer || signup.session_attempt > 0) {
    http_client::Form form;
    form.add("email", customer.email)
        .add("name", customer.company)
        .add("preferred_locales[0]", name_of(customer.locale))
        .add("address[country]", customer.country)
        .add("metadata[customer_id]", customer.id.text());
    if (stripe_customer) {
      client_.post("/v1/customers/" + *stripe_customer, form,
                   stripe::key_of(key + "-customer-" + attempt, form), visitor);
    } else {
      stripe_customer = stripe::text(
          client_.post("/v1/customers", form, stripe::key_of(key + "-customer", form), visitor),
          "id");
      db::transact(connection, [&](db::Tx& tx) {
        customers::link_to_stripe(tx, signup.customer_id, *stripe_customer);
      });
    }
  }

  billing::ensure_plan_product(client_, signup.plan_id, plan_name(connection, signup.plan_id),
                               visitor);
  auto const status = status_url(id);
  // Stripe wants at least 30 minutes; the lease's end closes the page earlier when need be.
  // Rounded, so that a request and its retry, whose answer was lost, ask for the same page.
  auto const earliest =
      std::max(signup.lease_until, clock_source::now() + std::chrono::minutes{30});
  auto const expires_at = (clock_source::unix_seconds(earliest) + 60 + 299) / 300 * 300;
  http_client::Form form;
  form.add("mode", "subscription")
      .add("customer", *stripe_customer)
      .add("client_reference_id", reference(id))
      .add("locale", name_of(customer.locale))
      .add("success_url", status + "?session_id={CHECKOUT_SESSION_ID}")
      .add("cancel_url", status + "?canceled=1")
      .add("expires_at", expires_at)
      .add("allow_promotion_codes", "true")
      .add("tax_id_collection[enabled]", "true")
      .add("customer_update[name]", "auto")
      .add("customer_update[address]", "auto")
      .add("line_items[0][quantity]", 1)
      .add("line_items[0][price_data][currency]", signup.currency)
      .add("line_items[0][price_data][unit_amount]", signup.amount)
      .add("line_items[0][price_data][recurring][interval]", name_of(signup.interval))
      .add("line_items[0][price_data][product]", billing::plan_product(signup.plan_id))
      .add("metadata[signup_id]", id.text())
      .add("subscription_data[metadata][tenant_id]", signup.tenant_id.text())
      .add("subscription_data[metadata][subdomain]", subdomain);
  if (signup.trial_days > 0)
    form.add("subscription_data[trial_period_days]", signup.trial_days)
        .add("payment_method_collection", "always");
  auto const session = client_.post("/v1/checkout/sessions", form,
                                    stripe::key_of(key + "-session-" + attempt, form), visitor);
  return db::transact(connection, [&](db::Tx& tx) {
    write_page(tx, signup, stripe::text(session, "id"), stripe::text(session, "url"));
    auto tenant = tenants::lock(tx, signup.tenant_id);
    if (tenant.state == tenants::State::reserved)
      tenants::move(tx, tenant, tenants::State::awaiting_payment, http::visitor, {},
                    signup.lease_until + std::chrono::minutes{30});
    return tx_require(find(tx, id));
  });
}

void Signups::end_pages(db::Connection& connection, SignupId id, stripe::Patience patience) const {
  auto const open = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return pages(tx, id);
  }();
  for (auto const& page : open) {
    auto const path = "/v1/checkout/sessions/" + page.session_id;
    stripe::Object session;
    try {
      session = client_.get(path, expanded(), patience);
    } catch (stripe::Refused const& refused) {
      if (refused.status != 404) throw;
      // Another account, or a sandbox that was emptied: nobody can pay there.
      db::transact(connection, [&](db::Tx& tx) { end_page(tx, page.session_id); });
      continue;
    }
    if (stripe::text(session, "status") == "open") {
      try {
        client_.post(path + "/expire", {}, stripe::key_once("expire-" + page.session_id), patience);
      } catch (stripe::Refused const& refused) {
        logging::info("signup", "{} cannot be expired: {}", page.session_id, refused.what());
      }
      session = client_.get(path, expanded(), patience);  // it may have been paid just now
    }
    auto look = [&] {
      return db::transact(connection, [&](db::Tx& tx) {
        apply_session(tx, "", session, clock_source::now());
        return tx_require(find(tx, id)).payment;
      });
    };
    auto payment = look();
    if (stripe::text(session, "status") == "complete" && payment == Payment::failed) {
      bool is_over = true;
      if (auto const* subscription = stripe::find(session, "subscription");
          subscription && subscription->is_object())
        is_over = end_subscription(subscription->get_object(), patience);
      session = client_.get(path, expanded(), patience);
      payment = look();
      if (!is_over && payment == Payment::failed)
        return db::transact(connection, [&](db::Tx& tx) { wait_for_debit(tx, lock(tx, id)); });
    }
    if (payment == Payment::processing || is_settled(payment)) return;
    db::transact(connection, [&](db::Tx& tx) { end_page(tx, page.session_id); });
  }
}

bool Signups::end_subscription(stripe::Object const& subscription,
                               stripe::Patience patience) const {
  auto const id = stripe::text(subscription, "id");
  // The invoice first: once it is void nobody can pay it, not even while Stripe tries again.
  http_client::Form query;
  query.add("subscription", id).add("status", "open").add("limit", 100);
  auto const invoices = client_.get("/v1/invoices", query, patience);
  if (auto const* data = stripe::find(invoices, "data"); data && data->is_array())
    for (auto const& entry : data->get_array()) {
      auto const invoice = stripe::text(entry.as_object(), "id");
      if (is_tried_again(invoice, patience)) return false;
      try {
        client_.post("/v1/invoices/" + invoice + "/void", {}, stripe::key_once("void-" + invoice),
                     patience);
      } catch (stripe::Refused const& refused) {
        logging::info("signup", "{} cannot be voided: {}", invoice, refused.what());
        return false;  // paid just now, or under way: the subscription is not ended over it
      }
    }
  try {
    client_.cancel("/v1/subscriptions/" + id);
  } catch (stripe::Refused const& refused) {
    // Over already: its first invoice was void.
    logging::info("signup", "{} cannot be cancelled: {}", id, refused.what());
  }
  return true;
}

bool Signups::is_tried_again(std::string const& invoice, stripe::Patience patience) const {
  if (invoice.empty()) return false;
  http_client::Form query;
  query.add("invoice", invoice).add("expand[0]", "data.payment.payment_intent");
  auto const payments = client_.get("/v1/invoice_payments", query, patience);
  auto const* data = stripe::find(payments, "data");
  return data && data->is_array() &&
         std::ranges::any_of(data->get_array(), [](auto const& payment) {
           return stripe::text(payment.as_object(), "payment.payment_intent.status") ==
                  "processing";
         });
}

void Signups::refresh(db::Connection& connection, SignupId id) const {
  auto const signup = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx_require(find(tx, id));
  }();
  if (!signup.stripe_session_id || is_settled(signup.payment)) return;
  auto const visitor = stripe::Patience::visitor;
  auto const session =
      client_.get("/v1/checkout/sessions/" + *signup.stripe_session_id, expanded(), visitor);
  // A page's subscription looks alike after a debit that came back and while it is tried again.
  if (signup.payment == Payment::processing &&
      stripe::text(session, "subscription.status") == "past_due" &&
      is_tried_again(stripe::text(session, "subscription.latest_invoice.id"), visitor))
    return;
  db::transact(connection,
               [&](db::Tx& tx) { apply_session(tx, "", session, clock_source::now()); });
}

void Signups::add_event_handlers(billing::Events& events) {
  events.on(
      {.prefix = "checkout.session.",
       .path = "/v1/checkout/sessions/",
       .expand = {"subscription.latest_invoice", "subscription.default_payment_method"},
       .apply = [this](db::Tx& tx, billing::Event const& event, stripe::Object const& session) {
         return apply_session(tx, event.type, session, event.created);
       }});
}

}  // namespace signup
