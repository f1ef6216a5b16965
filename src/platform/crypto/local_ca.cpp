// X.509 by OpenSSL. What exists is compared with what is wanted extension by extension (in DER), so
// a change of names is noticed without a record of its own.
#include "platform/crypto/local_ca.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>

#include "platform/files/files.hpp"

namespace crypto {

namespace {
template <auto Free>
struct Deleter {
  void operator()(auto* pointer) const { Free(pointer); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using Memory = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

constexpr long day = 24L * 60 * 60;
constexpr long authority_days = 3650, server_days = 397, renewal_days = 30;

void check(bool fine) {
  if (fine) return;
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
  throw std::runtime_error{"cannot make the certificate: " + std::string{reason.data()}};
}

struct Pair {
  Certificate certificate;
  Key key;
};

struct Names {
  std::vector<std::string> hosts, addresses;
};

Names sorted(std::vector<std::string> const& wanted) {
  Names names{{"localhost"}, {"127.0.0.1", "::1"}};
  for (auto name : wanted) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    std::array<unsigned char, 16> ignored;
    auto& list = inet_pton(AF_INET, name.c_str(), ignored.data()) == 1 ||
                         inet_pton(AF_INET6, name.c_str(), ignored.data()) == 1
                     ? names.addresses
                     : names.hosts;
    // The text goes into OpenSSL's extension syntax, where commas and colons mean something.
    if (&list == &names.hosts &&
        (name.empty() || name.size() > 253 || name.front() == '.' || name.front() == '-' ||
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") != std::string::npos))
      throw std::runtime_error{"a certificate cannot be made for \"" + name +
                               "\": give a host name or an address"};
    if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
  }
  std::sort(names.hosts.begin(), names.hosts.end());
  std::sort(names.addresses.begin(), names.addresses.end());
  return names;
}

/// A DNS constraint covers the name and everything below it.
std::string constraints(Names const& names) {
  std::string text = "critical";
  for (auto const& host : names.hosts) text += ",permitted;DNS:" + host;
  for (auto const& address : names.addresses)
    text += ",permitted;IP:" + address + '/' +
            (address.find(':') == std::string::npos ? "255.255.255.255"
                                                    : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  return text;
}

std::string alternative_names(Names const& names) {
  std::string text;
  for (auto const& host : names.hosts) text += (text.empty() ? "DNS:" : ",DNS:") + host;
  text += ",DNS:*.localhost";
  for (auto const& address : names.addresses) text += ",IP:" + address;
  return text;
}

Extension extension(int nid, std::string const& text, X509* issuer = nullptr,
                    X509* subject = nullptr) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, subject, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  Extension made{X509V3_EXT_conf_nid(nullptr, &context, nid, text.c_str())};
  check(made != nullptr);
  return made;
}

bool has(X509* certificate, int nid, std::string const& text) {
  auto const wanted = extension(nid, text);
  auto const at = X509_get_ext_by_NID(certificate, nid, -1);
  return at >= 0 && ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_get_ext(certificate, at)),
                                          X509_EXTENSION_get_data(wanted.get())) == 0;
}

bool lasts(X509* certificate) {
  time_t limit = std::time(nullptr) + renewal_days * day;
  return X509_cmp_time(X509_get0_notAfter(certificate), &limit) > 0 &&
         X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0;
}

Key new_key() {
  Key key{EVP_EC_gen("P-256")};
  check(key != nullptr);
  return key;
}

/// Signed by `issuer`, or by itself when there is none.
Pair issue(std::string const& common_name, long days, Pair const* issuer,
           std::vector<std::pair<int, std::string>> const& extensions) {
  Pair made{Certificate{X509_new()}, new_key()};
  auto* const certificate = made.certificate.get();
  check(certificate && X509_set_version(certificate, X509_VERSION_3));
  std::array<unsigned char, 16> serial{};
  check(RAND_bytes(serial.data(), int(serial.size())) == 1);
  serial[0] &= 0x7f;  // a serial number is positive
  std::unique_ptr<BIGNUM, Deleter<BN_free>> const number{
      BN_bin2bn(serial.data(), int(serial.size()), nullptr)};
  check(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)));
  // An hour back, for clients whose clock is late.
  check(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), days * day - 3600));
  auto* const subject = X509_get_subject_name(certificate);
  auto add = [&](char const* field, std::string const& value) {
    check(X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                                     reinterpret_cast<unsigned char const*>(value.c_str()), -1, -1,
                                     0) == 1);
  };
  add("O", "Onboarding System");
  add("CN", common_name);
  auto* const signer = issuer ? issuer->certificate.get() : certificate;
  check(X509_set_issuer_name(certificate, X509_get_subject_name(signer)) == 1 &&
        X509_set_pubkey(certificate, made.key.get()) == 1);
  for (auto const& [nid, text] : extensions)
    check(X509_add_ext(certificate, extension(nid, text, signer, certificate).get(), -1) == 1);
  check(X509_sign(certificate, issuer ? issuer->key.get() : made.key.get(), EVP_sha256()) > 0);
  return made;
}

