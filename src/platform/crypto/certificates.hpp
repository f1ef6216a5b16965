#pragma once
// Certificates that others give us: read, checked and written down again in one form; and what is
// needed to ask for one.
#include <stdexcept>
#include <string>
#include <vector>

#include "platform/clock/clock.hpp"
#include "platform/types/fields.hpp"

namespace crypto {

/// Why a certificate or its key is not taken.
struct CertificateMistake : std::runtime_error {
  enum class Part { certificate, key };
  CertificateMistake(Part part, FieldCode code)
      : std::runtime_error{std::string{code.pattern}}, part{part}, code{code} {}
  Part part;
  FieldCode code;
};

struct HeldCertificate {
  std::string chain, key;  // PEM without empty lines; the certificate itself comes first
  std::vector<std::string> names;
  std::string issuer, fingerprint;  // fingerprint: SHA-1, hexadecimal, upper case
  Time not_before, not_after;

  /// Whether a browser takes it for this host.
  [[nodiscard]] bool covers(std::string const& host) const;
};

/// Throws CertificateMistake: not readable, a key with a passphrase, a key that is another one's or
/// too short for today, certificates in the wrong order, more than a front door takes.
[[nodiscard]] HeldCertificate read_certificate(std::string const& chain_pem,
                                               std::string const& key_pem);

struct Request {
  std::string key, request;  // PEM; the request (PKCS #10) is public
};
/// A new P-256 key and a request for a certificate of `host`.
[[nodiscard]] Request request_certificate(std::string const& host);

}  // namespace crypto
