// Questions about ourselves: does the key work, may the account take money, do events come to us.
#include "stripe/stripe.hpp"

namespace stripe {

namespace {
constexpr auto key_setting = "stripe_secret_key";

/// A restricted key may be allowed less than to look at its own account; that is no fault.
std::optional<Object> ask(Client const& client, std::string const& path) {
  try {
    return client.get(path, {}, Patience::probe);
  } catch (Refused const& refused) {
    if (refused.status == 401)
      throw readiness::Failed{
          {.code = "stripe_key_unknown",
           .detail = "Stripe does not know the key: " + std::string{refused.what()},
           .setting = key_setting,
           .advice = "Copy the secret key from Stripe's dashboard (Developers, API keys)"}};
    if (refused.status == 403) return {};
    throw;
  }
}
}  // namespace

void try_account(config::Settings const& settings) {
  Client const client{settings};
  if (auto const balance = ask(client, "/v1/balance");
      balance && boolean(*balance, "livemode") != settings.takes_real_money())
    throw readiness::Failed{{.code = "stripe_key_of_other_mode",
                             .detail = std::string{"the key says "} +
                                       (settings.takes_real_money() ? "live" : "test") +
                                       ", Stripe's answer is of the other mode",
                             .setting = key_setting,
                             .advice = "Use the key of the mode that is meant"}};
  auto const account = ask(client, "/v1/account");
  if (account && find(*account, "charges_enabled") && !boolean(*account, "charges_enabled"))
    throw readiness::Failed{
        {.code = "stripe_account_not_ready",
         .parameters = {{"account", text(*account, "id")}},
         .detail = "the account " + text(*account, "id") + " may not take payments yet",
         .setting = key_setting,
         .advice = "Finish the account's set-up in Stripe's dashboard, or use the key of "
                   "another account"}};
}

void try_webhook_endpoint(config::Settings const& settings) {
  Client const client{settings};
  auto const wanted = settings.public_url + "/webhook/stripe";
  auto const all = ask(client, "/v1/webhook_endpoints?limit=100");
  auto const* endpoints = all ? find(*all, "data") : nullptr;
  if (!endpoints || !endpoints->is_array()) return;
  for (auto const& one : endpoints->get_array())
    if (one.is_object() && text(one.get_object(), "url") == wanted &&
        text(one.get_object(), "status") != "disabled")
      return;
  throw readiness::Failed{
      {.code = "stripe_without_endpoint",
       .parameters = {{"address", wanted}},
       .detail = "Stripe has no enabled webhook endpoint for " + wanted,
       .setting = "stripe_webhook_secret",
       .advice = "Add the endpoint in Stripe's dashboard (Developers, Webhooks) and set its "
                 "signing secret"}};
}

}  // namespace stripe
