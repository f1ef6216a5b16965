#pragma once
// Idempotency-Key: the first answer is kept for 24 hours and given again to the same request.
#include "platform/http/endpoint.hpp"

namespace http {

inline constexpr ProblemType idempotency_key_reused{
    Kind::invalid, "idempotency_key_reused", "This Idempotency-Key was used for another request"};
inline constexpr ProblemType idempotency_key_in_flight{
    Kind::conflict, "idempotency_key_in_flight", "A request with this key is being worked on"};
inline constexpr ProblemType idempotency_key_invalid{
    Kind::bad_request, "idempotency_key_invalid",
    "An Idempotency-Key has 8 to 255 printable ASCII characters"};

/// One request under its key. Not kept when it goes out of scope means: free for another try.
class IdempotentCall {
 public:
  /// Claims the key; throws Problem when it belongs to another request or is in flight.
  IdempotentCall(db::Connection& connection, Declared const& endpoint, Request const& request,
                 Actor const& actor);
  ~IdempotentCall();
  IdempotentCall(IdempotentCall const&) = delete;
  IdempotentCall& operator=(IdempotentCall const&) = delete;

  [[nodiscard]] std::optional<Response> stored() { return std::move(stored_); }
  void keep(Response const& response);

 private:
  db::Connection& connection_;
  std::string key_;
  bool claimed_ = false;
  std::optional<Response> stored_;
};

}  // namespace http
