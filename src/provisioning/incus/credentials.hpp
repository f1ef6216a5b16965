#pragma once
// Who we are towards an Incus server on https, and which server is the right one.
#include <filesystem>
#include <string>

namespace provisioning::incus {

/// Makes a self-signed client certificate and its key (P-384, ten years) when they are not there.
void ensure_client_certificate(std::filesystem::path const& certificate,
                               std::filesystem::path const& key);

/// Hexadecimal SHA-256 of a PEM certificate, as Incus writes it. Throws std::runtime_error.
[[nodiscard]] std::string fingerprint_of(std::string const& pem);

/// The server's fingerprint in a token of `incus config trust add`. Throws std::runtime_error.
[[nodiscard]] std::string fingerprint_in_token(std::string const& token);

}  // namespace provisioning::incus
