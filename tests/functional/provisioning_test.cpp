// What becomes of a paid sign-up: a running tenant on its own address, with a real HAProxy, real
// processes and databases.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>

#include "platform/db/url.hpp"
#include "provisioning/provisioning.hpp"
#include "support/app.hpp"
#include "tenants/jobs.hpp"

using support::acme;
using support::App;
using support::eventually;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
pid_t pid_of(App& app, std::string const& process = "tenant-1") {
  auto const status = app.supervisor().status(process);
  return status ? status->pid : 0;
}

template <class Work>
void change(App const& app, Work&& work) {
  db::Connection connection{app.database.url()};
  db::transact(connection, work);
}
}  // namespace

TEST_CASE("a payment becomes a running tenant on its own address") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const signup = app.sign_up(acme());
  CHECK(app.tenant("acme").get("/").status == 404);
  app.pay(signup["checkout_url"]);
  app.deliver_news();
  app.work();

  auto const seen = app.visitor().get(App::status_path(signup));
  CHECK(seen["state"] == "live");
  CHECK(seen["progress"] == "1");
  CHECK(seen["finished_at"] != "null");
  CHECK(app.rows("SELECT name, state, attempts, started_at <= finished_at, error_code IS NULL FROM "
                 "provisioning_steps ORDER BY position") ==
        Rows{"payment|done|1|t|t", "reservation|done|1|t|t", "container|done|1|t|t",
             "database|done|1|t|t", "application|done|1|t|t", "route|done|1|t|t",
             "health_check|done|1|t|t"});
  CHECK(app.rows("SELECT kind, state FROM tenant_resources ORDER BY id") ==
        Rows{"directory|present", "port|present", "role|present", "database|present",
             "process|present", "route|present"});
  CHECK(app.value("SELECT state FROM tenants") == "live");
  CHECK(app.value("SELECT health FROM tenants") == "healthy");
  CHECK(app.as(Role::owner).get("/api/tenants/ten_1")["limits_applied"] == "true");

  auto const page = app.tenant("acme").get("/");
  CHECK(page.status == 200);
  CHECK(page.body.find("Acme Ltd") != std::string::npos);
  CHECK(page.header("x-tenant-id") == "ten_1");
  CHECK(app.tenant("acme").get("/healthz")["status"] == "ok");
  CHECK(app.tenant("nobody").get("/").status == 404);

  // Its company comes from its own database, its secrets from nobody else's.
  auto const own = app.database.name() + "_tenant_1";
  db::Connection tenant{db::with_database(app.database.url(), own)};
  CHECK(std::string{PQgetvalue(
            tenant.execute("SELECT value FROM facts WHERE key = 'company'").get(), 0, 0)} ==
        "Acme Ltd");
  CHECK(
      app.value("SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = '" +
                own + "'") == "f");
  CHECK(app.value("SELECT has_table_privilege('" + own + "', 'customers', 'SELECT')") == "f");
  CHECK(
      app.value("SELECT detail NOT LIKE '%postgres%' AND detail LIKE 'v1:%' FROM tenant_resources "
                "WHERE kind = 'role'") == "t");

  // The owner's link works once.
  auto const mail = app.value("SELECT body FROM mails WHERE template = 'tenant_ready'");
  auto const at = mail.find("/access/");
  REQUIRE(at != std::string::npos);
  auto const link = mail.substr(at, mail.find_first_of(" \n", at) - at);
  auto const opened = app.tenant("acme").send("POST", link, "", {});
  CHECK(opened.status == 303);
  auto const cookie = opened.header("set-cookie");
  CHECK(cookie.find("HttpOnly") != std::string::npos);
  CHECK(app.tenant("acme").get(link).status == 410);
  auto const note = [&](support::Headers headers) {
    headers.push_back("Content-Type: application/x-www-form-urlencoded");
    return app.tenant("acme").send("POST", "/notes", "text=Hello", headers).status;
  };
  CHECK(note({}) == 403);
  support::Headers const owner{"Cookie: " + cookie.substr(0, cookie.find(';'))};
  CHECK(note(owner) == 303);
  CHECK(app.tenant("acme").get("/", owner).body.find("Hello") != std::string::npos);
  CHECK(std::filesystem::exists(app.directory.path() / "mails"));
  CHECK(app.value("SELECT count(*) FROM mails WHERE state <> 'kept'") == "0");
}

TEST_CASE("a link that lets in once is not used up by whoever only looks at it") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  auto const mail = app.value("SELECT body FROM mails WHERE template = 'tenant_ready'");
  auto const at = mail.find("/access/");
  auto const link = mail.substr(at, mail.find_first_of(" \n", at) - at);
  auto tenant = app.tenant("acme");
  CHECK(tenant.send("HEAD", link, "", {}).status == 200);
  for (int scan = 0; scan < 3; ++scan) {
    auto const page = tenant.get(link);
    CHECK(page.status == 200);
    CHECK(page.header("set-cookie").empty());
    CHECK(page.header("cache-control") == "no-store");
    CHECK(page.body.find("<form method=\"post\"><button>") != std::string::npos);
  }
  auto const entered = tenant.send("POST", link, "", {});
  CHECK(entered.status == 303);
  CHECK(entered.header("set-cookie").find("owner=") == 0);
  CHECK(tenant.send("POST", link, "", {}).status == 410);
  CHECK(tenant.get(link).status == 410);
}

