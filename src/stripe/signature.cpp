// The signature scheme of Stripe's webhooks.
#include <charconv>

#include "platform/crypto/crypto.hpp"
#include "stripe/stripe.hpp"

namespace stripe {

namespace {
constexpr std::int64_t tolerance_seconds = 300;

template <class Function>
void each_part(std::string_view text, Function&& function) {
  while (!text.empty()) {
    auto const part = text.substr(0, text.find(','));
    function(part);
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
}
}  // namespace

Signature check_signature(std::string_view body, std::string_view header, std::string_view secrets,
                          Time now) {
  std::string_view timestamp;
  std::vector<std::string_view> candidates;
  each_part(header, [&](std::string_view part) {
    if (part.starts_with("t="))
      timestamp = part.substr(2);
    else if (part.starts_with("v1="))
      candidates.push_back(part.substr(3));
  });
  std::int64_t signed_at = 0;
  auto const [end, error] =
      std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), signed_at);
  if (timestamp.empty() || error != std::errc{} || end != timestamp.data() + timestamp.size() ||
      candidates.empty())
    return Signature::malformed;

  bool matches = false;
  auto const payload = std::string{timestamp} + "." + std::string{body};
  each_part(secrets, [&](std::string_view secret) {
    if (secret.empty()) return;
    auto const expected = crypto::hex(crypto::hmac_sha256(secret, payload));
    for (auto const candidate : candidates)
      matches |= crypto::equal_in_constant_time(expected, candidate);
  });
  if (!matches) return Signature::wrong;
  auto const age = clock_source::unix_seconds(now) - signed_at;
  return age > tolerance_seconds || age < -tolerance_seconds ? Signature::too_old
                                                             : Signature::valid;
}

}  // namespace stripe
