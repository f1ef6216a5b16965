// Secrets at rest: what rotates, what a crash in between leaves, what is refused, and that nothing
// can be read from a dump.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "identity/keys/rotation.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/files/files.hpp"
#include "platform/process/run.hpp"
#include "support/app.hpp"

using support::acme;
using support::App;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
template <class Work>
auto in_database(App const& app, Work&& work) {
  db::Connection connection{app.database.url()};
  return db::transact(connection, std::forward<Work>(work));
}

void rotate_master(App const& app) {
  db::Connection connection{app.database.url()};
  vault::Vault{app.key()}.rotate_master_key(connection);
}

std::string key_in_file(App const& app) { return *files::read(app.key_file()); }
std::filesystem::path prepared(App const& app) { return app.key_file().string() + ".next"; }

bool logs_in(App const& app) {
  return app.visitor()
             .post("/api/admin/login",
                   {{"email", App::email_of(Role::owner)}, {"password", App::password}})
             .status == 200;
}

std::string why_not(std::function<void()> const& work) {
  try {
    work();
  } catch (std::runtime_error const& error) {
    return error.what();
  }
  return "";
}

/// "table.column" of everything in the database that looks sealed.
std::set<std::string> columns_that_look_sealed(App const& app) {
  std::set<std::string> found;
  for (auto const& name :
       app.rows("SELECT table_name || '.' || column_name FROM information_schema.columns JOIN "
                "information_schema.tables USING (table_schema, table_name) WHERE table_schema = "
                "'public' AND table_type = 'BASE TABLE' AND data_type IN ('text', 'jsonb', "
                "'character varying')")) {
    auto const dot = name.find('.');
    auto const table = name.substr(0, dot), column = name.substr(dot + 1);
    auto const text = "\"" + column + "\"::text";
    // Also inside of JSON.
    if (app.value("SELECT count(*) FROM \"" + table + "\" WHERE " + text +
                  " ~ '(^|\")v1:[0-9]+:[A-Za-z0-9_-]{30,}'") != "0")
      found.insert(name);
    if (column.starts_with("sealed") && name != "data_keys.sealed_key") found.insert(name);
  }
  return found;
}
}  // namespace

TEST_CASE("every column that holds sealed values is in the list that rotations go through") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  REQUIRE(app.as(Role::owner).post("/api/settings/2fa/totp", nullptr).status == 200);
  app.sign_up_and_pay(acme());
  REQUIRE(app.value("SELECT count(*) FROM tenant_resources WHERE detail LIKE 'v1:%'") == "1");
  std::set<std::string> listed;
  for (auto const& column : identity::keys::sealed_columns())
    listed.insert(std::string{column.table} + "." + std::string{column.column});
  for (auto const& column : columns_that_look_sealed(app)) {
    CAPTURE(column);
    CHECK(listed.contains(column));
  }
  CHECK(columns_that_look_sealed(app).size() >= 3);
}

TEST_CASE("a new data key seals everything again, and everybody goes on") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const owner = app.as(Role::owner, support::By::cookie);
  auto const signup = app.sign_up_and_pay(acme());
  REQUIRE(app.value("SELECT state FROM tenants") == "live");
  auto const sealed = [&] {
    return app.rows(
        "SELECT sealed FROM kept_secrets UNION SELECT sealed_key FROM signing_keys "
        "UNION SELECT detail FROM tenant_resources WHERE detail LIKE 'v1:%'");
  };
  auto const before = sealed();
  auto const id = in_database(app, [&](db::Tx& tx) {
    return identity::keys::rotate_data_key(tx, app.application().vault());
  });
  CHECK(app.work() >= 1);
  auto const after = sealed();
  CHECK(after.size() == before.size());
  for (auto const& value : after) CHECK(value.starts_with("v1:" + std::to_string(id) + ":"));
  auto const report = in_database(
      app, [&](db::Tx& tx) { return identity::keys::report(tx, app.application().vault()); });
  REQUIRE(report.data_keys.size() == 2);
  CHECK(report.data_keys.front().values == std::int64_t(after.size()));
  CHECK(report.data_keys.back().values == 0);

  auto const all_is_well = [&] {
    CHECK(logs_in(app));
    CHECK(owner.get("/api/admin/me").status == 200);
    CHECK(app.visitor().get(App::status_path(signup)).status == 200);
    CHECK(support::eventually([&] { return app.tenant("acme").get("/").status == 200; }));
  };
  all_is_well();
  app.restart();
  all_is_well();
}

TEST_CASE("a value that was tampered with is named and stops no other") {
  auto app = App::fresh();
  (void)app.as(Role::owner);
  app.run(
      "INSERT INTO kept_secrets VALUES ('broken', "
      "'v1:1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')");
  in_database(app, [&](db::Tx& tx) {
    return identity::keys::rotate_data_key(tx, app.application().vault());
  });
  app.work();
  CHECK(app.rows("SELECT name FROM kept_secrets WHERE sealed LIKE 'v1:1:%'") == Rows{"broken"});
  CHECK(app.value("SELECT count(*) FROM signing_keys WHERE sealed_key LIKE 'v1:1:%'") == "0");
  CHECK(app.value("SELECT state || ' ' || last_error FROM jobs WHERE kind = 'identity.reseal'") ==
        "dead values that do not open were left in kept_secrets.sealed");
}

