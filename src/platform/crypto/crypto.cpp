// OpenSSL EVP for digests and AES-GCM, libsodium for passwords and encodings.
#include "platform/crypto/crypto.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <memory>
#include <stdexcept>

namespace crypto {

namespace {
constexpr std::size_t nonce_bytes = 12, tag_bytes = 16;

void require_sodium() {
  static bool const ready = sodium_init() >= 0;
  if (!ready) throw std::runtime_error{"libsodium cannot be initialised"};
}

unsigned char const* bytes_of(std::string_view text) {
  return reinterpret_cast<unsigned char const*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

void check(int ok) {
  if (ok != 1) throw std::runtime_error{"OpenSSL refused an operation"};
}
}  // namespace

std::string random_hex(std::size_t bytes) {
  require_sodium();
  std::string raw(bytes, '\0');
  randombytes_buf(raw.data(), raw.size());
  return hex(raw);
}

std::string random_token(std::size_t bytes) {
  require_sodium();
  std::string raw(bytes, '\0');
  randombytes_buf(raw.data(), raw.size());
  return base64url(raw);
}

std::string hex(std::string_view bytes) {
  std::string out(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), bytes_of(bytes), bytes.size());
  out.pop_back();
  return out;
}

std::string base64url(std::string_view bytes) {
  constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes_of(bytes), bytes.size(), variant);
  out.pop_back();
  return out;
}

std::string from_base64url(std::string_view text) {
  std::string out(text.size() + 1, '\0');
  std::size_t length = 0;
  char const* end = nullptr;
  if (sodium_base642bin(bytes_of(out), out.size(), text.data(), text.size(), nullptr, &length, &end,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      end != text.data() + text.size())
    throw std::runtime_error{"this is not base64"};
  out.resize(length);
  return out;
}

std::string sha256(std::string_view data) {
  std::string out(32, '\0');
  unsigned length = 0;
  check(EVP_Digest(data.data(), data.size(), bytes_of(out), &length, EVP_sha256(), nullptr));
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view data) {
  std::string out(32, '\0');
  unsigned length = 0;
  if (!HMAC(EVP_sha256(), key.data(), int(key.size()), bytes_of(data), data.size(), bytes_of(out),
            &length))
    throw std::runtime_error{"OpenSSL refused an HMAC"};
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string hash_password(std::string_view password) {
  require_sodium();
  std::string out(crypto_pwhash_STRBYTES, '\0');
  if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), 2, 19 * 1024 * 1024,
                            crypto_pwhash_ALG_ARGON2ID13) != 0)
    throw std::runtime_error{"not enough memory to hash a password"};
  out.resize(std::strlen(out.c_str()));
  return out;
}

bool verify_password(std::string_view hash, std::string_view password) {
  require_sodium();
  return crypto_pwhash_str_verify(std::string{hash}.c_str(), password.data(), password.size()) == 0;
}

std::string random_key() {
  require_sodium();
  std::string key(32, '\0');
  randombytes_buf(key.data(), key.size());
  return key;
}

std::string seal(std::string_view key, std::string_view plain, std::string_view context) {
  require_sodium();
  std::string out(nonce_bytes + plain.size() + tag_bytes, '\0');
  randombytes_buf(out.data(), nonce_bytes);
  Cipher const cipher{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
  int length = 0;
  check(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), bytes_of(out)));
  check(EVP_EncryptUpdate(cipher.get(), nullptr, &length, bytes_of(context), int(context.size())));
  check(EVP_EncryptUpdate(cipher.get(), bytes_of(out) + nonce_bytes, &length, bytes_of(plain),
                          int(plain.size())));
  check(EVP_EncryptFinal_ex(cipher.get(), bytes_of(out) + nonce_bytes + length, &length));
  check(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes,
                            bytes_of(out) + nonce_bytes + plain.size()));
  return out;
}

std::optional<std::string> open(std::string_view key, std::string_view sealed,
                                std::string_view context) {
  if (sealed.size() < nonce_bytes + tag_bytes) return {};
  auto const body = sealed.substr(nonce_bytes, sealed.size() - nonce_bytes - tag_bytes);
  std::string tag{sealed.substr(sealed.size() - tag_bytes)};
  std::string plain(body.size(), '\0');
  Cipher const cipher{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
  int length = 0;
  check(EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key),
                           bytes_of(sealed)));
  check(EVP_DecryptUpdate(cipher.get(), nullptr, &length, bytes_of(context), int(context.size())));
  check(
      EVP_DecryptUpdate(cipher.get(), bytes_of(plain), &length, bytes_of(body), int(body.size())));
  check(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, bytes_of(tag)));
  int rest = 0;
  if (EVP_DecryptFinal_ex(cipher.get(), bytes_of(plain) + length, &rest) != 1) return {};
  return plain;
}

}  // namespace crypto
