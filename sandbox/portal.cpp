// Stripe's customer portal: the product has its own pages, so that the sandbox says no in words.
#include "sandbox/api.hpp"

namespace sandbox {

namespace {
Object refuse(Call&) {
  throw invalid(
      "The sandbox has no customer portal: subscriptions, payment methods and invoices are changed "
      "through the API, and open invoices are paid on their hosted page.");
}
}  // namespace

std::vector<Endpoint> portal_endpoints() {
  std::vector<Endpoint> list;
  std::vector<Parameter> const session{
      {"configuration"}, {"customer"},     {"flow_data", Kind::ignored},
      {"locale"},        {"on_behalf_of"}, {"return_url"}};
  std::vector<Parameter> const configuration{{"business_profile", Kind::ignored},
                                             {"default_return_url"},
                                             {"features", Kind::ignored},
                                             {"login_page", Kind::ignored},
                                             {"metadata", Kind::metadata}};
  list.push_back({"POST", "/v1/billing_portal/sessions", session, refuse});
  list.push_back({"POST", "/v1/billing_portal/configurations", configuration, refuse});
  list.push_back({"GET", "/v1/billing_portal/configurations", {}, refuse, Shape::list});
  return list;
}

}  // namespace sandbox
