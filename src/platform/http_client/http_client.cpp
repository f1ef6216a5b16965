// One libcurl handle per thread, reset between requests so that connections live on.
#include "platform/http_client/http_client.hpp"

#include <curl/curl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace http_client {

namespace {
struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closer>;

File open(std::filesystem::path const& path, char const* mode) {
  File file{std::fopen(path.c_str(), mode)};
  if (!file) throw Failure{"cannot open " + path.string() + ": " + std::strerror(errno), false};
  return file;
}

constexpr long silence_seconds = 60;

struct Answer {
  Response response;
  std::size_t limit;
  CURL* curl;
  std::FILE* file = nullptr;  // for the body when it is a good one
  std::uint64_t file_limit = 0, file_bytes = 0;
  std::string local_error{};  // what went wrong on this machine
};

std::size_t take_body(char* data, std::size_t, std::size_t count, void* target) {
  auto& answer = *static_cast<Answer*>(target);
  long status = 0;
  curl_easy_getinfo(answer.curl, CURLINFO_RESPONSE_CODE, &status);
  if (answer.file && status / 100 == 2) {
    answer.file_bytes += count;
    if (answer.file_limit && answer.file_bytes > answer.file_limit) {
      answer.local_error =
          "the answer is longer than " + std::to_string(answer.file_limit) + " bytes";
      return 0;
    }
    if (std::fwrite(data, 1, count, answer.file) == count) return count;
    answer.local_error = std::string{"cannot write the answer: "} + std::strerror(errno);
    return 0;
  }
  if (answer.response.body.size() + count > answer.limit) return 0;
  answer.response.body.append(data, count);
  return count;
}

std::size_t take_header(char* data, std::size_t, std::size_t count, void* target) {
  auto& headers = static_cast<Answer*>(target)->response.headers;
  std::string_view line{data, count};
  if (line.starts_with("HTTP/")) headers.clear();  // an interim answer came before
  auto const colon = line.find(':');
  if (colon == std::string_view::npos) return count;
  std::string name{line.substr(0, colon)};
  for (auto& c : name)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  line.remove_prefix(colon + 1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n' || line.back() == ' '))
    line.remove_suffix(1);
  headers.emplace_back(std::move(name), line);
  return count;
}

std::size_t give_body(char* data, std::size_t, std::size_t count, void* source) {
  return std::fread(data, 1, count, static_cast<std::FILE*>(source));
}

int rewind_body(void* source, curl_off_t offset, int origin) {
  return ::fseeko(static_cast<std::FILE*>(source), offset, origin) == 0 ? CURL_SEEKFUNC_OK
                                                                        : CURL_SEEKFUNC_FAIL;
}

CURL* handle_of_this_thread() {
  static bool const initialised = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  if (!initialised) throw std::runtime_error{"libcurl cannot be initialised"};
  struct Deleter {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  };
  static thread_local std::unique_ptr<CURL, Deleter> const handle{curl_easy_init()};
  return handle.get();
}

using Lines = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;
void add_to(Lines& list, std::string const& text) {
  list.reset(curl_slist_append(list.release(), text.c_str()));
}

/// Whom to reach, over what, and by what he is known.
void set_peer(CURL* curl, Request const& request) {
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, long(request.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, long(request.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  if (!request.unix_socket.empty())
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
  if (!request.pinned_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, request.pinned_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);  // the key is what counts
  }
  if (!request.certificate_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_SSLCERT, request.certificate_file.c_str());
    curl_easy_setopt(curl, CURLOPT_SSLKEY, request.key_file.c_str());
  }
}

/// The method, and what is sent with it: `source` where it is a file.
void set_body(CURL* curl, Request const& request, std::FILE* source) {
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (source) {
    std::error_code ignored;
    auto const size = std::filesystem::file_size(request.body_file, ignored);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(curl, CURLOPT_READDATA, source);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, rewind_body);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, source);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, curl_off_t(size));
  } else if (request.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.method != "DELETE" || !request.body.empty()) {
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.size()));
    }
  }
}

/// Sends what was set and waits for the whole answer.
void perform(CURL* curl, Answer const& answer) {
  char error_text[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_text);
  auto const code = curl_easy_perform(curl);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  if (!answer.local_error.empty()) throw Failure{answer.local_error, true};
  if (code == CURLE_OK) return;
  bool const never_sent = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                          code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION;
  throw Failure{*error_text ? error_text : curl_easy_strerror(code), !never_sent,
                code == CURLE_OPERATION_TIMEDOUT};
}
}  // namespace

Response send(Request const& request) {
  auto* const curl = handle_of_this_thread();
  curl_easy_reset(curl);
  Answer answer{{}, request.answer_limit, curl};
  File const source = request.body_file.empty() ? nullptr : open(request.body_file, "rb");
  File sink = request.answer_file.empty() ? nullptr : open(request.answer_file, "wb");
  answer.file = sink.get();
  answer.file_limit = request.answer_file_limit;
  set_peer(curl, request);
  set_body(curl, request, source.get());

  Lines headers{nullptr, curl_slist_free_all}, connect_to{nullptr, curl_slist_free_all};
  for (auto const& header : request.headers) add_to(headers, header);
  add_to(headers, "Expect:");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  if (!request.connect_to.empty()) {
    add_to(connect_to, "::" + request.connect_to);
    curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to.get());
  }
  if (sink) {
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, silence_seconds);
  }
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer);

  perform(curl, answer);
  if (sink && std::fclose(sink.release()) != 0)
    throw Failure{std::string{"cannot write the answer: "} + std::strerror(errno), true};
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  answer.response.status = int(status);
  return std::move(answer.response);
}

std::string certificate_of(std::string const& url, std::chrono::milliseconds timeout) {
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> const curl{curl_easy_init(),
                                                                 curl_easy_cleanup};
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_CERTINFO, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, long(timeout.count()));
  auto const code = curl_easy_perform(curl.get());
  if (code != CURLE_OK)
    throw Failure{curl_easy_strerror(code), false, code == CURLE_OPERATION_TIMEDOUT};
  curl_certinfo* shown = nullptr;
  curl_easy_getinfo(curl.get(), CURLINFO_CERTINFO, &shown);
  constexpr std::string_view label = "Cert:";
  for (auto const* line = shown && shown->num_of_certs > 0 ? shown->certinfo[0] : nullptr; line;
       line = line->next)
    if (std::string_view{line->data}.starts_with(label)) return line->data + label.size();
  throw Failure{"the server showed no certificate", false};
}

Form& Form::add(std::string_view name, std::string_view value) {
  auto encode = [this](std::string_view text, std::string_view literal) {
    static constexpr char hex[] = "0123456789ABCDEF";
    for (char const c : text) {
      bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || literal.find(c) != std::string_view::npos;
      if (plain) {
        text_ += c;
      } else {
        text_ += '%';
        text_ += hex[static_cast<unsigned char>(c) >> 4];
        text_ += hex[static_cast<unsigned char>(c) & 15];
      }
    }
  };
  if (!text_.empty()) text_ += '&';
  encode(name, "-_.~[]");
  text_ += '=';
  encode(value, "-_.~");
  return *this;
}

}  // namespace http_client
