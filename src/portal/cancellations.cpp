// Cancelling at the end of the period, and taking that back until then. Each tenant is cancelled by
// itself; what was paid for runs its time.
#include "activity/activity.hpp"
#include "billing/caution.hpp"
#include "billing/endings.hpp"
#include "billing/following.hpp"
#include "billing/keeping.hpp"
#include "platform/json/checks.hpp"
#include "platform/mail/mail.hpp"
#include "portal/doors.hpp"
#include "portal/sessions.hpp"
#include "tenants/addresses.hpp"

namespace portal {

namespace {
constexpr ProblemType nothing_to_cancel{Kind::conflict, "nothing_to_cancel",
                                        "No subscription of this tenant goes on"};
constexpr ProblemType nothing_to_resume{Kind::conflict, "nothing_to_resume",
                                        "No cancellation of this tenant can be taken back"};

mail::Declared const subscription_cancelled{
    "subscription_cancelled",
    {"{address}: your subscription ends on {day}",
     "Hello {name},\n\nyou have cancelled the subscription of {address}. It runs until {day}, and "
     "nothing new is charged after that. Then {address} is suspended: nobody can use it. {data} A "
     "new subscription brings it back.\n\nUntil {day} you can take the cancellation back on your "
     "page: {page}\n\nWas it not you? Write to {support}\n"},
    {"{address}: tu suscripción termina el {day}",
     "Hola, {name}:\n\nHas cancelado la suscripción de {address}. Funciona hasta el {day} y "
     "después no se cobra nada nuevo. Entonces {address} queda suspendido: nadie puede usarlo. "
     "{data} Con una suscripción nueva vuelve a funcionar.\n\nHasta el {day} puedes anular la "
     "cancelación en tu página: {page}\n\n¿No has sido tú? Escribe a {support}\n"}};
/// What becomes of the data: what is owed goes its way, to the end.
std::string data_words(bool owes, i18n::Locale locale) {
  bool const is_spanish = locale == i18n::Locale::es;
  if (!owes) return is_spanish ? "Sus datos se conservan." : "Its data is kept.";
  return is_spanish ? "La factura abierta sigue pendiente de pago: si no se paga, los datos se "
                      "archivan y al final se eliminan, en los días que muestra tu página."
                    : "The invoice that is open remains to be paid: while it is not, the data is "
                      "archived and in the end deleted, on the days that your page shows.";
}
mail::Declared const subscription_resumed{
    "subscription_resumed",
    {"{address}: your subscription goes on",
     "Hello {name},\n\nyou have taken back the cancellation of {address}. Everything goes on as "
     "before; the next charge is on {day}.\n\nWas it not you? Write to {support}\n"},
    {"{address}: tu suscripción continúa",
     "Hola, {name}:\n\nHas anulado la cancelación de {address}. Todo sigue como antes; el próximo "
     "cobro es el {day}.\n\n¿No has sido tú? Escribe a {support}\n"}};

/// Stripe's own words for why.
enum class Feedback {
  too_expensive,
  missing_features,
  switched_service,
  unused,
  customer_service,
  too_complex,
  low_quality,
  other,
};
constexpr auto names_of(Feedback) {
  return std::array<std::string_view, 8>{
      "too_expensive",    "missing_features", "switched_service", "unused",
      "customer_service", "too_complex",      "low_quality",      "other"};
}

struct CancelRequest {
  tenants::TenantId id;
  Feedback feedback;
  std::optional<std::string> comment;
  static constexpr auto rules() {
    return ::rules(rule(&CancelRequest::id, {.doc = "Id of the tenant"}),
                   rule(&CancelRequest::feedback, {.doc = "Why"}),
                   rule(&CancelRequest::comment, {.doc = "What they would like to add",
                                                  .max_length = 500,
                                                  .format = "multiline",
                                                  .check = checks::lines_or_none}));
  }
};
struct OneTenant {
  tenants::TenantId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneTenant::id, {.doc = "Id of the tenant"}));
  }
};
struct Ends {
  std::optional<Time> ends_at;
  static constexpr auto rules() {
    return ::rules(rule(&Ends::ends_at, {.doc = "When it ends; null: it goes on"}));
  }
};

