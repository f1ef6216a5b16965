// The account itself: enough for clients that look whether their key works.
#include "sandbox/api.hpp"

namespace sandbox {

namespace {
Object retrieve_account(Call& call) {
  return {{"id", "acct_sandbox"},
          {"object", "account"},
          {"business_profile", Object{{"name", call.store.settings.merchant_name}, {"url", nullptr}}},
          {"business_type", "company"},
          {"capabilities", Object{{"card_payments", "active"}, {"sepa_debit_payments", "active"}, {"transfers", "active"}}},
          {"charges_enabled", true},
          {"country", "ES"},
          {"default_currency", "eur"},
          {"details_submitted", true},
          {"email", nullptr},
          {"metadata", Object{}},
          {"payouts_enabled", true},
          {"settings", Object{{"dashboard", Object{{"display_name", call.store.settings.merchant_name}, {"timezone", "Etc/UTC"}}}}},
          {"type", "standard"}};
}

Object retrieve_balance(Call&) {
  Object const nothing{{"amount", 0}, {"currency", "eur"}, {"source_types", Object{{"card", 0}}}};
  return {{"object", "balance"}, {"available", Array{nothing}}, {"livemode", false}, {"pending", Array{nothing}}};
}
}  // namespace

std::vector<Endpoint> account_endpoints() {
  return {{"GET", "/v1/account", {}, retrieve_account}, {"GET", "/v1/balance", {}, retrieve_balance}};
}

}  // namespace sandbox
