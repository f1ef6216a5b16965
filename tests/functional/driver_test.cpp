// What every driver promises, checked with the same words for each: processes of this machine, and
// containers where ONBOARDING_TEST_INCUS_URL names an Incus that has the notebook's image.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include "provisioning/incus/client.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/provisioning.hpp"
#include "support/app.hpp"

using provisioning::Found;
using provisioning::Instance;
using provisioning::InstanceState;
using support::App;
using support::Caller;
using support::eventually;
using support::Headers;

namespace {
std::string incus_url() {
  auto const* url = std::getenv("ONBOARDING_TEST_INCUS_URL");
  return url ? url : "";
}

/// A driver with tenants that nobody else looks after; whatever is made here is gone at the end.
class World {
 public:
  explicit World(config::Provisioner which)
      : provisioner{which},
        app{App::fresh({.settings =
                            [which](config::Settings& settings) {
                              settings.provisioner = which;
                              settings.incus_url = incus_url();
                            }})},
        connection{app.database.url()},
        driver{app.application().world().driver} {}
  ~World() {
    try {
      for (auto const& found : driver.list(connection)) driver.destroy_stray(connection, found);
    } catch (std::exception const& error) {
      FAIL_CHECK(error.what());
    }
  }
  World(World const&) = delete;
  World& operator=(World const&) = delete;

  bool has_containers() const { return provisioner == config::Provisioner::incus; }

  /// A row as it is when building begins.
  Instance tenant(std::string const& subdomain) {
    app.run(
        "INSERT INTO customers (company, name, email, country, locale) VALUES "
        "('Acme', 'Ada Smith', 'ada@" +
        subdomain + ".example', 'ES', 'en')");
    app.run(
        "INSERT INTO tenants (customer_id, subdomain, plan_id, state, max_users, "
        "storage_limit_mib, memory_limit_mib, cpu_limit_percent, process_limit, provisioner, "
        "blueprint, queued_at) SELECT max(id), '" +
        subdomain + "', 'team', 'provisioning', 5, 128, 256, 50, 100, '" +
        std::string{name_of(provisioner)} + "', 'sample', now() FROM customers");
    return again(subdomain);
  }
  /// As its row is now.
  Instance again(std::string const& subdomain) {
    auto const id = app.value("SELECT id FROM tenants WHERE subdomain = '" + subdomain + "'");
    return provisioning::load_instance(connection, tenants::TenantId{std::stoll(id)});
  }
  /// From nothing to an application that answers.
  Instance running(std::string const& subdomain) {
    auto const instance = tenant(subdomain);
    driver.create(connection, instance);
    bring_up(instance);
    return instance;
  }
  void bring_up(Instance const& instance) {
    driver.create_database(connection, instance);
    driver.start(connection, instance);
    wait(instance);
    driver.configure(connection, instance);
    wait(instance);
  }
  void wait(Instance const& instance) {
    (void)driver.address(connection, instance.tenant);
    REQUIRE(eventually([&] {
      try {
        return door(instance).get("/healthz").status != 0;
      } catch (http_client::Failure const&) {
        return false;
      }
    }));
  }

  InstanceState state(Instance const& instance) {
    return driver.state(connection, instance.tenant);
  }
  Caller door(Instance const& instance, Headers headers = {}) {
    headers.push_back("Host: " + instance.tenant.subdomain + ".localhost");
    return {"http://" + driver.address(connection, instance.tenant), headers};
  }
  /// Its owner, logged in by a fresh link.
  Headers owner(Instance const& instance) {
    auto const link = driver.owner_link(connection, instance);
    auto const cookie = door(instance)
                            .send("POST", link.substr(link.find("/access/")), "", {})
                            .header("set-cookie");
    return {"Cookie: " + cookie.substr(0, cookie.find(';')),
            "Content-Type: application/x-www-form-urlencoded"};
  }
  void write(Instance const& instance, std::string const& note) {
    auto const reply = door(instance, owner(instance)).send("POST", "/notes", "text=" + note, {});
    REQUIRE(reply.status == 303);
  }
  bool shows(Instance const& instance, std::string const& note) {
    return door(instance, owner(instance)).get("/").body.find(note) != std::string::npos;
  }

  std::vector<Found> found(tenants::TenantId id) {
    std::vector<Found> own;
    for (auto const& one : driver.list(connection))
      if (one.tenant && *one.tenant == id) own.push_back(one);
    return own;
  }
  /// What the ledger says is there.
  std::vector<std::string> ledger(Instance const& instance) const {
    return app.rows(
        "SELECT kind, name, state FROM tenant_resources WHERE state <> 'gone' AND "
        "tenant_id = " +
        std::to_string(instance.tenant.id.value) + " ORDER BY id");
  }

  /// As a crash in the middle of create() leaves it.
  void make_half_made(Instance const& instance) {
    auto const id = std::to_string(instance.tenant.id.value);
    app.run("UPDATE tenant_resources SET state = 'planned' WHERE tenant_id = " + id);
    if (has_containers()) {
      provisioning::incus::Client client{app.settings};
      auto const name = app.value("SELECT name FROM tenant_resources WHERE tenant_id = " + id);
      (void)client.call(
          "PATCH", "/1.0/instances/" + name,
          boost::json::object{{"config", {{"user.onboarding.provisioned", ""}, {"user.old", "1"}}}},
          "forget that it is whole");
    } else {
      std::filesystem::remove_all(app.directory.path() / "tenants" / id);
    }
  }

