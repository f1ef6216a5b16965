#include "platform/mail/server.hpp"

#include "platform/jobs/jobs.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace mail::server {

namespace {
// Whoever gets the turn has as long as a conversation may take.
db::Query const ask{"mail.ask_server", R"sql(
  WITH turn AS (
    UPDATE mail_server SET next_at = now() + interval '2 minutes'
     WHERE away_since IS NOT NULL AND next_at <= now() RETURNING 1)
  SELECT CASE WHEN away_since IS NULL OR EXISTS (SELECT FROM turn) THEN 0
              ELSE greatest(extract(epoch FROM next_at - now()) * 1000, 0)::bigint + 1000 END
    FROM mail_server
)sql"};
db::Query const count_try{"mail.server_away", R"sql(
  UPDATE mail_server SET away_since = coalesce(away_since, now()), tries = tries + 1,
         next_at = greatest(coalesce(next_at, now()), now()), last_error = $1
  RETURNING tries
)sql"};
db::Query const put_off{"mail.server_put_off", R"sql(
  UPDATE mail_server SET next_at = now() + $1 * interval '1 millisecond'
   WHERE away_since IS NOT NULL
)sql"};
db::Query const forget{"mail.server_there", R"sql(
  UPDATE mail_server SET away_since = NULL, tries = 0, next_at = NULL, last_error = NULL
   WHERE away_since IS NOT NULL
)sql"};

retention::Kept const kept_server{"mail_server", "one row"};
}  // namespace

std::chrono::milliseconds wait(db::Connection& connection) {
  db::Tx tx{connection, db::Mode::autocommit};
  return std::chrono::milliseconds{tx.one<std::int64_t>(ask)};
}

std::chrono::milliseconds is_away(db::Connection& connection, std::string_view why) {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const tries = tx.one<std::int64_t>(count_try, why);
  auto const pause = jobs::backoff(tries);
  tx.exec(put_off, pause.count());
  logging::warning("mail", "the mail server is away, asked again in {} ms: {}", pause.count(), why);
  return pause;
}

void is_there(db::Connection& connection) {
  db::Tx tx{connection, db::Mode::autocommit};
  if (tx.exec(forget) > 0) logging::info("mail", "the mail server is there again");
}

}  // namespace mail::server
