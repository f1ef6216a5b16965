// A claim is a committed row without an answer; it goes stale after a minute, so that a crash in
// the middle does not block the client's retry.
#include "platform/http/idempotency.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/log/log.hpp"

namespace http {

namespace {

struct Stored {
  std::string request_hash;
  std::optional<std::int64_t> status;
  std::optional<std::string> body;
  bool stale;
  static constexpr auto fields() {
    return ::fields(field("request_hash", &Stored::request_hash), field("status", &Stored::status),
                    field("body", &Stored::body), field("stale", &Stored::stale));
  }
};

db::Query const claim{"http.claim_idempotency_key", R"sql(
  INSERT INTO idempotency_keys AS kept (key, request_hash) VALUES ($1, $2)
  ON CONFLICT (key) DO UPDATE SET claimed_at = now(), request_hash = $2, status = NULL, body = NULL
   WHERE kept.claimed_at < now() - interval '24 hours'
      OR (kept.status IS NULL AND kept.claimed_at < now() - interval '1 minute'
          AND kept.request_hash = $2)
)sql"};

db::Query const load{"http.load_idempotency_key", R"sql(
  SELECT request_hash, status, body, claimed_at < now() - interval '1 minute' AS stale
    FROM idempotency_keys WHERE key = $1
)sql"};

db::Query const keep_answer{"http.keep_idempotent_answer", R"sql(
  UPDATE idempotency_keys SET status = $2, body = $3 WHERE key = $1
)sql"};

db::Query const forget{"http.forget_idempotency_key", R"sql(
  DELETE FROM idempotency_keys WHERE key = $1 AND status IS NULL
)sql"};

bool is_sane(std::string_view key) {
  return key.size() >= 8 && key.size() <= 255 &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

IdempotentCall::IdempotentCall(db::Connection& connection, Declared const& endpoint,
                               Request const& request, Actor const& actor)
    : connection_{connection} {
  auto const given = request.header("idempotency-key");
  if (!is_sane(given)) throw Problem{idempotency_key_invalid};
  // A key belongs to one caller and one route, so nobody reads another's answer with a guess.
  auto const owner = actor.user_id      ? std::to_string(actor.user_id)
                     : actor.api_key_id ? "key " + std::to_string(actor.api_key_id)
                                        : request.remote_address;
  key_ = crypto::hex(
      crypto::sha256(endpoint.method + request.path + "\n" + owner + "\n" + std::string{given}));
  auto const hash = crypto::hex(crypto::sha256(request.body));

  db::Tx tx{connection_, db::Mode::autocommit};
  claimed_ = tx.exec(claim, key_, hash) == 1;
  if (claimed_) return;
  auto const found = tx.maybe<Stored>(load, key_);
  if (!found) throw Problem{idempotency_key_in_flight}.retry_after(1);
  if (found->request_hash != hash) throw Problem{idempotency_key_reused};
  if (!found->status) throw Problem{idempotency_key_in_flight}.retry_after(1);
  stored_ = Response{.status = int(*found->status), .body = found->body.value_or("")};
  stored_->headers.push_back({"Idempotency-Replayed", "true"});
  stored_->headers.push_back({"Cache-Control", "no-store"});
}

IdempotentCall::~IdempotentCall() {
  if (!claimed_) return;
  try {
    db::Tx tx{connection_, db::Mode::autocommit};
    tx.exec(forget, key_);
  } catch (std::exception const& error) {
    logging::warning("http", "an idempotency key could not be freed: {}", error.what());
  }
}

void IdempotentCall::keep(Response const& response) {
  db::Tx tx{connection_, db::Mode::autocommit};
  tx.exec(keep_answer, key_, response.status, response.body);
  claimed_ = false;
}

}  // namespace http
