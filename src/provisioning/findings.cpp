// The rows of world_findings.
#include "provisioning/findings.hpp"

#include "platform/list/words.hpp"
#include "platform/retention/retention.hpp"

namespace provisioning {

namespace {
// A finding may be healed when the tenant wants the thing, and destroyed when nobody does. Adopted
// is what a row can take over: limits that somebody set by hand, and what an installation made that
// is gone for good. What is a stranger's is never more than looked at.
constexpr auto columns = R"sql(
  page.id, page.kind, page.subject, page.name, page.tenant_id, page.first_seen, page.last_seen,
  -- Rows from before there were messages have a sentence.
  coalesce(page.message, jsonb_build_object('code', 'recorded_text', 'text', page.detail,
      'parameters', jsonb_build_object('text', page.detail))) AS message,
  page.resolved_at, page.resolved_by, page.resolution,
  CASE WHEN page.resolved_at IS NOT NULL THEN '{}'::text[]
       WHEN page.subject = 'predecessor' THEN '{adopt,ignore}'::text[]
       WHEN page.subject = 'backup_target' THEN '{adopt}'::text[]
       WHEN page.kind = 'stranger' THEN '{ignore}'::text[]
       WHEN page.kind = 'orphan' THEN '{destroy,ignore}'::text[]
       WHEN page.subject = 'limits' THEN '{heal,adopt,ignore}'::text[]
       ELSE '{heal,ignore}'::text[] END AS actions
)sql";
db::Query const load_finding{
    "provisioning.load_finding",
    std::string{"SELECT "} + columns +
        " FROM world_findings AS page WHERE id = $1 AND resolved_at IS NULL"};
db::Query const insert_finding{"provisioning.insert_finding", R"sql(
  INSERT INTO world_findings (kind, provisioner, subject, name, tenant_id, message)
  SELECT $1::finding_kind, $2, $3, $4, $5, $6::jsonb
   -- A stranger stays for ever: once ignored is enough.
   WHERE NOT EXISTS (SELECT 1 FROM world_findings
                      WHERE $1 = 'stranger' AND provisioner = $2 AND subject = $3 AND name = $4
                        AND resolution = 'ignore')
  ON CONFLICT (provisioner, subject, name) WHERE resolved_at IS NULL
  DO UPDATE SET last_seen = now(), message = excluded.message, kind = excluded.kind
)sql"};
db::Query const list_shown{"provisioning.shown_findings", R"sql(
  SELECT name FROM world_findings
   WHERE provisioner = $1 AND subject = $2 AND resolved_at IS NULL AND first_seen < $3
)sql"};
db::Query const close_gone{"provisioning.close_gone", R"sql(
  UPDATE world_findings SET resolved_at = now(), resolved_by = 'reconciler'
   WHERE provisioner = $1 AND resolved_at IS NULL AND last_seen < now()
)sql"};
db::Query const write_resolution{"provisioning.write_resolution", R"sql(
  UPDATE world_findings SET resolved_at = now(), resolution = $2::finding_action, resolved_by = $3
   WHERE id = $1 AND resolved_at IS NULL
)sql"};
db::Query const write_dismissal{"provisioning.dismiss", R"sql(
  UPDATE world_findings SET resolved_at = now(), resolved_by = 'reconciler'
   WHERE id = $1 AND resolved_at IS NULL
)sql"};

retention::Rule const resolved_findings{{.table = "world_findings",
                                         .column = "resolved_at",
                                         .keep = std::chrono::days{365},
                                         .least = std::chrono::days{30},
                                         .only = "NOT (t.kind = 'stranger' AND t.resolution IS "
                                                 "NOT DISTINCT FROM 'ignore')",
                                         .why = "open ones stay, and strangers that somebody has "
                                                "said to leave alone"}};
}  // namespace

void Findings::add(std::string_view kind, std::string_view subject, std::string const& name,
                   std::optional<tenants::TenantId> tenant, i18n::Message message) {
  seen_.push_back({std::string{kind}, std::string{subject}, name, std::move(message), tenant});
}

void Findings::write(db::Tx& tx) const {
  for (auto const& seen : seen_)
    tx.exec(insert_finding, seen.kind, provisioner_, seen.subject, seen.name, seen.tenant,
            seen.message);
  tx.exec(close_gone, provisioner_);  // now() is this transaction's: the others were not seen
}

std::vector<std::string> shown_since(db::Tx& tx, std::string_view provisioner,
                                     std::string_view subject, Time since) {
  return tx.all<std::string>(list_shown, provisioner, subject, since);
}

list::Codes const codes{
    "world_findings",
    {{"kind", "finding"}, {"actions", "finding_action"}, {"resolution", "finding_resolution"}}};

list::List finding_list() {
  return {
      .name = "world_findings",
      .route = "GET /api/tenants/findings",
      .summary = "List where the world and the tenants do not agree",
      .tag = "Tenants",
      .scope = "tenants:read",
      .row = &types::type_of<Finding>,
      .columns = columns,
      .source = "world_findings",
      .key = "world_findings.id",
      .sorts = {{"id", "world_findings.id", "bigint"}},
      .order = "-id",
      .filters = {list::any_of<FindingKind>("kind", "world_findings.kind = $")},
  };
}

std::optional<Finding> find_open(db::Tx& tx, FindingId id) {
  return tx.maybe<Finding>(load_finding, id);
}

Finding open_finding(db::Tx& tx, FindingId id) {
  auto found = find_open(tx, id);
  if (!found) throw Problem{finding_not_found};
  return std::move(*found);
}

void close_finding(db::Tx& tx, FindingId id, Resolution resolution, std::string_view by) {
  tx.exec(write_resolution, id, resolution, by);
}

void dismiss_finding(db::Tx& tx, FindingId id) { tx.exec(write_dismissal, id); }

}  // namespace provisioning
