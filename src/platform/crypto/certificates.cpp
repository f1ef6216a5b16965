// X.509 by OpenSSL.
#include "platform/crypto/certificates.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

#include "platform/crypto/crypto.hpp"

namespace crypto {

namespace {
template <auto Free>
struct Deleter {
  void operator()(auto* pointer) const { Free(pointer); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using CertificateRequest = std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using Memory = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Part = CertificateMistake::Part;

constexpr std::size_t largest = 12'000;  // HAProxy takes both in one command of 16 KiB

void check(bool fine) {
  if (!fine) throw std::runtime_error{"OpenSSL cannot write the certificate request"};
}

Memory reader(std::string const& text) {
  return Memory{BIO_new_mem_buf(text.data(), int(text.size()))};
}

template <class Write>
std::string written(Write&& write) {
  Memory const memory{BIO_new(BIO_s_mem())};
  check(memory && write(memory.get()) == 1);
  char* data = nullptr;
  auto const size = BIO_get_mem_data(memory.get(), &data);
  return {data, std::size_t(size)};
}

std::string text_of(EVP_PKEY* key) {
  return written([&](BIO* out) {
    return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

/// Never asks on a terminal; remembers that a passphrase was needed.
int refuse_passphrase(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

constexpr FieldCode key_has_passphrase{"key_has_passphrase", "must be without a passphrase"};
constexpr FieldCode key_unreadable{"key_unreadable", "must be a private key as PEM text"};
constexpr FieldCode key_too_weak{"key_too_weak",
                                 "must be longer: 2048 bits of RSA or 224 of a curve at least"};
constexpr FieldCode certificate_unreadable{"certificate_unreadable",
                                           "must be one or more certificates as PEM text"};
constexpr FieldCode chain_out_of_order{
    "chain_out_of_order",
    "must begin with the certificate itself; each one that follows has "
    "signed the one before"};
constexpr FieldCode key_does_not_match{"key_does_not_match",
                                       "must be the key of the first certificate"};
constexpr FieldCode chain_too_long{"chain_too_long",
                                   "must be shorter: leave out the root certificate"};

Key read_key(std::string const& pem) {
  bool has_passphrase = false;
  Key key{PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, refuse_passphrase, &has_passphrase)};
  ERR_clear_error();
  if (has_passphrase) throw CertificateMistake{Part::key, key_has_passphrase};
  if (!key) throw CertificateMistake{Part::key, key_unreadable};
  bool const is_rsa = EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA;
  if (EVP_PKEY_get_bits(key.get()) < (is_rsa ? 2048 : 224))
    throw CertificateMistake{Part::key, key_too_weak};
  return key;
}

bool has_signed(X509* signer, X509* certificate) {
  bool const has = X509_check_issued(signer, certificate) == X509_V_OK &&
                   X509_verify(certificate, X509_get0_pubkey(signer)) == 1;
  ERR_clear_error();
  return has;
}

std::vector<Certificate> read_chain(std::string const& pem) {
  auto const in = reader(pem);
  std::vector<Certificate> chain;
  while (auto* const next = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr))
    chain.emplace_back(next);
  ERR_clear_error();
  if (chain.empty()) throw CertificateMistake{Part::certificate, certificate_unreadable};
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (!has_signed(chain[i].get(), chain[i - 1].get()))
      throw CertificateMistake{Part::certificate, chain_out_of_order};
  return chain;
}

std::string line_of(X509_NAME* name) {
  for (int const part : {NID_organizationName, NID_commonName}) {
    std::array<char, 200> text{};
    if (X509_NAME_get_text_by_NID(name, part, text.data(), int(text.size())) > 0)
      return text.data();
  }
  return "?";
}

Time time_of(ASN1_TIME const* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1)
    throw CertificateMistake{Part::certificate, certificate_unreadable};
  return clock_source::from_unix_seconds(timegm(&parts));
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> out;
  auto* const names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    auto const* const name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS) continue;
    out.emplace_back(reinterpret_cast<char const*>(ASN1_STRING_get0_data(name->d.dNSName)),
                     std::size_t(ASN1_STRING_length(name->d.dNSName)));
  }
  GENERAL_NAMES_free(names);
  return out;
}

std::string fingerprint_of(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  check(X509_digest(certificate, EVP_sha1(), digest.data(), &size) == 1);
  auto text = hex({reinterpret_cast<char const*>(digest.data()), size});
  for (char& c : text)
    if (c >= 'a' && c <= 'f') c = char(c - 'a' + 'A');
  return text;
}
}  // namespace

bool HeldCertificate::covers(std::string const& host) const {
  auto const in = reader(chain);
  Certificate const first{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)};
  return first && X509_check_host(first.get(), host.data(), host.size(),
                                  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1;
}

HeldCertificate read_certificate(std::string const& chain_pem, std::string const& key_pem) {
  auto const chain = read_chain(chain_pem);
  auto const key = read_key(key_pem);
  auto* const first = chain.front().get();
  bool const fits = X509_check_private_key(first, key.get()) == 1;
  ERR_clear_error();
  if (!fits) throw CertificateMistake{Part::key, key_does_not_match};
  HeldCertificate out;
  for (auto const& certificate : chain)
    out.chain += written([&](BIO* to) { return PEM_write_bio_X509(to, certificate.get()); });
  out.key = text_of(key.get());
  if (out.chain.size() + out.key.size() > largest)
    throw CertificateMistake{Part::certificate, chain_too_long};
  out.names = names_of(first);
  out.issuer = line_of(X509_get_issuer_name(first));
  out.fingerprint = fingerprint_of(first);
  out.not_before = time_of(X509_get0_notBefore(first));
  out.not_after = time_of(X509_get0_notAfter(first));
  return out;
}

Request request_certificate(std::string const& host) {
  Key const key{EVP_EC_gen("P-256")};
  CertificateRequest const request{X509_REQ_new()};
  check(key && request && X509_REQ_set_pubkey(request.get(), key.get()) == 1);
  Extension const names{
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + host).c_str())};
  auto* const extensions = sk_X509_EXTENSION_new_null();
  check(names && extensions && sk_X509_EXTENSION_push(extensions, names.get()) > 0);
  bool const added = X509_REQ_add_extensions(request.get(), extensions) == 1;
  sk_X509_EXTENSION_free(extensions);
  check(added && X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0);
  return {text_of(key.get()),
          written([&](BIO* out) { return PEM_write_bio_X509_REQ(out, request.get()); })};
}

}  // namespace crypto