TEST_CASE("a new master key takes over while the program runs") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const old = key_in_file(app);
  rotate_master(app);
  CHECK(key_in_file(app) != old);
  CHECK(key_in_file(app).size() == 32);
  CHECK((std::filesystem::status(app.key_file()).permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  CHECK(!std::filesystem::exists(prepared(app)));
  // The program that runs has not been told: it goes on, also with keys made after the rotation.
  CHECK(owner.get("/api/admin/me").status == 200);
  in_database(app, [&](db::Tx& tx) {
    return identity::keys::rotate_data_key(tx, app.application().vault());
  });
  app.work();
  in_database(app, [&](db::Tx& tx) {
    identity::keys::rotate_signing_key(tx, app.application().vault());
    return 0;
  });
  CHECK(logs_in(app));
  app.restart();
  CHECK(owner.get("/api/admin/me").status == 200);
  CHECK(logs_in(app));
  // The old one opens nothing any more.
  auto const refusal = why_not([&] {
    in_database(app, [&](db::Tx& tx) {
      vault::Vault{old}.check(tx);
      return 0;
    });
  });
  CHECK(refusal.find("master key does not open") != std::string::npos);
}

TEST_CASE("a rotation of the master key may be cut short at any moment") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const old = key_in_file(app);
  auto const works = [&] {
    app.restart();
    CHECK(owner.get("/api/admin/me").status == 200);
    rotate_master(app);  // and can be done again
    app.restart();
    CHECK(owner.get("/api/admin/me").status == 200);
    CHECK(!std::filesystem::exists(prepared(app)));
  };
  SUBCASE("the new key was written, the database not yet") {
    files::write_atomically(prepared(app), crypto::random_key(), 0600);
    app.restart();
    CHECK(key_in_file(app) == old);
    works();
  }
  SUBCASE("the database was written, the file not yet put in place") {
    rotate_master(app);
    auto const next = key_in_file(app);
    files::write_atomically(prepared(app), next, 0600);
    files::write_atomically(app.key_file(), old, 0600);
    app.restart();
    CHECK(key_in_file(app) == next);
    works();
  }
  SUBCASE("the file was put in place, the other not yet removed") {
    rotate_master(app);
    files::write_atomically(prepared(app), key_in_file(app), 0600);
    works();
  }
}

TEST_CASE("two rotations of the master key do not run at once") {
  auto app = App::fresh();
  db::Connection other{app.database.url()};
  other.execute("SELECT pg_advisory_lock(hashtext('vault.rotation'))");
  CHECK(why_not([&] { rotate_master(app); }).find("by somebody else") != std::string::npos);
}

TEST_CASE("a rotation that failed may be tried again") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const key = key_in_file(app);
  db::Connection connection{app.database.url()};
  vault::Vault vault{app.key()};
  auto const nowhere = app.directory.path() / "nowhere/key";
  CHECK(!why_not([&] { vault.rotate_master_key(connection, nowhere); }).empty());
  CHECK(key_in_file(app) == key);
  CHECK(owner.get("/api/admin/me").status == 200);
  rotate_master(app);  // while the connection of the first attempt is still open
  app.restart();
  CHECK(owner.get("/api/admin/me").status == 200);
}

TEST_CASE("a wrong or lost master key is refused and nothing is written") {
  auto app = App::fresh();
  (void)app.as(Role::owner);
  auto const keys = [&] { return app.rows("SELECT id, sealed_key FROM data_keys"); };
  auto const before = keys();
  auto const wrong = crypto::random_key();
  files::write_atomically(app.key_file(), wrong, 0600);
  auto const refusal = why_not([&] { app.restart(); });
  CHECK(refusal.find("master key does not open") != std::string::npos);
  CHECK(refusal.find(app.key_file().string()) != std::string::npos);
  CHECK(why_not([&] { rotate_master(app); }).find("does not open") != std::string::npos);
  CHECK(key_in_file(app) == wrong);
  CHECK(keys() == before);

  std::filesystem::remove(app.key_file());
  CHECK(why_not([&] { app.restart(); }).find("is missing: restore it") != std::string::npos);
  CHECK(!std::filesystem::exists(app.key_file()));
  CHECK(keys() == before);

  files::write_atomically(app.key_file(), app.master_key, 0600);
  app.restart();
  CHECK(logs_in(app));
}

