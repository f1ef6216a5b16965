#pragma once
// Stripe on the wire: form encoding, idempotency keys, pinned version, errors, retries; and the
// signature of its webhooks. https://docs.stripe.com/api
#include <boost/json.hpp>

#include "platform/clock/clock.hpp"
#include "platform/config/config.hpp"
#include "platform/http_client/http_client.hpp"
#include "platform/readiness/readiness.hpp"

namespace stripe {

/// The version of everything we send; webhooks may come in another.
inline constexpr std::string_view api_version = "2026-10-28.endive";

using Object = boost::json::object;

/// Stripe refused: a 4xx that trying again does not change.
struct Refused : std::runtime_error {
  Refused(int status, std::string type, std::string code, std::string const& message,
          std::string request_id);
  int status;
  std::string type, code, request_id;
};
/// Stripe cannot be reached, is overloaded or failing: worth another try later.
struct Unavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An Idempotency-Key for one intention: its name and a hash of what is asked for. Stripe takes a
/// key for the same content only, and our row numbers come again after a restore.
[[nodiscard]] std::string key_of(std::string_view intention, http_client::Form const& form);
/// For what may be asked for again without doing more: each request has a key of its own, so that
/// Stripe never repeats an answer of yesterday instead of doing it.
[[nodiscard]] std::string key_once(std::string_view intention);

enum class Patience {
  visitor,     // somebody waits: 5 s for all tries together, and none while Stripe is silent
  background,  // a job asks and will ask again by itself
  probe,       // only whether it works: 10 s
};

/// While it lives, the visitor's calls of this thread share one deadline: 6 s for all of them.
class Visit {
 public:
  Visit();
  ~Visit();
  Visit(Visit const&) = delete;
  Visit& operator=(Visit const&) = delete;
};

class Client {
 public:
  /// Reads api base and secret key from the settings at each call.
  explicit Client(config::Settings const& settings) : settings_{settings} {}

  /// GET `path` ("/v1/events") with `query`; throws Refused, Unavailable.
  [[nodiscard]] Object get(std::string const& path, http_client::Form const& query = {},
                           Patience patience = Patience::background) const;
  /// POST with an Idempotency-Key that is the same over all retries of one intention.
  Object post(std::string const& path, http_client::Form const& form,
              std::string const& idempotency_key, Patience patience = Patience::background) const;
  Object cancel(std::string const& path) const;

 private:
  Object send(http_client::Request request, Patience patience) const;
  config::Settings const& settings_;
};

/// "this machine's clock is 2 h ahead of Stripe's", as its last answer said; empty while the clocks
/// agree, or nobody knows. Then signatures, leases and payment pages go wrong.
[[nodiscard]] std::string clock_trouble(config::Settings const& settings);

/// Whether the key works, for which mode and account. Throws readiness::Failed.
void try_account(config::Settings const& settings);
/// Whether Stripe sends its events to us. Throws readiness::Failed.
void try_webhook_endpoint(config::Settings const& settings);

enum class Signature { valid, malformed, wrong, too_old };
/// Checks `Stripe-Signature` over the raw body against any of the comma-separated secrets, 300 s of
/// tolerance both ways. https://docs.stripe.com/webhooks#verify-manually
[[nodiscard]] Signature check_signature(std::string_view body, std::string_view header,
                                        std::string_view secrets, Time now);

/// A document of Stripe's: any JSON string is taken, NUL and lone surrogates become U+FFFD. Throws
/// Problem when it is no object.
[[nodiscard]] Object parse(std::string_view text);

// Reading Stripe's objects: a missing or null member is empty, zero or false.
// `path` is dotted: "items.data.0.price.id".
[[nodiscard]] boost::json::value const* find(Object const& object, std::string_view path);
[[nodiscard]] std::string text(Object const& object, std::string_view path);
[[nodiscard]] std::int64_t integer(Object const& object, std::string_view path);
[[nodiscard]] bool boolean(Object const& object, std::string_view path);
[[nodiscard]] std::optional<Time> time(Object const& object, std::string_view path);
/// A member that is either an id or the expanded object.
[[nodiscard]] std::string id_of(Object const& object, std::string_view path);

}  // namespace stripe
