// Rendering, keeping and delivering mails.
#include "platform/mail/mail.hpp"

#include <curl/curl.h>

#include <filesystem>
#include <fstream>

#include "platform/installation/installation.hpp"
#include "platform/json/checks.hpp"
#include "platform/mail/message.hpp"
#include "platform/retention/retention.hpp"

namespace mail {

namespace {

db::Query const insert_mail{"mail.insert", R"sql(
  INSERT INTO mails (template, locale, recipient, subject, body, declinable, customer_id, tenant_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  RETURNING id
)sql"};

struct Row {
  std::string template_name, recipient, subject, body, state;
  bool declinable;
  Time created_at;
};

db::Query const load_mail{"mail.load", R"sql(
  SELECT template AS template_name, recipient, subject, body, state, declinable, created_at
    FROM mails WHERE id = $1
)sql"};

db::Query const mark_mail{"mail.mark", R"sql(
  UPDATE mails SET state = $2::mail_state, last_error = $3,
                   sent_at = CASE WHEN $2::mail_state IN ('sent', 'kept') THEN now() END
   WHERE id = $1
  RETURNING id, template AS template_name, customer_id, tenant_id, state = 'kept' AS kept,
            CASE WHEN state = 'failed' THEN last_error END AS error
)sql"};

std::atomic<std::string (*)(db::Tx&, i18n::Locale)> known_foot{
    [](db::Tx&, i18n::Locale) { return std::string{}; }};

std::string fill(std::string_view text, std::map<std::string, std::string> const& values,
                 std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '{') {
      out += text[i];
      continue;
    }
    auto const end = text.find('}', i);
    auto const key = std::string{text.substr(i + 1, end - i - 1)};
    auto const found = values.find(key);
    if (found == values.end())
      throw std::logic_error{"mail " + std::string{name} + " lacks the value " + key};
    out += found->second;
    i = end;
  }
  return out;
}

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

void deliver_by_smtp(std::string const& url, Mailbox const& from, std::string const& to,
                     std::string const& eml) {
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> const curl{curl_easy_init(),
                                                                 curl_easy_cleanup};
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> const recipients{
      curl_slist_append(nullptr, ("<" + to + ">").c_str()), curl_slist_free_all};
  std::string_view rest{eml};
  char error_text[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(curl.get(), CURLOPT_USE_SSL, long(CURLUSESSL_TRY));
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT, 10L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, error_text);
  auto const sender = "<" + from.address + ">";
  curl_easy_setopt(curl.get(), CURLOPT_MAIL_FROM, sender.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(curl.get(), CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_READDATA, &rest);
  curl_read_callback const read = [](char* out, std::size_t size, std::size_t count,
                                     void* source) -> std::size_t {
    auto& text = *static_cast<std::string_view*>(source);
    auto const length = std::min(size * count, text.size());
    std::copy_n(text.data(), length, out);
    text.remove_prefix(length);
    return length;
  };
  curl_easy_setopt(curl.get(), CURLOPT_READFUNCTION, read);
  auto const code = curl_easy_perform(curl.get());
  if (code == CURLE_OK) return;
  long answer = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer);
  std::string const reason = *error_text ? error_text : curl_easy_strerror(code);
  if (answer >= 500 && answer < 600) throw jobs::Permanent{"SMTP: " + reason};
  throw jobs::Retry{"SMTP: " + reason};
}

void mark(db::Tx& tx, std::int64_t id, std::string_view state,
          std::optional<std::string> const& error, OnDelivered on_delivered) {
  if (auto const delivered = tx.maybe<Delivered>(mark_mail, id, state, error))
    on_delivered(tx, *delivered);
}

bool is_copy(db::Connection& connection) {
  db::Tx tx{connection, db::Mode::autocommit};
  return installation::is_copy(tx);
}

void deliver(jobs::Context& job, Deliver const& args, config::Settings const& settings,
             OnDelivered on_delivered) {
  auto const row = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tx.maybe<Row>(load_mail, args.mail_id);
  }();
  if (!row || row->state == "sent" || row->state == "kept") return;
  auto const from = sender_of(settings);
  if (checks::account_email(row->recipient))
    throw jobs::Permanent{"no mail can be sent to the address: it is no plain ASCII one"};
  // The same at each attempt, and unlike those of every other installation.
  auto const id = std::to_string(args.mail_id) + "." +
                  std::to_string(row->created_at.time_since_epoch().count()) +
                  from.address.substr(from.address.find('@'));
  auto const eml =
      to_eml({.from = from,
              .to = row->recipient,
              .subject = row->subject,
              .body = row->body,
              .id = id,
              .date = row->created_at,
              .unsubscribe = row->declinable ? "mailto:" + settings.support_email +
                                                   "?subject=unsubscribe%20" + row->template_name
                                             : ""});
  bool const by_smtp = !settings.smtp_url.empty();
  if (by_smtp && is_copy(job.connection)) throw jobs::Snooze{std::chrono::minutes{1}};
  keep_file(settings.data_dir + "/mails", args.mail_id, eml);
  if (by_smtp) deliver_by_smtp(settings.smtp_url, from, row->recipient, eml);
  job.transact([&](db::Tx& tx) {
    mark(tx, args.mail_id, by_smtp ? "sent" : "kept", {}, on_delivered);
    job.finish(tx);
  });
}

}  // namespace

void on_foot(std::string (*foot)(db::Tx&, i18n::Locale)) { known_foot = foot; }

std::int64_t send(db::Tx& tx, Template const& text, i18n::Locale locale, std::string_view recipient,
                  std::map<std::string, std::string> const& values, About const& about) {
  auto const& words = locale == i18n::Locale::es ? text.es : text.en;
  auto body = fill(words.body, values, text.name);
  if (about.customer || text.declinable)
    if (auto const foot = known_foot.load()(tx, locale); !foot.empty()) body += "\n" + foot + "\n";
  auto const id = tx.one<std::int64_t>(insert_mail, text.name, locale, recipient,
                                       fill(words.subject, values, text.name), body,
                                       text.declinable, about.customer, about.tenant);
  jobs::enqueue(tx, Deliver{id});
  return id;
}

void add_workers(jobs::Engine& engine, config::Settings const& settings, OnDelivered on_delivered) {
  engine.add(jobs::Worker<Deliver>{
      .timeout = jobs::Seconds{90},
      .run = [&settings, on_delivered](
                 jobs::Context& job,
                 Deliver const& args) { deliver(job, args, settings, on_delivered); },
      .dead =
          [on_delivered](db::Tx& tx, Deliver const& args, std::string const& error) {
            mark(tx, args.mail_id, "failed", error, on_delivered);
          }});
}

}  // namespace mail
