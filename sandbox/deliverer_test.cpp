// The signature that webhook receivers check.
#include "sandbox/deliverer.hpp"

#include <doctest/doctest.h>

using namespace sandbox;

TEST_CASE("the published vector") {
  CHECK(signature_header(R"({"id":"evt_1","object":"event","type":"invoice.paid"})", 1795423212,
                         {"whsec_abc"}) ==
        "t=1795423212,v1=1ccdfa79dd6b5ad797dea136865314838d61b0b949ba8c00ff5e547865e10b13");
}

TEST_CASE("two secrets sign while one is rolled") {
  auto const header = signature_header("{}", 1, {"whsec_new", "whsec_old"});
  CHECK(header.find(",v1=") != header.rfind(",v1="));
}

TEST_CASE("attempts come quickly first, then slowly") {
  CHECK(pause_after(1) == 1);
  CHECK(pause_after(2) == 2);
  CHECK(pause_after(8) == 3'600);
  CHECK(pause_after(50) == 6 * 3'600);
}