  config::Provisioner provisioner;
  App app;
  db::Connection connection;
  provisioning::Driver& driver;
};

template <class Body>
void with_each(Body&& body) {
  {
    INFO("processes");
    World world{config::Provisioner::process};
    body(world);
  }
  if (incus_url().empty()) return;
  INFO("containers");
  World world{config::Provisioner::incus};
  body(world);
}

/// The code of the failure; empty when there was none.
template <class Work>
std::string failure_of(Work&& work) {
  try {
    work();
  } catch (provisioning::StepFailure const& failure) {
    return failure.code.text();
  }
  return {};
}
}  // namespace

TEST_CASE(
    "nothing is there before it is made, and what is not there can be stopped and destroyed") {
  with_each([](World& world) {
    auto const acme = world.tenant("acme");
    CHECK(world.state(acme) == InstanceState::absent);
    CHECK(world.found(acme.tenant.id).empty());
    CHECK_FALSE(world.driver.usage(world.connection, acme.tenant));
    CHECK(world.driver.log(world.connection, acme.tenant, 10).empty());
    CHECK_THROWS_AS((void)world.driver.address(world.connection, acme.tenant),
                    provisioning::StepFailure);
    world.driver.stop(world.connection, acme.tenant);
    world.driver.destroy(world.connection, acme.tenant);
    CHECK(world.ledger(acme).empty());
  });
}

TEST_CASE("made twice it is one, and it does not run before it is started") {
  with_each([](World& world) {
    auto const acme = world.tenant("acme");
    world.driver.create(world.connection, acme);
    auto const once = world.ledger(acme);
    world.driver.create(world.connection, acme);
    CHECK(world.ledger(acme) == once);
    CHECK_FALSE(once.empty());
    CHECK(world.state(acme) == InstanceState::stopped);
    CHECK_FALSE(world.driver.usage(world.connection, acme.tenant));
    auto const found = world.found(acme.tenant.id);
    CHECK(found.size() == 1);
  });
}

TEST_CASE("what a crash left half-made is made anew, and works") {
  with_each([](World& world) {
    auto const acme = world.tenant("acme");
    world.driver.create(world.connection, acme);
    world.make_half_made(acme);
    // The ledger or the instance itself says so: it does not pass for a good one.
    CHECK(
        (world.state(acme) == InstanceState::absent ||
         world.app.value("SELECT count(*) FROM tenant_resources WHERE state = 'planned'") != "0"));
    world.driver.create(world.connection, acme);
    world.bring_up(acme);
    CHECK(world.state(acme) == InstanceState::running);
    CHECK(world.door(acme).get("/healthz").header("x-tenant-id") == acme.tenant.id.text());
  });
}

TEST_CASE("started, stopped and destroyed, each as often as one likes") {
  with_each([](World& world) {
    auto& connection = world.connection;
    auto& driver = world.driver;
    auto const acme = world.running("acme");
    auto const address = driver.address(connection, acme.tenant);
    driver.start(connection, acme);
    CHECK(world.state(acme) == InstanceState::running);
    CHECK(driver.address(connection, acme.tenant) == address);
    CHECK(world.door(acme).get("/healthz").header("x-tenant-id") == acme.tenant.id.text());

    driver.stop(connection, acme.tenant);
    driver.stop(connection, acme.tenant);
    CHECK(world.state(acme) == InstanceState::stopped);
    CHECK_THROWS((void)world.door(acme).get("/healthz"));
    driver.start(connection, acme);
    world.wait(acme);
    CHECK(world.door(acme).get("/healthz").header("x-tenant-id") == acme.tenant.id.text());

    driver.destroy(connection, acme.tenant);  // while it runs
    driver.destroy(connection, acme.tenant);
    CHECK(world.state(acme) == InstanceState::absent);
    CHECK(world.found(acme.tenant.id).empty());
    CHECK(world.ledger(acme).empty());
  });
}

TEST_CASE("what a running tenant uses is told, and what it and its system wrote") {
  with_each([](World& world) {
    auto const acme = world.running("acme");
    REQUIRE(world.door(acme).get("/").status == 200);
    auto const usage = world.driver.usage(world.connection, acme.tenant);
    REQUIRE(usage);
    CHECK(usage->memory > 0);
    CHECK(usage->memory < 256 * 1024 * 1024);
    CHECK(usage->processes > 0);
    CHECK(usage->cpu_seconds >= 0);
    CHECK(usage->disk > 0);
    // The process writes only what goes wrong.
    auto const log = [&](std::size_t lines) {
      return world.driver.log(world.connection, acme.tenant, lines).size();
    };
    CHECK((log(100) > 0 || !world.has_containers()));
    CHECK(log(1) <= 1);
    CHECK_NOTHROW((void)world.driver.last_words(acme.tenant));
    if (world.has_containers())
      CHECK(world.driver.last_words(acme.tenant).find("Running") != std::string::npos);
  });
}

