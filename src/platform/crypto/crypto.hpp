#pragma once
// Keys, digests, random text and sealing. OpenSSL and libsodium do the work; nothing is home-made.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace crypto {

/// `bytes` random bytes from the kernel, as URL-safe base64 without padding or as hex.
[[nodiscard]] std::string random_token(std::size_t bytes = 24);
[[nodiscard]] std::string random_hex(std::size_t bytes = 16);

[[nodiscard]] std::string hex(std::string_view bytes);
[[nodiscard]] std::string base64url(std::string_view bytes);
/// Throws std::runtime_error when the text is not URL-safe base64 without padding.
[[nodiscard]] std::string from_base64url(std::string_view text);
/// Raw digest bytes.
[[nodiscard]] std::string sha256(std::string_view data);
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view data);
/// Compares without telling by its duration where the first difference is.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

/// Argon2id, 19 MiB and 2 passes (OWASP's minimum); about 30 ms: only in the password lane.
[[nodiscard]] std::string hash_password(std::string_view password);
[[nodiscard]] bool verify_password(std::string_view hash, std::string_view password);

/// 32 random bytes.
[[nodiscard]] std::string random_key();

/// AES-256-GCM with a fresh nonce. `context` (table, column, row) is authenticated, so a sealed
/// value cannot be moved to another row. open() gives none when anything was altered.
[[nodiscard]] std::string seal(std::string_view key, std::string_view plain,
                               std::string_view context);
[[nodiscard]] std::optional<std::string> open(std::string_view key, std::string_view sealed,
                                              std::string_view context);

}  // namespace crypto
