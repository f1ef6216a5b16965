// Codes against the tables of RFC 6238 and RFC 4648.
#include "identity/factors/totp.hpp"

#include <doctest/doctest.h>

namespace identity::factors {

TEST_CASE("codes are those of RFC 6238, cut to six digits") {
  auto const at = [](std::int64_t seconds) { return clock_source::from_unix_seconds(seconds); };
  std::string const seed = "12345678901234567890";
  CHECK(totp_step_of(seed, "287082", at(59)) == 1);
  CHECK(totp_step_of(seed, "081804", at(1111111109)) == 0x23523EC);
  CHECK(totp_step_of(seed, "050471", at(1111111111)) == 0x23523ED);
  CHECK(totp_step_of(seed, "005924", at(1234567890)) == 0x273EF07);
  CHECK(totp_step_of(seed, "279037", at(2000000000)) == 0x3F940AA);
  CHECK(totp_step_of(seed, "353130", at(20000000000)) == 0x27BC86AA);
}

TEST_CASE("one step before and after is accepted, two are not") {
  auto const at = [](std::int64_t seconds) { return clock_source::from_unix_seconds(seconds); };
  std::string const seed = "12345678901234567890";
  for (std::int64_t away : {-59, -30, 0, 29, 30}) {
    CAPTURE(away);
    CHECK(totp_step_of(seed, "279037", at(2000000000 + away)).has_value() == (away > -59));
  }
  CHECK(totp_step_of(seed, "279037", at(2000000000 + 30)) == 0x3F940AA);
  CHECK(totp_step_of(seed, "279037", at(2000000000 - 30)) == 0x3F940AA);
  CHECK(!totp_step_of(seed, "279037", at(2000000000 + 120)));
  CHECK(!totp_step_of(seed, "279037", at(2000000000 - 120)));
  CHECK(totp_step_of(seed, "279037", at(2000000000 - 120), 10) == 0x3F940AA);
}

TEST_CASE("what is not six digits is no code") {
  std::string const seed = "12345678901234567890";
  auto const now = clock_source::from_unix_seconds(59);
  for (auto const* code : {"", "28708", "2870820", "94287082", "28708 ", "-28708", "２８"})
    CHECK(!totp_step_of(seed, code, now));
}

TEST_CASE("the key is base32 in groups, the address what apps read") {
  CHECK(totp_key("foobar") == "MZXW 6YTB OI");
  CHECK(totp_uri("foobar", "Onboarding System", "ada@acme.example") ==
        "otpauth://totp/Onboarding%20System:ada%40acme.example?secret=MZXW6YTBOI"
        "&issuer=Onboarding%20System&algorithm=SHA1&digits=6&period=30");
  CHECK(new_totp_seed().size() == 20);
  CHECK(new_totp_seed() != new_totp_seed());
  CHECK(qr_image("text").starts_with("data:image/svg+xml;base64,PHN2Zy"));
}

}  // namespace identity::factors
