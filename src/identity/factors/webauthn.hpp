#pragma once
// Passkeys (WebAuthn level 2): what a browser answers, verified by libfido2. No attestation is
// asked for: which make of authenticator somebody uses is their own business.
#include <optional>
#include <string>
#include <vector>

#include "platform/types/fields.hpp"

namespace identity::factors::webauthn {

/// This site, as browsers name it.
struct Site {
  std::string id, origin;  // "console.example.com", "https://console.example.com:4443"
};
[[nodiscard]] Site site_of(std::string const& public_url);

/// PublicKeyCredential.toJSON() of a new passkey. Members that nothing reads are known by name
/// only.
struct NewCredential {
  struct Response {
    std::string client_data, authenticator_data;  // base64url
    std::optional<std::string> attestation_object, public_key;
    std::optional<std::int64_t> public_key_algorithm;
    std::optional<std::vector<std::string>> transports;
    static constexpr auto fields() {
      return ::fields(
          field("clientDataJSON", &Response::client_data, {.min_length = 1, .max_length = 4096}),
          field("authenticatorData", &Response::authenticator_data,
                {.min_length = 1, .max_length = 4096}),
          field("attestationObject", &Response::attestation_object,
                {.doc = "Not read: no attestation is asked for", .max_length = 16384}),
          field("publicKey", &Response::public_key, {.doc = "Not read", .max_length = 4096}),
          field("publicKeyAlgorithm", &Response::public_key_algorithm, {.doc = "Not read"}),
          field("transports", &Response::transports, {.max_length = 10}));
    }
  };
  std::string id;
  std::optional<std::string> raw_id, type, attachment;
  std::optional<RawJson> extensions;
  Response response;
  static constexpr auto fields() {
    return ::fields(
        field("id", &NewCredential::id, {.min_length = 1, .max_length = 1400}),
        field("rawId", &NewCredential::raw_id, {.max_length = 1400}),
        field("type", &NewCredential::type, {.max_length = 20}),
        field("authenticatorAttachment", &NewCredential::attachment, {.max_length = 20}),
        field("clientExtensionResults", &NewCredential::extensions),
        field("response", &NewCredential::response));
  }
};

/// PublicKeyCredential.toJSON() of a passkey that was used.
struct Assertion {
  struct Response {
    std::string client_data, authenticator_data, signature;  // base64url
    std::optional<std::string> user_handle;
    static constexpr auto fields() {
      return ::fields(
          field("clientDataJSON", &Response::client_data, {.min_length = 1, .max_length = 4096}),
          field("authenticatorData", &Response::authenticator_data,
                {.min_length = 1, .max_length = 4096}),
          field("signature", &Response::signature, {.min_length = 1, .max_length = 2048}),
          field("userHandle", &Response::user_handle, {.max_length = 100}));
    }
  };
  std::string id;
  std::optional<std::string> raw_id, type, attachment;
  std::optional<RawJson> extensions;
  Response response;
  static constexpr auto fields() {
    return ::fields(field("id", &Assertion::id, {.min_length = 1, .max_length = 1400}),
                    field("rawId", &Assertion::raw_id, {.max_length = 1400}),
                    field("type", &Assertion::type, {.max_length = 20}),
                    field("authenticatorAttachment", &Assertion::attachment, {.max_length = 20}),
                    field("clientExtensionResults", &Assertion::extensions),
                    field("response", &Assertion::response));
  }
};

/// The public half of a passkey, and how often it was used when it was made.
struct PublicKey {
  std::int64_t algorithm;  // COSE: -7 ES256, -8 EdDSA, -257 RS256
  std::string bytes;       // in the form libfido2 takes
};
struct Verified {
  std::string credential_id;  // base64url
  PublicKey key;
  std::int64_t sign_count;
};

/// What was asked of the browser: `challenge` as base64url.
struct Asked {
  Site site;
  std::string challenge;
  bool user_verification;  // the authenticator must have checked who holds it (PIN, finger, face)
};

/// Both give none, and say why in `why`, when anything is not as it was asked.
[[nodiscard]] std::optional<Verified> verify(NewCredential const& credential, Asked const& asked,
                                             std::string& why);
/// The counter that the authenticator reports, when the signature is right.
[[nodiscard]] std::optional<std::int64_t> verify(Assertion const& assertion, PublicKey const& key,
                                                 Asked const& asked, std::string& why);

}  // namespace identity::factors::webauthn
