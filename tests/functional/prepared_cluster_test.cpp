// What the other test programs begin with: making and migrating a cluster takes longer than many of
// their tests.
#include <doctest/doctest.h>

#include <cstdlib>

#include "platform/files/temporary_directory.hpp"
#include "support/database.hpp"

TEST_CASE("a cluster is made and migrated once for all") {
  TemporaryDirectory const aside;
  auto const* wanted = std::getenv("ONBOARDING_TEST_CLUSTER");
  auto const place = wanted ? std::filesystem::path{wanted} : aside.path() / "cluster";
  support::prepare_cluster(place);
  CHECK(std::filesystem::exists(place / "postgres/data/PG_VERSION"));
  CHECK_FALSE(std::filesystem::exists(place / "postgres/data/postmaster.pid"));
}
