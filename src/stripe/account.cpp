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
      throw readiness::Failed{"Stripe does not know the key: " + std::string{refused.what()},
                              key_setting,
                              "Copy the secret key from Stripe's dashboard (Developers, API keys)"};
    if (refused.status == 403) return {};
    throw;
  }
}
}  // namespace

void try_account(config::Settings const& settings) {
  Client const client{settings};
  if (auto const balance = ask(client, "/v1/balance");
      balance && boolean(*balance, "livemode") != settings.takes_real_money())
    throw readiness::Failed{std::string{"the key says "} +
                                (settings.takes_real_money() ? "live" : "test") +
                                ", Stripe's answer is of the other mode",
                            key_setting, "Use the key of the mode that is meant"};
  auto const account = ask(client, "/v1/account");
  if (account && find(*account, "charges_enabled") && !boolean(*account, "charges_enabled"))
    throw readiness::Failed{"the account " + text(*account, "id") + " may not take payments yet",
                            key_setting,
                            "Finish the account's set-up in Stripe's dashboard, or use the key of "
                            "another account"};
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
      "Stripe has no enabled webhook endpoint for " + wanted, "stripe_webhook_secret",
      "Add the endpoint in Stripe's dashboard (Developers, Webhooks) and set its signing secret"};
}

}  // namespace stripe
