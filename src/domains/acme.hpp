#pragma once
// Certificates from an ACME service (RFC 8555), by Debian's client lego: it speaks the protocol and
// keeps the account; the key of a certificate never reaches it.
#include <filesystem>
#include <stdexcept>

#include "platform/config/config.hpp"

namespace domains {

/// In the words of the service where it gave some; `problem` is what pages have words for.
struct AcmeFailure : std::runtime_error {
  explicit AcmeFailure(std::string const& words, std::string_view problem = "acme_failed")
      : std::runtime_error{words}, problem{problem} {}
  std::string_view problem;
};

class Acme {
 public:
  explicit Acme(config::Settings const& settings) : settings_{settings} {}

  [[nodiscard]] bool is_configured() const { return !settings_.acme_directory_url.empty(); }
  /// The chain for a request (PKCS #10, PEM). The service fetches an answer from the domain over
  /// HTTP meanwhile (HTTP-01). One at a time: all use one account. Throws AcmeFailure.
  [[nodiscard]] std::string obtain(std::string const& domain, std::string const& request) const;
  /// What the domain answers for a token; none when nobody has asked for it.
  [[nodiscard]] std::optional<std::string> answer(std::string_view token) const;

 private:
  [[nodiscard]] std::filesystem::path directory() const;
  config::Settings const& settings_;
};

}  // namespace domains
