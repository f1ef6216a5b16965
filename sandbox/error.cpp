// The texts follow Stripe's, since clients show them.
#include "sandbox/error.hpp"

namespace sandbox {

ApiError::ApiError(int answer_status, std::string_view type, std::string message_text,
                   std::string_view code, std::string_view param)
    : status{answer_status}, message{std::move(message_text)} {
  if (!code.empty()) {
    body["code"] = code;
    body["doc_url"] = "https://stripe.com/docs/error-codes/" + [&] {
      std::string dashed{code};
      for (auto& c : dashed)
        if (c == '_') c = '-';
      return dashed;
    }();
  }
  body["message"] = message;
  if (!param.empty()) body["param"] = param;
  body["type"] = type;
}

ApiError invalid(std::string message, std::string_view param, std::string_view code) {
  return ApiError{400, "invalid_request_error", std::move(message), code, param};
}

ApiError missing_parameter(std::string_view param) {
  return invalid("Missing required param: " + std::string{param} + ".", param, "parameter_missing");
}

ApiError no_such(std::string_view type, std::string_view id, std::string_view param) {
  std::string noun{type};
  if (noun.starts_with("test_helpers.")) noun.erase(0, 13);
  if (noun == "payment_method") noun = "PaymentMethod";
  if (noun == "refund") noun = "Refund";
  return ApiError{param == "id" ? 404 : 400, "invalid_request_error",
                  "No such " + noun + ": '" + std::string{id} + "'", "resource_missing", param};
}

}  // namespace sandbox
