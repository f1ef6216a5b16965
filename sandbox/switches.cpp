// GET and POST /v1/test_helpers/switches: how often failed payments are tried again and what comes
// then, which clock new customers live by, what happens to webhooks on their way.
#include "sandbox/switches.hpp"

#include "sandbox/api.hpp"

namespace sandbox {

namespace {
constexpr std::string_view row_id = "test_helpers_switches";
constexpr std::size_t most_retries = 8;
constexpr std::int64_t latest_retry = 60;

Object const switches_mould = mould(R"({
  "id": "test_helpers_switches", "object": "test_helpers.switches",
  "after_retries": "canceled", "retry_days": [1, 3, 5, 7], "test_clock": null,
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

Object retrieve(Call& call) { return switches_of(call.store); }
Object update(Call& call) { return set_switches(call.store, call.parameters); }
}  // namespace

Object switches_of(Store& store) { return store.find(row_id).value_or(switches_mould); }

Object set_switches(Store& store, Object const& parameters) {
  auto switches = switches_of(store);
  apply(switches, parameters, {"after_retries", "test_clock"});
  if (parameters.contains("retry_days")) {
    auto const& days = items(parameters, "retry_days");
    check_retry_days(days);
    switches["retry_days"] = days;
  }
  if (auto const clock = text(switches, "test_clock"); !clock.empty())
    if (!store.find(clock)) throw no_such("test_helpers.test_clock", clock, "test_clock");
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
            {"retry_days[]", Kind::count},
            {"test_clock"},
            {"webhooks.doubled", Kind::boolean},
            {"webhooks.off_until", Kind::integer},
            {"webhooks.shuffled", Kind::boolean}},
           update}};
}

}  // namespace sandbox
