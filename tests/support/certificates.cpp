// By OpenSSL, apart from the program's own code.
#include "support/certificates.hpp"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <memory>

namespace support {

namespace {
template <class Write>
std::string text_of(Write&& write) {
  std::unique_ptr<BIO, decltype(&BIO_free_all)> const memory{BIO_new(BIO_s_mem()), BIO_free_all};
  write(memory.get());
  char* data = nullptr;
  auto const size = BIO_get_mem_data(memory.get(), &data);
  return {data, std::size_t(size)};
}
}  // namespace

TestCertificate make_certificate(std::string const& name, int from_days, int to_days,
                                 int key_bits) {
  constexpr long day = 24L * 60 * 60;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> const key{
      key_bits ? EVP_RSA_gen(unsigned(key_bits)) : EVP_EC_gen("P-256"), EVP_PKEY_free};
  std::unique_ptr<X509, decltype(&X509_free)> const made{X509_new(), X509_free};
  auto* const certificate = made.get();
  X509_set_version(certificate, X509_VERSION_3);
  long serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), 7);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from_days * day);
  X509_gmtime_adj(X509_getm_notAfter(certificate), to_days * day);
  auto* const subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC,
                             reinterpret_cast<unsigned char const*>("Customers of tests"), -1, -1,
                             0);
  X509_set_issuer_name(certificate, subject);
  X509_set_pubkey(certificate, key.get());
  for (auto const& [nid, value] : {std::pair{NID_basic_constraints, std::string{"CA:TRUE"}},
                                   std::pair{NID_subject_alt_name, "DNS:" + name}}) {
    auto* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate, key.get(), EVP_sha256());
  return {text_of([&](BIO* out) { PEM_write_bio_X509(out, certificate); }), text_of([&](BIO* out) {
            PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace support
