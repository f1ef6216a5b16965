// The local authority: verified by OpenSSL's own chain check, kept while it fits, renewed
// otherwise.
#include "platform/crypto/local_ca.hpp"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <stdexcept>

#include "platform/files/files.hpp"
#include "platform/files/temporary_directory.hpp"

namespace {
X509* read_certificate(std::filesystem::path const& path) {
  auto* const file = std::fopen(path.c_str(), "r");
  REQUIRE(file);
  auto* const certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  REQUIRE(certificate);
  return certificate;
}

bool valid_for(crypto::LocalCertificates const& files, std::string const& host) {
  auto* const authority = read_certificate(files.authority);
  auto* const server = read_certificate(files.server);
  auto* const store = X509_STORE_new();
  X509_STORE_add_cert(store, authority);
  auto* const context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, server, nullptr);
  auto* const parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) != 1)
    X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size());
  bool const fine = X509_verify_cert(context) == 1;
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  X509_free(server);
  X509_free(authority);
  return fine;
}
}  // namespace

TEST_CASE("the local certificate is valid for this machine's names and no others") {
  TemporaryDirectory const directory;
  auto const made =
      crypto::ensure_local_ca(directory.path() / "tls", {"Panel.example.test", "10.1.2.3"});
  CHECK(made.authority_is_new);
  for (auto const* name : {"localhost", "127.0.0.1", "::1", "panel.example.test", "10.1.2.3"})
    CHECK_MESSAGE(valid_for(made, name), name);
  CHECK_FALSE(valid_for(made, "example.org"));
  struct stat key {};
  REQUIRE(::stat(made.server.c_str(), &key) == 0);
  CHECK((key.st_mode & 0777) == 0600);
  REQUIRE(::stat((directory.path() / "tls" / "ca.key").c_str(), &key) == 0);
  CHECK((key.st_mode & 0777) == 0600);
}

TEST_CASE("certificates are kept while they fit and made anew when they do not") {
  TemporaryDirectory const directory;
  (void)crypto::ensure_local_ca(directory.path(), {"a.test"});
  auto const again = crypto::ensure_local_ca(directory.path(), {"a.test", "localhost"});
  CHECK_FALSE(again.authority_is_new);
  CHECK_FALSE(again.server_is_new);

  files::write_atomically(again.server, "damaged", 0600);
  auto const repaired = crypto::ensure_local_ca(directory.path(), {"a.test"});
  CHECK_FALSE(repaired.authority_is_new);
  CHECK(repaired.server_is_new);

  auto const moved = crypto::ensure_local_ca(directory.path(), {"b.test"});
  CHECK(moved.authority_is_new);
  CHECK(moved.server_is_new);
  CHECK(valid_for(moved, "b.test"));

  std::filesystem::remove(directory.path() / "ca.key");
  auto const anew = crypto::ensure_local_ca(directory.path(), {"b.test"});
  CHECK(anew.authority_is_new);
  CHECK(anew.server_is_new);
  CHECK(valid_for(anew, "b.test"));
}

TEST_CASE("a name that is none is refused") {
  TemporaryDirectory const directory;
  CHECK_THROWS_WITH_AS((void)crypto::ensure_local_ca(directory.path(), {"a,DNS:evil.test"}),
                       doctest::Contains("host name or an address"), std::runtime_error);
}
