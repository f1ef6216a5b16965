// Checks in the order of WebAuthn level 2, §7.1 and §7.2; signatures and authenticator data by
// libfido2.
#include "identity/factors/webauthn.hpp"

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>

#include <memory>
#include <mutex>
#include <stdexcept>

#include "platform/crypto/crypto.hpp"
#include "platform/json/read.hpp"
#include "platform/text/origin.hpp"

namespace identity::factors::webauthn {

namespace {
constexpr std::uint8_t user_present = 0x01, user_verified = 0x04;

template <class T, void (*Free)(T**)>
struct FidoDeleter {
  void operator()(T* value) const { Free(&value); }
};
using Credential = std::unique_ptr<fido_cred_t, FidoDeleter<fido_cred_t, fido_cred_free>>;
using Statement = std::unique_ptr<fido_assert_t, FidoDeleter<fido_assert_t, fido_assert_free>>;

void start_fido() {
  static std::once_flag once;
  std::call_once(once, [] { fido_init(0); });
}

unsigned char const* bytes_of(std::string const& text) {
  return reinterpret_cast<unsigned char const*>(text.data());
}

std::string text_of(unsigned char const* bytes, std::size_t length) {
  return bytes ? std::string{reinterpret_cast<char const*>(bytes), length} : std::string{};
}

/// Thrown and caught within this file.
struct Refused {
  char const* why;
};

void require(bool fine, char const* why) {
  if (!fine) throw Refused{why};
}

std::string decoded(std::string const& base64url) {
  try {
    return crypto::from_base64url(base64url);
  } catch (std::runtime_error const&) {
    throw Refused{"not base64url"};
  }
}

/// What the browser says it was asked; the authenticator signs a digest of exactly these bytes.
struct ClientData {
  std::string type, challenge, origin;
  bool cross_origin = false;
};

ClientData read_client_data(std::string const& text) {
  ClientData out;
  boost::json::error_code error;
  auto const document = boost::json::parse(text, error);
  require(!error && document.is_object(), "the client data is not a JSON object");
  auto const& object = document.get_object();
  auto const member = [&](char const* name) {
    auto const* value = object.if_contains(name);
    return value && value->is_string() ? std::string{value->get_string()} : std::string{};
  };
  auto const* cross = object.if_contains("crossOrigin");
  out.type = member("type");
  out.challenge = member("challenge");
  out.origin = member("origin");
  out.cross_origin = cross && !(cross->is_bool() && !cross->get_bool());
  return out;
}

/// Returns the bytes of the client data.
std::string check_client_data(std::string const& base64url, char const* type, Asked const& asked) {
  auto const bytes = decoded(base64url);
  auto const data = read_client_data(bytes);
  require(data.type == type, "made for another purpose");
  require(crypto::equal_in_constant_time(data.challenge, asked.challenge), "another challenge");
  require(data.origin == asked.site.origin, "another origin");
  require(!data.cross_origin, "asked from within a page of another site");
  return bytes;
}

Credential parsed(std::string const& authenticator_data, int algorithm) {
  Credential credential{fido_cred_new()};
  if (!credential) throw std::bad_alloc{};
  if (fido_cred_set_type(credential.get(), algorithm) == FIDO_OK &&
      fido_cred_set_authdata_raw(credential.get(), bytes_of(authenticator_data),
                                 authenticator_data.size()) == FIDO_OK)
    return credential;
  return nullptr;
}

bool verifies(fido_assert_t const* statement, PublicKey const& key) {
  auto const check = [&](auto* made, auto read, auto release) {
    std::unique_ptr<std::remove_pointer_t<decltype(made)>, decltype(release)> const owned{made,
                                                                                          release};
    return made && read(made, key.bytes.data(), key.bytes.size()) == FIDO_OK &&
           fido_assert_verify(statement, 0, int(key.algorithm), made) == FIDO_OK;
  };
  switch (key.algorithm) {
    case COSE_ES256:
      return check(es256_pk_new(), es256_pk_from_ptr, [](es256_pk_t* pk) { es256_pk_free(&pk); });
    case COSE_EDDSA:
      return check(eddsa_pk_new(), eddsa_pk_from_ptr, [](eddsa_pk_t* pk) { eddsa_pk_free(&pk); });
    case COSE_RS256:
      return check(rs256_pk_new(), rs256_pk_from_ptr, [](rs256_pk_t* pk) { rs256_pk_free(&pk); });
  }
  return false;
}

}  // namespace

Site site_of(std::string const& public_url) {
  auto origin = origin_of(public_url);
  if (!origin) throw std::runtime_error{"\"" + public_url + "\" is not an address of a site"};
  auto const host = origin->substr(origin->find("://") + 3);
  auto const colon = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  return {host.substr(0, colon), std::move(*origin)};
}

std::optional<Verified> verify(NewCredential const& credential, Asked const& asked,
                               std::string& why) try {
  start_fido();
  (void)check_client_data(credential.response.client_data, "webauthn.create", asked);
  auto const data = decoded(credential.response.authenticator_data);
  for (int const algorithm : {COSE_ES256, COSE_EDDSA, COSE_RS256}) {
    auto const made = parsed(data, algorithm);
    if (!made) continue;
    // libfido2 keeps the site's digest to itself until a signature is verified, and there is none:
    // it stands in the first 32 bytes.
    require(data.substr(0, 32) == crypto::sha256(asked.site.id), "made for another site");
    auto const flags = fido_cred_flags(made.get());
    require(flags & user_present, "nobody touched the authenticator");
    require(!asked.user_verification || (flags & user_verified),
            "the authenticator did not check who holds it");
    Verified out{
        crypto::base64url(text_of(fido_cred_id_ptr(made.get()), fido_cred_id_len(made.get()))),
        {algorithm, text_of(fido_cred_pubkey_ptr(made.get()), fido_cred_pubkey_len(made.get()))},
        fido_cred_sigcount(made.get())};
    require(out.credential_id == credential.id && !out.key.bytes.empty(),
            "the credential's id is not the one it was sent with");
    return out;
  }
  throw Refused{"the authenticator data cannot be read"};
} catch (Refused const& refused) {
  why = refused.why;
  return {};
}

std::optional<std::int64_t> verify(Assertion const& assertion, PublicKey const& key,
                                   Asked const& asked, std::string& why) try {
  start_fido();
  auto const client_data = check_client_data(assertion.response.client_data, "webauthn.get", asked);
  auto const data = decoded(assertion.response.authenticator_data);
  auto const signature = decoded(assertion.response.signature);
  Statement const statement{fido_assert_new()};
  if (!statement) throw std::bad_alloc{};
  auto* const raw = statement.get();
  auto const fine = [](int result) { return result == FIDO_OK; };
  require(
      fine(fido_assert_set_clientdata(raw, bytes_of(client_data), client_data.size())) &&
          fine(fido_assert_set_rp(raw, asked.site.id.c_str())) &&
          fine(fido_assert_set_count(raw, 1)) && fine(fido_assert_set_up(raw, FIDO_OPT_TRUE)) &&
          fine(fido_assert_set_uv(raw, asked.user_verification ? FIDO_OPT_TRUE : FIDO_OPT_OMIT)) &&
          fine(fido_assert_set_authdata_raw(raw, 0, bytes_of(data), data.size())) &&
          fine(fido_assert_set_sig(raw, 0, bytes_of(signature), signature.size())),
      "the authenticator data cannot be read");
  require(verifies(raw, key), "wrong site, presence, verification or signature");
  return fido_assert_sigcount(raw, 0);
} catch (Refused const& refused) {
  why = refused.why;
  return {};
}

}  // namespace identity::factors::webauthn
