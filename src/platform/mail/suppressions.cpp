#include "platform/mail/suppressions.hpp"

#include "platform/retention/retention.hpp"

namespace mail {

namespace {
db::Query const insert_bounced{"mail.suppress", R"sql(
  INSERT INTO mail_suppressions (address, reason, status_code, detail, mail_id)
  SELECT lower(recipient), 'bounced', $2, $3, id FROM mails WHERE id = $1
  ON CONFLICT (address, template) DO NOTHING
)sql"};
db::Query const find_reason{"mail.suppressed_by", R"sql(
  SELECT s.reason FROM mails m
    JOIN mail_suppressions s ON s.address = lower(m.recipient)
                            AND (s.template = '' OR (m.declinable AND s.template = m.template))
   WHERE m.id = $1 ORDER BY s.template LIMIT 1
)sql"};
db::Query const find_declinable{"mail.declinable", R"sql(
  SELECT m.template AS template_name, m.locale,
         EXISTS (SELECT FROM mail_suppressions s WHERE s.address = lower(m.recipient)
                    AND s.template = m.template AND s.reason = 'declined') AS is_declined
    FROM mails m WHERE m.decline_token = $1
)sql"};
db::Query const insert_declined{"mail.decline", R"sql(
  INSERT INTO mail_suppressions (address, template, reason, mail_id)
  SELECT lower(recipient), template, 'declined', id FROM mails WHERE decline_token = $1
  ON CONFLICT (address, template) DO NOTHING
)sql"};
db::Query const remove_declined{"mail.take_back", R"sql(
  DELETE FROM mail_suppressions s USING mails m
   WHERE m.decline_token = $1 AND s.address = lower(m.recipient) AND s.template = m.template
     AND s.reason = 'declined'
)sql"};
db::Query const remove_one{"mail.lift", R"sql(
  DELETE FROM mail_suppressions WHERE id = $1
  RETURNING id, address, template AS template_name, reason
)sql"};

retention::Rule const old_bounces{
    {.table = "mail_suppressions",
     .column = "created_at",
     .keep = std::chrono::days{730},
     .least = std::chrono::days{30},
     .only = "t.reason = 'bounced'",
     .why = "an address may exist again after two years; what somebody declined stays declined"}};
}  // namespace

void suppress(db::Tx& tx, std::int64_t mail_id, std::string_view status_code,
              std::string_view answer) {
  tx.exec(insert_bounced, mail_id, status_code, answer);
}

std::optional<std::string> suppressed_by(db::Tx& tx, std::int64_t mail_id) {
  return tx.maybe<std::string>(find_reason, mail_id);
}

std::optional<Declinable> declinable(db::Tx& tx, std::string_view token) {
  return tx.maybe<Declinable>(find_declinable, token);
}

bool decline(db::Tx& tx, std::string_view token) {
  if (!declinable(tx, token)) return false;
  tx.exec(insert_declined, token);
  return true;
}

bool take_back(db::Tx& tx, std::string_view token) {
  if (!declinable(tx, token)) return false;
  tx.exec(remove_declined, token);
  return true;
}

std::optional<Suppression> lift(db::Tx& tx, SuppressionId id) {
  return tx.maybe<Suppression>(remove_one, id);
}

}  // namespace mail
