// Keys and signatures by OpenSSL; the little CBOR there is, by hand.
#include "support/authenticator.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <stdexcept>
#include <vector>

#include "platform/crypto/crypto.hpp"

namespace support {

namespace {
std::string sha256_of(std::string const& text) {
  std::string digest(32, '\0');
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
             EVP_sha256(), nullptr);
  return digest;
}

std::string coordinate(EVP_PKEY* key, char const* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) throw std::runtime_error{"no coordinate"};
  std::string bytes(32, '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), 32);
  BN_free(number);
  return bytes;
}

std::string signature_of(EVP_PKEY* key, std::string const& text) {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> const context{EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free};
  auto const* bytes = reinterpret_cast<unsigned char const*>(text.data());
  std::size_t length = 0;
  EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key);
  EVP_DigestSign(context.get(), nullptr, &length, bytes, text.size());
  std::string signature(length, '\0');
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, bytes,
                 text.size());
  signature.resize(length);
  return signature;
}

std::string text_at(boost::json::value const& json, char const* name) {
  return std::string{json.at(name).as_string()};
}
}  // namespace

Authenticator::Authenticator()
    : credential_id{crypto::random_token(32)}, key_{EVP_EC_gen("P-256"), EVP_PKEY_free} {}

std::string Authenticator::client_data(std::string const& type,
                                       boost::json::value const& options) const {
  return boost::json::serialize(boost::json::object{
      {"type", type},
      {"challenge", challenge.empty() ? text_at(options, "challenge") : challenge},
      {"origin", origin},
      {"crossOrigin", cross_origin}});
}

std::string Authenticator::data_for(std::string const& site_id, unsigned char flags) {
  flags |= (present ? 0x01 : 0) | (verified ? 0x04 : 0);
  if (counts) ++counter;
  std::string data = sha256_of(site.empty() ? site_id : site);
  data += char(flags);
  for (int shift = 24; shift >= 0; shift -= 8) data += char(counter >> shift);
  return data;
}

boost::json::object Authenticator::create(boost::json::value const& options) {
  auto const id = crypto::from_base64url(credential_id);
  auto data = data_for(text_at(options.at("rp"), "id"), 0x40);
  data += std::string(16, '\0');  // AAGUID: unknown make
  data += char(id.size() >> 8);
  data += char(id.size());
  data += id;
  // COSE_Key: {1: 2, 3: -7, -1: 1, -2: x, -3: y}
  using namespace std::string_literals;
  data += "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"s +
          coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X) + "\x22\x58\x20"s +
          coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
  return {{"id", credential_id},
          {"rawId", credential_id},
          {"type", "public-key"},
          {"clientExtensionResults", boost::json::object{}},
          {"response",
           {{"clientDataJSON", crypto::base64url(client_data("webauthn.create", options))},
            {"authenticatorData", crypto::base64url(data)},
            {"transports", boost::json::array{"internal"}}}}};
}

boost::json::object Authenticator::get(boost::json::value const& options) {
  auto const client = client_data("webauthn.get", options);
  auto const data = data_for(text_at(options, "rpId"), 0);
  auto signature = signature_of(key_.get(), data + sha256_of(client));
  if (breaks_signature) signature[signature.size() - 1] ^= 1;
  return {{"id", credential_id},
          {"rawId", credential_id},
          {"type", "public-key"},
          {"clientExtensionResults", boost::json::object{}},
          {"response",
           {{"clientDataJSON", crypto::base64url(client)},
            {"authenticatorData", crypto::base64url(data)},
            {"signature", crypto::base64url(signature)}}}};
}

}  // namespace support
