// The form of keys, who uses one, and ending them.
#include "identity/api_keys/api_keys.hpp"

#include <boost/crc.hpp>

#include "platform/crypto/crypto.hpp"

namespace identity::api_keys {

namespace {
constexpr std::string_view digits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t marker_length = 8, random_length = 32, checksum_length = 6;
constexpr std::string_view live_marker = "ob_live_", test_marker = "ob_test_";

std::string checksum_of(std::string_view text) {
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  std::string out(checksum_length, '0');
  auto rest = crc.checksum();
  for (auto at = out.rbegin(); at != out.rend(); ++at, rest /= digits.size())
    *at = digits[rest % digits.size()];
  return out;
}

/// 190 bits; bytes beyond the last multiple of 62 are thrown away, or some digits came more often.
std::string random_digits() {
  std::string out;
  while (out.size() < random_length)
    for (unsigned char const byte : crypto::from_base64url(crypto::random_token(48)))
      if (byte < 248 && out.size() < random_length) out += digits[byte % digits.size()];
  return out;
}

db::Query const revoke_one{"identity.revoke_api_key", R"sql(
  UPDATE api_keys SET revoked_at = $2, revoked_by = $3, version = version + 1
   WHERE id = $1 AND revoked_at IS NULL
)sql"};
db::Query const revoke_every{"identity.revoke_every_api_key", R"sql(
  UPDATE api_keys SET revoked_at = $1, revoked_by = $2, version = version + 1
   WHERE revoked_at IS NULL
)sql"};
}  // namespace

std::string new_key(bool live) {
  auto const key = std::string{live ? live_marker : test_marker} + random_digits();
  return key + checksum_of(key);
}

bool is_well_formed_key(std::string_view text) {
  if (text.size() != marker_length + random_length + checksum_length) return false;
  if (!text.starts_with(live_marker) && !text.starts_with(test_marker)) return false;
  auto const body = text.substr(0, text.size() - checksum_length);
  return text.substr(body.size()) == checksum_of(body);
}

bool revoke(db::Tx& tx, ApiKeyId id, std::string_view by) {
  return tx.exec(revoke_one, id, clock_source::now(), by) > 0;
}

std::int64_t revoke_all(db::Tx& tx, std::string_view by) {
  return tx.exec(revoke_every, clock_source::now(), by);
}

http::Actor actor_of_key(Directory& directory, std::string_view text, std::string const& address,
                         bool live) {
  if (!is_well_formed_key(text))
    throw Problem{invalid_api_key, "It is mistyped or cut off: its checksum is wrong."};
  if (text.starts_with(live_marker) != live)
    throw Problem{invalid_api_key, "It belongs to the other mode (ob_live_ or ob_test_)."};
  auto const snapshot = directory.now();
  auto const found = snapshot->api_keys.find(crypto::hex(crypto::sha256(text)));
  if (found == snapshot->api_keys.end())
    throw Problem{invalid_api_key, "There is no such key, or it was revoked."};
  auto const& key = *found->second;
  if (key.expires_at && *key.expires_at <= clock_source::now())
    throw Problem{invalid_api_key, "It has expired."};
  if (key.maker_is_gone)
    throw Problem{invalid_api_key, "The person who made it is no longer here."};
  auto const& allowed = key.addresses;
  if (!allowed.empty() && std::none_of(allowed.begin(), allowed.end(), [&](auto const& network) {
        return network.contains(address);
      }))
    throw Problem{address_not_allowed};
  directory.note_use(key.id, address);
  return {.api_key_id = key.id,
          .email = key.prefix,
          .name = key.prefix,
          .scopes = key.scopes,
          .expires_at = key.expires_at.value_or(Time::max())};
}

}  // namespace identity::api_keys
