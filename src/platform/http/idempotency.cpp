// A key without an answer belongs to whoever holds its lock. Nobody holds it: the try before has
// crashed or was refused, and the next one may begin at once.
#include "platform/http/idempotency.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/retention/retention.hpp"

namespace http {

namespace {

struct Stored {
  std::string request_hash;
  std::optional<std::int64_t> status;
  std::optional<std::string> body, work;
};

db::Query const take_turn{"http.take_idempotency_key",
                          "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))"};

db::Query const load{"http.load_idempotency_key", R"sql(
  SELECT request_hash, status, body, work FROM idempotency_keys
   WHERE key = $1 AND claimed_at > now() - interval '24 hours'
)sql"};

// One that is there is either ours without an answer yet, or over 24 hours old.
db::Query const keep_answer{"http.keep_idempotent_answer", R"sql(
  INSERT INTO idempotency_keys AS kept (key, request_hash, status, body) VALUES ($1, $2, $3, $4)
  ON CONFLICT (key) DO UPDATE SET request_hash = $2, status = $3, body = $4, claimed_at = now()
)sql"};

db::Query const keep_work{"http.keep_idempotent_work", R"sql(
  INSERT INTO idempotency_keys AS kept (key, request_hash, work) VALUES ($1, $2, $3)
  ON CONFLICT (key) DO UPDATE SET request_hash = $2, status = NULL, body = NULL, work = $3,
                                  claimed_at = now()
)sql"};

bool is_sane(std::string_view key) {
  return key.size() >= 8 && key.size() <= 255 &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

retention::Rule const old_keys{{.table = "idempotency_keys",
                                .column = "claimed_at",
                                .keep = std::chrono::days{1},
                                .least = std::chrono::days{1},
                                .why = "clients are promised a day"}};
}  // namespace

IdempotentCall::IdempotentCall(db::Tx& tx, Declared const& endpoint, Request const& request,
                               Actor const& actor) {
  auto const given = request.header("idempotency-key");
  if (!is_sane(given)) throw Problem{idempotency_key_invalid};
  // A key belongs to one caller and one route, so nobody reads another's answer with a guess.
  auto const owner = actor.user_id      ? std::to_string(actor.user_id)
                     : actor.api_key_id ? "key " + std::to_string(actor.api_key_id)
                                        : request.remote_address;
  key_ = crypto::hex(
      crypto::sha256(endpoint.method + request.path + "\n" + owner + "\n" + std::string{given}));
  hash_ = crypto::hex(crypto::sha256(request.body));

  auto const lock = "idempotency:" + key_;
  bool const is_ours =
      endpoint.transaction == Transaction::automatic
          ? tx.one<bool>(take_turn, lock)
          : turn_.emplace(tx.connection(), lock, db::SessionLock::Wait::never).is_held();
  auto const found = tx.maybe<Stored>(load, key_);
  if (found && found->request_hash != hash_) throw Problem{idempotency_key_reused};
  if (!is_ours) throw Problem{idempotency_key_in_flight}.retry_after(1);
  if (!found) return;
  work_ = found->work;
  if (!found->status) return;
  stored_ = Response{.status = int(*found->status), .body = found->body.value_or("")};
  stored_->headers.push_back({"Idempotency-Replayed", "true"});
  stored_->headers.push_back({"Cache-Control", "no-store"});
}

void IdempotentCall::note_work(db::Tx& tx, std::string_view what) const {
  tx.exec(keep_work, key_, hash_, what);
}

void IdempotentCall::keep(db::Tx& tx, Response const& response) const {
  tx.exec(keep_answer, key_, hash_, response.status, response.body);
}

std::optional<std::string> Context::begun() const { return call ? call->work() : std::nullopt; }

void Context::note_begun(db::Tx& own, std::string_view what) const {
  if (call) call->note_work(own, what);
}

}  // namespace http