TEST_CASE("the page of a paid sign-up opens its tenant as the owner, for a week and not before") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const signup = app.sign_up(acme());
  auto const door = App::status_path(signup) + "/open";
  auto const early = app.visitor().post(door, nullptr);
  CHECK(early.status == 409);
  CHECK(early["code"] == "signup_not_live");
  app.pay(signup["checkout_url"]);
  app.deliver_news();
  app.work();

  auto open = [&] {
    auto const opened = app.visitor().post(door, nullptr);
    CHECK(opened.status == 201);
    CHECK(opened.header("cache-control") == "no-store");
    return opened["url"];
  };
  auto const first = open(), second = open();  // two devices
  CHECK(first != second);
  for (auto const& link : {first, second}) {
    auto const path = link.substr(link.find("/access/"));
    auto const entered = app.tenant("acme").send("POST", path, "", {});
    CHECK(entered.status == 303);
    auto const cookie = entered.header("set-cookie");
    auto const page =
        app.tenant("acme").get("/", {"Cookie: " + cookie.substr(0, cookie.find(';'))});
    CHECK(page.body.find("action=\"/notes\"") != std::string::npos);
  }
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'signup.opened' AND "
                  "audit_logs::text LIKE '%/access/%'") == "0");

  auto const plain = tenants::url_of(app.settings, "acme");
  app.run("UPDATE tenants SET live_at = now() - interval '8 days'");
  CHECK(open() == plain);
  app.run("UPDATE tenants SET live_at = now(), state = 'suspended'");
  CHECK(open() == plain);
  CHECK(app.visitor().post("/api/signups/1.nonsense-nonsense/open", nullptr).status == 404);
}

TEST_CASE("tenants live beside each other, and all are there again after a restart") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  app.sign_up_and_pay(acme({{"subdomain", "globex"}, {"company", "Globex <b>&</b> Co"}}));
  CHECK(app.tenant("acme").get("/").body.find("Acme Ltd") != std::string::npos);
  CHECK(app.tenant("globex").get("/").body.find("Globex &lt;b&gt;") != std::string::npos);
  CHECK(app.value("SELECT has_database_privilege('" + app.database.name() + "_tenant_1', '" +
                  app.database.name() + "_tenant_2', 'CONNECT')") == "f");

  app.restart();
  for (auto const* name : {"acme", "globex"})
    CHECK(eventually([&] { return app.tenant(name).get("/healthz").status == 200; }));
  CHECK(app.value("SELECT count(*) FROM activity WHERE data->>'to_state' = 'live'") == "2");
}

TEST_CASE(
    "a port that a stranger has taken is exchanged, before the first start and at a restart") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto port = [&] {
    return app.value("SELECT name FROM tenant_resources WHERE kind = 'port' AND state = 'present'");
  };
  // Whoever listens there answers nobody.
  auto occupy = [&] {
    int const stranger = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(std::uint16_t(std::stoi(port())));
    int const on = 1;
    ::setsockopt(stranger, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    REQUIRE(::bind(stranger, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(stranger, 1) == 0);
    return files::Descriptor{stranger};
  };

  // The first try ends after the port was chosen.
  files::make_directory(app.directory.path() / "tenants/1/app.json/full", 0755);
  app.sign_up_and_pay(acme());
  REQUIRE(app.value("SELECT state FROM tenants") == "provision_failed");
  std::filesystem::remove_all(app.directory.path() / "tenants/1/app.json");
  auto const first = port();
  auto const stranger = occupy();
  app.hurry();
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "live");
  CHECK(port() != first);
  CHECK(app.tenant("acme").get("/healthz").header("x-tenant-id") == "ten_1");

  auto const second = port();
  app.supervisor().stop("tenant-1");
  auto const other_stranger = occupy();
  app.restart();
  CHECK(eventually([&] { return app.tenant("acme").get("/healthz").status == 200; }));
  CHECK(port() != second);
  CHECK(app.value("SELECT count(*) FROM tenant_resources WHERE kind = 'port' AND state = 'gone'") ==
        "2");
}

