#pragma once
// One-time codes of an authenticator app (TOTP, RFC 6238) by liboath: SHA-1, six digits, 30
// seconds, as all apps understand them.
#include <optional>
#include <string>
#include <string_view>

#include "platform/clock/clock.hpp"

namespace identity::factors {

/// 20 random bytes.
[[nodiscard]] std::string new_totp_seed();
/// The seed as people type it: base32 in groups of four.
[[nodiscard]] std::string totp_key(std::string_view seed);
/// What the app reads from the picture.
[[nodiscard]] std::string totp_uri(std::string_view seed, std::string_view issuer,
                                   std::string_view account);

/// The step (of 30 seconds since 1970) of which `code` is the code, at most `window` steps away
/// from `now`.
[[nodiscard]] std::optional<std::int64_t> totp_step_of(std::string_view seed, std::string_view code,
                                                       Time now, int window = 1);

/// A QR code as SVG in a data: URL, black on white whatever the theme: cameras want that.
[[nodiscard]] std::string qr_image(std::string const& text);

}  // namespace identity::factors
