// What happened: the last thirty days of it.
#include "sandbox/api.hpp"

namespace sandbox {

namespace {
db::Query const count_pending{"sandbox.pending", R"sql(
    SELECT count(*) FROM stripe_sandbox.deliveries
     WHERE event = $1 AND delivered_at IS NULL AND next_attempt IS NOT NULL)sql"};

void refresh(Store& store, Object& event) {
  event["pending_webhooks"] = store.tx.one<std::int64_t>(count_pending, text(event, "id"));
}

Object retrieve(Call& call) {
  auto event = call.store.load("event", call.id());
  refresh(call.store, event);
  return event;
}

Object list(Call& call) {
  std::vector<std::string> types;
  for (auto const& type : items(call.parameters, "types"))
    types.emplace_back(std::string_view{type.as_string()});
  if (auto const type = call.given("type"); !type.empty()) types.push_back(type);
  auto answer = answer_list(call, "event", {}, types);
  for (auto& event : answer["data"].as_array()) refresh(call.store, event.as_object());
  return answer;
}
}  // namespace

std::vector<Endpoint> event_endpoints() {
  return {
      {"GET",
       "/v1/events",
       {{"type"}, {"types[]"}, {"delivery_success", Kind::boolean}},
       list,
       Shape::list},
      {"GET", "/v1/events/{id}", {}, retrieve},
  };
}

}  // namespace sandbox
