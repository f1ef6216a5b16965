// JWT by libjwt, HS256 only.
#include "identity/tokens.hpp"

#include <jwt.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "platform/crypto/crypto.hpp"

namespace identity {

namespace {
constexpr std::size_t longest_token = 2048;

struct JwtDeleter {
  void operator()(jwt_t* token) const { jwt_free(token); }
};
using Jwt = std::unique_ptr<jwt_t, JwtDeleter>;

unsigned char const* bytes_of(std::string const& text) {
  return reinterpret_cast<unsigned char const*>(text.data());
}

std::string text_of(char const* value) { return value ? value : ""; }

[[noreturn]] void refuse(std::string why) { throw Problem{invalid_token, {}, std::move(why)}; }
}  // namespace

SigningKey signing_key(std::string kid, std::string secret) {
  SigningKey key{std::move(kid), std::move(secret), ""};
  auto const sample = issue_token(key, {.session_id = "sample"});
  key.header = sample.substr(0, sample.find('.'));
  return key;
}

std::string issue_token(SigningKey const& key, Claims const& claims) {
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) throw std::bad_alloc{};
  Jwt const token{raw};
  auto const now = clock_source::unix_seconds(clock_source::now());
  jwt_add_header(raw, "kid", key.kid.c_str());
  jwt_add_grant(raw, "iss", std::string{token_issuer}.c_str());
  jwt_add_grant(raw, "aud", std::string{token_audience}.c_str());
  jwt_add_grant(raw, "sub", std::to_string(claims.staff_id).c_str());
  jwt_add_grant(raw, "sid", claims.session_id.c_str());
  jwt_add_grant(raw, "jti", crypto::random_token(12).c_str());
  jwt_add_grant_int(raw, "iat", now);
  jwt_add_grant_int(raw, "exp", clock_source::unix_seconds(claims.expires_at));
  if (jwt_set_alg(raw, JWT_ALG_HS256, bytes_of(key.secret), int(key.secret.size())) != 0)
    throw std::runtime_error{"libjwt refused the key"};
  std::unique_ptr<char, decltype(&std::free)> const encoded{jwt_encode_str(raw), std::free};
  return encoded.get();
}

Claims verify_token(std::vector<SigningKey> const& keys, std::string_view text) {
  if (text.size() > longest_token) refuse("the token is too long");
  auto const header = text.substr(0, text.find('.'));
  auto const key = std::find_if(keys.begin(), keys.end(),
                                [&](SigningKey const& known) { return known.header == header; });
  if (key == keys.end()) refuse("the token's header is not ours");
  std::string const copy{text};
  jwt_t* raw = nullptr;
  if (jwt_decode(&raw, copy.c_str(), bytes_of(key->secret), int(key->secret.size())) != 0)
    refuse("the signature is wrong");
  Jwt const token{raw};
  if (text_of(jwt_get_grant(raw, "iss")) != token_issuer) refuse("another issuer");
  if (text_of(jwt_get_grant(raw, "aud")) != token_audience) refuse("another audience");

  Claims claims;
  auto const expires = jwt_get_grant_int(raw, "exp");
  claims.expires_at = clock_source::from_unix_seconds(expires);
  if (expires <= 0 || claims.expires_at <= clock_source::now()) refuse("the token has expired");
  claims.staff_id = std::atoll(text_of(jwt_get_grant(raw, "sub")).c_str());
  claims.session_id = text_of(jwt_get_grant(raw, "sid"));
  if (claims.staff_id <= 0 || claims.session_id.empty() ||
      text_of(jwt_get_grant(raw, "jti")).empty())
    refuse("a claim is missing");
  return claims;
}

}  // namespace identity
