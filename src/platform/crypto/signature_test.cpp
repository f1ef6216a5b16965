// Against RFC 8032, section 7.1, tests 1 and 3.
#include "platform/crypto/signature.hpp"

#include <doctest/doctest.h>

#include "platform/crypto/crypto.hpp"

namespace {
std::string from_hex(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2)
    out += char(std::stoi(std::string{text.substr(i, 2)}, nullptr, 16));
  return out;
}
}  // namespace

TEST_CASE("ed25519 signs as the RFC says") {
  auto const seed = from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  CHECK(crypto::hex(crypto::public_key_of(seed)) ==
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  CHECK(crypto::hex(crypto::sign(seed, "")) ==
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9b"
        "46bd25bf5f0595bbe24655141438e7a100b");
  auto const other = from_hex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
  CHECK(crypto::hex(crypto::sign(other, from_hex("af82"))) ==
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
        "4dc"
        "6594a7c15e9716ed28dc027beceea1ec40a");
}

TEST_CASE("a signature is good for its text and key only") {
  std::string const seed(32, 's');
  auto const signature = crypto::sign(seed, "head of the chain");
  auto const key = crypto::public_key_of(seed);
  CHECK(crypto::is_signed_by(key, "head of the chain", signature));
  CHECK_FALSE(crypto::is_signed_by(key, "head of the Chain", signature));
  CHECK_FALSE(crypto::is_signed_by(crypto::public_key_of(std::string(32, 't')), "head of the chain",
                                   signature));
  CHECK_FALSE(crypto::is_signed_by(key, "head of the chain", signature.substr(1)));
  CHECK_FALSE(crypto::is_signed_by("", "head of the chain", signature));
}
