#pragma once
// Refusals in Stripe's own form: {"error":{"type","code","decline_code","param","message"}}.
#include <exception>
#include <string>
#include <string_view>

#include "sandbox/value.hpp"

namespace sandbox {

struct ApiError : std::exception {
  ApiError(int answer_status, std::string_view type, std::string message_text,
           std::string_view code = {}, std::string_view param = {});
  char const* what() const noexcept override { return message.c_str(); }

  /// Adds a member to the error ("payment_intent", "decline_code").
  ApiError&& with(std::string_view key, Value value) && {
    body.insert_or_assign(key, std::move(value));
    return std::move(*this);
  }
  ApiError&& with(std::string_view key, std::string const& value) && {
    body.insert_or_assign(key, value);
    return std::move(*this);
  }
  /// What was done before the refusal stays done (a declined charge is a fact).
  ApiError&& keeping_changes() && {
    keep_changes = true;
    return std::move(*this);
  }

  int status;
  std::string message;
  Object body;  // the value of "error"
  bool keep_changes = false;
};

/// 400 invalid_request_error.
[[nodiscard]] ApiError invalid(std::string message, std::string_view param = {},
                               std::string_view code = {});
[[nodiscard]] ApiError missing_parameter(std::string_view param);
/// 404, or 400 when the id came as a parameter.
[[nodiscard]] ApiError no_such(std::string_view type, std::string_view id,
                               std::string_view param = "id");

}  // namespace sandbox
