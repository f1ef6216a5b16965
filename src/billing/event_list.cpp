// Stripe's events as staff look through them: what came, what became of it, and doing it again.
#include "billing/events.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"

namespace billing {

namespace {
constexpr ProblemType event_not_found{Kind::not_found, "event_not_found", "There is no such event"};

enum class EventState { received, applied, ignored, dead, foreign, unlinked };
constexpr auto names_of(EventState) {
  return std::array<std::string_view, 6>{"received", "applied", "ignored",
                                         "dead",     "foreign", "unlinked"};
}
using EventNumber = Id<"evt">;

struct StripeEvent {
  std::string id, type, object_id;
  EventState state;
  std::optional<customers::CustomerId> customer_id;
  std::optional<std::string> company, error;
  std::string source;
  std::optional<std::string> api_version;
  Time created, received_at;
  std::optional<Time> processed_at;
  static constexpr auto rules() {
    return ::rules(
        rule(&StripeEvent::id, {.doc = "Stripe's id"}),
        rule(&StripeEvent::state,
             {.doc = "received: it waits its turn; ignored: it concerns nobody of ours; unlinked: "
                     "of a customer whom we do not know yet; foreign: of another mode or account; "
                     "dead: it was tried in vain"}),
        rule(&StripeEvent::customer_id, {.doc = "Whose its object is, as far as it is known"}),
        rule(&StripeEvent::error, {.doc = "What its last try failed with"}),
        rule(&StripeEvent::source,
             {.doc = "webhook, or sweep: it had not arrived and was asked for"}),
        rule(&StripeEvent::api_version, {.doc = "The version of Stripe's API that it came in"}),
        rule(&StripeEvent::created, {.doc = "When it happened at Stripe"}));
  }
};

list::Codes const codes{"billing_events",
                        {{"state", "stripe_event_state"}, {"source", "stripe_event_source"}}};

list::List event_list() {
  return {
      .name = "billing_events",
      .route = "GET /api/billing/events",
      .summary = "List Stripe's events and what became of them",
      .tag = "Billing",
      .scope = "billing:read",
      .row = &types::type_of<StripeEvent>,
      .columns = R"sql(page.id, page.type, page.object_id, page.state,
          c.id AS customer_id, c.company, page.last_error AS error, page.source, page.api_version,
          page.created, page.received_at, page.processed_at)sql",
      .source = "stripe_events AS e",
      .key = "e.number",
      .joins = R"sql(
          LEFT JOIN stripe_objects AS o ON o.id = page.object_id
          LEFT JOIN customers AS c ON c.id = o.customer_id)sql",
      .sorts = {{"created", "e.created", "timestamptz"}},
      .order = "-created",
      .filters = {list::any_of<EventState>("state", "e.state = $", {.doc = "In this state"}),
                  {.name = "type",
                   .type = &types::type_of<std::optional<std::string>>,
                   .condition = "e.type = $",
                   .rules = {.doc = "This type, or all that begin with it when it ends with a dot",
                             .example = "invoice.",
                             .max_length = 100},
                   .when_prefix = "starts_with(e.type, $)"},
                  list::is<std::string>("object", "e.object_id = $",
                                        {.doc = "About this object",
                                         .example = "in_1PgafmB7WZ01zgkWZKhYfMzx",
                                         .max_length = 255})},
  };
}

struct OneEvent {
  std::string id;
  static constexpr auto rules() {
    return ::rules(rule(&OneEvent::id, {.doc = "Stripe's id", .max_length = 255}));
  }
};
}  // namespace

void add_event_list(http::Api& api) {
  list::add(api, event_list());
  api.add(http::Endpoint<OneEvent, http::Nothing>{
      .route = "POST /api/billing/events/{id}/replay",
      .summary = "Work an event of Stripe's off again",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "stripe_event.replayed",
      .problems = {event_not_found},
      .handle =
          [](http::Context& context, OneEvent const& request) {
            context.audit_target = request.id;
            if (request.id.empty() || replay(context.tx, request.id) == 0)
              throw Problem{event_not_found};
            return http::Nothing{};
          },
  });
}

}  // namespace billing
