// GET /api/audit, its export, and /api/audit/verification.
#include "audit/anchors.hpp"
#include "audit/trail.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"

namespace audit {

namespace {
// Rows are written one after the other: ids tell their order in time as well, and a page begins
// where its rows do. An hour more, in case somebody sets the clock.
constexpr std::string_view not_before =
    R"("timestamp" >= $ AND audit_logs.id > coalesce((SELECT earlier.id FROM audit_logs AS earlier )"
    R"(WHERE earlier."timestamp" < $ - interval '1 hour' ORDER BY earlier."timestamp" DESC LIMIT 1), 0))";
constexpr std::string_view before =
    R"("timestamp" < $ AND audit_logs.id < coalesce((SELECT later.id FROM audit_logs AS later )"
    R"(WHERE later."timestamp" >= $ + interval '1 hour' ORDER BY later."timestamp" LIMIT 1), )"
    "9223372036854775807)";

list::Codes const codes{"audit", {{"role", "role"}, {"action", "audit_action"}}};

list::List trail() {
  return {
      .name = "audit",
      .route = "GET /api/audit",
      .summary = "List what was done",
      .tag = "Audit",
      .scope = "audit:read",
      .row = &types::type_of<Entry>,
      .columns = R"sql(page.id, page."timestamp", page.actor, page.admin_id AS actor_id,
          page.actor_role AS role, page.api_key_id, page.action, page.target, page.reason,
          page.address, page.request_id, page.before, page.after)sql",
      .source = "audit_logs",
      .key = "audit_logs.id",
      .sorts = {{"id", "audit_logs.id", "bigint"}},
      .order = "-id",
      .filters =
          {list::is<std::string>(
               "actor", "actor = $",
               {.doc = "Exactly this actor", .example = "owner@example.com", .max_length = 254}),
           {.name = "action",
            .type = &types::type_of<std::optional<std::string>>,
            .condition = "action = $",
            .rules = {.doc = "This action, or all that begin with it when it ends with a dot",
                      .example = "tenant.",
                      .max_length = 100},
            .when_prefix = "starts_with(action, $)"},
           list::is<std::string>(
               "target", "target = $",
               {.doc = "Id of the object", .example = "ten_12", .max_length = 254}),
           list::is<Time>("from", not_before, {.doc = "Not before"}),
           list::is<Time>("to", before, {.doc = "Before"})},
      .search = {{.text =
                      R"sql(lower(actor || ' ' || action || ' ' || target || ' ' || address || ' '
                      || coalesce(reason, '') || ' ' || coalesce(before::text, '') || ' '
                      || coalesce(after::text, '')))sql",
                  .is_indexed = true}},
      .search_doc =
          "Part of actor, action, target, address, reason or of the values; one or two letters "
          "begin a word",
  };
}

struct Verified {
  std::optional<Report> last;
  std::optional<std::int64_t> age_seconds;
  std::int64_t newer_rows = 0;
  static constexpr auto rules() {
    return ::rules(rule(&Verified::last, {.doc = "null: not checked yet"}),
                   rule(&Verified::newer_rows,
                        {.doc = "Written since, so not checked yet; at most 10000 are counted"}));
  }
};

db::Query const count_newer{"audit.count_newer", R"sql(
  SELECT count(*) FROM (SELECT 1 FROM audit_logs
                         WHERE $1::timestamptz IS NULL OR "timestamp" > $1::timestamptz
                         LIMIT 10000) AS newer
)sql"};

Verified verification(http::Context& context, http::Nothing const&) {
  Verified out{last_report(context.tx), {}};
  out.newer_rows = context.tx.one<std::int64_t>(
      count_newer, out.last ? std::optional{out.last->at} : std::nullopt);
  if (out.last)
    out.age_seconds =
        std::chrono::duration_cast<std::chrono::seconds>(clock_source::now() - out.last->at)
            .count();
  return out;
}

}  // namespace

void add_endpoints(http::Api& api) {
  list::add(api, trail());
  api.add(http::Endpoint<http::Nothing, Verified>{
      .route = "GET /api/audit/verification",
      .summary = "Tell whether the trail was whole when it was last checked",
      .tag = "Audit",
      .scope = "audit:read",
      .handle = verification,
  });
}

}  // namespace audit
