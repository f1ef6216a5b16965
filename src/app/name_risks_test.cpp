// Which names share a domain.
#include "app/name_risks.hpp"

#include <doctest/doctest.h>

TEST_CASE("two names share the domain that both lie below, unless that is a top-level domain") {
  CHECK(app::shared_domain("onboard.example.test", "example.test") == "example.test");
  CHECK(app::shared_domain("console.example.test", "apps.example.test") == "example.test");
  CHECK(app::shared_domain("example.test", "apps.example.test") == "example.test");
  CHECK(app::shared_domain("console.example.test", "tenants.test").empty());
  CHECK(app::shared_domain("localhost", "localhost").empty());
  CHECK(app::shared_domain("notexample.test", "example.test").empty());
  CHECK(app::shared_domain("127.0.0.1", "127.0.0.1").empty());
}
