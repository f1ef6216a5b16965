#pragma once
// Signatures by ed25519 (RFC 8032): whoever has the public key can check a text without asking us.
#include <string>
#include <string_view>

namespace crypto {

/// `seed` are 32 secret bytes; the public key are 32 bytes, a signature 64.
[[nodiscard]] std::string public_key_of(std::string_view seed);
[[nodiscard]] std::string sign(std::string_view seed, std::string_view text);
/// False for anything that is not exactly right, also for keys and signatures of a wrong length.
[[nodiscard]] bool is_signed_by(std::string_view public_key, std::string_view text,
                                std::string_view signature);

}  // namespace crypto
