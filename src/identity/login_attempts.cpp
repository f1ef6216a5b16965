// The rows of log-in attempts.
#include "identity/login_attempts.hpp"

#include "platform/crypto/crypto.hpp"

namespace identity {

namespace {
db::Query const insert_attempt{"identity.insert_login_attempt", R"sql(
  INSERT INTO login_attempts (at, account_hash, staff_id, method, succeeded, reason, address,
                              user_agent)
  VALUES ($1, $2, $3, $4, $5::text IS NULL, $5, $6, $7)
)sql"};
db::Query const delete_old{"identity.forget_login_attempts",
                           "DELETE FROM login_attempts WHERE at < $1"};
}  // namespace

std::string account_hash_of(std::string email) {
  for (auto& c : email)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  return crypto::hex(crypto::sha256(email));
}

void record(http::Context& context, LoginAttempt const& attempt) {
  auto const& request = context.request;
  db::Tx tx{context.worker.aside, db::Mode::autocommit};
  tx.exec(insert_attempt, clock_source::now(), attempt.account_hash, attempt.staff_id,
          attempt.method, attempt.refused, request.remote_address, request.user_agent());
}

void forget_login_attempts(db::Tx& tx, Time oldest) { tx.exec(delete_old, oldest); }

}  // namespace identity
