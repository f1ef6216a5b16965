// Requests with Stripe's own rules for retries.
#include <charconv>
#include <random>
#include <thread>

#include "platform/log/log.hpp"
#include "stripe/stripe.hpp"

namespace stripe {

namespace {
/// min(0.5·2^(n−1), 5 s) with 50–100 % jitter.
std::chrono::milliseconds pause_before(int retry) {
  static thread_local std::mt19937 generator{std::random_device{}()};
  auto const ceiling = std::min(500 << (retry - 1), 5000);
  return std::chrono::milliseconds{
      std::uniform_int_distribution<int>{ceiling / 2, ceiling}(generator)};
}

bool should_retry(http_client::Response const& response) {
  auto const advice = response.header("stripe-should-retry");
  if (advice == "true") return true;
  if (advice == "false") return false;
  return response.status == 409 || response.status == 429 || response.status >= 500;
}
}  // namespace

Refused::Refused(int http_status, std::string error_type, std::string error_code,
                 std::string const& message, std::string id)
    : std::runtime_error{"Stripe refused (" + std::to_string(http_status) + " " + error_type +
                         (error_code.empty() ? "" : " " + error_code) + ", request " + id +
                         "): " + message},
      status{http_status},
      type{std::move(error_type)},
      code{std::move(error_code)},
      request_id{std::move(id)} {}

Object Client::get(std::string const& path, http_client::Form const& query,
                   Patience patience) const {
  http_client::Request request;
  request.url = settings_.stripe_api_base + path;
  if (!query.text().empty()) request.url += "?" + query.text();
  return send(std::move(request), patience);
}

Object Client::post(std::string const& path, http_client::Form const& form,
                    std::string const& idempotency_key, Patience patience) const {
  http_client::Request request;
  request.method = "POST";
  request.url = settings_.stripe_api_base + path;
  request.headers = {"Content-Type: application/x-www-form-urlencoded",
                     "Idempotency-Key: " + idempotency_key};
  request.body = form.text();
  return send(std::move(request), patience);
}

Object Client::cancel(std::string const& path) const {
  http_client::Request request;
  request.method = "DELETE";
  request.url = settings_.stripe_api_base + path;
  return send(std::move(request), Patience::background);
}

Object Client::send(http_client::Request request, Patience patience) const {
  request.headers.push_back("Authorization: Bearer " + settings_.stripe_secret_key);
  request.headers.push_back("Stripe-Version: " + std::string{api_version});
  request.headers.push_back("User-Agent: onboarding/" ONBOARDING_VERSION);
  int const retries = patience == Patience::visitor ? 2 : 0;
  if (patience == Patience::visitor) {
    request.timeout = std::chrono::seconds{10};
    request.connect_timeout = std::chrono::seconds{3};
  }
  for (int attempt = 0;; ++attempt) {
    std::string trouble;
    try {
      auto const response = http_client::send(request);
      auto const request_id = std::string{response.header("request-id")};
      if (response.status >= 200 && response.status < 300) return parse(response.body);
      Object error;
      try {
        auto const body = parse(response.body);
        if (auto const* inner = body.if_contains("error")) error = inner->as_object();
      } catch (std::exception const&) {
        // Not Stripe's own words (a proxy in between): the status alone counts.
      }
      auto const message = text(error, "message");
      if (!should_retry(response) || response.status == 402)
        throw Refused{response.status, text(error, "type"), text(error, "code"), message,
                      request_id};
      trouble = "Stripe answered " + std::to_string(response.status) + " (request " + request_id +
                "): " + message;
    } catch (http_client::Failure const& failure) {
      trouble = std::string{"Stripe cannot be reached: "} + failure.what();
    }
    if (attempt >= retries) throw Unavailable{trouble};
    logging::warning("stripe", "{}; trying again", trouble);
    std::this_thread::sleep_for(pause_before(attempt + 1));
  }
}

boost::json::value const* find(Object const& object, std::string_view path) {
  boost::json::value const* value = nullptr;
  Object const* inner = &object;
  while (true) {
    auto const part = path.substr(0, path.find('.'));
    if (inner) {
      value = inner->if_contains(part);
    } else {
      std::size_t index = 0;
      std::from_chars(part.data(), part.data() + part.size(), index);
      auto const& items = value->get_array();
      value = index < items.size() ? &items[index] : nullptr;
    }
    if (!value || part.size() == path.size()) return value;
    path.remove_prefix(part.size() + 1);
    inner = value->if_object();
    if (!inner && !value->is_array()) return nullptr;
  }
}

std::string text(Object const& object, std::string_view path) {
  auto const* value = find(object, path);
  return value && value->is_string() ? std::string{value->get_string()} : std::string{};
}

std::int64_t integer(Object const& object, std::string_view path) {
  auto const* value = find(object, path);
  return value && value->is_int64() ? value->get_int64() : 0;
}

bool boolean(Object const& object, std::string_view path) {
  auto const* value = find(object, path);
  return value && value->is_bool() && value->get_bool();
}

std::optional<Time> time(Object const& object, std::string_view path) {
  auto const seconds = integer(object, path);
  return seconds ? std::optional{clock_source::from_unix_seconds(seconds)} : std::nullopt;
}

std::string id_of(Object const& object, std::string_view path) {
  auto const* value = find(object, path);
  if (value && value->is_object()) return text(value->get_object(), "id");
  return text(object, path);
}

}  // namespace stripe
