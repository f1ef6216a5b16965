// The doors of sign-up: start, look, change, ask Stripe again, pay again.
#include "platform/http/problems.hpp"
#include "platform/json/write.hpp"
#include "signup/checkout.hpp"

namespace signup {

namespace {

struct CheckoutAnswer {
  std::string checkout_url, status_url;
  SignupId signup_id;
  static constexpr auto rules() {
    return ::rules(rule(&CheckoutAnswer::checkout_url, {.doc = "Stripe's payment page"}),
                   rule(&CheckoutAnswer::status_url, {.doc = "Where to watch the sign-up"}));
  }
};

struct ByToken {
  std::string token;
  static constexpr auto rules() {
    return ::rules(
        rule(&ByToken::token, {.doc = "From status_url", .min_length = 10, .max_length = 100}));
  }
};

struct Change : Form {
  std::string token;
  static constexpr auto fields() {
    return ::fields(field("token", &Change::token,
                          {.doc = "From status_url", .min_length = 10, .max_length = 100}),
                    inherited<Form>());
  }
};

struct Opened {
  std::string url;
  static constexpr auto rules() {
    return ::rules(rule(&Opened::url,
                        {.doc = "Where to go: a link that lets the owner in once; the tenant's "
                                "own address when that is not needed or not possible any more"}));
  }
};

struct FailureView {
  std::string code;
  std::int64_t attempt, max_attempts;
  std::optional<Time> retry_at;
};

struct Contact {
  std::string name, email, country;
};

enum class Rest { paused, ended };
constexpr auto names_of(Rest) { return std::array<std::string_view, 2>{"paused", "ended"}; }

struct SignupView {
  SignupId signup_id;
  Progress state;
  std::string company, subdomain, tenant_url, plan;
  tenants::Interval interval;
  std::string currency;
  std::int64_t amount;
  i18n::Locale locale;
  std::optional<std::string> checkout_url;
  std::optional<Time> name_held_until, started_at, finished_at;
  std::vector<tenants::Step> steps;
  double progress;
  std::optional<std::int64_t> eta_seconds;
  std::optional<tenants::Estimate> estimate;
  std::optional<FailureView> failure;
  std::string case_id;
  bool refunded, sends_mail;
  std::optional<Rest> rest{};
  std::optional<std::string> refusal;
  std::int64_t trial_days;
  std::optional<Time> trial_ends_at;
  bool is_trial_refused;
  std::optional<Contact> contact;
  Time as_of;
  static constexpr auto fields() {
    return ::fields(
        field("signup_id", &SignupView::signup_id), field("state", &SignupView::state),
        field("company", &SignupView::company), field("subdomain", &SignupView::subdomain),
        field("tenant_url", &SignupView::tenant_url), field("plan", &SignupView::plan),
        field("interval", &SignupView::interval), field("currency", &SignupView::currency),
        field("amount", &SignupView::amount, {.doc = "Minor units per interval"}),
        field("locale", &SignupView::locale), field("checkout_url", &SignupView::checkout_url),
        field("name_held_until", &SignupView::name_held_until),
        field("started_at", &SignupView::started_at, {.doc = "When the payment was known"}),
        field("finished_at", &SignupView::finished_at, {.doc = "When the tenant ran"}),
        field("steps", &SignupView::steps),
        field("progress", &SignupView::progress, {.doc = "0 to 1, weighted by usual durations"}),
        field("eta_seconds", &SignupView::eta_seconds),
        field("estimate", &SignupView::estimate, {.doc = "From the last 50 tenants"}),
        field("failure", &SignupView::failure), field("case_id", &SignupView::case_id),
        field("refunded", &SignupView::refunded),
        field("rest", &SignupView::rest, {.doc = "Why what was built does not run at present"}),
        field("sends_mail", &SignupView::sends_mail,
              {.doc = "False where no mail server is set: the page's address is all there is"}),
        field("refusal", &SignupView::refusal,
              {.doc = "Why it was not built at all: paid too late (subdomain_taken, "
                      "capacity_exhausted), "
                      "or stopped by staff (stopped)"}),
        field("trial_days", &SignupView::trial_days,
              {.doc = "Free days that were promised before the first charge; 0: none"}),
        field("trial_ends_at", &SignupView::trial_ends_at,
              {.doc = "Until when the trial runs, while it does: nothing was charged"}),
        field("is_trial_refused", &SignupView::is_trial_refused,
              {.doc = "There has been a subscription with this e-mail or this payment method: "
                      "it can be had without a trial, and nothing was charged"}),
        field("contact", &SignupView::contact, {.doc = "While it may still be changed"}),
        field("as_of", &SignupView::as_of));
  }
};

struct TenantFacts {
  tenants::State state;
  std::string subdomain, blueprint, provisioner, company;
  bool is_stopped;  // by staff
  i18n::Locale locale;
  std::optional<Time> queued_at, live_at, retry_at;
  std::optional<std::string> failure_code;
  std::int64_t attempt;
};

db::Query const load_facts{"signup.tenant_facts", R"sql(
  SELECT t.state, t.subdomain, t.blueprint, t.provisioner, c.company,
         t.delete_requested_at IS NOT NULL AS is_stopped, c.locale, t.queued_at,
         t.live_at, t.retry_at, t.failure_code, t.attempt
    FROM tenants t JOIN customers c ON c.id = t.customer_id WHERE t.id = $1
)sql"};

db::Query const load_plan_name{"signup.plan_name", "SELECT name FROM plans WHERE id = $1"};

/// So long after a tenant's first start its sign-up's page opens it as the owner: as long as the
/// link in the welcome mail. Who finds the page's address later finds no way in.
constexpr auto opens_as_owner = std::chrono::days{7};

Progress progress_of(tenants::State tenant, Payment payment) {
  using tenants::State;
  switch (tenant) {
    case State::reserved:
    case State::awaiting_payment:
      switch (payment) {
        case Payment::processing:
          return Progress::payment_processing;
        case Payment::failed:
          return Progress::payment_failed;
        case Payment::expired:
          return Progress::expired;
        default:
          return Progress::awaiting_payment;
      }
    case State::queued:
      return Progress::queued;
    case State::provisioning:
      return Progress::provisioning;
    case State::provision_failed:
      return Progress::provision_failed;
    case State::rolled_back:
    case State::purged:
      return payment == Payment::paid || payment == Payment::refunded ? Progress::rolled_back
                                                                      : Progress::expired;
    default:
      return Progress::live;
  }
}

/// What was built and does not run.
std::optional<Rest> rest_of(tenants::State tenant) {
  using tenants::State;
  switch (tenant) {
    case State::suspending:
    case State::suspended:
      return Rest::paused;
    case State::archiving:
    case State::archived:
    case State::purging:
      return Rest::ended;
    default:
      return {};
  }
}

}  // namespace

std::string plan_name(db::Connection& connection, std::string_view plan_id) {
  db::Tx tx{connection, db::Mode::autocommit};
  return tx.one<std::string>(load_plan_name, plan_id);
}

std::string Signups::describe(db::Tx& tx, SignupId id) const {
  auto const signup = tx_require(find(tx, id));
  auto const facts = tx.one<TenantFacts>(load_facts, signup.tenant_id);
  SignupView view{.signup_id = id,
                  .state = progress_of(facts.state, signup.payment),
                  .company = facts.company,
                  .subdomain = facts.subdomain,
                  .tenant_url = tenants::url_of(settings_, facts.subdomain),
                  .plan = signup.plan_id,
                  .interval = signup.interval,
                  .currency = signup.currency,
                  .amount = signup.amount,
                  .locale = facts.locale,
                  .started_at = facts.queued_at,
                  .finished_at = facts.live_at,
                  .steps = tenants::steps(tx, signup.tenant_id),
                  .case_id = signup.tenant_id.text(),
                  .refunded = signup.payment == Payment::refunded,
                  .sends_mail = !settings_.smtp_url.empty(),
                  .refusal = signup.refusal,
                  .trial_days = signup.trial_days,
                  .trial_ends_at = trial_of(tx, signup),
                  .is_trial_refused = signup.refused_trial && !is_settled(signup.payment),
                  .as_of = clock_source::now()};
  bool const unpaid = view.state == Progress::awaiting_payment ||
                      view.state == Progress::payment_failed || view.state == Progress::expired;
  if (view.steps.empty())
    for (auto const& name : provisioning::step_names(world_, facts.blueprint))
      view.steps.push_back({std::string{name}, tenants::StepState::queued, {}, {}, 0, {}});
  if (unpaid && !tenants::is_final(facts.state)) {
    view.name_held_until = signup.lease_until;
    auto const customer = customers::get(tx, signup.customer_id);
    view.contact = Contact{customer.name, customer.email, customer.country};
    if (signup.payment == Payment::open) view.checkout_url = signup.stripe_session_url;
  }
  view.estimate = tenants::estimate(tx, facts.blueprint, facts.provisioner);
  view.progress =
      view.state == Progress::live ? 1.0 : tenants::progress(tx, view.steps, facts.blueprint);
  if (tenants::is_pending(facts.state) && view.estimate && facts.queued_at) {
    auto const passed =
        std::chrono::duration<double>(clock_source::now() - *facts.queued_at).count();
    view.eta_seconds = std::max<std::int64_t>(0, std::int64_t(view.estimate->p50_seconds - passed));
  }
  if (view.state == Progress::live) view.rest = rest_of(facts.state);
  if (view.state == Progress::rolled_back && facts.is_stopped) view.refusal = "stopped";
  if (facts.failure_code &&
      (view.state == Progress::provision_failed || view.state == Progress::rolled_back))
    view.failure = FailureView{*facts.failure_code, facts.attempt, provisioning::maximum_attempts,
                               facts.retry_at};
  return json::text(view);
}

void Signups::add_endpoints(http::Api& api) {
  auto require = [this](std::string_view token) {
    auto const id = id_of(token);
    if (!id) throw Problem{signup_not_found};
    return *id;
  };
  // `form`: what it is to be, where it may be another order than before.
  auto open = [this](http::Context& context, SignupId id, Form const* form) {
    stripe::Visit const visit;
    try {
      if (form) change(context.worker.connection, id, *form);
      auto const signup = open_page(context.worker.connection, id);
      return CheckoutAnswer{signup.stripe_session_url.value_or(""), status_url(id), id};
    } catch (stripe::Unavailable const& error) {
      throw stripe_is_down(id, error.what());
    } catch (stripe::Refused const& error) {
      throw stripe_is_down(id, error.what());
    } catch (db::Busy const& error) {  // a twin of this request still waits for Stripe
      throw stripe_is_down(id, error.what());
    }
  };

  add_waitlist(api);
  api.add(http::Endpoint<Form, CheckoutAnswer>{
      .route = "POST /api/checkout",
      .summary = "Start a sign-up: keep the name and open a payment page",
      .tag = "Sign-up",
      .audit = "signup.started",
      .limit = http::per_minute(int(settings_.checkout_rate)),
      .problems = {tenants::subdomain_taken, tenants::capacity_exhausted, too_many_unpaid,
                   signup_over, stripe_unavailable, server_clock_wrong, building_paused},
      .constraints = {{"tenants_subdomain_taken", "/subdomain", faults::taken}},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .status = 201,
      .idempotent = true,
      .handle =
          [this, open](http::Context& context, Form const& form) {
            auto const [id, is_new] = db::transact(context.worker.connection, [&](db::Tx& tx) {
              // The same request again, after a crash before its answer: it goes on with its own.
              if (auto const begun = SignupId::parse(context.begun().value_or("")))
                if (auto const own = find(tx, *begun);
                    own && is_open(*own, tenants::get(tx, own->tenant_id).state))
                  return Begun{*begun, false};
              auto const made = begin(tx, form, context.request.remote_address);
              context.note_begun(tx, made.id.text());
              return made;
            });
            context.audit_target = id.text();
            return open(context, id, is_new ? nullptr : &form);
          },
  });

  auto describe_now = [this, require](http::Context& context, ByToken const& request) {
    return RawJson{describe(context.tx, require(request.token))};
  };
  api.add(http::Endpoint<ByToken, RawJson>{
      .route = "GET /api/signups/{token}",
      .summary = "Show a sign-up and the steps of its tenant",
      .tag = "Sign-up",
      .limit = http::per_minute(600),
      .problems = {signup_not_found},
      .answer_type = &types::type_of<SignupView>,
      .handle = describe_now,
  });

  api.add(http::Endpoint<ByToken, RawJson>{
      .route = "POST /api/signups/{token}/refresh",
      .summary = "Ask Stripe for the payment's state now",
      .tag = "Sign-up",
      .audit = "signup.refreshed",
      .limit = http::per_minute(20),
      .problems = {signup_not_found, stripe_unavailable, server_clock_wrong},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .answer_type = &types::type_of<SignupView>,
      .handle =
          [this, require, describe_now](http::Context& context, ByToken const& request) {
            auto const id = require(request.token);
            context.audit_target = id.text();
            stripe::Visit const visit;
            try {
              refresh(context.worker.connection, id);
            } catch (stripe::Unavailable const& error) {
              throw stripe_is_down(id, error.what());
            } catch (stripe::Refused const& error) {
              throw stripe_is_down(id, error.what());
            }
            return describe_now(context, request);
          },
  });

  api.add(http::Endpoint<ByToken, CheckoutAnswer>{
      .route = "POST /api/signups/{token}/checkout",
      .summary = "Open a new payment page for the same name",
      .tag = "Sign-up",
      .audit = "signup.checkout_reopened",
      .limit = http::per_minute(20),
      .problems = {signup_not_found, signup_over, stripe_unavailable, server_clock_wrong,
                   building_paused},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .status = 201,
      .handle =
          [this, require, open](http::Context& context, ByToken const& request) {
            auto const id = require(request.token);
            context.audit_target = id.text();
            return open(context, id, nullptr);
          },
  });

  api.add(http::Endpoint<Change, CheckoutAnswer>{
      .route = "PATCH /api/signups/{token}",
      .summary = "Change a sign-up that is not paid; its payment page ends, a new one opens",
      .tag = "Sign-up",
      .audit = "signup.changed",
      .limit = http::per_minute(20),
      .problems = {signup_not_found, signup_over, tenants::subdomain_taken, too_many_unpaid,
                   stripe_unavailable, server_clock_wrong, building_paused},
      .constraints = {{"tenants_subdomain_taken", "/subdomain", faults::taken}},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle =
          [require, open](http::Context& context, Change const& request) {
            auto const id = require(request.token);
            context.audit_target = id.text();
            return open(context, id, &request);
          },
  });

  api.add(http::Endpoint<ByToken, Opened>{
      .route = "POST /api/signups/{token}/open",
      .summary = "Give the customer the way into the finished tenant, as its owner",
      .tag = "Sign-up",
      .audit = "signup.opened",
      .limit = http::per_minute(20),
      .problems = {signup_not_found, signup_not_live, provisioning::world_unreachable},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .status = 201,
      .handle =
          [this, require](http::Context& context, ByToken const& request) {
            auto const id = require(request.token);
            context.audit_target = id.text();
            context.response.headers.push_back({"Cache-Control", "no-store"});
            auto const signup = tx_require(find(context.tx, id));
            auto const facts = context.tx.one<TenantFacts>(load_facts, signup.tenant_id);
            if (progress_of(facts.state, signup.payment) != Progress::live)
              throw Problem{signup_not_live};
            bool const is_new =
                facts.live_at && clock_source::now() < *facts.live_at + opens_as_owner;
            if (!is_new || facts.state != tenants::State::live)
              return Opened{tenants::url_of(settings_, facts.subdomain)};
            return Opened{provisioning::customer_link(world_, context.worker.connection, vault_,
                                                      signup.tenant_id)};
          },
  });

  api.add_socket(
      "/ws/signups/{token}", "Follow a sign-up: the same document after every change", "",
      [this, require](http::Worker& worker, http::Request const& request) {
        db::Tx tx{worker.connection, db::Mode::autocommit};
        auto const signup = tx_require(find(tx, require(request.path_parameter("token"))));
        return http::Socket::Plan{.topics = {"tenant:" + std::to_string(signup.tenant_id.value)}};
      },
      [this, require](http::Worker& worker, http::Request const& request) {
        db::Tx tx{worker.connection, db::Mode::autocommit};
        return describe(tx, require(request.path_parameter("token")));
      });
}

}  // namespace signup