TEST_CASE("two workers on one tenant build it once") {
  auto app = App::fresh({.sandbox = true, .front_door = true, .jobs = true});
  auto const signup = app.sign_up(acme());
  app.pay(signup["checkout_url"]);
  app.deliver_news();
  for (int i = 0; i < 4; ++i) app.enqueue(tenants::Reconcile{1});
  CHECK(eventually([&] { return app.visitor().get(App::status_path(signup))["state"] == "live"; }));
  CHECK(eventually([&] {
    return app.value(
               "SELECT count(*) FROM jobs WHERE kind = 'tenants.reconcile' AND state <> "
               "'done'") == "0";
  }));
  CHECK(app.value("SELECT max(attempts) FROM provisioning_steps") == "1");
  CHECK(app.value("SELECT count(*) FROM activity WHERE data->>'to_state' = 'live'") == "1");
  CHECK(app.value("SELECT count(*) FROM tenant_resources WHERE state = 'present'") == "6");
  CHECK(eventually([&] {
    return app.value("SELECT count(*) FROM mails WHERE template = 'tenant_ready'") == "1";
  }));
}

TEST_CASE("a tenant with a hold stands still, and runs again when the last hold is gone") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  REQUIRE(app.tenant("acme").get("/healthz").status == 200);

  // The subscription ends at Stripe; staff have a reason of their own.
  app.stripe("DELETE",
             "/v1/subscriptions/" + app.value("SELECT stripe_subscription_id FROM subscriptions"));
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "suspended");
  CHECK(app.rows("SELECT reason FROM tenant_holds") == Rows{"billing"});
  auto const page = app.tenant("acme").get("/");
  CHECK(page.status == 503);
  CHECK(page.body.find("Acme Ltd") == std::string::npos);
  CHECK(page.header("content-type").starts_with("text/html"));
  CHECK(pid_of(app) == 0);
  CHECK(app.mrr() == "0");

  change(app, [](db::Tx& tx) {
    tenants::place_hold(tx, tenants::TenantId{1}, tenants::Hold::admin, "grace");
    tenants::release_hold(tx, tenants::TenantId{1}, tenants::Hold::billing, "billing");
  });
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "suspended");

  change(app, [](db::Tx& tx) {
    tenants::release_hold(tx, tenants::TenantId{1}, tenants::Hold::admin, "grace");
  });
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "live");
  CHECK(app.tenant("acme").get("/").body.find("Acme Ltd") != std::string::npos);
  CHECK(
      app.rows(
          "SELECT kind, actor, data->>'hold' FROM activity WHERE kind LIKE 'hold%' ORDER BY id") ==
      Rows{"hold_placed|billing|billing", "hold_placed|grace|admin",
           "hold_released|billing|billing", "hold_released|grace|admin"});
}

TEST_CASE("a tenant whose process dies is started again") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  auto const first = pid_of(app);
  REQUIRE(first > 0);

  SUBCASE("by its supervision") {
    ::kill(first, SIGKILL);
    CHECK(eventually([&] { return pid_of(app) > 0 && pid_of(app) != first; }));
    CHECK(eventually([&] { return app.tenant("acme").get("/healthz").status == 200; }));
  }
  SUBCASE("by the watch, when its supervision has forgotten it") {
    app.supervisor().stop("tenant-1");
    app.enqueue(provisioning::Watch{});
    app.work();
    CHECK(eventually([&] { return app.tenant("acme").get("/healthz").status == 200; }));
  }
  SUBCASE("and is told to be down while it cannot be") {
    auto const file = app.directory.path() / "tenants/1/app.json";
    std::filesystem::remove(file);
    files::write_atomically(file, "{}", 0444);
    ::kill(first, SIGKILL);
    CHECK(eventually([&] { return app.supervisor().status("tenant-1")->restarts >= 2; }));
    // Between two tries there is a pause, and it grows.
    CHECK(eventually(
        [&] { return app.supervisor().status("tenant-1")->state == process::State::backoff; }));
    app.enqueue(provisioning::Watch{});
    app.work();
    CHECK(app.value("SELECT health FROM tenants") == "down");
    CHECK(app.as(Role::owner).get("/api/tenants?health=down")["data.0.subdomain"] == "acme");
    CHECK(app.as(Role::owner).get("/api/dashboard/metrics").body.find("tenant_down") !=
          std::string::npos);
  }
}

TEST_CASE("routes that were lost or lead astray are set right by the watch") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  app.sign_up_and_pay(acme({{"subdomain", "globex"}}));
  auto const right = app.front_door().routes();
  CHECK(right.size() == 2);
  app.front_door().remove("acme.localhost");
  app.front_door().route("globex.localhost", "127.0.0.1:9");
  app.enqueue(provisioning::Watch{});
  app.work();
  CHECK(app.front_door().routes() == right);
}

TEST_CASE("the watch gives free what was never paid, and samples what runs") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  app.sign_up(acme({{"subdomain", "late"}}));
  app.run(
      "UPDATE tenants SET state_deadline = now() - interval '1 second' WHERE subdomain = 'late'");
  app.enqueue(provisioning::Watch{});
  app.enqueue(provisioning::Measure{});
  app.work();
  CHECK(app.value("SELECT state FROM tenants WHERE subdomain = 'late'") == "rolled_back");
  CHECK(app.rows("SELECT tenant_id, ram > 0, disk > 0 FROM tenant_health") == Rows{"1|t|t"});
  CHECK(app.value("SELECT state FROM tenants WHERE subdomain = 'acme'") == "live");
}