db::Query const is_theirs{"portal.tenant_is_theirs", R"sql(
  SELECT EXISTS (SELECT FROM tenants WHERE id = $1 AND customer_id = $2)
)sql"};
db::Query const standing_subscriptions{"portal.standing_subscriptions", R"sql(
  SELECT stripe_subscription_id FROM subscriptions
   WHERE tenant_id = $1 AND customer_id = $2 AND ended_at IS NULL
     AND stripe_subscription_id IS NOT NULL AND status IN ('active', 'trialing', 'past_due')
   ORDER BY id
)sql"};

// An answer of Stripe's that was lost leaves it done there, and nobody told.
db::Query const was_asked_to_end{"portal.was_asked_to_end", R"sql(
  SELECT coalesce((SELECT kind = 'cancellation_requested' FROM activity
                    WHERE tenant_id = $1 AND data ->> 'subscription' = $2
                      AND kind IN ('cancellation_requested', 'cancellation_taken_back')
                    ORDER BY id DESC LIMIT 1), false)
)sql"};

enum class Wish { end, go_on };

bool is_told_to_end(stripe::Object const& subscription) {
  return stripe::boolean(subscription, "cancel_at_period_end");
}
/// Whether the wish says something about it: an end that somebody else has set stays.
bool concerns(stripe::Object const& subscription, Wish wish) {
  auto const status = stripe::text(subscription, "status");
  if (status != "active" && status != "trialing" && status != "past_due") return false;
  return wish == Wish::end
             ? !is_told_to_end(subscription) && !stripe::time(subscription, "cancel_at")
             : is_told_to_end(subscription);
}

std::optional<Time> period_end_of(stripe::Object const& subscription) {
  return stripe::time(subscription, "items.data.0.current_period_end");
}

http_client::Form form_for(Wish wish, CancelRequest const* why) {
  http_client::Form form;
  form.add("cancel_at_period_end", wish == Wish::end ? "true" : "false")
      .add(billing::ended_with_tenant, "")  // from now on it is the customer's
      .add("cancellation_details[feedback]", why ? name_of(why->feedback) : "")
      .add("cancellation_details[comment]", why ? why->comment.value_or("") : "");
  return form;
}

std::string day_of(std::optional<Time> time) {
  return time ? clock_source::rfc3339(*time).substr(0, 10) : std::string{"–"};
}

void tell(db::Tx& tx, config::Settings const& settings, tenants::Tenant const& tenant,
          mail::Template const& what, stripe::Object const& subscription) {
  auto const owner = customers::get(tx, tenant.customer_id);
  std::map<std::string, std::string> words{
      {"name", owner.name},
      {"address", tenants::authority_of(settings, tenant.subdomain)},
      {"day", day_of(period_end_of(subscription))},
      {"support", settings.support_email}};
  if (what.name == subscription_cancelled.name) {
    words["page"] = settings.public_url + "/portal";
    words["data"] = data_words(stripe::text(subscription, "status") == "past_due", owner.locale);
  }
  mail::send(tx, what, owner.locale, owner.email, words, {owner.id, tenant.id});
}

bool has_ended(db::Connection& connection, tenants::TenantId id) {
  db::Tx tx{connection, db::Mode::autocommit};
  return billing::is_ending(tenants::get(tx, id));
}

