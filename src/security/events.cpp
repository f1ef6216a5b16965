// Security events: the list, closing, and acting on one. Each action names its event in the audit
// row, and the event stays open until somebody closes it.
#include "identity/api_keys/api_keys.hpp"
#include "identity/people/accounts.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/json/checks.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"
#include "security/incidents.hpp"
#include "security/security.hpp"

namespace security {

namespace {
using identity::api_keys::ApiKeyId;
using identity::guards::Outcome;
using identity::guards::SecurityEventId;
using identity::guards::Severity;

constexpr std::int64_t longest_block_hours = 24 * 365;

constexpr ProblemType event_not_found{Kind::not_found, "security_event_not_found",
                                      "There is no such security event"};
constexpr ProblemType event_is_closed{Kind::conflict, "security_event_is_closed",
                                      "The security event was closed already"};
constexpr ProblemType nothing_to_act_on{Kind::conflict, "nothing_to_act_on",
                                        "The security event names nothing that this could act on"};
constexpr ProblemType last_owner{Kind::conflict, "last_owner",
                                 "The last owner cannot be locked out"};
constexpr ProblemType block_not_found{Kind::not_found, "block_not_found",
                                      "There is no such blocked address"};

struct EventView {
  SecurityEventId id;
  std::string kind;
  Severity severity;
  Time created_at, last_seen_at;
  std::int64_t occurrences;
  std::optional<StaffId> staff_id;
  std::optional<std::string> email;
  std::optional<bool> account_locked;
  std::optional<ApiKeyId> api_key_id;
  std::optional<std::string> api_key_prefix;
  std::optional<bool> api_key_works;
  std::string address;
  bool address_blocked;
  RawJson detail;
  std::optional<Time> closed_at;
  std::optional<std::string> closed_by, outcome, close_reason;
  static constexpr auto fields() {
    using E = EventView;
    return ::fields(
        field("id", &E::id), field("kind", &E::kind, {.doc = "What was seen"}),
        field("severity", &E::severity), field("created_at", &E::created_at),
        field("last_seen_at", &E::last_seen_at), field("occurrences", &E::occurrences),
        field("staff_id", &E::staff_id), field("email", &E::email, {.doc = "Whom it is about"}),
        field("account_locked", &E::account_locked), field("api_key_id", &E::api_key_id),
        field("api_key_prefix", &E::api_key_prefix), field("api_key_works", &E::api_key_works),
        field("address", &E::address), field("address_blocked", &E::address_blocked),
        field("detail", &E::detail, {.doc = "What the rule saw"}),
        field("closed_at", &E::closed_at), field("closed_by", &E::closed_by),
        field("outcome", &E::outcome), field("close_reason", &E::close_reason));
  }
};

constexpr auto columns = R"sql(
         page.id, page.kind, page.severity, page.created_at, page.last_seen_at,
         page.occurrences, page.staff_id, staff.email, staff.disabled_at IS NOT NULL
             AND staff.id IS NOT NULL AS account_locked,
         page.api_key_id, api_keys.prefix AS api_key_prefix,
         api_keys.revoked_at IS NULL AS api_key_works, page.address,
         EXISTS (SELECT 1 FROM blocked_addresses AS blocked
                  WHERE blocked.event_id = page.id AND blocked.expires_at > now())
             AS address_blocked,
         page.detail, page.closed_at, closer.email AS closed_by, page.outcome, page.close_reason
)sql";
constexpr auto joins = R"sql(
    LEFT JOIN staff ON staff.id = page.staff_id
    LEFT JOIN api_keys ON api_keys.id = page.api_key_id
    LEFT JOIN staff AS closer ON closer.id = page.closed_by
)sql";

db::Query const load_event{"security.load_event", std::string{"SELECT "} + columns +
                                                      " FROM security_events AS page" + joins +
                                                      " WHERE page.id = $1 FOR UPDATE OF page"};

enum class State { open, closed };
constexpr auto names_of(State) { return std::array<std::string_view, 2>{"open", "closed"}; }

list::Codes const codes{"security_events",
                        {{"kind", "security_event"},
                         {"severity", "event_severity"},
                         {"state", "event_state"},
                         {"outcome", "outcome"}}};

list::List event_list() {
  return {
      .name = "security_events",
      .route = "GET /api/settings/security/events",
      .summary = "List security events",
      .tag = "Security",
      .scope = "security:read",
      .row = &types::type_of<EventView>,
      .columns = columns,
      .source = "security_events AS event",
      .key = "event.id",
      .joins = joins,
      .sorts = {{"id", "event.id", "bigint"}},
      .order = "-id",
      .filters = {list::choice<State>("state",
                                      {"event.closed_at IS NULL", "event.closed_at IS NOT NULL"}),
                  list::at_least<Severity>("severity", "event.severity >= $",
                                           {.doc = "This severity and what is worse"}),
                  list::is<std::string>("kind", "event.kind = $", {.max_length = 100})},
      .search = {{.text = "lower(event.kind || ' ' || event.address || ' ' || event.detail::text)",
                  .is_indexed = true},
                 {.text = "staff.email",
                  .within = "EXISTS (SELECT 1 FROM staff WHERE staff.id = event.staff_id AND $)",
                  .ids =
                      "SELECT e.id FROM staff JOIN security_events AS e ON e.staff_id = staff.id"},
                 {.text = "lower(api_keys.prefix)",
                  .within =
                      "EXISTS (SELECT 1 FROM api_keys WHERE api_keys.id = event.api_key_id AND $)",
                  .ids = "SELECT e.id FROM api_keys JOIN security_events AS e "
                         "ON e.api_key_id = api_keys.id"}},
      .search_doc = "Part of kind, person, address, key or detail; one or two letters begin a word",
  };
}