TEST_CASE("limits are the row's, while it runs and while it stands still") {
  with_each([](World& world) {
    (void)world.running("acme");
    auto const check = [&](char const* values) {
      world.app.run(std::string{"UPDATE tenants SET (memory_limit_mib, cpu_limit_percent, "
                                "process_limit, storage_limit_mib) = "} +
                    values);
      auto const acme = world.again("acme");
      world.driver.set_limits(world.connection, acme.tenant);
      world.driver.set_limits(world.connection, acme.tenant);
      for (auto const& found : world.found(acme.tenant.id))
        if (found.applied_limits)
          CHECK(*found.applied_limits == provisioning::limits_text(acme.tenant));
    };
    check("(512, 75, 150, 256)");
    world.wait(world.again("acme"));
    CHECK(world.state(world.again("acme")) == InstanceState::running);
    world.driver.stop(world.connection, world.again("acme").tenant);
    check("(128, 25, 80, 96)");
    CHECK(world.state(world.again("acme")) == InstanceState::stopped);
    world.driver.start(world.connection, world.again("acme"));
    world.wait(world.again("acme"));
  });
}

TEST_CASE(
    "everything of ours is listed with its owner, and what belongs to nobody can be removed") {
  with_each([](World& world) {
    auto const acme = world.running("acme");
    auto const globex = world.running("globex");
    auto const own = world.found(acme.tenant.id);
    REQUIRE_FALSE(own.empty());
    auto const is_instance = [](Found const& found) {
      return found.subject == "instance" && found.state == InstanceState::running;
    };
    CHECK(std::count_if(own.begin(), own.end(), is_instance) == 1);
    for (auto const& found : own) world.driver.destroy_stray(world.connection, found);
    for (auto const& found : own) world.driver.destroy_stray(world.connection, found);  // again
    CHECK(world.found(acme.tenant.id).empty());
    CHECK(world.door(globex).get("/healthz").header("x-tenant-id") == globex.tenant.id.text());
  });
}

TEST_CASE(
    "what was backed up comes back, also into another tenant; a damaged archive does nothing") {
  with_each([](World& world) {
    auto& connection = world.connection;
    auto& driver = world.driver;
    auto const acme = world.running("acme");
    auto const archive = world.app.directory.path() / "acme.tar.zst";
    world.write(acme, "Monday");
    driver.backup(connection, acme, archive);
    CHECK(world.state(acme) == InstanceState::running);
    world.write(acme, "Tuesday");
    driver.restore(connection, acme, archive);
    world.wait(acme);
    CHECK(world.shows(acme, "Monday"));
    CHECK_FALSE(world.shows(acme, "Tuesday"));

    auto const globex = world.running("globex");
    driver.restore(connection, globex, archive);
    world.wait(globex);
    CHECK(world.shows(globex, "Monday"));
    CHECK(world.door(globex).get("/healthz").header("x-tenant-id") == globex.tenant.id.text());

    auto const damaged = world.app.directory.path() / "damaged.tar.zst";
    std::filesystem::copy_file(archive, damaged);
    std::filesystem::resize_file(damaged, std::filesystem::file_size(archive) / 2);
    world.write(acme, "Wednesday");
    CHECK_FALSE(failure_of([&] { driver.restore(connection, acme, damaged); }).empty());
    driver.start(connection, acme);
    world.wait(acme);
    CHECK(world.shows(acme, "Wednesday"));

    // One that stands still is backed up, too, and stands still afterwards.
    driver.stop(connection, acme.tenant);
    std::filesystem::remove(archive);
    driver.backup(connection, acme, archive);
    CHECK(std::filesystem::file_size(archive) > 0);
    CHECK(world.state(acme) == InstanceState::stopped);
  });
}

TEST_CASE("a place of the pool becomes one tenant's, and only one's") {
  with_each([](World& world) {
    auto& driver = world.driver;
    if (!driver.can_pool()) return;
    auto const acme = world.tenant("acme");
    auto const globex = world.tenant("globex");
    driver.create_pooled(world.connection, 7, acme.tenant);
    driver.create_pooled(world.connection, 7, acme.tenant);
    auto const all = driver.list(world.connection);
    REQUIRE(all.size() == 1);
    CHECK(all[0].pool == 7);
    CHECK(all[0].state == InstanceState::running);

    driver.claim(world.connection, 7, acme);
    driver.claim(world.connection, 7, acme);
    CHECK(world.state(acme) == InstanceState::running);
    CHECK(world.found(acme.tenant.id).size() == 1);
    CHECK(failure_of([&] { driver.claim(world.connection, 7, globex); }) == "pool_place_taken");
    CHECK(failure_of([&] { driver.claim(world.connection, 8, globex); }) == "pool_place_missing");
    world.bring_up(acme);
    CHECK(world.door(acme).get("/healthz").header("x-tenant-id") == acme.tenant.id.text());
    driver.destroy(world.connection, acme.tenant);
    CHECK(driver.list(world.connection).empty());
  });
}
