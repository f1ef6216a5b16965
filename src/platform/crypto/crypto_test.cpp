// Known vectors and what must fail.
#include "platform/crypto/crypto.hpp"

#include <doctest/doctest.h>

TEST_CASE("HMAC-SHA256 over timestamp and body gives Stripe's documented signature") {
  auto const signature = crypto::hmac_sha256(
      "whsec_abc", R"(1795423212.{"id":"evt_1","object":"event","type":"invoice.paid"})");
  CHECK(crypto::hex(signature) ==
        "1ccdfa79dd6b5ad797dea136865314838d61b0b949ba8c00ff5e547865e10b13");
}

TEST_CASE("a sealed value opens only with its key, its context and every byte intact") {
  std::string const key(32, 'k');
  auto sealed = crypto::seal(key, "database password", "tenants/7");
  CHECK(crypto::open(key, sealed, "tenants/7") == "database password");
  CHECK_FALSE(crypto::open(key, sealed, "tenants/8"));
  CHECK_FALSE(crypto::open(std::string(32, 'x'), sealed, "tenants/7"));
  sealed[20] = char(sealed[20] ^ 1);
  CHECK_FALSE(crypto::open(key, sealed, "tenants/7"));
  CHECK_FALSE(crypto::open(key, "short", ""));
}

TEST_CASE("a password is verified against its own hash only") {
  auto const hash = crypto::hash_password("correct horse");
  CHECK(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
  CHECK(crypto::verify_password(hash, "correct horse"));
  CHECK_FALSE(crypto::verify_password(hash, "Correct horse"));
}