struct CarriedOut {
  int found = 0, changed = 0;
  bool goes_on = false;  // one of them, at least
  std::optional<Time> ends_at{};
};
/// Each subscription under its turn: whoever asks at the same time finds what this one has left.
CarriedOut carry_out(http::Context& context, Session const& session, tenants::Tenant const& tenant,
                     Wish wish, CancelRequest const* why) {
  auto& connection = context.worker.connection;
  stripe::Client const client{context.settings};
  stripe::Visit const visit;
  auto const patience = stripe::Patience::visitor;
  CarriedOut out;
  for (auto const& id :
       context.tx.all<std::string>(standing_subscriptions, tenant.id, session.customer_id)) {
    db::SessionLock const turn{connection, billing::turn_of(id)};
    auto const path = "/v1/subscriptions/" + id;
    auto present = client.get(path, {}, patience);
    // Staff may have ended the tenant while we waited for the turn: its end is theirs.
    if (has_ended(connection, tenant.id)) return out;
    bool const changes = concerns(present, wish);
    if (changes)
      present =
          client.post(path, form_for(wish, why),
                      stripe::key_once((wish == Wish::end ? "cancel-" : "resume-") + id), patience);
    auto const period_end = period_end_of(present);
    auto const ends_at = is_told_to_end(present) ? period_end : stripe::time(present, "cancel_at");
    db::transact(connection, [&](db::Tx& tx) {
      billing::apply_subscription(tx, present, clock_source::now(), tenant.id);
      bool const is_as_wished = wish == Wish::end ? is_told_to_end(present) : !ends_at;
      bool const is_told = tx.one<bool>(was_asked_to_end, tenant.id, id) == (wish == Wish::end);
      if (!changes && (is_told || !is_as_wished)) return;
      auto const actor = session.customer_id.text();
      if (wish == Wish::end) {
        tenants::note(tx, tenant.id, actor,
                      activity::CancellationRequested{
                          id, period_end, std::string{name_of(why->feedback)}, why->comment});
        tell(tx, context.settings, tenant, subscription_cancelled, present);
      } else {
        tenants::note(tx, tenant.id, actor, activity::CancellationTakenBack{id});
        tell(tx, context.settings, tenant, subscription_resumed, present);
      }
    });
    ++out.found;
    out.changed += changes;
    out.goes_on |= !ends_at;
    out.ends_at = std::max(out.ends_at, ends_at);
  }
  return out;
}

Ends follow_wish(http::Context& context, tenants::TenantId id, Wish wish,
                 CancelRequest const* why) {
  auto const session = session_to_change(context);
  if (!context.tx.one<bool>(is_theirs, id, session.customer_id))
    throw Problem{tenants::tenant_not_found};
  context.audit_target = id.text();
  if (why) context.audit_reason = name_of(why->feedback);
  auto const tenant = tenants::get(context.tx, id);
  auto const& none = wish == Wish::end ? nothing_to_cancel : nothing_to_resume;
  if (billing::is_ending(tenant)) throw Problem{none};
  Ends out;
  try {
    // Asked for twice, it is done once, and both hear how it stands. An end of the staff's stays.
    auto const done = carry_out(context, session, tenant, wish, why);
    if (!done.goes_on) out.ends_at = done.ends_at;
    if (done.found == 0 || (wish == Wish::go_on && done.changed == 0 && out.ends_at))
      throw Problem{none};
  } catch (stripe::Refused const& refused) {
    throw Problem{billing::stripe_away, {}, refused.what()}.retry_after(10);
  } catch (stripe::Unavailable const& away) {
    throw Problem{billing::stripe_away, {}, away.what()}.retry_after(10);
  }
  return out;
}
}  // namespace

void add_cancellation_endpoints(http::Api& api) {
  std::vector<ProblemType> const problems{session_over, tenants::tenant_not_found,
                                          billing::installation_is_copy, billing::stripe_away};
  auto with = [&](ProblemType const& one) {
    auto out = problems;
    out.push_back(one);
    return out;
  };
  api.add(http::Endpoint<CancelRequest, Ends>{
      .route = "POST /api/portal/tenants/{id}/cancellation",
      .summary = "End a tenant's subscription with the period that is paid",
      .tag = "Portal",
      .audit = "portal.subscription_cancelled",
      .limit = http::per_minute(10),
      .problems = with(nothing_to_cancel),
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle =
          [](http::Context& context, CancelRequest const& request) {
            return follow_wish(context, request.id, Wish::end, &request);
          },
  });
  api.add(http::Endpoint<OneTenant, Ends>{
      .route = "DELETE /api/portal/tenants/{id}/cancellation",
      .summary = "Take a cancellation back",
      .tag = "Portal",
      .audit = "portal.subscription_resumed",
      .limit = http::per_minute(10),
      .problems = with(nothing_to_resume),
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle =
          [](http::Context& context, OneTenant const& request) {
            return follow_wish(context, request.id, Wish::go_on, nullptr);
          },
  });
}

}  // namespace portal
