// Archives at an S3-compatible service: path-style addresses, requests signed by AWS's Signature
// Version 4 with the checksum of what is sent.
#include <cstdio>

#include "backups/archive.hpp"
#include "backups/targets.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/http/message.hpp"
#include "platform/http_client/http_client.hpp"

namespace backups {

namespace {
using namespace std::chrono_literals;
using provisioning::NeedsPerson;
using provisioning::Transient;
using Query = std::vector<std::pair<std::string, std::string>>;  // sorted by name

constexpr auto transfer_patience = 2h;
constexpr std::int64_t largest_object = 5LL * 1024 * 1024 * 1024;  // of one PUT, by S3's own rule

std::string encode_path(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    auto const slash = path.find('/');
    out += http::percent_encode(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    out += '/';
    path.remove_prefix(slash + 1);
  }
  return out;
}

/// The text between two marks, from `at` on; moves `at` behind it.
std::optional<std::string> between(std::string_view text, std::string_view from,
                                   std::string_view to, std::size_t& at) {
  auto const begin = text.find(from, at);
  if (begin == std::string_view::npos) return {};
  auto const end = text.find(to, begin + from.size());
  if (end == std::string_view::npos) return {};
  at = end + to.size();
  return std::string{text.substr(begin + from.size(), end - begin - from.size())};
}

class S3Target final : public Target {
 public:
  explicit S3Target(config::Settings const& settings) : settings_{settings} {
    // https://host/bucket/prefix
    auto const& url = settings.backup_s3_url;
    auto const host = url.find("://") + 3;
    auto const path = url.find('/', host);
    server_ = url.substr(0, path);
    host_ = url.substr(host, path - host);
    auto rest = path == std::string::npos ? std::string{} : url.substr(path + 1);
    auto const slash = rest.find('/');
    bucket_ = rest.substr(0, slash);
    prefix_ = slash == std::string::npos ? "" : rest.substr(slash + 1);
    if (!prefix_.empty() && !prefix_.ends_with('/')) prefix_ += '/';
    if (host < 3 || bucket_.empty())
      throw config::Mistake{"backup_s3_url names no bucket: give it as https://host/bucket/prefix"};
  }
  std::string_view name() const override { return "s3"; }

  void store(std::filesystem::path const& file, std::string const& location) override {
    auto const contents = measure(file);
    if (contents.size > largest_object)
      throw NeedsPerson{"backup_too_large", "an archive of " + std::to_string(contents.size) +
                                                " bytes is more than the 5 GiB that one upload to "
                                                "S3 may have"};
    http_client::Request request;
    request.method = "PUT";
    request.body_file = file;
    send("store", request, key_of(location), {}, contents.sha256);
    std::filesystem::remove(file);
  }

  void fetch(std::string const& location, std::filesystem::path const& file) override {
    http_client::Request request;
    request.answer_file = file;
    auto const response = send("read", request, key_of(location), {}, {});
    if (response.status == 404) throw Missing{bucket_ + "/" + prefix_ + location + " is not there"};
  }

  void remove(std::string const& location) override {
    http_client::Request request;
    request.method = "DELETE";
    send("remove", request, key_of(location), {}, {});
  }

  std::vector<Stored> list() override {
    std::vector<Stored> found;
    std::string token;
    do {
      Query query;
      if (!token.empty()) query.emplace_back("continuation-token", token);
      query.emplace_back("list-type", "2");
      query.emplace_back("prefix", prefix_);
      auto const body = send("list", {}, "/" + http::percent_encode(bucket_), query, {}).body;
      std::size_t at = 0;
      while (auto const entry = between(body, "<Contents>", "</Contents>", at)) {
        std::size_t inside = 0;
        auto const key = between(*entry, "<Key>", "</Key>", inside);
        inside = 0;
        auto const size = between(*entry, "<Size>", "</Size>", inside);
        if (key && size && key->starts_with(prefix_))
          found.push_back({key->substr(prefix_.size()), std::stoll(*size)});
      }
      at = 0;
      token = between(body, "<NextContinuationToken>", "</NextContinuationToken>", at).value_or("");
    } while (!token.empty());
    return found;
  }

 private:
  std::string key_of(std::string const& location) const {
    return "/" + http::percent_encode(bucket_) + "/" + encode_path(prefix_ + location);
  }

  /// Throws what the status means; 404 of an object is an answer.
  http_client::Response send(std::string_view what, http_client::Request request,
                             std::string const& path, Query const& query,
                             std::optional<std::string> const& body_sha256) {
    std::string query_text;
    for (auto const& [key, value] : query)
      query_text += (query_text.empty() ? "" : "&") + http::percent_encode(key) + "=" +
                    http::percent_encode(value);
    request.url = server_ + path + (query_text.empty() ? "" : "?" + query_text);
    request.timeout = transfer_patience;
    sign(request, path, query_text, body_sha256.value_or(crypto::hex(crypto::sha256(""))));
    http_client::Response response;
    auto const whole = "cannot " + std::string{what} + " at " + host_ + "/" + bucket_ + ": ";
    try {
      response = http_client::send(request);
    } catch (http_client::Failure const& failure) {
      throw Transient{"backup_target_failed", whole + failure.what()};
    }
    std::size_t at = 0;
    auto const code = between(response.body, "<Code>", "</Code>", at).value_or("");
    auto const answer = whole + std::to_string(response.status) + " " + code;
    if (response.status / 100 == 2) return response;
    if (response.status == 404 && code != "NoSuchBucket" && query.empty()) return response;
    if (response.status == 401 || response.status == 403 || response.status == 404)
      throw NeedsPerson{"backup_target_refused",
                        answer + "; look at backup_s3_url, its region and its keys"};
    throw Transient{"backup_target_failed", answer};
  }

  void sign(http_client::Request& request, std::string const& path, std::string const& query,
            std::string const& body_sha256) const {
    auto time = clock_source::rfc3339(clock_source::now()).substr(0, 19) + "Z";
    std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
    auto const day = time.substr(0, 8);
    auto const scope = day + "/" + settings_.backup_s3_region + "/s3/aws4_request";
    auto const canonical = request.method + "\n" + path + "\n" + query + "\nhost:" + host_ +
                           "\nx-amz-content-sha256:" + body_sha256 + "\nx-amz-date:" + time +
                           "\n\nhost;x-amz-content-sha256;x-amz-date\n" + body_sha256;
    auto const to_sign =
        "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + crypto::hex(crypto::sha256(canonical));
    auto key = crypto::hmac_sha256("AWS4" + settings_.backup_s3_secret_key, day);
    key = crypto::hmac_sha256(key, settings_.backup_s3_region);
    key = crypto::hmac_sha256(key, "s3");
    key = crypto::hmac_sha256(key, "aws4_request");
    request.headers = {
        "Host: " + host_, "x-amz-content-sha256: " + body_sha256, "x-amz-date: " + time,
        "Authorization: AWS4-HMAC-SHA256 Credential=" + settings_.backup_s3_access_key + "/" +
            scope + ", SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=" +
            crypto::hex(crypto::hmac_sha256(key, to_sign))};
  }

  config::Settings const& settings_;
  std::string server_, host_, bucket_, prefix_;
};
}  // namespace

std::unique_ptr<Target> s3_target(config::Settings const& settings) {
  return std::make_unique<S3Target>(settings);
}

}  // namespace backups
