// The account itself: enough for clients that look whether their key works.
#include "sandbox/api.hpp"

namespace sandbox {

namespace {
Object retrieve_account(Call& call) {
  return {{"id", "acct_sandbox"},
          {"object", "account"},
          {"business_profile", Object{{"mcc", nullptr},
                                      {"minority_owned_business_designation", nullptr},
                                      {"name", call.store.settings.merchant_name},
                                      {"specified_commercial_transactions_act_url", nullptr},
                                      {"support_address", nullptr},
                                      {"support_email", nullptr},
                                      {"support_phone", nullptr},
                                      {"support_url", nullptr},
                                      {"url", nullptr}}},
          {"business_type", "company"},
          {"capabilities", Object{{"card_payments", "active"},
                                  {"sepa_debit_payments", "active"},
                                  {"transfers", "active"}}},
          {"charges_enabled", true},
          {"country", "ES"},
          {"default_currency", "eur"},
          {"details_submitted", true},
          {"email", nullptr},
          {"metadata", Object{}},
          {"payouts_enabled", true},
          {"type", "standard"}};
}

Object retrieve_balance(Call&) {
  Object const nothing{{"amount", 0}, {"currency", "eur"}, {"source_types", Object{{"card", 0}}}};
  return {{"object", "balance"},
          {"available", Array{nothing}},
          {"livemode", false},
          {"pending", Array{nothing}}};
}
}  // namespace

std::vector<Endpoint> account_endpoints() {
  return {{"GET", "/v1/account", {}, retrieve_account},
          {"GET", "/v1/balance", {}, retrieve_balance}};
}

}  // namespace sandbox
