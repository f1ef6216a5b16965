// Keeping and delivering mails.
#include "platform/mail/mail.hpp"

#include <filesystem>
#include <fstream>
#include <random>

#include "platform/crypto/crypto.hpp"
#include "platform/installation/installation.hpp"
#include "platform/json/checks.hpp"
#include "platform/log/log.hpp"
#include "platform/mail/letter.hpp"
#include "platform/mail/message.hpp"
#include "platform/mail/server.hpp"
#include "platform/mail/smtp.hpp"
#include "platform/mail/suppressions.hpp"
#include "platform/mail/texts.hpp"
#include "platform/retention/retention.hpp"

namespace mail {

namespace {
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr auto columns = R"sql(
  (id, template, locale, recipient, subject, body, declinable, customer_id, tenant_id, look_name,
   look_colour, decline_token, useful_until)
)sql";
constexpr auto values_of_mail =
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now() + $12 * interval '1 minute'";
db::Query const insert_mail{
    "mail.insert", std::string{"INSERT INTO mails "} + columns +
                       " OVERRIDING SYSTEM VALUE SELECT nextval(pg_get_serial_sequence('mails', "
                       "'id')), " +
                       values_of_mail + " RETURNING id"};
// Two transactions with one key meet at it: the second waits for the first to end.
db::Query const insert_once{
    "mail.insert_once",
    std::string{"WITH fresh AS (INSERT INTO mail_keys (key, mail_id) SELECT $13::text, "
                "nextval(pg_get_serial_sequence('mails', 'id')) ON CONFLICT (key) DO NOTHING "
                "RETURNING mail_id) INSERT INTO mails "} +
        columns + " OVERRIDING SYSTEM VALUE SELECT mail_id, " + values_of_mail +
        " FROM fresh RETURNING id"};
db::Query const find_key{"mail.find_key", "SELECT mail_id FROM mail_keys WHERE key = $1"};

struct Row {
  std::string template_name, locale, recipient, subject, body, state, look_name, look_colour;
  std::optional<std::string> decline_token, message_id;
  Time created_at;
  std::int64_t unanswered, put_off, wait_left;
};

db::Query const load_mail{"mail.load", R"sql(
  SELECT template AS template_name, locale, recipient, subject, body, state, look_name, look_colour,
         decline_token, message_id, created_at, unanswered, put_off,
         (extract(epoch FROM useful_until - now()) * 1000)::bigint AS wait_left
    FROM mails WHERE id = $1
)sql"};

db::Query const mark_mail{"mail.mark", R"sql(
  UPDATE mails SET state = $2::mail_state, last_error = $3, server_answer = coalesce($4, server_answer),
                   status_code = $5,
                   sent_at = CASE WHEN $2::mail_state IN ('sent', 'kept') THEN now() END,
                   unanswered = CASE WHEN $2::mail_state = 'failed' THEN unanswered ELSE 0 END
   WHERE id = $1
  RETURNING id, template AS template_name, customer_id, tenant_id, state,
            CASE WHEN state NOT IN ('sent', 'kept') THEN last_error END AS error
)sql"};

// Committed before the mail server has the first byte: whoever finds the mail like this knows that
// it may be there already.
db::Query const mark_handed{"mail.hand", R"sql(
  UPDATE mails SET state = 'handed', handed_at = now(), unanswered = unanswered + 1, message_id = $2
   WHERE id = $1
)sql"};

// $3: what was handed over just now was not taken, which is an answer.
db::Query const mark_waiting{"mail.wait", R"sql(
  UPDATE mails SET unanswered = unanswered - $3, put_off = put_off + 1, last_error = $2,
                   state = CASE WHEN unanswered > $3 THEN 'handed' ELSE 'queued' END::mail_state
   WHERE id = $1
)sql"};

db::Query const note_status{"mail.note_status", R"sql(
  UPDATE mails SET status_code = nullif($2, ''), server_answer = $3, unanswered = 0 WHERE id = $1
)sql"};

/// Who sends, as it is set.
Mailbox sender_of(config::Settings const& settings) {
  auto from = mailbox_of(settings.mail_from);
  if (!from || checks::account_email(from->address))
    throw jobs::Retry{"mail_from is \"" + settings.mail_from +
                      "\", it must be like Acme <no-reply@example.com>"};
  return std::move(*from);
}

retention::Rule const old_mails{{.table = "mails",
                                 .column = "created_at",
                                 .keep = std::chrono::days{180},
                                 .least = std::chrono::days{7},
                                 .only = "t.state <> 'queued'",
                                 .why = "what somebody was written is looked up for half a year"}};
retention::Kept const kept_keys{"mail_keys",
                                "what was written once is never written again, however old it is"};

/// Each node has the files of what it delivered; they go when their rows do.
void forget_files(std::string const& directory) {
  auto const oldest = std::filesystem::file_time_type::clock::now() - old_mails.terms.keep;
  std::error_code gone;  // another thread may have removed it
  for (auto const& file : std::filesystem::directory_iterator{directory})
    if (auto const written = file.last_write_time(gone); !gone && written < oldest)
      std::filesystem::remove(file.path(), gone);
}

void keep_file(std::string const& directory, std::int64_t id, std::string const& eml) {
  std::filesystem::create_directories(directory);
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
  auto const path = directory + "/" + std::to_string(id) + ".eml";
  std::ofstream file{path + ".part", std::ios::binary};
  file << eml;
  file.close();
  if (!file) throw jobs::Retry{"cannot write " + path + ": is the disk full?"};
  std::filesystem::rename(path + ".part", path);
  if (id % 100 == 0) forget_files(directory);
}

/// Half to all of 30 s · 2^times, at most half an hour: servers that know nobody yet want to be
/// asked again after some minutes (greylisting).
milliseconds pause_after(std::int64_t times) {
  static thread_local std::mt19937_64 generator{std::random_device{}()};
  auto const ceiling =
      std::min<std::int64_t>(30'000LL << std::min<std::int64_t>(times, 10), 1'800'000);
  return milliseconds{std::uniform_int_distribution<std::int64_t>{ceiling / 2, ceiling}(generator)};
}

/// There is no such address (RFC 3463): whatever we write, it never arrives.
bool is_no_address(std::string_view code) {
  for (auto const* known : {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
    if (code == known) return true;
  return false;
}

bool is_copy(db::Connection& connection) {
  db::Tx tx{connection, db::Mode::autocommit};
  return installation::is_copy(tx);
}

/// One mail on its way out.
class Delivery {
 public:
  Delivery(jobs::Context& job, Deliver const& args, config::Settings const& settings,
           OnDelivered on_delivered)
      : job_{job}, id_{args.mail_id}, settings_{settings}, on_delivered_{on_delivered} {}

  void run() {
    auto found = [&] {
      db::Tx tx{job_.connection, db::Mode::autocommit};
      return tx.maybe<Row>(load_mail, id_);
    }();
    if (!found ||
        (found->state != "queued" && found->state != "handed" && found->state != "failed"))
      return;
    mail_ = std::move(*found);
    auto const from = sender_of(settings_);
    if (checks::account_email(mail_.recipient))
      throw jobs::Permanent{"no mail can be sent to the address: it is no plain ASCII one"};
    bool const by_smtp = !settings_.smtp_url.empty();
    if (by_smtp && is_copy(job_.connection)) throw jobs::Snooze{1min};
    if (is_suppressed()) return;
    if (!by_smtp) {
      keep_file(settings_.data_dir + "/mails", id_, as_file(from));
      return end("kept");
    }
    require_use();
    if (auto const pause = server::wait(job_.connection); pause > 0ms) throw jobs::Snooze{pause};
    auto const eml = as_file(from);
    keep_file(settings_.data_dir + "/mails", id_, eml);
    if (mail_.unanswered > 0) {
      logging::warning("mail",
                       "mail_{} is handed over a second time: nobody knows what came of "
                       "the first",
                       id_);
      job_.note("handed over a second time");
    }
    settle(hand_over({settings_.smtp_url, from.address, mail_.recipient, eml, [&] { hand(); }}));
  }

 private:
  /// The same at each attempt, and unlike those of every other installation.
  std::string message_id(Mailbox const& from) const {
    if (mail_.message_id) return *mail_.message_id;
    return std::to_string(id_) + "." + std::to_string(mail_.created_at.time_since_epoch().count()) +
           from.address.substr(from.address.find('@'));
  }

  std::string as_file(Mailbox const& from) {
    name_ = message_id(from);
    Letter const letter{mail_.body,
                        enum_from<i18n::Locale>(mail_.locale).value_or(i18n::Locale::en),
                        {mail_.look_name, mail_.look_colour},
                        mail_.decline_token
                            ? decline_url(settings_.public_url, *mail_.decline_token)
                            : std::string{}};
    Message message{.from = from,
                    .to = mail_.recipient,
                    .subject = mail_.subject,
                    .body = text_of(letter),
                    .html = html_of(letter),
                    .id = name_,
                    .date = mail_.created_at};
    if (mail_.decline_token) {
      message.unsubscribe_url = letter.decline_url;
      message.unsubscribe_mail =
          "mailto:" + settings_.support_email + "?subject=unsubscribe%20" + mail_.template_name;
    }
    return to_eml(message);
  }

  void end(std::string_view state, std::optional<std::string> const& error = {},
           std::optional<std::string> const& answer = {},
           std::optional<std::string> const& code = {}) {
    job_.transact([&](db::Tx& tx) {
      if (auto const now = tx.maybe<Delivered>(mark_mail, id_, state, error, answer, code))
        on_delivered_(tx, *now);
      if (state == "bounced" && is_no_address(code.value_or("")))
        suppress(tx, id_, code.value_or(""), answer.value_or(""));
      job_.finish(tx);
    });
  }

  bool is_suppressed() {
    auto const why = [&] {
      db::Tx tx{job_.connection, db::Mode::autocommit};
      return suppressed_by(tx, id_);
    }();
    if (!why) return false;
    end("suppressed", *why);
    return true;
  }

  /// Nobody is served by a link that is over, nor by a third copy.
  void require_use() const {
    if (mail_.unanswered >= 2)
      throw jobs::Permanent{
          "it was handed over twice, and the mail server has not said whether it took it"};
    if (mail_.wait_left <= 0)
      throw jobs::Permanent{"it waited for the mail server for so long that it is of no use now"};
  }

  void hand() {
    job_.transact([&](db::Tx& tx) { tx.exec(mark_handed, id_, name_); });
    is_handed_ = true;
  }

  [[noreturn]] void wait(std::string const& why, bool is_answered, milliseconds pause) {
    job_.transact([&](db::Tx& tx) {
      tx.exec(mark_waiting, id_, why, std::int64_t(is_handed_ && is_answered));
    });
    // The moment at which it is given up is no later for it.
    throw jobs::Snooze{
        std::min(pause, milliseconds{std::max<std::int64_t>(mail_.wait_left, 1'000)})};
  }

  void settle(Outcome const& outcome) {
    using Kind = Outcome::Kind;
    auto const why = "SMTP: " + outcome.answer;
    if (outcome.kind == Kind::away)
      wait(why, true, server::is_away(job_.connection, outcome.answer));
    if (outcome.kind == Kind::unknown) wait(why, false, pause_after(mail_.put_off));
    server::is_there(job_.connection);
    if (outcome.kind == Kind::not_now) wait(why, true, pause_after(mail_.put_off));
    if (outcome.kind == Kind::taken) return end("sent", {}, outcome.answer);
    // It is about us, not about whom we write to: somebody has to see it.
    if (outcome.stage == Stage::sender || outcome.status_code.starts_with("5.7.")) {
      job_.transact(
          [&](db::Tx& tx) { tx.exec(note_status, id_, outcome.status_code, outcome.answer); });
      throw jobs::Permanent{why};
    }
    end("bounced", why, outcome.answer,
        outcome.status_code.empty() ? std::nullopt : std::optional{outcome.status_code});
  }

  jobs::Context& job_;
  std::int64_t const id_;
  config::Settings const& settings_;
  OnDelivered const on_delivered_;
  Row mail_{};
  std::string name_;
  bool is_handed_ = false;
};

db::Query const fail_mail{"mail.fail", R"sql(
  UPDATE mails SET state = 'failed', last_error = $2, unanswered = 0
   WHERE id = $1 AND state IN ('queued', 'handed', 'failed')
  RETURNING id, template AS template_name, customer_id, tenant_id, state, last_error AS error
)sql"};

std::optional<std::int64_t> insert(db::Tx& tx, std::optional<std::string> const& key,
                                   Template const& text, i18n::Locale locale,
                                   std::string_view recipient, Text const& words,
                                   About const& about) {
  auto const look = present_look(tx);
  auto const token = text.declinable ? std::optional{crypto::random_token()} : std::nullopt;
  auto const minutes = std::int64_t(text.useful_for.count());
  auto const id =
      key ? tx.maybe<std::int64_t>(insert_once, text.name, locale, recipient, words.subject,
                                   words.body, text.declinable, about.customer, about.tenant,
                                   look.name, look.accent_colour, token, minutes, *key)
          : tx.one<std::int64_t>(insert_mail, text.name, locale, recipient, words.subject,
                                 words.body, text.declinable, about.customer, about.tenant,
                                 look.name, look.accent_colour, token, minutes);
  if (id) jobs::enqueue(tx, Deliver{*id});
  return id;
}

/// In the words that hold now, with what stands beneath.
Text written_now(db::Tx& tx, Template const& text, i18n::Locale locale,
                 std::map<std::string, std::string> const& values, About const& about) {
  return written(tx, present_text(tx, text, locale), text, locale, values,
                 about.customer || text.declinable);
}

}  // namespace

std::int64_t send(db::Tx& tx, Template const& text, i18n::Locale locale, std::string_view recipient,
                  std::map<std::string, std::string> const& values, About const& about) {
  return *insert(tx, {}, text, locale, recipient, written_now(tx, text, locale, values, about),
                 about);
}

std::int64_t send_as_is(db::Tx& tx, std::string_view name, i18n::Locale locale,
                        std::string_view recipient, Text const& words) {
  return *insert(tx, {}, {name, {}, {}}, locale, recipient, words, {});
}

Once send_once(db::Tx& tx, std::string_view key, Template const& text, i18n::Locale locale,
               std::string_view recipient, std::map<std::string, std::string> const& values,
               About const& about) {
  if (auto const id = insert(tx, std::string{key}, text, locale, recipient,
                             written_now(tx, text, locale, values, about), about))
    return {*id, true};
  return {tx.one<std::int64_t>(find_key, key), false};
}

void add_workers(jobs::Engine& engine, config::Settings const& settings, OnDelivered on_delivered) {
  engine.add(jobs::Worker<Deliver>{
      .timeout = jobs::Seconds{90},
      .run =
          [&settings, on_delivered](jobs::Context& job, Deliver const& args) {
            Delivery{job, args, settings, on_delivered}.run();
          },
      .dead =
          [on_delivered](db::Tx& tx, Deliver const& args, std::string const& error) {
            if (auto const failed = tx.maybe<Delivered>(fail_mail, args.mail_id, error))
              on_delivered(tx, *failed);
          }});
}

}  // namespace mail
