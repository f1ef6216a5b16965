// JWT by libjwt, HS256 only.
#include <jwt.h>

#include "identity/identity.hpp"
#include "platform/crypto/crypto.hpp"

namespace identity {

namespace {
constexpr auto key_id = "1";
constexpr std::size_t longest_token = 4096;

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

Tokens::Tokens(std::string_view master_key)
    : signing_key_{crypto::hmac_sha256(master_key, "identity/jwt/1")},
      csrf_key_{crypto::hmac_sha256(master_key, "identity/csrf/1")} {
  auto const sample = issue({.session_id = "sample"});
  header_ = sample.substr(0, sample.find('.'));
}

std::string Tokens::issue(Claims const& claims) const {
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) throw std::bad_alloc{};
  Jwt const token{raw};
  auto const now = clock_source::unix_seconds(clock_source::now());
  jwt_add_header(raw, "kid", key_id);
  jwt_add_grant(raw, "iss", std::string{issuer}.c_str());
  jwt_add_grant(raw, "aud", std::string{audience}.c_str());
  jwt_add_grant(raw, "sub", std::to_string(claims.staff_id).c_str());
  jwt_add_grant(raw, "jti", claims.session_id.c_str());
  jwt_add_grant(raw, "email", claims.email.c_str());
  jwt_add_grant(raw, "name", claims.name.c_str());
  jwt_add_grant(raw, "role", std::string{name_of(claims.role)}.c_str());
  jwt_add_grant_int(raw, "iat", now);
  jwt_add_grant_int(raw, "exp", clock_source::unix_seconds(claims.expires_at));
  if (jwt_set_alg(raw, JWT_ALG_HS256, bytes_of(signing_key_), int(signing_key_.size())) != 0)
    throw std::runtime_error{"libjwt refused the key"};
  std::unique_ptr<char, decltype(&std::free)> const encoded{jwt_encode_str(raw), std::free};
  return encoded.get();
}

Tokens::Claims Tokens::verify(std::string_view text) const {
  if (text.size() > longest_token) refuse("the token is too long");
  // Our own header, byte for byte: algorithm and key id are pinned before anything is believed.
  if (text.substr(0, text.find('.')) != header_) refuse("the token's header is not ours");
  std::string const copy{text};
  jwt_t* raw = nullptr;
  if (jwt_decode(&raw, copy.c_str(), bytes_of(signing_key_), int(signing_key_.size())) != 0)
    refuse("the signature is wrong");
  Jwt const token{raw};
  if (text_of(jwt_get_grant(raw, "iss")) != issuer) refuse("another issuer");
  if (text_of(jwt_get_grant(raw, "aud")) != audience) refuse("another audience");

  Claims claims;
  auto const expires = jwt_get_grant_int(raw, "exp");
  claims.expires_at = clock_source::from_unix_seconds(expires);
  if (expires <= 0 || claims.expires_at <= clock_source::now()) refuse("the token has expired");
  claims.staff_id = std::atoll(text_of(jwt_get_grant(raw, "sub")).c_str());
  claims.session_id = text_of(jwt_get_grant(raw, "jti"));
  claims.email = text_of(jwt_get_grant(raw, "email"));
  claims.name = text_of(jwt_get_grant(raw, "name"));
  auto const role = enum_from<Role>(text_of(jwt_get_grant(raw, "role")));
  if (!role || claims.staff_id <= 0 || claims.session_id.empty()) refuse("a claim is missing");
  claims.role = *role;
  return claims;
}

std::string Tokens::csrf_token(std::string_view session_id) const {
  return crypto::base64url(crypto::hmac_sha256(csrf_key_, session_id));
}

}  // namespace identity