constexpr Rules reason_rules{.doc = "Why; it is written into the audit trail",
                             .min_length = 3,
                             .max_length = 500,
                             .check = checks::one_line};

struct ActRequest {
  SecurityEventId id;
  std::string reason;
  static constexpr auto rules() { return ::rules(rule(&ActRequest::reason, reason_rules)); }
};

struct CloseRequest {
  SecurityEventId id;
  Outcome outcome;
  std::string reason;
  static constexpr auto rules() { return ::rules(rule(&CloseRequest::reason, reason_rules)); }
};

struct BlockRequest {
  SecurityEventId id;
  std::string reason;
  std::optional<std::int64_t> hours;
  static constexpr auto rules() {
    return ::rules(rule(&BlockRequest::reason, reason_rules),
                   rule(&BlockRequest::hours,
                        {.doc = "How long, 24 unless told", .min = 1, .max = longest_block_hours}));
  }
};

struct NewBlock {
  std::string address, reason;
  std::optional<std::int64_t> hours;
  static constexpr auto rules() {
    return ::rules(rule(&NewBlock::address, {.doc = "An address, or a block in CIDR notation",
                                             .example = "203.0.113.0/24",
                                             .max_length = 64,
                                             .check = http::network_rule}),
                   rule(&NewBlock::reason, reason_rules),
                   rule(&NewBlock::hours,
                        {.doc = "How long, 24 unless told", .min = 1, .max = longest_block_hours}));
  }
};

struct Blocks {
  std::vector<BlockView> data;
};
struct OneBlock {
  BlockId id;
};
db::Query const load_block{"security.load_blocked_address", R"sql(
  SELECT blocked.id, address, reason, event_id, email AS blocked_by, blocked.created_at, expires_at
    FROM blocked_addresses AS blocked LEFT JOIN staff ON staff.id = blocked_by
   WHERE blocked.id = $1
)sql"};

EventView load(db::Tx& tx, SecurityEventId id) {
  auto event = tx.maybe<EventView>(load_event, id);
  if (!event) throw Problem{event_not_found};
  return std::move(*event);
}

/// What an action did, for its audit row.
struct Acted {
  std::string event, kind;
  std::optional<std::string> on;
};
void tell(http::Context& context, EventView const& event, std::string target, std::string reason,
          std::optional<std::string> on = {}) {
  context.audit_target = std::move(target);
  context.audit_reason = std::move(reason);
  context.audit_after.text = json::text(Acted{event.id.text(), event.kind, std::move(on)});
}

Time until(std::optional<std::int64_t> hours) {
  return clock_source::now() + std::chrono::hours{hours.value_or(24)};
}

EventView close(http::Context& context, CloseRequest const& request) {
  auto const event = load(context.tx, request.id);
  if (event.closed_at) throw Problem{event_is_closed};
  std::optional<StaffId> by;
  if (context.actor.user_id) by = StaffId{context.actor.user_id};
  identity::guards::close_event(context.tx, request.id, by, request.outcome, request.reason);
  context.audit_target = request.id.text();
  context.audit_reason = request.reason;
  context.audit_after.text =
      R"({"kind":)" + json::text(event.kind) + R"(,"outcome":)" + json::text(request.outcome) + "}";
  return load(context.tx, request.id);
}

EventView revoke_sessions(http::Context& context, ActRequest const& request,
                          identity::Directory& directory) {
  auto const event = load(context.tx, request.id);
  if (!event.staff_id) throw Problem{nothing_to_act_on};
  auto const ended =
      identity::sessions::end_all_of(context.tx, *event.staff_id, "", "ended_by_security_event");
  directory.changed(context);
  tell(context, event, event.staff_id->text(), request.reason, std::to_string(ended) + " sessions");
  return load(context.tx, request.id);
}

EventView lock(http::Context& context, ActRequest const& request, identity::Directory& directory) {
  auto const event = load(context.tx, request.id);
  if (!event.staff_id) throw Problem{nothing_to_act_on};
  try {
    identity::people::lock_account(context.tx, *event.staff_id);
  } catch (db::Failure const& failure) {
    if (failure.constraint != "staff_keeps_an_owner") throw;
    throw Problem{last_owner};
  }
  directory.changed(context);
  tell(context, event, event.staff_id->text(), request.reason, event.email);
  return load(context.tx, request.id);
}

