#pragma once
// Idempotency-Key: the first answer is kept for 24 hours and given again to the same request. The
// answer is a row of the very transaction that did the work, so there is no moment between the two;
// while it works, a request holds its key by a lock that ends with its transaction or session.
#include "platform/db/session_lock.hpp"
#include "platform/http/endpoint.hpp"

namespace http {

inline constexpr ProblemType idempotency_key_reused{
    Kind::invalid, "idempotency_key_reused", "This Idempotency-Key was used for another request"};
inline constexpr ProblemType idempotency_key_in_flight{
    Kind::conflict, "idempotency_key_in_flight", "A request with this key is being worked on"};
inline constexpr ProblemType idempotency_key_invalid{
    Kind::bad_request, "idempotency_key_invalid",
    "An Idempotency-Key has 8 to 255 printable ASCII characters"};

/// One request under its key.
class IdempotentCall {
 public:
  /// Takes the key: in the transaction that will do the work, or for the session where the handler
  /// has transactions of its own. Throws Problem when it belongs to another request or is in
  /// flight.
  IdempotentCall(db::Tx& tx, Declared const& endpoint, Request const& request, Actor const& actor);

  /// The answer that was given already.
  [[nodiscard]] std::optional<Response> stored() { return std::move(stored_); }
  /// What an earlier try has made that did not come to an answer.
  [[nodiscard]] std::optional<std::string> const& work() const { return work_; }
  /// In the transaction that makes it.
  void note_work(db::Tx& tx, std::string_view what) const;
  /// In the work's own transaction.
  void keep(db::Tx& tx, Response const& response) const;

 private:
  std::string key_, hash_;
  std::optional<db::SessionLock> turn_;
  std::optional<Response> stored_;
  std::optional<std::string> work_;
};

}  // namespace http
