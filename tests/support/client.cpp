// Requests by libcurl; forms found in HTML by a regular expression.
#include "support/client.hpp"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <regex>
#include <stdexcept>
#include <thread>

namespace support {

namespace {
Json const* find(Json const& json, std::string_view path) {
  auto const* value = &json;
  while (!path.empty()) {
    auto const part = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    if (auto const* object = value->if_object()) {
      value = object->if_contains(part);
    } else if (auto const* array = value->if_array()) {
      std::size_t index = array->size();
      std::from_chars(part.data(), part.data() + part.size(), index);
      value = index < array->size() ? &(*array)[index] : nullptr;
    } else {
      value = nullptr;
    }
    if (!value) return nullptr;
  }
  return value;
}

std::string unescaped(std::string text) {
  for (auto const& [entity, sign] :
       {std::pair{"&lt;", "<"}, std::pair{"&gt;", ">"}, std::pair{"&quot;", "\""},
        std::pair{"&#39;", "'"}, std::pair{"&amp;", "&"}})
    for (auto at = text.find(entity); at != std::string::npos; at = text.find(entity, at + 1))
      text.replace(at, std::string_view{entity}.size(), sign);
  return text;
}

std::string attribute(std::string const& tag, std::string const& name) {
  std::smatch found;
  std::regex const pattern{"\\b" + name + "=\"([^\"]*)\""};
  return std::regex_search(tag, found, pattern) ? unescaped(found[1]) : std::string{};
}

std::string origin_of(std::string const& address) {
  return address.substr(0, address.find('/', address.find("://") + 3));
}

Reply to_reply(http_client::Response response) {
  Reply reply{response.status, std::move(response.body), std::move(response.headers), {}};
  boost::json::error_code error;
  auto parsed = boost::json::parse(reply.body, error);
  if (!error) reply.json = std::move(parsed);
  return reply;
}

Page to_page(std::string address, Reply reply) {
  Page page{std::move(reply), std::move(address), {}, {}};
  std::regex const form{
      R"re(<form[^>]*method="post"[^>]*action="([^"]+)"[^>]*>([\s\S]*?)</form>)re"};
  std::smatch found;
  if (!std::regex_search(page.reply.body, found, form)) return page;
  page.action = unescaped(found[1]);
  std::string const inner = found[2];
  std::regex const input{"<input[^>]*>"};
  for (std::sregex_iterator it{inner.begin(), inner.end(), input}, end; it != end; ++it) {
    std::string const tag = it->str();
    if (attribute(tag, "type") == "radio" && tag.find(" checked") == std::string::npos) continue;
    page.fields.emplace_back(attribute(tag, "name"), attribute(tag, "value"));
  }
  return page;
}
}  // namespace

std::string Reply::text(Json const& json, std::string_view path) {
  auto const* value = find(json, path);
  if (!value) return {};
  return value->is_string() ? std::string{value->get_string()} : boost::json::serialize(*value);
}

std::string Reply::operator[](std::string_view path) const { return text(json, path); }

std::string Reply::header(std::string_view name) const {
  for (auto const& [key, value] : headers)
    if (key == name) return value;
  return {};
}

std::string Reply::wrong_fields() const {
  std::vector<std::string> pointers;
  if (auto const* errors = find(json, "errors"); errors && errors->is_array())
    for (auto const& error : errors->get_array()) pointers.push_back(text(error, "pointer"));
  std::sort(pointers.begin(), pointers.end());
  std::string out;
  for (auto const& pointer : pointers) out += (out.empty() ? "" : " ") + pointer;
  return out;
}

std::string Reply::problem_of(std::string_view pointer) const {
  if (auto const* errors = find(json, "errors"); errors && errors->is_array())
    for (auto const& error : errors->get_array())
      if (text(error, "pointer") == pointer) return text(error, "code");
  return {};
}

Reply Caller::get(std::string const& path, Headers headers) const {
  return send("GET", path, "", std::move(headers));
}

Reply Caller::post(std::string const& path, Json const& body, Headers headers) const {
  auto text = body.is_null() ? std::string{} : boost::json::serialize(body);
  if (!text.empty()) headers.push_back("Content-Type: application/json");
  return send("POST", path, text, std::move(headers));
}

Reply Caller::send(std::string const& method, std::string const& path, std::string const& body,
                   Headers headers) const {
  http_client::Request request;
  request.method = method;
  request.url = path.starts_with("http") ? path : base_ + path;
  request.headers = headers_;
  request.headers.insert(request.headers.end(), headers.begin(), headers.end());
  request.body = body;
  request.timeout = std::chrono::seconds{60};
  return to_reply(http_client::send(request));
}

Caller Caller::with(Headers headers) const {
  auto copy = *this;
  copy.headers_.insert(copy.headers_.end(), headers.begin(), headers.end());
  return copy;
}

Page Page::open(std::string const& address) {
  return to_page(address, Caller{"", {}}.get(address));
}

Page Page::submit(std::vector<std::pair<std::string, std::string>> const& typed) const {
  http_client::Form form;
  auto is_typed = [&](std::string const& name) {
    return std::any_of(typed.begin(), typed.end(),
                       [&](auto const& field) { return field.first == name; });
  };
  for (auto const& [name, value] : fields)
    if (!is_typed(name)) form.add(name, value);
  for (auto const& [name, value] : typed) form.add(name, value);
  auto const target = action.starts_with("http") ? action : origin_of(address) + action;
  return to_page(target, Caller{"", {}}.send("POST", target, form.text(),
                                             {"Content-Type: application/x-www-form-urlencoded",
                                              "Origin: " + origin_of(address)}));
}

bool eventually(std::function<bool()> const& condition, int seconds) {
  auto const end = std::chrono::steady_clock::now() + std::chrono::seconds{seconds};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return true;
}

std::string hmac_hex(std::string_view key, std::string_view message) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  ::HMAC(EVP_sha256(), key.data(), int(key.size()),
         reinterpret_cast<unsigned char const*>(message.data()), message.size(), digest, &size);
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    char pair[3];
    std::snprintf(pair, sizeof pair, "%02x", digest[i]);
    out += pair;
  }
  return out;
}

std::string stripe_signature(std::string_view secret, std::string_view body, std::int64_t at) {
  auto const time = std::to_string(at);
  return "Stripe-Signature: t=" + time + ",v1=" + hmac_hex(secret, time + "." + std::string{body});
}

int free_port() {
  // Below those that the kernel gives to whoever asks for any: nobody takes it before it is used.
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<std::uint16_t> ports{16'000, 32'000};
  for (int i = 0; i < 100; ++i) {
    int const probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto const port = ports(random);
    address.sin_port = htons(port);
    bool const bound = ::bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(probe);
    if (bound) return port;
  }
  throw std::runtime_error{"there is no free port"};
}

}  // namespace support
