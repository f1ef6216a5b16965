// Requests with Stripe's own rules for retries.
#include <charconv>
#include <ctime>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "platform/crypto/crypto.hpp"
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

using Steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds visitor_patience{5'000}, visitor_connect{2'000};
constexpr std::chrono::milliseconds visit_patience{6'000}, probe_patience{10'000};
thread_local std::optional<Steady::time_point> end_of_visit;
constexpr std::chrono::seconds silence_pause{5}, largest_clock_error{60};

/// What is known of one address of Stripe's, shared by all who call it.
class Line {
 public:
  /// False while Stripe is silent, but for one caller now and then who finds out whether it still
  /// is.
  bool take_turn() {
    std::scoped_lock const lock{mutex_};
    if (!silent_until_) return true;
    if (Steady::now() < *silent_until_) return false;
    silent_until_ = Steady::now() + visitor_patience;
    return true;
  }
  void answered(http_client::Response const& response) {
    auto const date = std::string{response.header("date")};
    std::tm parts{};
    std::scoped_lock const lock{mutex_};
    silent_until_.reset();
    certificate_trouble_.clear();
    if (::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts))
      lead_ = std::chrono::seconds{clock_source::unix_seconds(clock_source::now()) -
                                   std::int64_t(::timegm(&parts))};
  }
  void failed(http_client::Failure const& failure) {
    std::string_view const words{failure.what()};
    std::scoped_lock const lock{mutex_};
    silent_until_.reset();
    if (failure.timed_out) silent_until_ = Steady::now() + silence_pause;
    // A clock that is years off is not even told Stripe's time.
    if (words.find("certificate") != std::string_view::npos &&
        (words.find("expired") != std::string_view::npos ||
         words.find("not yet valid") != std::string_view::npos))
      certificate_trouble_ = "Stripe's certificate is not valid at " +
                             clock_source::rfc3339(clock_source::now()) +
                             ", which this machine's clock shows";
  }
  std::string clock_trouble() {
    std::scoped_lock const lock{mutex_};
    if (!certificate_trouble_.empty()) return certificate_trouble_;
    auto const off = std::chrono::abs(lead_);
    if (off <= largest_clock_error) return {};
    auto const minutes = off.count() / 60;
    return "this machine's clock is " +
           (minutes < 180 ? std::to_string(minutes) + " min"
                          : std::to_string(minutes / 60) + " h") +
           (lead_.count() > 0 ? " ahead of" : " behind") + " Stripe's";
  }

 private:
  std::mutex mutex_;
  std::optional<Steady::time_point> silent_until_;
  std::chrono::seconds lead_{0};
  std::string certificate_trouble_;
};

Line& line_to(std::string const& api_base) {
  static std::mutex mutex;
  static std::map<std::string, Line> lines;
  std::scoped_lock const lock{mutex};
  return lines[api_base];
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

std::string key_of(std::string_view intention, http_client::Form const& form) {
  return std::string{intention} + "-" + crypto::hex(crypto::sha256(form.text())).substr(0, 16);
}

std::string key_once(std::string_view intention) {
  return std::string{intention} + "-" + crypto::random_token(18);
}

Visit::Visit() { end_of_visit = Steady::now() + visit_patience; }
Visit::~Visit() { end_of_visit.reset(); }

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
  bool const is_visitor = patience == Patience::visitor;
  auto& line = line_to(settings_.stripe_api_base);
  auto const end =
      std::min(Steady::now() + visitor_patience, end_of_visit.value_or(Steady::time_point::max()));
  if (is_visitor && Steady::now() >= end) throw Unavailable{"Stripe is too slow to be waited for"};
  // Whoever waits does not wait for what the one before has found out in vain.
  if (is_visitor && !line.take_turn()) throw Unavailable{"Stripe has stopped answering"};
  if (patience == Patience::probe) request.timeout = probe_patience;
  int const retries = is_visitor ? 2 : 0;
  for (int attempt = 0;; ++attempt) {
    std::string trouble;
    if (is_visitor) {
      request.timeout = std::chrono::ceil<std::chrono::milliseconds>(end - Steady::now());
      request.connect_timeout = std::min(visitor_connect, request.timeout);
    }
    try {
      auto const response = http_client::send(request);
      line.answered(response);
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
      // A fault of ours, not of what was asked: it stays for a day and is never "try again".
      if (text(error, "type") == "idempotency_error" && response.status == 400)
        logging::error("stripe.keys", "a key was used for something else before: {} (request {})",
                       message, request_id);
      if (!should_retry(response) || response.status == 402)
        throw Refused{response.status, text(error, "type"), text(error, "code"), message,
                      request_id};
      trouble = "Stripe answered " + std::to_string(response.status) + " (request " + request_id +
                "): " + message;
    } catch (http_client::Failure const& failure) {
      line.failed(failure);
      trouble = std::string{"Stripe cannot be reached: "} + failure.what();
    }
    auto const pause = pause_before(attempt + 1);
    if (attempt >= retries || Steady::now() + pause >= end) throw Unavailable{trouble};
    logging::warning("stripe", "{}; trying again", trouble);
    std::this_thread::sleep_for(pause);
  }
}

std::string clock_trouble(config::Settings const& settings) {
  return line_to(settings.stripe_api_base).clock_trouble();
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
  // Beyond the year 9999 stands what is no number of seconds, as milliseconds would be.
  if (seconds <= 0 || seconds > clock_source::unix_seconds(clock_source::latest)) return {};
  return clock_source::from_unix_seconds(seconds);
}

std::string id_of(Object const& object, std::string_view path) {
  auto const* value = find(object, path);
  if (value && value->is_object()) return text(value->get_object(), "id");
  return text(object, path);
}

}  // namespace stripe
