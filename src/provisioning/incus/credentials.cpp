// Certificates with OpenSSL; a token is base64 of JSON.
#include "provisioning/incus/credentials.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/json.hpp>
#include <memory>
#include <stdexcept>

#include "platform/crypto/crypto.hpp"
#include "platform/files/files.hpp"

namespace provisioning::incus {

namespace {
template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Deleter<BIO_free>>;

constexpr long ten_years = 3650L * 86400;

void check(bool good) {
  if (!good) throw std::runtime_error{"cannot make the client certificate for Incus"};
}

std::string text_in(BIO* memory) {
  char* data = nullptr;
  auto const size = BIO_get_mem_data(memory, &data);
  return {data, std::size_t(size)};
}
}  // namespace

void ensure_client_certificate(std::filesystem::path const& certificate_file,
                               std::filesystem::path const& key_file) {
  if (files::read(certificate_file) && files::read(key_file)) return;
  Key const key{EVP_EC_gen("P-384")};
  Certificate const certificate{X509_new()};
  check(key && certificate);
  auto* const name = X509_get_subject_name(certificate.get());
  auto const* const words = reinterpret_cast<unsigned char const*>("onboarding");
  check(X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), 1) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600) &&
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), ten_years) &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, words, -1, -1, 0) == 1 &&
        X509_set_issuer_name(certificate.get(), name) == 1 &&
        X509_set_pubkey(certificate.get(), key.get()) == 1);
  std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> const usage{
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_ext_key_usage, "clientAuth")};
  check(usage && X509_add_ext(certificate.get(), usage.get(), -1) == 1 &&
        X509_sign(certificate.get(), key.get(), EVP_sha384()) > 0);
  Memory const certificate_text{BIO_new(BIO_s_mem())}, key_text{BIO_new(BIO_s_mem())};
  check(certificate_text && key_text &&
        PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1 &&
        PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                 nullptr) == 1);
  files::make_directory(key_file.parent_path(), 0700);
  // The certificate last: with it the pair is complete.
  files::write_atomically(key_file, text_in(key_text.get()), 0600);
  files::write_atomically(certificate_file, text_in(certificate_text.get()), 0644);
}

std::string fingerprint_of(std::string const& pem) {
  Memory const memory{BIO_new_mem_buf(pem.data(), int(pem.size()))};
  Certificate const certificate{PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr)};
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!certificate || X509_digest(certificate.get(), EVP_sha256(), digest, &size) != 1)
    throw std::runtime_error{"the server's certificate cannot be read"};
  return crypto::hex({reinterpret_cast<char const*>(digest), size});
}

std::string fingerprint_in_token(std::string const& token) {
  // Incus writes plain base64; ours reads the URL-safe kind without padding.
  std::string text = token;
  while (!text.empty() && (text.back() == '=' || text.back() == '\n')) text.pop_back();
  for (auto& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  boost::system::error_code error;
  auto const value = boost::json::parse(crypto::from_base64url(text), error);
  if (!error && value.is_object())
    if (auto const* found = value.get_object().if_contains("fingerprint"))
      if (found->is_string()) return std::string{found->get_string()};
  throw std::runtime_error{"incus_trust_token is no token of `incus config trust add`"};
}

}  // namespace provisioning::incus