TEST_CASE("the master key comes from a setting, a file or a systemd credential") {
  TemporaryDirectory directory;
  auto const path = directory.path() / "key";
  auto const key = crypto::random_key();
  config::Settings settings;
  settings.data_dir = directory.path().string();
  auto const found = [&] { return vault::MasterKey::of(settings).candidates().front(); };

  settings.master_key = crypto::hex(key);
  CHECK(found() == key);
  settings.master_key = crypto::base64url(key);
  CHECK(found() == key);
  settings.master_key = "too short";
  CHECK(why_not([&] { (void)found(); }).starts_with("ONBOARDING_MASTER_KEY does not hold exactly"));
  settings.master_key = crypto::hex(key);
  settings.master_key_file = path.string();
  CHECK(why_not([&] { (void)found(); }).find("both set") != std::string::npos);

  settings.master_key.clear();
  CHECK(why_not([&] { (void)found(); }).find("is missing: restore it") != std::string::npos);
  CHECK(!std::filesystem::exists(path));
  for (auto const& form : {key, crypto::hex(key) + "\n", crypto::base64url(key) + "\n"}) {
    files::write_atomically(path, form, 0600);
    CHECK(found() == key);
  }

  settings.master_key_file.clear();
  std::filesystem::rename(path, directory.path() / "master_key");
  ::setenv("CREDENTIALS_DIRECTORY", directory.path().c_str(), 1);
  CHECK(found() == key);
  CHECK(!vault::MasterKey::of(settings).is_replaceable());
  ::unsetenv("CREDENTIALS_DIRECTORY");

  // Nowhere: a new one, which is written down only when it is asked to be.
  files::make_directory(directory.path() / "secrets", 0700);
  auto fresh = vault::MasterKey::of(settings);
  CHECK(fresh.is_new());
  CHECK(!std::filesystem::exists(directory.path() / "secrets/master_key"));
  auto const made = fresh.candidates().front();
  fresh.keep();
  CHECK(found() == made);
}

TEST_CASE("a key that does not lie in a file of ours is rotated into one that is named") {
  auto app = App::fresh();
  (void)app.as(Role::owner);
  auto const target = app.directory.path() / "new_key";
  db::Connection connection{app.database.url()};
  vault::Vault{app.master_key}.rotate_master_key(connection, target);
  config::Settings settings;
  settings.master_key_file = target.string();
  in_database(app, [&](db::Tx& tx) {
    vault::Vault{vault::MasterKey::of(settings)}.check(tx);
    return 0;
  });
  CHECK(logs_in(app));  // what runs goes on with the data keys it has opened
}

TEST_CASE("a dump of the database shows no secret") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const login = app.visitor();
  (void)app.as(Role::owner);
  auto const session =
      login.post("/api/admin/login", {{"email", "owner@example.com"}, {"password", App::password}});
  std::string refresh;
  for (auto const& [name, value] : session.headers)
    if (name == "set-cookie" && value.starts_with("__Host-refresh="))
      refresh = value.substr(15, value.find(';') - 15);
  REQUIRE(refresh.size() > 20);
  app.sign_up_and_pay(acme());
  REQUIRE(app.value("SELECT state FROM tenants") == "live");
  auto const password_of_tenant = [&] {
    db::Connection connection{app.database.url()};
    db::Tx tx{connection, db::Mode::autocommit};
    return vault::Vault{app.key()}.open(
        tx, app.value("SELECT detail FROM tenant_resources WHERE kind = 'role'"),
        "ten_1/database_password");
  }();
  REQUIRE(files::read(app.settings.data_dir + "/tenants/1/app.json")->find(password_of_tenant) !=
          std::string::npos);

  std::map<std::string, std::string> planted{
      {"a password", App::password},
      {"an access token", session["access_token"]},
      {"a refresh token", refresh},
      {"a CSRF token", session["csrf_token"]},
      {"a tenant's password", password_of_tenant},
      {"the webhook's secret", app.settings.stripe_webhook_secret},
      {"Stripe's key", app.settings.stripe_secret_key},
  };
  auto const owner = app.as(Role::owner);
  auto const key = owner.post("/api/settings/api-keys",
                              {{"name", "dump"}, {"scopes", boost::json::array{"tenants:read"}}});
  planted["an API key"] = key["key"];
  auto seed = owner.post("/api/settings/2fa/totp", nullptr)["key"];
  planted["a TOTP seed, in groups"] = seed;
  std::erase(seed, ' ');
  planted["a TOTP seed"] = seed;
  for (auto const& kept : app.rows("SELECT name FROM kept_secrets")) {
    db::Connection connection{app.database.url()};
    db::Tx tx{connection, db::Mode::autocommit};
    auto const secret = vault::Vault{app.key()}.secret(tx, kept);
    planted[kept + " as hexadecimal"] = crypto::hex(secret);
    planted[kept + " as base64"] = crypto::base64url(secret);
  }
  planted["the master key"] = crypto::hex(app.master_key);

  auto const dump = app.directory.path() / "dump.sql";
  auto const command =
      "pg_dump --dbname='" + app.database.url() + "' --file='" + dump.string() + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  auto const text = *files::read(dump);
  REQUIRE(text.find("owner@example.com") != std::string::npos);
  for (auto const& [what, secret] : planted) {
    CAPTURE(what);
    REQUIRE(secret.size() >= 12);
    CHECK(text.find(secret) == std::string::npos);
  }
}
