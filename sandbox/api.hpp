#pragma once
// The doors under /v1, each declared with its parameters in one table per noun.
#include "platform/http/message.hpp"
#include "sandbox/parameters.hpp"
#include "sandbox/store.hpp"

namespace sandbox {

/// One request on its way through: checked parameters and the transaction it works in.
struct Call {
  Store& store;
  Object const& parameters;
  http::Request const& request;

  std::string id() const { return std::string{request.path_parameter("id")}; }
  std::string given(std::string_view path) const { return text(parameters, path); }
};

enum class Shape {
  one,   // answers one object
  list,  // answers a list: limit, starting_after, ending_before and created are taken too
};

struct Endpoint {
  std::string_view method, path;
  std::vector<Parameter> parameters;
  Object (*handle)(Call&);
  Shape shape = Shape::one;
};

/// The list object for what was asked: newest first, filtered, one page.
[[nodiscard]] Object answer_list(Call& call, std::string_view type, Object const& filter,
                                 std::vector<std::string> const& types = {});
/// One page of objects that are kept inside another one (lines, items).
[[nodiscard]] Object answer_embedded(Call& call, Array const& all);

// One per noun, in the file of that noun.
std::vector<Endpoint> customer_endpoints();
std::vector<Endpoint> product_endpoints();
std::vector<Endpoint> price_endpoints();
std::vector<Endpoint> coupon_endpoints();
std::vector<Endpoint> tax_rate_endpoints();
std::vector<Endpoint> payment_method_endpoints();
std::vector<Endpoint> source_endpoints();
std::vector<Endpoint> payment_intent_endpoints();
std::vector<Endpoint> setup_intent_endpoints();
std::vector<Endpoint> charge_endpoints();
std::vector<Endpoint> dispute_endpoints();
std::vector<Endpoint> refund_endpoints();
std::vector<Endpoint> credit_note_endpoints();
std::vector<Endpoint> balance_transaction_endpoints();
std::vector<Endpoint> tax_id_endpoints();
std::vector<Endpoint> portal_endpoints();
std::vector<Endpoint> invoice_endpoints();
std::vector<Endpoint> invoice_item_endpoints();
std::vector<Endpoint> subscription_endpoints();
std::vector<Endpoint> subscription_item_endpoints();
std::vector<Endpoint> subscription_schedule_endpoints();
std::vector<Endpoint> checkout_endpoints();
std::vector<Endpoint> payment_page_endpoints();
std::vector<Endpoint> event_endpoints();
std::vector<Endpoint> webhook_endpoint_endpoints();
std::vector<Endpoint> test_clock_endpoints();
std::vector<Endpoint> switch_endpoints();
std::vector<Endpoint> account_endpoints();

/// All of the above.
[[nodiscard]] std::vector<Endpoint> const& endpoints();

}  // namespace sandbox
