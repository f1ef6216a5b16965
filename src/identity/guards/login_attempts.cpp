// The rows of log-in attempts.
#include "identity/guards/login_attempts.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/retention/retention.hpp"

namespace identity::guards {

namespace {
db::Query const insert_attempt{"identity.insert_login_attempt", R"sql(
  INSERT INTO login_attempts (at, account_hash, staff_id, method, succeeded, reason, address,
                              user_agent)
  VALUES ($1, $2, $3, $4, $5::text IS NULL, $5, $6, $7)
)sql"};

retention::Rule const old_attempts{
    {.table = "login_attempts",
     .column = "at",
     .keep = std::chrono::days{90},
     .least = std::chrono::days{7},
     .why = "the threat rules look at hours, the evidence of an incident at weeks"}};
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

}  // namespace identity::guards
