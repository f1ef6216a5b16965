// Where events are sent. The secret is shown once, when the endpoint is made.
#include "sandbox/webhook_endpoints.hpp"

#include "sandbox/api.hpp"

namespace sandbox {

namespace {
/// How long both secrets sign after a roll.
constexpr std::int64_t roll_overlap = 86'400;

void check_url(std::string const& url) {
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    throw invalid("Invalid URL: An explicit scheme (such as https) must be provided.", "url",
                  "url_invalid");
}

Object create(Call& call) {
  check_url(call.given("url"));
  auto endpoint = new_endpoint(call.store, call.given("url"), "whsec_" + new_id("", 32));
  endpoint["enabled_events"] = call.parameters.at("enabled_events");
  apply(endpoint, call.parameters, {"description", "api_version"});
  merge_metadata(endpoint, call.parameters);
  call.store.insert(endpoint);
  auto answer = without_private(endpoint);
  answer["secret"] = text(endpoint, "_secret");
  return answer;
}

Object retrieve(Call& call) {
  return without_private(call.store.load("webhook_endpoint", call.id()));
}

Object update(Call& call) {
  auto endpoint = call.store.load("webhook_endpoint", call.id());
  if (has(call.parameters, "url")) check_url(call.given("url"));
  apply(endpoint, call.parameters, {"description", "enabled_events", "url"});
  if (has(call.parameters, "disabled"))
    endpoint["status"] = truth(call.parameters, "disabled") ? "disabled" : "enabled";
  merge_metadata(endpoint, call.parameters);
  call.store.save(endpoint);
  return without_private(endpoint);
}

/// A helper of the sandbox (Stripe rolls secrets in its dashboard only).
Object roll(Call& call) {
  auto endpoint = call.store.load("webhook_endpoint", call.id());
  endpoint["_old_secret"] = text(endpoint, "_secret");
  endpoint["_old_secret_until"] =
      call.store.now + number(call.parameters, "expires_in", roll_overlap);
  endpoint["_secret"] =
      has(call.parameters, "secret") ? call.given("secret") : "whsec_" + new_id("", 32);
  call.store.save(endpoint);
  auto answer = without_private(endpoint);
  answer["secret"] = text(endpoint, "_secret");
  return answer;
}

Object remove(Call& call) {
  call.store.load("webhook_endpoint", call.id());
  call.store.remove(call.id());
  return {{"id", call.id()}, {"object", "webhook_endpoint"}, {"deleted", true}};
}

Object list(Call& call) { return answer_list(call, "webhook_endpoint", {}); }
}  // namespace

Object new_endpoint(Store& store, std::string const& url, std::string const& secret) {
  return {{"id", new_id("we_1")},
          {"object", "webhook_endpoint"},
          {"api_version", nullptr},
          {"application", nullptr},
          {"created", store.now},
          {"description", nullptr},
          {"enabled_events", Array{"*"}},
          {"livemode", false},
          {"metadata", Object{}},
          {"status", "enabled"},
          {"url", url},
          {"_secret", secret}};
}

std::vector<Endpoint> webhook_endpoint_endpoints() {
  return {
      {"POST",
       "/v1/webhook_endpoints",
       {{"enabled_events[]", Kind::text, Need::required},
        {"url", Kind::text, Need::required},
        {"api_version"},
        {"connect", Kind::boolean},
        {"description"},
        {"metadata", Kind::metadata}},
       create},
      {"GET", "/v1/webhook_endpoints", {}, list, Shape::list},
      {"GET", "/v1/webhook_endpoints/{id}", {}, retrieve},
      {"POST",
       "/v1/webhook_endpoints/{id}",
       {{"description"},
        {"disabled", Kind::boolean},
        {"enabled_events[]"},
        {"metadata", Kind::metadata},
        {"url"}},
       update},
      {"POST",
       "/v1/test_helpers/webhook_endpoints/{id}/roll_secret",
       {{"expires_in", Kind::count}, {"secret"}},
       roll},
      {"DELETE", "/v1/webhook_endpoints/{id}", {}, remove},
  };
}

}  // namespace sandbox
