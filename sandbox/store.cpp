// The SQL of objects, events and the deliveries that events cause.
#include "sandbox/store.hpp"

#include "platform/clock/clock.hpp"
#include "sandbox/switches.hpp"

namespace sandbox {

namespace {
db::Query const take_lock{"sandbox.lock",
                          "SELECT pg_advisory_xact_lock(hashtext('stripe_sandbox.work'))"};
db::Query const select_object{"sandbox.object",
                              "SELECT data FROM stripe_sandbox.objects WHERE id = $1"};
db::Query const insert_object{"sandbox.insert", R"sql(
    INSERT INTO stripe_sandbox.objects (id, type, created, keys, clock, due, data)
    VALUES ($1, $2, $3::bigint, $4::jsonb, $5, $6::bigint, $7::json))sql"};
db::Query const update_object{"sandbox.update", R"sql(
    UPDATE stripe_sandbox.objects
       SET keys = $2::jsonb, clock = $3, due = $4::bigint, data = $5::json WHERE id = $1)sql"};
db::Query const delete_object{"sandbox.delete", "DELETE FROM stripe_sandbox.objects WHERE id = $1"};
db::Query const bury_object{"sandbox.bury", R"sql(
    UPDATE stripe_sandbox.objects
       SET type = 'deleted', keys = '{}', due = NULL, data = $2::json WHERE id = $1)sql"};
db::Query const select_all{"sandbox.all", R"sql(
    SELECT data FROM stripe_sandbox.objects
     WHERE type = $1 AND keys @> $2::jsonb ORDER BY seq)sql"};
db::Query const select_newest{"sandbox.newest", R"sql(
    SELECT data FROM stripe_sandbox.objects
     WHERE type = $1 AND keys @> $2::jsonb ORDER BY seq DESC LIMIT 1)sql"};
db::Query const select_seq{"sandbox.seq", "SELECT seq FROM stripe_sandbox.objects WHERE id = $1"};
db::Query const page_older{"sandbox.page_older", R"sql(
    SELECT data FROM stripe_sandbox.objects
     WHERE type = $1 AND keys @> $2::jsonb AND created >= $3::bigint AND created < $4::bigint
       AND seq < $5::bigint AND (cardinality($6::text[]) = 0 OR keys ->> 'type' = ANY ($6::text[]))
     ORDER BY seq DESC LIMIT $7::integer)sql"};
db::Query const page_newer{"sandbox.page_newer", R"sql(
    SELECT data FROM stripe_sandbox.objects
     WHERE type = $1 AND keys @> $2::jsonb AND created >= $3::bigint AND created < $4::bigint
       AND seq > $5::bigint AND (cardinality($6::text[]) = 0 OR keys ->> 'type' = ANY ($6::text[]))
     ORDER BY seq LIMIT $7::integer)sql"};
db::Query const insert_delivery{"sandbox.insert_delivery", R"sql(
    INSERT INTO stripe_sandbox.deliveries (event, event_type, endpoint, created_at, next_attempt)
    VALUES ($1, $2, $3, $4::timestamptz,
            $4::timestamptz + random() * $5::integer * interval '1 millisecond'))sql"};
/// Milliseconds by which the shuffled ones are late at most.
constexpr int longest_detour = 2'000;

constexpr std::string_view filterable[]{"customer",   "subscription",   "invoice", "payment_intent",
                                        "charge",     "payment_method", "product", "status",
                                        "type",       "active",         "email",   "currency",
                                        "code",       "coupon",         "url",     "test_clock",
                                        "lookup_key", "setup_intent",   "source"};

Object keys_of(Object const& object) {
  Object keys;
  for (auto const name : filterable)
    if (auto const* value = object.if_contains(name);
        value && (value->is_string() || value->is_bool()))
      keys.emplace(name, *value);
  auto lift = [&](std::string_view name, std::string_view path) {
    if (auto const* value = at(object, path); value && value->is_string())
      keys.insert_or_assign(name, *value);
  };
  lift("subscription", "parent.subscription_details.subscription");
  lift("payment_intent", "payment.payment_intent");
  lift("collection_method", "collection_method");
  lift("coupon", "promotion.coupon");
  if (text(object, "object") == "invoiceitem") keys.emplace("pending", !has(object, "invoice"));
  if (text(object, "object") == "subscription") {
    Array lines, prices;
    for (auto const& item : items(object, "items.data")) {
      lines.push_back(text_or_null(text(item.as_object(), "id")));
      prices.push_back(text_or_null(text(item.as_object(), "price.id")));
    }
    keys.emplace("items", std::move(lines));
    keys.emplace("price", std::move(prices));
    keys.emplace("canceled", text(object, "status") == "canceled");
    keys.emplace("ended", has(object, "ended_at"));
  }
  return keys;
}

std::string serialized(Object const& object) { return boost::json::serialize(object); }

Object parsed(RawJson const& raw) { return boost::json::parse(raw.text).as_object(); }

std::vector<Object> parsed(std::vector<RawJson> const& rows) {
  std::vector<Object> out;
  out.reserve(rows.size());
  for (auto const& row : rows) out.push_back(parsed(row));
  return out;
}
}  // namespace

Store::Store(db::Tx& transaction, Settings const& the_settings, Origin origin)
    : tx{transaction},
      settings{the_settings},
      now{clock_source::unix_seconds(clock_source::now())},
      origin_{std::move(origin)} {}

void Store::lock() { tx.exec(take_lock); }

std::optional<Object> Store::find(std::string_view id) {
  auto const row = tx.maybe<RawJson>(select_object, id);
  if (!row) return {};
  return parsed(*row);
}

Object Store::load(std::string_view type, std::string_view id, std::string_view param) {
  auto object = id.empty() ? std::nullopt : find(id);
  if (!object || text(*object, "object") != type || truth(*object, "_retired"))
    throw no_such(type, id, param);
  follow_clock_of(*object);
  return *std::move(object);
}

void Store::follow_clock_of(Object const& object) {
  if (time_is_given) return;
  auto clock_id = text(object, "test_clock");
  if (clock_id.empty()) {
    auto customer_id = text(object, "customer");
    // A dispute and a refund name a payment, and that names its customer.
    for (auto const* of : {"charge", "payment_intent"})
      if (customer_id.empty())
        if (auto const payment = find(text(object, of))) customer_id = text(*payment, "customer");
    if (customer_id.empty()) return;
    if (auto const customer = find(customer_id)) clock_id = text(*customer, "test_clock");
    if (clock_id.empty()) return;
  }
  if (auto const clock = find(clock_id)) now = number(*clock, "frozen_time", now);
}

void Store::write(Object const& object, bool is_new) {
  auto const id = text(object, "id");
  auto const keys = serialized(keys_of(object));
  auto clock = text(object, "test_clock");
  if (clock.empty()) clock = text(object, "_clock");
  std::optional<std::string> const clock_or_none =
      clock.empty() ? std::nullopt : std::optional{clock};
  std::optional<std::int64_t> due;
  if (has(object, "_due")) due = number(object, "_due");
  if (is_new)
    tx.exec(insert_object, id, text(object, "object"), number(object, "created", now), keys,
            clock_or_none, due, serialized(object));
  else
    tx.exec(update_object, id, keys, clock_or_none, due, serialized(object));
}

void Store::insert(Object const& object) { write(object, true); }
void Store::save(Object const& object) { write(object, false); }

void Store::save_and_emit(Object const& object, std::string_view event_type) {
  auto const before = find(text(object, "id"));
  write(object, false);
  if (!before || object.contains("_quiet")) return;
  auto const previous = difference(*before, object);
  if (!previous.empty()) emit(event_type, object, previous);
}

void Store::remove(std::string_view id) { tx.exec(delete_object, id); }

void Store::leave_tombstone(Object const& object) {
  Object const stone{
      {"id", text(object, "id")}, {"object", text(object, "object")}, {"deleted", true}};
  tx.exec(bury_object, text(object, "id"), serialized(stone));
}

void Store::retire(Object object) {
  object["_retired"] = true;
  tx.exec(bury_object, text(object, "id"), serialized(object));
}

std::vector<Object> const& Store::endpoints() {
  if (!endpoints_) endpoints_ = all("webhook_endpoint", {{"status", "enabled"}});
  return *endpoints_;
}

void Store::emit(std::string_view type, Object const& object, Object const& previous) {
  auto snapshot = without_private(object);
  shorten_lists(snapshot);
  std::int64_t pending = 0;
  for (auto const& endpoint : endpoints())
    pending += covers(items(endpoint, "enabled_events"), type);

  Object data{{"object", std::move(snapshot)}};
  if (!previous.empty()) data["previous_attributes"] = previous;
  Object request{{"id", text_or_null(origin_.request_id)},
                 {"idempotency_key", text_or_null(origin_.idempotency_key)}};
  auto const id = new_id("evt_1");
  Object const event{{"id", id},
                     {"object", "event"},
                     {"api_version", api_version},
                     {"created", now},
                     {"data", std::move(data)},
                     {"livemode", false},
                     {"pending_webhooks", pending},
                     {"request", std::move(request)},
                     {"type", type}};
  // Lists of events are filtered by the real time, also where a test clock made them: whoever
  // looks for what he missed asks for the time since his last look.
  auto const real_now = clock_source::now();
  auto const webhooks = part(switches_of(*this), "webhooks");
  tx.exec(insert_object, id, "event", clock_source::unix_seconds(real_now),
          serialized(keys_of(event)), std::nullopt, std::nullopt, serialized(event));
  for (auto const& endpoint : endpoints())
    if (covers(items(endpoint, "enabled_events"), type)) {
      int const copies = truth(webhooks, "doubled") ? 2 : 1;
      for (int i = 0; i < copies; ++i)
        tx.exec(insert_delivery, id, type, text(endpoint, "id"), real_now,
                truth(webhooks, "shuffled") ? longest_detour : 0);
    }
  emitted_ = true;
}

std::vector<Object> Store::all(std::string_view type, Object const& filter) {
  return parsed(tx.all<RawJson>(select_all, type, serialized(filter)));
}

std::optional<Object> Store::newest(std::string_view type, Object const& filter) {
  auto const row = tx.maybe<RawJson>(select_newest, type, serialized(filter));
  if (!row) return {};
  return parsed(*row);
}

std::pair<std::vector<Object>, bool> Store::page(std::string_view type, Object const& filter,
                                                 Page const& page,
                                                 std::vector<std::string> const& types) {
  constexpr auto everything = std::numeric_limits<std::int64_t>::max();
  bool const backwards = !page.ending_before.empty();
  std::int64_t cursor = everything;
  if (auto const& id = backwards ? page.ending_before : page.starting_after; !id.empty()) {
    auto const found = tx.maybe<std::int64_t>(select_seq, id);
    if (!found) throw no_such(type, id, backwards ? "ending_before" : "starting_after");
    cursor = *found;
  }
  auto rows = parsed(tx.all<RawJson>(
      backwards ? page_newer : page_older, type, serialized(filter), page.created_from.value_or(0),
      page.created_before.value_or(everything), cursor, types, page.limit + 1));
  bool const has_more = rows.size() > std::size_t(page.limit);
  if (has_more) rows.pop_back();
  if (backwards) std::reverse(rows.begin(), rows.end());
  return {std::move(rows), has_more};
}

bool covers(Array const& enabled_events, std::string_view type) {
  for (auto const& entry : enabled_events) {
    auto const pattern = std::string_view{entry.as_string()};
    if (pattern == "*" || pattern == type) return true;
    if (pattern.ends_with(".*") && type.starts_with(pattern.substr(0, pattern.size() - 1)))
      return true;
  }
  return false;
}

}  // namespace sandbox
