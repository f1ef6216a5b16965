// Simulated time: customers bound to a clock live by it, and so does all that belongs to them.
#include "sandbox/test_clocks.hpp"

#include "sandbox/api.hpp"
#include "sandbox/switches.hpp"

namespace sandbox {

namespace {
db::Query const delete_of_customer{
    "sandbox.delete_of_customer",
    "DELETE FROM stripe_sandbox.objects WHERE keys @> $1::jsonb AND type <> 'event'"};

db::Query const next_due{"sandbox.next_due_moment", R"sql(
    SELECT min(due) FROM stripe_sandbox.objects WHERE clock = $1 AND due IS NOT NULL)sql"};

constexpr std::int64_t farthest_advance = 3'653 * 86'400LL;

Object create(Call& call) {
  auto const frozen = number(call.parameters, "frozen_time");
  if (frozen < 0) throw invalid("Invalid timestamp", "frozen_time");
  Object clock{{"id", new_id("clock_1")},
               {"object", "test_helpers.test_clock"},
               {"created", call.store.now},
               {"deletes_after", call.store.now + 30 * 86'400},
               {"frozen_time", frozen},
               {"livemode", false},
               {"name", text_or_null(call.given("name"))},
               {"status", "ready"},
               {"status_details", Object{}}};
  call.store.insert(clock);
  call.store.emit("test_helpers.test_clock.created", clock);
  return clock;
}

Object retrieve(Call& call) {
  return without_private(call.store.load("test_helpers.test_clock", call.id()));
}

Object advance(Call& call) {
  auto clock = call.store.load("test_helpers.test_clock", call.id());
  advance_clock(call.store, clock, number(call.parameters, "frozen_time"));
  return clock;
}

/// A helper: only to the next instant at which something is due, or to frozen_time if that is
/// earlier. Whoever drives a clock so can do their own work of that instant in between.
Object step(Call& call) {
  auto clock = call.store.load("test_helpers.test_clock", call.id());
  auto const until = number(call.parameters, "frozen_time");
  auto const due = call.store.tx.one<std::optional<std::int64_t>>(next_due, call.id());
  auto const now = number(clock, "frozen_time");
  // What is overdue comes with the smallest step.
  advance_clock(call.store, clock, due ? std::min(until, std::max(*due, now + 1)) : until);
  return clock;
}

Object remove(Call& call) {
  auto& store = call.store;
  auto const clock = store.load("test_helpers.test_clock", call.id());
  for (auto const& customer : store.all("customer", {{"test_clock", call.id()}})) {
    store.tx.exec(delete_of_customer,
                  boost::json::serialize(Object{{"customer", text(customer, "id")}}));
    store.remove(text(customer, "id"));
  }
  for (std::string_view const name : {"product_clock", "test_clock"})
    if (text(switches_of(store), name) == call.id()) set_switches(store, {{name, ""}});
  store.remove(call.id());
  store.emit("test_helpers.test_clock.deleted", clock);
  return {{"id", call.id()}, {"object", "test_helpers.test_clock"}, {"deleted", true}};
}

Object list(Call& call) { return answer_list(call, "test_helpers.test_clock", {}); }
}  // namespace

void advance_clock(Store& store, Object& clock, std::int64_t target) {
  if (text(clock, "status") != "ready")
    throw ApiError{429, "invalid_request_error", "The test clock is already advancing.",
                   "lock_timeout"};
  if (target <= number(clock, "frozen_time"))
    throw invalid("The new frozen_time must be later than the test clock's current frozen_time.",
                  "frozen_time");
  if (target - number(clock, "frozen_time") > farthest_advance)
    throw invalid("A test clock advances by ten years at most.", "frozen_time");
  clock["status"] = "advancing";
  clock["status_details"] = Object{{"advancing", Object{{"target_frozen_time", target}}}};
  store.save(clock);
  store.emit("test_helpers.test_clock.advancing", clock);
}

std::vector<Endpoint> test_clock_endpoints() {
  return {
      {"POST",
       "/v1/test_helpers/test_clocks",
       {{"frozen_time", Kind::integer, Need::required}, {"name"}},
       create},
      {"GET", "/v1/test_helpers/test_clocks", {}, list, Shape::list},
      {"GET", "/v1/test_helpers/test_clocks/{id}", {}, retrieve},
      {"POST",
       "/v1/test_helpers/test_clocks/{id}/advance",
       {{"frozen_time", Kind::integer, Need::required}},
       advance},
      {"POST",
       "/v1/test_helpers/test_clocks/{id}/step",
       {{"frozen_time", Kind::integer, Need::required}},
       step},
      {"DELETE", "/v1/test_helpers/test_clocks/{id}", {}, remove},
  };
}

}  // namespace sandbox
