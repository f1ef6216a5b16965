#include "platform/mail/smtp.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <exception>
#include <memory>

#include "platform/text/utf8.hpp"

namespace mail {

namespace {
constexpr std::size_t longest_answer = 500;

/// What libcurl tells while it talks.
struct Conversation {
  Handover const& mail;
  std::string_view rest{mail.eml};
  Stage stage = Stage::connection;
  std::string answer{};  // to the last command; lines of several become one
  bool is_handed = false, is_over = false;
  std::exception_ptr stopped{};

  // Of commands only the first word is looked at: others hold the password.
  void said(std::string_view command) {
    if (command.starts_with("MAIL ")) stage = Stage::sender;
    if (command.starts_with("RCPT ")) stage = Stage::recipient;
    if (command.starts_with("DATA")) stage = Stage::content;
    // What is said to a good-bye says nothing of the mail.
    is_over |= command.starts_with("QUIT");
    if (!is_over) answer.clear();
  }
  void heard(std::string_view line) {
    if (is_over) return;
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    if (answer.empty())
      answer = line;
    else if (answer.size() < longest_answer && line.size() > 4)
      answer += " " + std::string{line.substr(4)};
  }
  int code() const {
    if (answer.size() < 3) return 0;
    int out = 0;
    for (char const c : std::string_view{answer}.substr(0, 3)) {
      if (c < '0' || c > '9') return 0;
      out = out * 10 + (c - '0');
    }
    return out;
  }
  /// As PostgreSQL takes it, on one line.
  std::string clean_answer() const {
    std::string out{utf8::first(utf8::cleaned(answer), longest_answer)};
    std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    return out;
  }
};

int listen(CURL*, curl_infotype what, char* data, std::size_t size, void* conversation) {
  auto& talk = *static_cast<Conversation*>(conversation);
  if (what == CURLINFO_HEADER_OUT) talk.said({data, size});
  if (what == CURLINFO_HEADER_IN) talk.heard({data, size});
  return 0;
}

/// Called for the first time when the server has said that it is ready (354).
std::size_t give(char* out, std::size_t size, std::size_t count, void* conversation) {
  auto& talk = *static_cast<Conversation*>(conversation);
  if (!talk.is_handed) {
    try {
      talk.mail.before_content();
    } catch (...) {
      talk.stopped = std::current_exception();
      return CURL_READFUNC_ABORT;
    }
    talk.is_handed = true;
    talk.answer.clear();
  }
  auto const length = std::min(size * count, talk.rest.size());
  std::copy_n(talk.rest.data(), length, out);
  talk.rest.remove_prefix(length);
  return length;
}

Outcome::Kind kind_of(Conversation const& talk, CURLcode code) {
  using Kind = Outcome::Kind;
  if (code == CURLE_OK) return Kind::taken;
  auto const answered = talk.code();
  if (talk.stage == Stage::connection) return Kind::away;
  if (answered >= 500) return Kind::refused;
  if (talk.is_handed && answered < 400) return Kind::unknown;
  // 421: it closes down, for everybody.
  if (answered < 400 || answered == 421) return Kind::away;
  return Kind::not_now;
}
}  // namespace

std::string status_code_of(std::string_view answer) {
  if (answer.size() < 9 || (answer[3] != ' ' && answer[3] != '-')) return {};
  auto const word = answer.substr(4, answer.substr(4).find(' '));
  if (std::count(word.begin(), word.end(), '.') != 2 || word.size() > 9 ||
      (word[0] != '4' && word[0] != '5' && word[0] != '2') || word[1] != '.' || word.back() == '.')
    return {};
  bool const is_code = std::all_of(word.begin(), word.end(),
                                   [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
  return is_code ? std::string{word} : std::string{};
}

Outcome hand_over(Handover const& mail) {
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> const curl{curl_easy_init(),
                                                                 curl_easy_cleanup};
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> const recipients{
      curl_slist_append(nullptr, ("<" + mail.recipient + ">").c_str()), curl_slist_free_all};
  Conversation talk{mail};
  char error_text[CURL_ERROR_SIZE] = "";
  auto const set = [&](CURLoption option, auto value) {
    curl_easy_setopt(curl.get(), option, value);
  };
  set(CURLOPT_URL, mail.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(CURLOPT_USE_SSL, long(CURLUSESSL_TRY));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT, 10L);
  set(CURLOPT_TIMEOUT, 60L);
  set(CURLOPT_ERRORBUFFER, error_text);
  set(CURLOPT_VERBOSE, 1L);
  set(CURLOPT_DEBUGFUNCTION, listen);
  set(CURLOPT_DEBUGDATA, &talk);
  auto const sender = "<" + mail.sender + ">";
  set(CURLOPT_MAIL_FROM, sender.c_str());
  set(CURLOPT_MAIL_RCPT, recipients.get());
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_READFUNCTION, static_cast<curl_read_callback>(give));
  set(CURLOPT_READDATA, &talk);
  auto const code = curl_easy_perform(curl.get());
  if (talk.stopped) std::rethrow_exception(talk.stopped);
  auto answer = talk.stage == Stage::connection ? std::string{} : talk.clean_answer();
  auto const said = answer;
  if (answer.empty() && code != CURLE_OK)
    answer = *error_text ? error_text : curl_easy_strerror(code);
  return {kind_of(talk, code), talk.stage, std::move(answer), status_code_of(said)};
}

}  // namespace mail
