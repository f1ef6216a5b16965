// The list of tenants, and one of its rows.
#include "tenants/list.hpp"

#include "platform/list/words.hpp"
#include "tenants/batches/batches.hpp"

namespace tenants {

namespace {
/// What a row shows. Most tenants live and stand still for no reason: their holds are not looked up
/// in a list.
std::string columns(std::string_view holds, std::string_view url) {
  return R"sql(page.id, page.subdomain, page.company, page.customer_id,
         customers.email AS customer_email, page.plan_id AS plan, page.state, page.health,
         )sql" +
         std::string{holds} + R"sql( AS holds,
         page.maintenance AND coalesce(page.maintenance_from <= now(), true)
                          AND coalesce(page.maintenance_until > now(), true) AS maintenance,
         subscription.status AS subscription_status,
         CASE WHEN subscription.mrr IS NOT NULL THEN subscription.currency END AS "mrr.currency",
         subscription.mrr AS "mrr.amount",
         page.provisioner, page.created_at, page.live_at, page.backed_up_at, )sql" +
         std::string{url} + " AS url";
}
constexpr auto holds_of_page =
    "ARRAY(SELECT reason FROM tenant_holds WHERE tenant_id = page.id ORDER BY reason)";

// Of several subscriptions the one that runs best: that one decides.
constexpr auto joins = R"sql(
    JOIN customers ON customers.id = page.customer_id
    LEFT JOIN LATERAL (SELECT status, currency, mrr FROM subscriptions
                        WHERE tenant_id = page.id
                        ORDER BY array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid',
                                   'paused', 'incomplete', 'canceled', 'incomplete_expired']
                                   ::subscription_status[], status), id DESC
                        LIMIT 1) AS subscription ON true
)sql";

/// Where a tenant answers: what stands before its name, or after it.
std::string around_name(config::Settings const& settings, bool before) {
  constexpr std::string_view name = "{name}";
  auto const url = url_of(settings, name);
  auto const at = url.find(name);
  return before ? url.substr(0, at) : url.substr(at + name.size());
}

/// How its subscription stands, where that is worth a look.
enum class Standing { trialing, past_due, unpaid };
constexpr auto names_of(Standing) {
  return std::array<std::string_view, 3>{"trialing", "past_due", "unpaid"};
}

list::Codes const codes{"tenants", {{"holds", "hold"}, {"subscription_status", "subscription"}}};

db::Query const view_one{"tenants.view", "SELECT " + columns(holds_of_page, "''") +
                                             " FROM tenants AS page" + joins +
                                             " WHERE page.id = $1"};

// At most 1001 entries of an index per state, however many tenants there are.
db::Query const state_counts{"tenants.state_counts", R"sql(
  SELECT states.state, least(found, 1000) AS count, found > 1000 AS capped
    FROM unnest(enum_range(NULL::tenant_state)) WITH ORDINALITY AS states (state, position),
         LATERAL (SELECT count(*) AS found
                    FROM (SELECT 1 FROM tenants WHERE tenants.state = states.state LIMIT 1001)
                      AS some_of_them) AS counted
   ORDER BY position
)sql"};
}  // namespace

void require_of_path(http::Context& context) {
  auto const id = TenantId::parse(context.request.path_parameter("id"));
  if (!id) throw Problem{tenant_not_found};
  static_cast<void>(get(context.tx, *id));
}

list::List tenant_list(config::Settings const& settings) {
  return {
      .name = "tenants",
      .route = "GET /api/tenants",
      .summary = "List tenants",
      .tag = "Tenants",
      .scope = "tenants:read",
      .row = &types::type_of<TenantView>,
      .columns = columns(
          "CASE WHEN page.state = 'live' THEN '{}' ELSE " + std::string{holds_of_page} + " END",
          "{before_name} || page.subdomain || {after_name}"),
      .source = "tenants",
      .key = "tenants.id",
      .joins = joins,
      .sorts = {{"created_at", "tenants.created_at", "timestamptz"},
                {"subdomain", "tenants.subdomain", "text"},
                {"company", R"(lower(tenants.company) COLLATE "und-x-icu")", "text"}},
      .order = "-created_at",
      .filters =
          {list::any_of<State>("state", "tenants.state = $",
                               {.doc = "One or more states, comma-separated"}),
           list::any_of<Health>("health", "tenants.health = $",
                                {.doc = "One or more, comma-separated"}),
           list::is<std::string>("plan", "tenants.plan_id = $",
                                 {.doc = "Id of a plan", .max_length = 40}),
           list::choice<Standing>(
               "subscription",
               {"tenants.id IN (SELECT tenant_id FROM subscriptions WHERE status = 'trialing')",
                "tenants.id IN (SELECT tenant_id FROM subscriptions WHERE status = 'past_due')",
                "tenants.id IN (SELECT tenant_id FROM subscriptions WHERE status = 'unpaid')"},
               {.doc = "One of its subscriptions is in this state"})},
      .search = {{.text = "tenants.subdomain", .is_indexed = true},
                 {.text = "lower(c.company || ' ' || c.email || ' ' || c.name)",
                  // Not EXISTS: all customers would be read for it first.
                  .within = "(SELECT $ FROM customers AS c WHERE c.id = tenants.customer_id)",
                  .ids =
                      "SELECT t.id FROM customers AS c JOIN tenants AS t ON t.customer_id = c.id"}},
      .search_doc = "Part of the subdomain, company or email; one or two letters begin a word",
      .given = {{"before_name", [&settings] { return around_name(settings, true); }},
                {"after_name", [&settings] { return around_name(settings, false); }}},
      .batch = tenant_batch(),
  };
}

std::vector<StateCount> count_by_state(db::Tx& tx) { return tx.all<StateCount>(state_counts); }

TenantView view(db::Tx& tx, config::Settings const& settings, TenantId id) {
  auto row = tx.maybe<TenantView>(view_one, id);
  if (!row) throw Problem{tenant_not_found};
  row->url = url_of(settings, row->subdomain);
  return std::move(*row);
}

}  // namespace tenants
