// The statements behind world.hpp.
#include "tenants/world.hpp"

namespace tenants {

namespace {
db::Query const write_built{"tenants.write_built", R"sql(
  UPDATE tenants SET applied_limits = $2, settled_version = $3 WHERE id = $1
)sql"};
db::Query const write_applied{"tenants.write_applied", R"sql(
  UPDATE tenants SET applied_limits = $2, limits_message = NULL
   WHERE id = $1 AND (applied_limits IS DISTINCT FROM $2 OR limits_message IS NOT NULL)
)sql"};
db::Query const write_problem{"tenants.write_limits_problem", R"sql(
  UPDATE tenants SET limits_message = $2::jsonb
   WHERE id = $1 AND limits_message IS DISTINCT FROM $2::jsonb
)sql"};
db::Query const write_failure{"tenants.write_failure", R"sql(
  UPDATE tenants AS t SET failure_code = $2, failure_detail = $3, retry_at = $4
    FROM (SELECT id, failure_code FROM tenants WHERE id = $1 FOR UPDATE) AS before
   WHERE t.id = before.id AND state IN ('suspending', 'resuming', 'archiving', 'purging')
  RETURNING before.failure_code IS DISTINCT FROM $2
)sql"};
db::Query const write_given_up{"tenants.write_given_up", R"sql(
  UPDATE tenants SET retry_at = NULL,
         failure_detail = CASE WHEN failure_code IS NULL THEN $2 ELSE failure_detail END,
         failure_code = coalesce(failure_code, 'given_up')
   WHERE id = $1 AND state IN ('suspending', 'resuming', 'archiving', 'purging')
)sql"};
db::Query const write_settled{"tenants.write_settled", R"sql(
  UPDATE tenants SET settled_version = $2 WHERE id = $1 AND settled_version < $2
)sql"};
db::Query const mark_from_pool{"tenants.mark_from_pool",
                               "UPDATE tenants SET from_pool = true WHERE id = $1"};
db::Query const write_member{"tenants.write_member", R"sql(
  UPDATE tenants SET member = $2 WHERE id = $1 AND member IS DISTINCT FROM $2
)sql"};
db::Query const write_latencies{"tenants.write_latencies", R"sql(
  UPDATE tenants t SET latency_ms = a.latency
    FROM unnest($1::bigint[], $2::bigint[]) AS a (id, latency)
   WHERE t.id = a.id AND t.latency_ms IS DISTINCT FROM a.latency
)sql"};
db::Query const set_backed_up{"tenants.set_backed_up", R"sql(
  UPDATE tenants SET backed_up_at = greatest(backed_up_at, $2) WHERE id = $1
)sql"};
db::Query const want_data{"tenants.want_data",
                          "UPDATE tenants SET restore_backup_id = $2 WHERE id = $1"};
db::Query const have_data{"tenants.have_data",
                          "UPDATE tenants SET restore_backup_id = NULL WHERE id = $1"};
db::Query const clear_deadline{"tenants.clear_deadline", R"sql(
  UPDATE tenants SET state_deadline = NULL WHERE id = $1 AND state = 'provisioning'
)sql"};
db::Query const renew_deadline{"tenants.renew_deadline", R"sql(
  UPDATE tenants SET state_deadline = now() + interval '15 minutes'
   WHERE id = $1 AND state = 'provisioning' AND state_deadline IS NULL
)sql"};
db::Query const put_off{"tenants.postpone", R"sql(
  UPDATE tenants SET state_deadline = now() + interval '2 minutes' WHERE id = $1
)sql"};
db::Query const warn{"tenants.warn_of_quota", R"sql(
  UPDATE tenants SET quota_warned_at = now(), quota_deadline = now() + make_interval(days => $2)
   WHERE id = $1 AND quota_warned_at IS NULL
)sql"};
db::Query const forget_warning{"tenants.forget_quota_warning", R"sql(
  UPDATE tenants SET quota_warned_at = NULL, quota_deadline = NULL
   WHERE id = $1 AND quota_warned_at IS NOT NULL
)sql"};
}  // namespace

void note_built(db::Tx& tx, TenantId id, std::string_view limits, std::int64_t version) {
  tx.exec(write_built, id, limits, version);
}

bool note_applied(db::Tx& tx, TenantId id, std::string_view limits) {
  return tx.exec(write_applied, id, limits) > 0;
}

bool note_problem(db::Tx& tx, TenantId id, i18n::Message const& problem) {
  return tx.exec(write_problem, id, problem) > 0;
}

bool note_failure(db::Tx& tx, TenantId id, std::string_view code, std::string_view detail,
                  std::optional<Time> retry_at) {
  return tx.maybe<bool>(write_failure, id, code, detail, retry_at).value_or(false);
}

void note_given_up(db::Tx& tx, TenantId id, std::string_view error) {
  tx.exec(write_given_up, id, error);
}

void note_settled(db::Tx& tx, TenantId id, std::int64_t version) {
  tx.exec(write_settled, id, version);
}

void note_from_pool(db::Tx& tx, TenantId id) { tx.exec(mark_from_pool, id); }

void note_member(db::Tx& tx, TenantId id, std::string_view member) {
  tx.exec(write_member, id, member);
}

void note_latencies(db::Tx& tx, std::vector<std::int64_t> const& ids,
                    std::vector<std::int64_t> const& latencies) {
  tx.exec(write_latencies, ids, latencies);
}

void note_backed_up(db::Tx& tx, TenantId id, Time at) { tx.exec(set_backed_up, id, at); }

void await_data(db::Tx& tx, TenantId id, Id<"bkp"> backup) { tx.exec(want_data, id, backup); }

void end_wait_for_data(db::Tx& tx, TenantId id) { tx.exec(have_data, id); }

void stop_clock(db::Tx& tx, TenantId id) { tx.exec(clear_deadline, id); }

void start_clock(db::Tx& tx, TenantId id) { tx.exec(renew_deadline, id); }

void postpone(db::Tx& tx, TenantId id) { tx.exec(put_off, id); }

bool warn_of_quota(db::Tx& tx, TenantId id, int days) { return tx.exec(warn, id, days) > 0; }

bool forget_quota_warning(db::Tx& tx, TenantId id) { return tx.exec(forget_warning, id) > 0; }

}  // namespace tenants