EventView block_address(http::Context& context, BlockRequest const& request,
                        identity::Directory& directory) {
  auto const event = load(context.tx, request.id);
  auto const address = block_for(context.tx, event.address);
  if (!address) throw Problem{nothing_to_act_on};
  refuse_to_shut_out(context.tx, *address, {context.request.remote_address});
  std::optional<StaffId> by;
  if (context.actor.user_id) by = StaffId{context.actor.user_id};
  block(context.tx, {*address, request.reason, until(request.hours), event.id, by});
  directory.changed(context);
  tell(context, event, *address, request.reason);
  return load(context.tx, request.id);
}

EventView revoke(http::Context& context, ActRequest const& request,
                 identity::Directory& directory) {
  auto const event = load(context.tx, request.id);
  if (!event.api_key_id) throw Problem{nothing_to_act_on};
  identity::api_keys::revoke(context.tx, *event.api_key_id, context.actor.label());
  directory.changed(context);
  tell(context, event, event.api_key_id->text(), request.reason, event.api_key_prefix);
  return load(context.tx, request.id);
}

BlockView add_block(http::Context& context, NewBlock const& request,
                    identity::Directory& directory) {
  refuse_to_shut_out(context.tx, request.address, {context.request.remote_address});
  std::optional<StaffId> by;
  if (context.actor.user_id) by = StaffId{context.actor.user_id};
  auto const id = block(context.tx, {.address = request.address,
                                     .reason = request.reason,
                                     .expires_at = until(request.hours),
                                     .by = by});
  directory.changed(context);
  auto view = context.tx.one<BlockView>(load_block, id);
  context.audit_target = request.address;
  context.audit_reason = request.reason;
  context.audit_after.text = json::text(view);
  return view;
}

/// An action on an event: dangerous, audited, for owners.
template <class In>
http::Endpoint<In, EventView> action(std::string_view route, std::string_view summary,
                                     std::string_view audit,
                                     EventView (*act)(http::Context&, In const&,
                                                      identity::Directory&),
                                     identity::Directory& directory) {
  return {.route = route,
          .summary = summary,
          .tag = "Security",
          .scope = "security:write",
          .audit = audit,
          .problems = {event_not_found, nothing_to_act_on},
          .step_up = true,
          .handle = [act, &directory](http::Context& context, In const& request) {
            return act(context, request, directory);
          }};
}
}  // namespace

void add_event_endpoints(http::Api& api, identity::Directory& directory) {
  list::add(api, event_list());
  api.add(http::Endpoint<CloseRequest, EventView>{
      .route = "POST /api/settings/security/events/{id}/close",
      .summary = "Close a security event with its outcome",
      .tag = "Security",
      .scope = "security:write",
      .audit = "security_event.closed",
      .problems = {event_not_found, event_is_closed},
      .step_up = true,
      .handle = close,
  });
  api.add(action("POST /api/settings/security/events/{id}/revoke-sessions",
                 "End all sessions of the person whom the event is about", "staff.sessions_ended",
                 revoke_sessions, directory));
  auto locking = action("POST /api/settings/security/events/{id}/lock-account",
                        "Lock the account of the person whom the event is about", "staff.locked",
                        lock, directory);
  locking.problems.push_back(last_owner);
  api.add(locking);
  auto blocking = action("POST /api/settings/security/events/{id}/block-address",
                         "Keep the address of the event out for a time", "address.blocked",
                         block_address, directory);
  blocking.problems.insert(blocking.problems.end(),
                           {own_address, block_of_this_machine, block_of_everybody});
  api.add(blocking);
  api.add(action("POST /api/settings/security/events/{id}/revoke-key",
                 "Revoke the API key that the event is about", "api_key.revoked", revoke,
                 directory));

  api.add(http::Endpoint<http::Nothing, Blocks>{
      .route = "GET /api/settings/security/blocked-addresses",
      .summary = "List the addresses that are kept out",
      .tag = "Security",
      .scope = "security:read",
      .handle = [](http::Context& context,
                   http::Nothing const&) { return Blocks{blocks(context.tx)}; },
  });
  api.add(http::Endpoint<NewBlock, BlockView>{
      .route = "POST /api/settings/security/blocked-addresses",
      .summary = "Keep an address out for a time",
      .tag = "Security",
      .scope = "security:write",
      .audit = "address.blocked",
      .problems = {own_address, block_too_wide, block_of_this_machine, block_of_everybody},
      .status = 201,
      .step_up = true,
      .handle = [&directory](
                    http::Context& context,
                    NewBlock const& request) { return add_block(context, request, directory); },
  });
  api.add(http::Endpoint<OneBlock, http::Nothing>{
      .route = "DELETE /api/settings/security/blocked-addresses/{id}",
      .summary = "Let an address in again",
      .tag = "Security",
      .scope = "security:write",
      .audit = "address.unblocked",
      .problems = {block_not_found},
      .step_up = true,
      .handle =
          [&directory](http::Context& context, OneBlock const& request) {
            auto const block = context.tx.maybe<BlockView>(load_block, request.id);
            if (!block || !unblock(context.tx, request.id)) throw Problem{block_not_found};
            directory.changed(context);
            context.audit_target = block->address;
            context.audit_before.text = json::text(*block);
            return http::Nothing{};
          },
  });
}

}  // namespace security
