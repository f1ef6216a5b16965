// Archives at an S3-compatible service: path-style addresses, requests signed
// by AWS's Signature Version 4 with the checksum of what is sent.
#include <openssl/evp.h>

#include <cstdio>

#include "backups/archive.hpp"
#include "backups/targets.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/http/message.hpp"
#include "platform/http_client/http_client.hpp"
#include "platform/log/log.hpp"

namespace backups {

namespace {
using namespace std::chrono_literals;
using provisioning::ErrorClass;
using provisioning::NeedsPerson;
using provisioning::StepFailure;
using provisioning::Transient;
using Query = std::vector<std::pair<std::string, std::string>>;  // sorted by name
using Headers = std::map<std::string, std::string>;              // names in lower case

constexpr auto transfer_patience = 2h;
constexpr std::int64_t largest_object = 5LL * 1024 * 1024 * 1024;  // of one PUT, by S3's own rule
constexpr std::size_t most_words = 500;

/// The names that services give their refusals, and what they mean for us. What
/// is not named here is judged by its status.
struct Meaning {
  std::string_view code;
  ErrorClass kind;
  tenants::FailureCode our_code;
  std::string_view advice;
};
constexpr Meaning meanings[] = {
    {"SlowDown", ErrorClass::transient, "backup_target_failed", ""},
    {"RequestTimeout", ErrorClass::transient, "backup_target_failed", ""},
    {"OperationAborted", ErrorClass::transient, "backup_target_failed", ""},
    // What was sent is not what arrived.
    {"BadDigest", ErrorClass::transient, "backup_target_failed", ""},
    {"IncompleteBody", ErrorClass::transient, "backup_target_failed", ""},
    {"XAmzContentSHA256Mismatch", ErrorClass::transient, "backup_target_failed", ""},
    {"XAmzContentChecksumMismatch", ErrorClass::transient, "backup_target_failed", ""},
    {"RequestTimeTooSkewed", ErrorClass::needs_a_person, "backup_clock_wrong",
     "set this machine's clock"},
    {"QuotaExceeded", ErrorClass::needs_a_person, "backup_disk_full",
     "make room there or raise its quota"},
    {"XMinioStorageFull", ErrorClass::needs_a_person, "backup_disk_full", "make room there"},
    {"NoSuchBucket", ErrorClass::needs_a_person, "backup_target_refused",
     "make the bucket, or correct backup_s3_url"},
    {"PermanentRedirect", ErrorClass::needs_a_person, "backup_target_refused",
     "set backup_s3_url to the address that the service names, and "
     "backup_s3_region"},
    {"AuthorizationHeaderMalformed", ErrorClass::needs_a_person, "backup_target_refused",
     "set backup_s3_region"},
    {"InvalidAccessKeyId", ErrorClass::needs_a_person, "backup_target_refused",
     "look at backup_s3_access_key"},
    {"SignatureDoesNotMatch", ErrorClass::needs_a_person, "backup_target_refused",
     "look at backup_s3_secret_key and backup_s3_region"},
    {"InvalidObjectState", ErrorClass::needs_a_person, "backup_in_cold_storage",
     "bring it back from cold storage at the service first"},
    {"EntityTooLarge", ErrorClass::permanent, "backup_too_large", ""},
    {"KeyTooLongError", ErrorClass::permanent, "backup_target_refused",
     "shorten the prefix in backup_s3_url"},
};

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

void append_utf8(std::string& out, unsigned long code) {
  if (code < 0x80) {
    out += char(code);
  } else if (code < 0x800) {
    out += char(0xC0 | (code >> 6));
    out += char(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += char(0xE0 | (code >> 12));
    out += char(0x80 | ((code >> 6) & 0x3F));
    out += char(0x80 | (code & 0x3F));
  } else {
    out += char(0xF0 | (code >> 18));
    out += char(0x80 | ((code >> 12) & 0x3F));
    out += char(0x80 | ((code >> 6) & 0x3F));
    out += char(0x80 | (code & 0x3F));
  }
}

/// The text that an element's content stands for.
std::string plain(std::string_view xml) {
  std::string out;
  while (!xml.empty()) {
    auto const mark = xml.find('&');
    out += xml.substr(0, mark);
    if (mark == std::string_view::npos) break;
    xml.remove_prefix(mark);
    auto const end = xml.find(';');
    if (end == std::string_view::npos) return out + std::string{xml};
    auto const name = xml.substr(1, end - 1);
    if (name == "amp")
      out += '&';
    else if (name == "lt")
      out += '<';
    else if (name == "gt")
      out += '>';
    else if (name == "quot")
      out += '"';
    else if (name == "apos")
      out += '\'';
    else if (name.starts_with("#x") || name.starts_with("#X"))
      append_utf8(out, std::strtoul(std::string{name.substr(2)}.c_str(), nullptr, 16));
    else if (name.starts_with('#'))
      append_utf8(out, std::strtoul(std::string{name.substr(1)}.c_str(), nullptr, 10));
    else
      out += xml.substr(0, end + 1);
    xml.remove_prefix(end + 1);
  }
  return out;
}

/// The content of the first element of this name; empty when there is none.
std::string element(std::string_view xml, std::string_view name) {
  std::size_t at = 0;
  return plain(
      between(xml, "<" + std::string{name} + ">", "</" + std::string{name} + ">", at).value_or(""));
}

std::string base64(std::string_view hexadecimal) {
  std::string raw;
  for (std::size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
    raw += char(std::stoi(std::string{hexadecimal.substr(i, 2)}, nullptr, 16));
  std::string out(4 * ((raw.size() + 2) / 3) + 1, '\0');
  auto const length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<unsigned char const*>(raw.data()), int(raw.size()));
  out.resize(std::size_t(length));
  return out;
}

class S3Target final : public Target {
 public:
  explicit S3Target(config::Settings const& settings)
      : settings_{settings}, region_{settings.backup_s3_region} {
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
      throw config::Mistake{
          "backup_s3_url names no bucket: give it as "
          "https://host/bucket/prefix"};
    for (auto const part : {"/./", "/../", "//"})
      if (("/" + prefix_).find(part) != std::string::npos)
        throw config::Mistake{std::string{"backup_s3_url has \""} + part +
                              "\" in its prefix, which services read in different ways"};
    for (unsigned char const c : prefix_)
      if (c < 0x20 || c == 0x7F)
        throw config::Mistake{"backup_s3_url has a control character in its prefix"};
  }
  std::string_view name() const override { return "s3"; }
  std::string_view setting() const override { return "backup_s3_url"; }
  std::string place() const override { return host_ + "/" + bucket_ + "/" + prefix_; }

  void store(std::filesystem::path const& file, std::string const& location) override {
    auto const contents = measure(file);
    if (contents.size > largest_object)
      throw NeedsPerson{"backup_too_large", "an archive of " + std::to_string(contents.size) +
                                                " bytes is more than the 5 GiB that one upload to "
                                                "S3 may have"};
    http_client::Request request;
    request.method = "PUT";
    request.body_file = file;
    // A bucket that locks its objects takes none without one of these two.
    Headers headers{{"x-amz-checksum-sha256", base64(contents.sha256)}};
    if (!contents.md5.empty()) headers["content-md5"] = base64(contents.md5);
    send("store", request, key_of(location), {}, contents.sha256, headers);
    std::filesystem::remove(file);
  }

  void fetch(std::string const& location, std::filesystem::path const& file) override {
    http_client::Request request;
    request.answer_file = file;
    auto const response = send("read", request, key_of(location), {});
    if (response.status == 404) throw Missing{bucket_ + "/" + prefix_ + location + " is not there"};
  }

  void remove(std::string const& location) override {
    http_client::Request request;
    request.method = "DELETE";
    send("remove", request, key_of(location), {});
  }

  std::vector<Stored> list() override {
    std::vector<Stored> found;
    std::string token;
    do {
      Query query;
      if (!token.empty()) query.emplace_back("continuation-token", token);
      query.emplace_back("list-type", "2");
      query.emplace_back("prefix", prefix_);
      auto const body = send("list", {}, "/" + http::percent_encode(bucket_), query).body;
      // A page of something in between would read as an empty bucket, and every
      // backup as lost.
      if (body.find("<ListBucketResult") == std::string::npos)
        throw Transient{"backup_target_failed",
                        "cannot list at " + host_ + "/" + bucket_ + ": the answer is no list"};
      std::size_t at = 0;
      while (auto const entry = between(body, "<Contents>", "</Contents>", at)) {
        auto const key = element(*entry, "Key"), size = element(*entry, "Size");
        auto const made = clock_source::parse(element(*entry, "LastModified"));
        if (!key.starts_with(prefix_) || key.size() == prefix_.size()) continue;
        // One whose age is not told is never old enough to be removed.
        found.push_back({key.substr(prefix_.size()), size.empty() ? 0 : std::stoll(size),
                         made.value_or(clock_source::now())});
      }
      token = element(body, "NextContinuationToken");
      if (token.empty() && element(body, "IsTruncated") == "true")
        throw Transient{"backup_target_failed",
                        "cannot list at " + host_ + "/" + bucket_ + ": the list breaks off"};
    } while (!token.empty());
    return found;
  }

  void write(std::string const& location, std::string const& text) override {
    http_client::Request request;
    request.method = "PUT";
    request.body = text;
    auto const sum = crypto::hex(crypto::sha256(text));
    send("store", request, key_of(location), {}, sum, {{"x-amz-checksum-sha256", base64(sum)}});
  }

  bool has(std::string const& location) override {
    return send("read", {}, key_of(location), {}).status != 404;
  }

  void probe() override {
    Query const query{{"list-type", "2"}, {"max-keys", "1"}, {"prefix", prefix_}};
    send("list", {}, "/" + http::percent_encode(bucket_), query, {});
  }

 private:
  std::string key_of(std::string const& location) const {
    return "/" + http::percent_encode(bucket_) + "/" + encode_path(prefix_ + location);
  }

  /// Throws what the answer means; 404 of an object is an answer.
  http_client::Response send(std::string_view what, http_client::Request request,
                             std::string const& path, Query const& query,
                             std::optional<std::string> const& body_sha256 = {},
                             Headers const& headers = {}) {
    std::string query_text;
    for (auto const& [key, value] : query)
      query_text += (query_text.empty() ? "" : "&") + http::percent_encode(key) + "=" +
                    http::percent_encode(value);
    request.url = server_ + path + (query_text.empty() ? "" : "?" + query_text);
    request.timeout = query.empty() ? std::chrono::milliseconds{transfer_patience} : 30s;
    auto const whole = "cannot " + std::string{what} + " at " + host_ + "/" + bucket_ + ": ";
    for (bool is_first = true;; is_first = false) {
      sign(request, path, query_text, body_sha256.value_or(crypto::hex(crypto::sha256(""))),
           headers);
      http_client::Response response;
      try {
        response = http_client::send(request);
      } catch (http_client::Failure const& failure) {
        throw Transient{"backup_target_failed", whole + failure.what()};
      }
      if (response.status / 100 == 2) return response;
      auto const code = element(response.body, "Code");
      if (response.status == 404 && code != "NoSuchBucket" && query.empty()) return response;
      // The service says itself which region it wants to see in the signature.
      if (is_first && take_region(response)) continue;
      refuse(response, code, whole);
    }
  }

  bool take_region(http_client::Response const& response) {
    auto told = std::string{response.header("x-amz-bucket-region")};
    if (told.empty()) told = element(response.body, "Region");
    std::scoped_lock const lock{mutex_};
    if (told.empty() || told == region_ ||
        told.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
      return false;
    logging::warning("backups", "{}/{} lies in the region {}: set backup_s3_region to it", host_,
                     bucket_, told);
    region_ = told;
    return true;
  }

  [[noreturn]] void refuse(http_client::Response const& response, std::string const& code,
                           std::string const& whole) const {
    auto text = whole + std::to_string(response.status) + (code.empty() ? "" : " " + code);
    if (auto words = element(response.body, "Message"); !words.empty())
      text += ": " + words.substr(0, most_words);
    if (auto const endpoint = element(response.body, "Endpoint"); !endpoint.empty())
      text += " (" + endpoint.substr(0, most_words) + ")";
    for (auto const& meaning : meanings)
      if (code == meaning.code)
        throw StepFailure{
            meaning.kind, meaning.our_code,
            text + (meaning.advice.empty() ? "" : "; ") + std::string{meaning.advice}};
    if (response.status == 507) throw NeedsPerson{"backup_disk_full", text + "; make room there"};
    if (response.status == 408 || response.status == 429 ||
        (response.status >= 500 && response.status != 501))
      throw Transient{"backup_target_failed", text};
    // Also what else it says with 4xx: somebody has to change something there
    // or here.
    throw NeedsPerson{"backup_target_refused",
                      text + "; look at backup_s3_url, its region and its keys"};
  }

  void sign(http_client::Request& request, std::string const& path, std::string const& query,
            std::string const& body_sha256, Headers headers) const {
    auto const region = [&] {
      std::scoped_lock const lock{mutex_};
      return region_;
    }();
    auto time = clock_source::rfc3339(clock_source::now()).substr(0, 19) + "Z";
    std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
    auto const day = time.substr(0, 8);
    auto const scope = day + "/" + region + "/s3/aws4_request";
    headers["host"] = host_;
    headers["x-amz-content-sha256"] = body_sha256;
    headers["x-amz-date"] = time;
    std::string lines, names;
    for (auto const& [header, value] : headers) {
      lines += header + ":" + value + "\n";
      names += (names.empty() ? "" : ";") + header;
    }
    auto const canonical = request.method + "\n" + path + "\n" + query + "\n" + lines + "\n" +
                           names + "\n" + body_sha256;
    auto const to_sign =
        "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + crypto::hex(crypto::sha256(canonical));
    auto key = crypto::hmac_sha256("AWS4" + settings_.backup_s3_secret_key, day);
    key = crypto::hmac_sha256(key, region);
    key = crypto::hmac_sha256(key, "s3");
    key = crypto::hmac_sha256(key, "aws4_request");
    request.headers.clear();
    for (auto const& [header, value] : headers) request.headers.push_back(header + ": " + value);
    request.headers.push_back(
        "Authorization: AWS4-HMAC-SHA256 Credential=" + settings_.backup_s3_access_key + "/" +
        scope + ", SignedHeaders=" + names +
        ", Signature=" + crypto::hex(crypto::hmac_sha256(key, to_sign)));
  }

  config::Settings const& settings_;
  std::string server_, host_, bucket_, prefix_;
  mutable std::mutex mutex_;
  std::string region_;
};
}  // namespace

std::unique_ptr<Target> s3_target(config::Settings const& settings) {
  return std::make_unique<S3Target>(settings);
}

}  // namespace backups
