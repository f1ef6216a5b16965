// Signatures by libsodium.
#include "platform/crypto/signature.hpp"

#include <sodium.h>

#include <stdexcept>

namespace crypto {

namespace {
unsigned char const* bytes_of(std::string_view text) {
  return reinterpret_cast<unsigned char const*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

struct KeyPair {
  std::string public_key = std::string(crypto_sign_PUBLICKEYBYTES, '\0');
  std::string secret_key = std::string(crypto_sign_SECRETKEYBYTES, '\0');
  explicit KeyPair(std::string_view seed) {
    if (seed.size() != crypto_sign_SEEDBYTES || sodium_init() < 0)
      throw std::runtime_error{"a signing key must have 32 bytes"};
    crypto_sign_seed_keypair(bytes_of(public_key), bytes_of(secret_key), bytes_of(seed));
  }
  ~KeyPair() { sodium_memzero(secret_key.data(), secret_key.size()); }
};
}  // namespace

std::string public_key_of(std::string_view seed) { return KeyPair{seed}.public_key; }

std::string sign(std::string_view seed, std::string_view text) {
  KeyPair const pair{seed};
  std::string signature(crypto_sign_BYTES, '\0');
  crypto_sign_detached(bytes_of(signature), nullptr, bytes_of(text), text.size(),
                       bytes_of(std::string_view{pair.secret_key}));
  return signature;
}

bool is_signed_by(std::string_view public_key, std::string_view text, std::string_view signature) {
  return public_key.size() == crypto_sign_PUBLICKEYBYTES && signature.size() == crypto_sign_BYTES &&
         sodium_init() >= 0 &&
         crypto_sign_verify_detached(bytes_of(signature), bytes_of(text), text.size(),
                                     bytes_of(public_key)) == 0;
}

}  // namespace crypto
