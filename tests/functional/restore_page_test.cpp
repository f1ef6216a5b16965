// What visitors of a tenant see while it is being restored. With a real HAProxy.
#include <doctest/doctest.h>

#include "support/app.hpp"
#include "tenants/tenants.hpp"

using support::acme;
using support::App;

namespace {
/// Has the world follow the row, as another operation's end and the reconciler do.
void follow(App& app, std::int64_t users) {
  {
    db::Connection connection{app.database.url()};
    db::transact(connection, [&](db::Tx& tx) {
      tenants::change(tx, tenants::TenantId{1}, {.max_users = users}, "test");
    });
  }
  app.work();
}
}  // namespace

TEST_CASE("a page stands at a tenant's address only while a restore replaces its data") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  app.run(
      "INSERT INTO tenant_operations (tenant_id, kind, state, stage, requested_by, started_at) "
      "VALUES (1, 'restore', 'running', 'checking', 'test', now()) RETURNING id");
  follow(app, 7);
  CHECK(app.tenant("acme").get("/healthz").header("x-tenant-id") == "ten_1");

  app.run("UPDATE tenant_operations SET stage = 'restoring' RETURNING id");
  follow(app, 8);
  CHECK(app.tenant("acme").get("/").status == 503);
}
