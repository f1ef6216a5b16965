// Stripe's documented vector and everything that must be refused.
#include <doctest/doctest.h>

#include "stripe/stripe.hpp"

using stripe::check_signature;
using stripe::Signature;

TEST_CASE("a webhook's signature is believed only when time, secret and body agree") {
  std::string const body = R"({"id":"evt_1","object":"event","type":"invoice.paid"})";
  std::string const good = "1ccdfa79dd6b5ad797dea136865314838d61b0b949ba8c00ff5e547865e10b13";
  auto const now = clock_source::from_unix_seconds(1795423212);
  auto check = [&](std::string const& header, std::string_view secrets = "whsec_abc",
                   std::int64_t shift = 0) {
    return check_signature(body, header, secrets, now + std::chrono::seconds{shift});
  };
  CHECK(check("t=1795423212,v1=" + good) == Signature::valid);
  CHECK(check("t=1795423212,v0=x,v1=" + std::string(64, '0') + ",v1=" + good) == Signature::valid);
  CHECK(check("t=1795423212,v1=" + good, "whsec_new,whsec_abc") == Signature::valid);
  CHECK(check("t=1795423212,v1=" + good, "whsec_abc", 300) == Signature::valid);
  CHECK(check("t=1795423212,v1=" + good, "whsec_abc", 301) == Signature::too_old);
  CHECK(check("t=1795423212,v1=" + good, "whsec_abc", -301) == Signature::too_old);
  CHECK(check("t=1795423213,v1=" + good) == Signature::wrong);
  CHECK(check("t=1795423212,v1=" + good, "whsec_other") == Signature::wrong);
  CHECK(check("t=1795423212,v1=" + good, "") == Signature::wrong);
  CHECK(check("t=1795423212,v0=" + good) == Signature::malformed);
  CHECK(check("v1=" + good) == Signature::malformed);
  CHECK(check("t=abc,v1=" + good) == Signature::malformed);
  CHECK(check("") == Signature::malformed);
  CHECK(check_signature(body + " ", "t=1795423212,v1=" + good, "whsec_abc", now) ==
        Signature::wrong);
}
