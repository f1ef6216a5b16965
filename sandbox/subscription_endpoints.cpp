// The doors to subscriptions and their items.
#include "sandbox/api.hpp"
#include "sandbox/discounts.hpp"
#include "sandbox/payment_methods.hpp"
#include "sandbox/subscription_updates.hpp"

namespace sandbox {

namespace {
Object create(Call& call) {
  auto& store = call.store;
  if (call.given("payment_behavior") == "pending_if_incomplete")
    throw invalid(
        "`pending_if_incomplete` is for updates: a subscription cannot be created with it.",
        "payment_behavior");
  if (call.given("billing_mode.flexible.proration_discounts") == "itemized")
    throw invalid("The sandbox writes prorations with their discounts included, not itemized.",
                  "billing_mode[flexible][proration_discounts]");
  auto const customer = store.load("customer", call.given("customer"), "customer");
  if (truth(customer, "deleted")) throw no_such("customer", call.given("customer"), "customer");
  return without_private(
      create_subscription(store, {.customer = customer, .parameters = call.parameters}));
}

Object retrieve(Call& call) { return without_private(call.store.load("subscription", call.id())); }

Object list(Call& call) {
  Object filter;
  for (auto const name : {"customer", "test_clock", "collection_method"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  if (auto const price = call.given("price"); !price.empty()) filter["price"] = Array{Value(price)};
  auto const status = call.given("status");
  if (!status.empty() && status != "all" && status != "ended") filter["status"] = status;
  if (status == "ended") filter["ended"] = true;
  if (status.empty()) filter["canceled"] = false;
  return answer_list(call, "subscription", filter);
}

void take_cancellation(Store& store, Object& subscription, Object const& parameters) {
  if (auto const* given = parameters.if_contains("cancel_at_period_end")) {
    bool const cancels = given->as_bool();
    if (cancels != truth(subscription, "cancel_at_period_end")) {
      subscription["cancel_at_period_end"] = cancels;
      subscription["cancel_at"] = cancels ? Value(period_end_of(subscription)) : Value(nullptr);
      subscription["canceled_at"] = cancels ? Value(store.now) : Value(nullptr);
      subscription["cancellation_details"].as_object()["reason"] =
          cancels ? Value("cancellation_requested") : Value(nullptr);
    }
  }
  if (parameters.contains("cancel_at")) {
    apply(subscription, parameters, {"cancel_at"});
    bool const cancels = has(subscription, "cancel_at");
    subscription["canceled_at"] = cancels ? Value(store.now) : Value(nullptr);
    subscription["cancellation_details"].as_object()["reason"] =
        cancels ? Value("cancellation_requested") : Value(nullptr);
  }
  apply(subscription["cancellation_details"].as_object(), part(parameters, "cancellation_details"),
        {"comment", "feedback"});
}

void take_pause(Object& subscription, Object const& parameters) {
  auto const* pause = parameters.if_contains("pause_collection");
  if (!pause) return;
  if (!pause->is_object()) {
    subscription["pause_collection"] = nullptr;
    return;
  }
  Object out{{"behavior", text(pause->get_object(), "behavior")}, {"resumes_at", nullptr}};
  apply(out, pause->get_object(), {"resumes_at"});
  subscription["pause_collection"] = std::move(out);
}

void take_trial(Store& store, Object& subscription, Object const& parameters) {
  auto const* given = parameters.if_contains("trial_end");
  if (!given) return;
  if (given->is_int64()) {
    auto const end = given->get_int64();
    if (end <= store.now)
      throw invalid("Invalid timestamp: must be an integer Unix timestamp in the future.",
                    "trial_end");
    if (!has(subscription, "trial_start")) subscription["trial_start"] = store.now;
    subscription["trial_end"] = end;
    subscription["status"] = "trialing";
    subscription["billing_cycle_anchor"] = end;
    subscription.erase("_trial_notice");
    set_period(subscription, period_start_of(subscription), end);
    return;
  }
  if (text(subscription, "status") != "trialing") return;
  subscription["trial_end"] = store.now;
  auto const customer = store.load("customer", text(subscription, "customer"));
  bool const payable = has(subscription, "default_payment_method") ||
                       has(customer, "invoice_settings.default_payment_method");
  if (!payable &&
      text(subscription, "trial_settings.end_behavior.missing_payment_method") == "pause") {
    pause_for_missing_method(store, subscription);
    return;
  }
  subscription["status"] = "active";
  start_period_now(store, subscription, "subscription_update");
}

Object update(Call& call) {
  auto& store = call.store;
  auto const& parameters = call.parameters;
  auto subscription = store.load("subscription", call.id());
  if (has(subscription, "ended_at")) {
    if (parameters.size() > std::size_t(parameters.contains("metadata")) +
                                parameters.contains("expand") +
                                parameters.contains("cancellation_details"))
      throw invalid(
          "A canceled subscription can only update its cancellation_details and metadata.", {},
          "invalid_canceled_subscription_fields");
  }
  auto const method_before = text(subscription, "default_payment_method");
  apply(subscription, parameters, {"collection_method", "days_until_due", "description"});
  merge_metadata(subscription, parameters);
  take_payment_settings(subscription, parameters);
  if (parameters.contains("default_payment_method")) {
    auto const wanted = call.given("default_payment_method");
    subscription["default_payment_method"] =
        wanted.empty()
            ? Value(nullptr)
            : Value(text(resolve_payment_method(store, wanted, "default_payment_method"), "id"));
  }
  take_discounts(store, subscription, parameters);
  take_tax_rates(store, subscription, parameters);
  take_cancellation(store, subscription, parameters);
  take_pause(subscription, parameters);
  update_items(store, subscription, parameters);
  take_trial(store, subscription, parameters);
  if (!has(subscription, "ended_at") && truth(subscription, "cancel_at_period_end"))
    subscription["cancel_at"] = period_end_of(subscription);
  schedule(subscription);
  store.save_and_emit(subscription, "customer.subscription.updated");
  auto const method = text(subscription, "default_payment_method");
  if (!method.empty() && method != method_before) {
    retry_open_invoices(store, text(subscription, "customer"));
    subscription = store.load("subscription", call.id());
  }
  return without_private(subscription);
}

Object cancel(Call& call) {
  auto subscription = call.store.load("subscription", call.id());
  if (has(subscription, "ended_at")) throw no_such("subscription", call.id());
  cancel_subscription(call.store, subscription,
                      {.feedback = call.given("cancellation_details.feedback"),
                       .comment = call.given("cancellation_details.comment"),
                       .invoice_now = truth(call.parameters, "invoice_now"),
                       .prorate = truth(call.parameters, "prorate")});
  return without_private(subscription);
}

Object resume(Call& call) {
  auto subscription = call.store.load("subscription", call.id());
  if (text(subscription, "status") != "paused")
    throw invalid("Only paused subscriptions can be resumed; this one has the status " +
                  text(subscription, "status") + ".");
  subscription["status"] = "active";
  start_period_now(call.store, subscription, "subscription_update");
  call.store.emit("customer.subscription.resumed", subscription);
  return without_private(subscription);
}

Object delete_discount(Call& call) {
  auto subscription = call.store.load("subscription", call.id());
  auto const& discounts = items(subscription, "discounts");
  if (discounts.empty())
    throw invalid("No active discount for subscription: " + call.id(), {}, "resource_missing");
  auto answer = *call.store.find(std::string_view{discounts[0].as_string()});
  announce_removed(call.store, discounts, {});
  subscription["discounts"] = Array{};
  call.store.save_and_emit(subscription, "customer.subscription.updated");
  answer.erase("end");
  answer["deleted"] = true;
  return without_private(answer);
}

std::vector<Parameter> writable() {
  return {
      {"cancel_at", Kind::integer},
      {"cancel_at_period_end", Kind::boolean},
      {"collection_method", Kind::text, Need::optional, "charge_automatically|send_invoice"},
      {"days_until_due", Kind::count},
      {"default_payment_method"},
      {"description"},
      {"discounts[].coupon"},
      {"discounts[].discount"},
      {"discounts[].promotion_code"},
      {"default_tax_rates[]"},
      {"items[].discounts[].coupon"},
      {"items[].discounts[].discount"},
      {"items[].discounts[].promotion_code"},
      {"items[].tax_rates[]"},
      {"items[].metadata", Kind::metadata},
      {"items[].price"},
      {"items[].price_data.currency", Kind::text, Need::required},
      {"items[].price_data.product", Kind::text, Need::required},
      {"items[].price_data.recurring.interval", Kind::text, Need::required, "day|week|month|year"},
      {"items[].price_data.recurring.interval_count", Kind::count},
      {"items[].price_data.tax_behavior"},
      {"items[].price_data.unit_amount", Kind::amount},
      {"items[].quantity", Kind::count},
      {"metadata", Kind::metadata},
      {"off_session", Kind::boolean},
      {"payment_behavior", Kind::text, Need::optional,
       "allow_incomplete|default_incomplete|error_if_incomplete|pending_if_incomplete"},
      {"payment_settings.payment_method_options", Kind::ignored},
      {"payment_settings.payment_method_types[]"},
      {"payment_settings.save_default_payment_method", Kind::text, Need::optional,
       "off|on_subscription"},
      {"proration_behavior", Kind::text, Need::optional, "always_invoice|create_prorations|none"},
      {"trial_end", Kind::integer, Need::optional, "now"},
      {"trial_settings.end_behavior.missing_payment_method", Kind::text, Need::required,
       "cancel|create_invoice|pause"}};
}
}  // namespace

std::vector<Endpoint> subscription_endpoints() {
  auto creating = writable();
  creating.insert(creating.end(),
                  {{"customer", Kind::text, Need::required},
                   {"trial_period_days", Kind::count},
                   {"trial_from_plan", Kind::boolean},
                   {"currency"},
                   {"billing_mode.type", Kind::text, Need::required, "classic|flexible"},
                   {"billing_mode.flexible.proration_discounts", Kind::text, Need::optional,
                    "included|itemized"}});
  auto updating = writable();
  updating.insert(updating.end(),
                  {{"items[].id"},
                   {"items[].deleted", Kind::boolean},
                   {"billing_cycle_anchor", Kind::text, Need::optional, "now|unchanged"},
                   {"cancellation_details.comment"},
                   {"cancellation_details.feedback"},
                   {"pause_collection.behavior", Kind::text, Need::required,
                    "keep_as_draft|mark_uncollectible|void"},
                   {"pause_collection.resumes_at", Kind::integer},
                   {"proration_date", Kind::integer}});
  return {
      {"POST", "/v1/subscriptions", creating, create},
      {"GET",
       "/v1/subscriptions",
       {{"customer"},
        {"price"},
        {"status", Kind::text, Need::optional,
         "active|all|canceled|ended|incomplete|incomplete_expired|past_due|paused|trialing|unpaid"},
        {"test_clock"},
        {"collection_method"}},
       list,
       Shape::list},
      {"GET", "/v1/subscriptions/{id}", {}, retrieve},
      {"POST", "/v1/subscriptions/{id}", updating, update},
      {"DELETE",
       "/v1/subscriptions/{id}",
       {{"cancellation_details.comment"},
        {"cancellation_details.feedback"},
        {"invoice_now", Kind::boolean},
        {"prorate", Kind::boolean}},
       cancel},
      {"DELETE", "/v1/subscriptions/{id}/discount", {}, delete_discount},
      {"POST",
       "/v1/subscriptions/{id}/resume",
       {{"billing_cycle_anchor", Kind::text, Need::optional, "now|unchanged"},
        {"proration_behavior"}},
       resume},
  };
}

}  // namespace sandbox
