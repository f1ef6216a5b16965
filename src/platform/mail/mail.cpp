// Rendering, keeping and delivering mails.
#include "platform/mail/mail.hpp"

#include <curl/curl.h>
#include <sodium.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "platform/log/log.hpp"

namespace mail {

namespace {

db::Query const insert_mail{"mail.insert", R"sql(
  INSERT INTO mails (template, locale, recipient, subject, body) VALUES ($1, $2, $3, $4, $5)
  RETURNING id
)sql"};

struct Row {
  std::string recipient, subject, body, state;
  Time created_at;
  static constexpr auto fields() {
    return ::fields(field("recipient", &Row::recipient), field("subject", &Row::subject),
                    field("body", &Row::body), field("state", &Row::state),
                    field("created_at", &Row::created_at));
  }
};

db::Query const load_mail{"mail.load", R"sql(
  SELECT recipient, subject, body, state, created_at FROM mails WHERE id = $1
)sql"};

db::Query const mark_mail{"mail.mark", R"sql(
  UPDATE mails SET state = $2::mail_state, last_error = $3,
                   sent_at = CASE WHEN $2::mail_state IN ('sent', 'kept') THEN now() END
   WHERE id = $1
)sql"};

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

std::string base64(std::string_view text) {
  std::string out(sodium_base64_encoded_len(text.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<unsigned char const*>(text.data()),
                    text.size(), sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();
  return out;
}

std::string one_line(std::string_view text) {
  std::string out{text};
  std::erase_if(out, [](char c) { return c == '\r' || c == '\n'; });
  return out;
}

std::string address_of(std::string_view mailbox) {
  auto const open = mailbox.find('<'), close = mailbox.find('>');
  return std::string{open == std::string_view::npos ? mailbox
                                                    : mailbox.substr(open + 1, close - open - 1)};
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
}

void deliver_by_smtp(std::string const& url, std::string const& from, std::string const& to,
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
  auto const sender = "<" + address_of(from) + ">";
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

void deliver(jobs::Context& job, Deliver const& args, config::Settings const& settings) {
  auto const row = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tx.maybe<Row>(load_mail, args.mail_id);
  }();
  if (!row || row->state == "sent" || row->state == "kept") return;
  auto const eml = to_eml(settings.mail_from, row->recipient, row->subject, row->body,
                          "mail-" + std::to_string(args.mail_id) + "@" + settings.tenant_domain,
                          row->created_at);
  keep_file(settings.data_dir + "/mails", args.mail_id, eml);
  bool const by_smtp = !settings.smtp_url.empty();
  if (by_smtp) deliver_by_smtp(settings.smtp_url, settings.mail_from, row->recipient, eml);
  job.transact([&](db::Tx& tx) {
    tx.exec(mark_mail, args.mail_id, by_smtp ? "sent" : "kept", std::nullopt);
    job.finish(tx);
  });
}

}  // namespace

std::int64_t send(db::Tx& tx, Template const& text, i18n::Locale locale, std::string_view recipient,
                  std::map<std::string, std::string> const& values) {
  auto const& words = locale == i18n::Locale::es ? text.es : text.en;
  auto const id = tx.one<std::int64_t>(insert_mail, text.name, locale, recipient,
                                       one_line(fill(words.subject, values, text.name)),
                                       fill(words.body, values, text.name));
  jobs::enqueue(tx, Deliver{id});
  return id;
}

std::string to_eml(std::string_view from, std::string_view to, std::string_view subject,
                   std::string_view body, std::string_view message_id, Time date) {
  auto const seconds = std::time_t(clock_source::unix_seconds(date));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char stamp[64];
  std::strftime(stamp, sizeof stamp, "%a, %d %b %Y %H:%M:%S +0000", &parts);
  std::string out;
  out += "From: " + one_line(from) + "\r\n";
  out += "To: <" + one_line(to) + ">\r\n";
  out += "Subject: =?utf-8?B?" + base64(one_line(subject)) + "?=\r\n";
  out += "Date: " + std::string{stamp} + "\r\n";
  out += "Message-ID: <" + one_line(message_id) + ">\r\n";
  out += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n";
  out += "Content-Transfer-Encoding: 8bit\r\nAuto-Submitted: auto-generated\r\n\r\n";
  for (char c : body) {
    if (c == '\n') out += '\r';
    out += c;
  }
  out += "\r\n";
  return out;
}

void add_workers(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<Deliver>{
      .timeout = jobs::Seconds{90},
      .run = [&settings](jobs::Context& job, Deliver const& args) { deliver(job, args, settings); },
      .dead =
          [](db::Tx& tx, Deliver const& args, std::string const& error) {
            tx.exec(mark_mail, args.mail_id, "failed", std::optional{error});
          }});
}

}  // namespace mail
