// The doors to the items of subscriptions. They are kept inside the subscription.
#include "sandbox/api.hpp"
#include "sandbox/subscription_updates.hpp"

namespace sandbox {

namespace {
Object list(Call& call) {
  auto const subscription =
      call.store.load("subscription", call.given("subscription"), "subscription");
  return answer_embedded(call, items(subscription, "items.data"));
}

Object subscription_with(Store& store, std::string const& item) {
  auto subscription = store.newest("subscription", {{"items", Array{Value(item)}}});
  if (!subscription) throw no_such("subscription_item", item);
  store.follow_clock_of(*subscription);
  return *std::move(subscription);
}

Object retrieve(Call& call) {
  auto const subscription = subscription_with(call.store, call.id());
  for (auto const& item : items(subscription, "items.data"))
    if (text(item.as_object(), "id") == call.id()) return without_private(item.as_object());
  throw no_such("subscription_item", call.id());
}

/// One entry of items[]; the other parameters are those of the subscription.
void change(Call& call, Object& subscription, Object entry) {
  static constexpr std::string_view of_subscription[]{"payment_behavior", "proration_behavior",
                                                      "proration_date"};
  Object parameters;
  for (auto const name : of_subscription)
    if (auto const* value = call.parameters.if_contains(name)) {
      parameters[name] = *value;
      entry.erase(name);
    }
  entry.erase("subscription");
  parameters["items"] = Array{Value(std::move(entry))};
  update_items(call.store, subscription, parameters);
  schedule(subscription);
  call.store.save_and_emit(subscription, "customer.subscription.updated");
}

Object create(Call& call) {
  auto subscription = call.store.load("subscription", call.given("subscription"), "subscription");
  if (has(subscription, "ended_at"))
    throw invalid("A canceled subscription takes no more items.", "subscription");
  change(call, subscription, call.parameters);
  auto const& all = items(subscription, "items.data");
  return without_private(all.at(all.size() - 1).as_object());
}

Object update(Call& call) {
  auto subscription = subscription_with(call.store, call.id());
  auto entry = call.parameters;
  entry["id"] = call.id();
  change(call, subscription, std::move(entry));
  return retrieve(call);
}

Object remove(Call& call) {
  auto subscription = subscription_with(call.store, call.id());
  change(call, subscription, {{"id", call.id()}, {"deleted", true}});
  return {{"id", call.id()}, {"object", "subscription_item"}, {"deleted", true}};
}
}  // namespace

std::vector<Endpoint> subscription_item_endpoints() {
  std::vector<Parameter> const removing{
      {"payment_behavior", Kind::text, Need::optional,
       "allow_incomplete|default_incomplete|error_if_incomplete|pending_if_incomplete"},
      {"proration_behavior", Kind::text, Need::optional, "always_invoice|create_prorations|none"},
      {"proration_date", Kind::integer}};
  auto updating = removing;
  updating.insert(updating.end(), {{"discounts[].coupon"},
                                   {"discounts[].discount"},
                                   {"discounts[].promotion_code"},
                                   {"metadata", Kind::metadata},
                                   {"price"},
                                   {"quantity", Kind::count},
                                   {"tax_rates[]"}});
  auto creating = updating;
  creating.push_back({"subscription", Kind::text, Need::required});
  return {{"GET",
           "/v1/subscription_items",
           {{"subscription", Kind::text, Need::required}},
           list,
           Shape::list},
          {"POST", "/v1/subscription_items", creating, create},
          {"GET", "/v1/subscription_items/{id}", {}, retrieve},
          {"POST", "/v1/subscription_items/{id}", updating, update},
          {"DELETE", "/v1/subscription_items/{id}", removing, remove}};
}

}  // namespace sandbox