std::string text_of(X509* certificate) {
  Memory const memory{BIO_new(BIO_s_mem())};
  check(memory && PEM_write_bio_X509(memory.get(), certificate) == 1);
  char* data = nullptr;
  auto const size = BIO_get_mem_data(memory.get(), &data);
  return {data, std::size_t(size)};
}

std::string text_of(EVP_PKEY* key) {
  Memory const memory{BIO_new(BIO_s_mem())};
  check(memory &&
        PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* data = nullptr;
  auto const size = BIO_get_mem_data(memory.get(), &data);
  return {data, std::size_t(size)};
}

/// None when a file is missing or damaged: then it is made anew.
std::optional<Pair> load(std::filesystem::path const& certificate,
                         std::filesystem::path const& key) {
  auto const certificate_text = files::read(certificate), key_text = files::read(key);
  if (!certificate_text || !key_text) return {};
  Memory const certificate_memory{
      BIO_new_mem_buf(certificate_text->data(), int(certificate_text->size()))};
  Memory const key_memory{BIO_new_mem_buf(key_text->data(), int(key_text->size()))};
  Pair pair{Certificate{PEM_read_bio_X509(certificate_memory.get(), nullptr, nullptr, nullptr)},
            Key{PEM_read_bio_PrivateKey(key_memory.get(), nullptr, nullptr, nullptr)}};
  if (!pair.certificate || !pair.key ||
      X509_check_private_key(pair.certificate.get(), pair.key.get()) != 1) {
    ERR_clear_error();
    return {};
  }
  return pair;
}
}  // namespace

LocalCertificates ensure_local_ca(std::filesystem::path const& directory,
                                  std::vector<std::string> const& wanted) {
  auto const names = sorted(wanted);
  auto const allowed = constraints(names), alternatives = alternative_names(names);
  files::make_directory(directory, 0711);  // the authority's certificate is for everybody
  LocalCertificates result{directory / "ca.pem", directory / "server.pem"};

  auto const authority_key = directory / "ca.key";
  auto authority = load(result.authority, authority_key);
  if (!authority || !lasts(authority->certificate.get()) ||
      !has(authority->certificate.get(), NID_name_constraints, allowed)) {
    authority = issue("Onboarding System, local authority", authority_days, nullptr,
                      {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                       {NID_key_usage, "critical,keyCertSign,cRLSign"},
                       {NID_name_constraints, allowed},
                       {NID_subject_key_identifier, "hash"}});
    // The key first: a crash between the two leaves a pair that does not match and is made again.
    files::write_atomically(authority_key, text_of(authority->key.get()), 0600);
    files::write_atomically(result.authority, text_of(authority->certificate.get()), 0644);
    result.authority_is_new = true;
  }
  auto const server = load(result.server, result.server);
  if (server && lasts(server->certificate.get()) &&
      has(server->certificate.get(), NID_subject_alt_name, alternatives) &&
      X509_verify(server->certificate.get(), authority->key.get()) == 1)
    return result;
  ERR_clear_error();
  auto const made = issue("localhost", server_days, &*authority,
                          {{NID_basic_constraints, "critical,CA:FALSE"},
                           {NID_key_usage, "critical,digitalSignature"},
                           {NID_ext_key_usage, "serverAuth"},
                           {NID_subject_alt_name, alternatives},
                           {NID_subject_key_identifier, "hash"},
                           {NID_authority_key_identifier, "keyid:always"}});
  files::write_atomically(result.server, text_of(made.certificate.get()) + text_of(made.key.get()),
                          0600);
  result.server_is_new = true;
  return result;
}

}  // namespace crypto
