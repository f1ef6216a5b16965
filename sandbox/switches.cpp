// GET and POST /v1/test_helpers/switches: how often failed payments are tried again and what comes
// then, which clock new customers live by and which one the product, what happens to webhooks on
// their way.
#include "sandbox/switches.hpp"

#include "platform/process/shown_time.hpp"
#include "sandbox/api.hpp"

namespace sandbox {

namespace {
constexpr std::string_view row_id = "test_helpers_switches";
constexpr std::size_t most_retries = 8;
constexpr std::int64_t latest_retry = 60;
/// Seconds that a clock may stand behind the product's time, which goes on by itself.
constexpr std::int64_t longest_lag = 60;

Object const switches_mould = mould(R"({
  "id": "test_helpers_switches", "object": "test_helpers.switches",
  "after_retries": "canceled", "product_clock": null, "retry_days": [1, 3, 5, 7],
  "test_clock": null,
  "webhooks": {"doubled": false, "off_until": null, "shuffled": false}
})");

void check_retry_days(Array const& days) {
  std::int64_t last = 0;
  for (auto const& entry : days) {
    auto const day = entry.as_int64();
    if (day <= last || day > latest_retry || days.size() > most_retries)
      throw invalid("Invalid retry_days: at most eight rising days, the last on day 60.",
                    "retry_days");
    last = day;
  }
}

/// The product's time becomes the clock's, and goes with it from now on.
void follow(Store& store, std::string_view id) {
  auto const clock = store.find(id);
  if (!clock) throw no_such("test_helpers.test_clock", id, "product_clock");
  if (process::time_file().empty())
    throw invalid("The product lives by the machine's time: start it with clock = sandbox.",
                  "product_clock");
  auto const frozen = number(*clock, "frozen_time");
  if (frozen + longest_lag < clock_source::unix_seconds(clock_source::now()))
    throw invalid("The product's time is past this clock's already, and cannot go back.",
                  "product_clock");
  process::show_time(frozen);
}

Object retrieve(Call& call) { return switches_of(call.store); }
Object update(Call& call) { return set_switches(call.store, call.parameters); }
}  // namespace

Object switches_of(Store& store) { return store.find(row_id).value_or(switches_mould); }

Object set_switches(Store& store, Object const& parameters) {
  auto switches = switches_of(store);
  apply(switches, parameters, {"after_retries", "product_clock", "test_clock"});
  if (parameters.contains("retry_days")) {
    auto const& days = items(parameters, "retry_days");
    check_retry_days(days);
    switches["retry_days"] = days;
  }
  if (auto const clock = text(switches, "test_clock"); !clock.empty())
    if (!store.find(clock)) throw no_such("test_helpers.test_clock", clock, "test_clock");
  if (auto const clock = text(parameters, "product_clock"); !clock.empty()) follow(store, clock);
  apply(switches["webhooks"].as_object(), part(parameters, "webhooks"),
        {"doubled", "off_until", "shuffled"});
  if (store.find(row_id))
    store.save(switches);
  else
    store.insert(switches);
  return switches;
}

std::vector<Endpoint> switch_endpoints() {
  return {{"GET", "/v1/test_helpers/switches", {}, retrieve},
          {"POST",
           "/v1/test_helpers/switches",
           {{"after_retries", Kind::text, Need::optional, "canceled|past_due|unpaid"},
            {"product_clock"},
            {"retry_days[]", Kind::count},
            {"test_clock"},
            {"webhooks.doubled", Kind::boolean},
            {"webhooks.off_until", Kind::integer},
            {"webhooks.shuffled", Kind::boolean}},
           update}};
}

}  // namespace sandbox
