// The rows of tenant_resources.
#include "provisioning/ledger.hpp"

#include "platform/retention/retention.hpp"

namespace provisioning {

namespace {
db::Query const insert_planned{"provisioning.plan_resource", R"sql(
  INSERT INTO tenant_resources (tenant_id, kind, name, detail) VALUES ($1, $2, $3, $4)
  ON CONFLICT (kind, name) WHERE state <> 'gone' DO NOTHING
)sql"};

db::Query const load_resource{"provisioning.find_resource", R"sql(
  SELECT id, kind, name, detail, state = 'present' AS present FROM tenant_resources
   WHERE tenant_id = $1 AND kind = $2 AND state <> 'gone' ORDER BY id DESC LIMIT 1
)sql"};

db::Query const load_all{"provisioning.list_resources", R"sql(
  SELECT id, kind, name, detail, state = 'present' AS present FROM tenant_resources
   WHERE tenant_id = $1 AND state <> 'gone' ORDER BY id DESC
)sql"};

db::Query const set_present{"provisioning.mark_present",
                            "UPDATE tenant_resources SET state = 'present' WHERE id = $1"};
db::Query const set_gone{"provisioning.mark_gone", R"sql(
  UPDATE tenant_resources SET state = 'gone', gone_at = now(), detail = NULL WHERE id = $1
)sql"};

retention::Rule const gone_resources{
    {.table = "tenant_resources",
     .column = "gone_at",
     .keep = std::chrono::days{365},
     .least = std::chrono::days{30},
     .only = "t.state = 'gone'",
     .why = "what was there and when it went, should anything be left of it"}};
}  // namespace

std::optional<Resource> plan(db::Tx& tx, tenants::TenantId tenant, std::string_view kind,
                             std::string_view name, std::optional<std::string> const& detail) {
  if (auto known = find(tx, tenant, kind)) return known;
  if (tx.exec(insert_planned, tenant, kind, name, detail) == 0) return {};
  return find(tx, tenant, kind);
}

void mark_present(db::Tx& tx, std::int64_t id) { tx.exec(set_present, id); }
void mark_gone(db::Tx& tx, std::int64_t id) { tx.exec(set_gone, id); }

std::optional<Resource> find(db::Tx& tx, tenants::TenantId tenant, std::string_view kind) {
  return tx.maybe<Resource>(load_resource, tenant, kind);
}

std::vector<Resource> all(db::Tx& tx, tenants::TenantId tenant) {
  return tx.all<Resource>(load_all, tenant);
}

}  // namespace provisioning
