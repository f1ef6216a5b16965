// Databases that were copied, and starts that are interrupted: which id an installation gets, and
// that nothing is given twice.
#include <doctest/doctest.h>

#include <thread>

#include "backups/backups.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/db/url.hpp"
#include "platform/installation/installation.hpp"
#include "support/app.hpp"

using support::acme;
using support::App;
using Rows = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {
App with_front_door() { return App::fresh({.sandbox = true, .front_door = true}); }
std::string id_of(App const& app) { return app.value("SELECT id FROM installation"); }

/// As an earlier version left it; what everything then carried.
std::string forget_ids(App& app) {
  app.run(
      "DELETE FROM installation; DELETE FROM installation_places; "
      "DELETE FROM installation_predecessors");
  fs::remove(app.directory.path() / "secrets/installation");
  db::Connection connection{app.database.url()};
  vault::Vault vault{app.key()};
  auto const secret =
      db::transact(connection, [&](db::Tx& tx) { return vault.secret(tx, "installation"); });
  return crypto::hex(crypto::sha256(secret)).substr(0, 32);
}
}  // namespace

TEST_CASE(
    "of databases that were copied before there were ids only the original keeps its things") {
  auto app = with_front_door();
  auto const former = forget_ids(app);
  SUBCASE("the original's data directory is as old as its database") {
    app.run("UPDATE schema_migrations SET applied_at = now()");
    app.restart();
    CHECK(app.value("SELECT taken_over_at IS NOT NULL FROM installation_predecessors WHERE id = '" +
                    former + "'") == "t");
  }
  SUBCASE("a copy's is younger") {
    app.run("UPDATE schema_migrations SET applied_at = now() - interval '1 day'");
    app.restart();
    CHECK(app.rows("SELECT id, taken_over_at FROM installation_predecessors") ==
          Rows{former + "|"});
    app.enqueue(backups::Sweep{});
    app.work();
    CHECK(app.rows("SELECT name FROM world_findings WHERE subject = 'predecessor'") ==
          Rows{former});
  }
  CHECK(id_of(app) != former);
  auto const id = id_of(app);
  app.restart();
  CHECK(id_of(app) == id);
}

TEST_CASE("what the original had taken over is not its copy's") {
  auto app = with_front_door();
  app.run(
      "INSERT INTO installation_predecessors (id, taken_over_at, taken_over_by) VALUES "
      "('gone', now(), 'grace')");
  auto const original = id_of(app);
  app.run("UPDATE installation SET fingerprint = 'the original'");
  fs::remove(app.directory.path() / "secrets/installation");
  app.restart();
  CHECK(app.rows("SELECT id, taken_over_at FROM installation_predecessors ORDER BY id = 'gone'") ==
        Rows{original + "|", "gone|"});
}

TEST_CASE("a start that breaks off has either seen that the database was set back, or will") {
  auto app = with_front_door();
  app.run(
      "INSERT INTO tenant_pool (provisioner, blueprint, plan_id, image, state) "
      "SELECT 'incus', 'sample', id, 'x', 'ready' FROM plans LIMIT 1");
  app.run("UPDATE installation SET fingerprint = 'other'");
  app.run(
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN RAISE 'the disk is full'; END $$");
  app.run("CREATE TRIGGER refuse BEFORE UPDATE ON tenant_pool EXECUTE FUNCTION refuse()");
  CHECK_THROWS(app.restart());
  app.run("DROP TRIGGER refuse ON tenant_pool");
  app.restart();
  CHECK(app.value("SELECT state FROM tenant_pool") == "retiring");
  app.sign_up_and_pay(acme());
  CHECK(std::stoll(app.value("SELECT max(id) FROM tenants")) > 10'000);
}

TEST_CASE("marks that are written side by side agree in the end") {
  auto app = with_front_door();
  auto const mark_is_known = [&] {
    auto const place =
        boost::json::parse(files::read(app.directory.path() / "secrets/installation").value());
    return app.value("SELECT " + db::quoted_text(support::Reply::text(place, "mark")) +
                     " IN (mark, mark_before) FROM installation_places") == "t";
  };
  for (int round = 0; round < 20; ++round) {
    {
      std::vector<std::jthread> nodes;
      for (int i = 0; i < 4; ++i)
        nodes.emplace_back([&] {
          db::Connection connection{app.database.url()};
          for (int time = 0; time < 5; ++time)
            installation::renew(connection, app.directory.path());
        });
    }
    REQUIRE(mark_is_known());
  }
}
