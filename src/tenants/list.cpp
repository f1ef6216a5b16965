// The list of tenants: keyset pages, LIMIT inside and joins outside, one prepared statement per
// combination of filters, order and page size.
#include "tenants/list.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/db/like.hpp"

namespace tenants {

namespace {

/// The place after which the next page begins: the sort value and the id of the last row.
struct Cursor {
  std::string after;
  std::int64_t id;
  static constexpr auto fields() {
    return ::fields(field("after", &Cursor::after), field("id", &Cursor::id));
  }
};

struct Row {
  TenantId id;
  std::string subdomain, company;
  customers::CustomerId customer_id;
  std::string customer_email, plan;
  State state;
  Health health;
  std::vector<Hold> holds;
  bool maintenance;
  std::optional<std::string> subscription_status, currency;
  std::optional<std::int64_t> mrr;
  std::string provisioner;
  Time created_at;
  std::optional<Time> live_at, backed_up_at;
  static constexpr auto fields() {
    return ::fields(field("id", &Row::id), field("subdomain", &Row::subdomain),
                    field("company", &Row::company), field("customer_id", &Row::customer_id),
                    field("customer_email", &Row::customer_email), field("plan", &Row::plan),
                    field("state", &Row::state), field("health", &Row::health),
                    field("holds", &Row::holds), field("maintenance", &Row::maintenance),
                    field("subscription_status", &Row::subscription_status),
                    field("currency", &Row::currency), field("mrr", &Row::mrr),
                    field("provisioner", &Row::provisioner), field("created_at", &Row::created_at),
                    field("live_at", &Row::live_at), field("backed_up_at", &Row::backed_up_at));
  }
};

constexpr auto columns = R"sql(
  SELECT page.id, page.subdomain, customers.company, page.customer_id,
         customers.email AS customer_email, page.plan_id AS plan, page.state, page.health,
         ARRAY(SELECT reason FROM tenant_holds WHERE tenant_id = page.id ORDER BY reason) AS holds,
         page.maintenance AND coalesce(page.maintenance_from <= now(), true)
                          AND coalesce(page.maintenance_until > now(), true) AS maintenance,
         subscription.status AS subscription_status, subscription.currency,
         subscription.mrr, page.provisioner, page.created_at, page.live_at, page.backed_up_at
)sql";

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

struct Order {
  std::string key, type;
  bool descending, by_company;
};

Order order_of(Sort sort) {
  switch (sort) {
    case Sort::newest:
      return {"tenants.created_at", "timestamptz", true, false};
    case Sort::oldest:
      return {"tenants.created_at", "timestamptz", false, false};
    case Sort::subdomain:
      return {"tenants.subdomain", "text", false, false};
    case Sort::subdomain_descending:
      return {"tenants.subdomain", "text", true, false};
    case Sort::company:
      return {"lower(customers.company)", "text", false, true};
    case Sort::company_descending:
      return {"lower(customers.company)", "text", true, true};
  }
  return {};
}

/// Parameters $1 to $6 are the same in every variant; unused ones are NULL.
std::string conditions(ListRequest const& request) {
  std::string where =
      " WHERE ($1::text[] IS NULL OR true) AND ($2::text[] IS NULL OR true)"
      " AND ($3::text IS NULL OR true) AND ($4::text IS NULL OR true)";
  if (request.state) where += " AND tenants.state = ANY ($1::text[]::tenant_state[])";
  if (request.health) where += " AND tenants.health = ANY ($2::text[]::tenant_health_state[])";
  if (request.plan) where += " AND tenants.plan_id = $3";
  if (request.q)
    where +=
        " AND (tenants.subdomain LIKE $4 OR tenants.customer_id IN (SELECT id FROM customers AS c"
        " WHERE lower(c.company || ' ' || c.email || ' ' || c.name) LIKE $4))";
  return where;
}

std::string variant(ListRequest const& request) {
  return std::string{request.state ? "s" : ""} + (request.health ? "h" : "") +
         (request.plan ? "p" : "") + (request.q ? "q" : "");
}

/// Queries made on first use and kept; their number is bounded by the combinations.
template <class Made>
Made& remembered(std::string const& name, std::string (*make)(ListRequest const&, Sort, bool),
                 ListRequest const& request, Sort sort, bool continued) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<Made>> made;
  std::scoped_lock lock{mutex};
  auto& slot = made[name];
  if (!slot) slot = std::make_unique<Made>(name, make(request, sort, continued));
  return *slot;
}

std::string list_sql(ListRequest const& request, Sort sort, bool continued) {
  auto const order = order_of(sort);
  std::string const direction = order.descending ? " DESC" : "";
  auto inner = "SELECT tenants.*, " + order.key + " AS sort_key FROM tenants";
  if (order.by_company) inner += " JOIN customers ON customers.id = tenants.customer_id";
  inner += conditions(request) + " AND ($5::text IS NULL OR true) AND ($6::bigint IS NULL OR true)";
  if (continued)
    inner += " AND (" + order.key + ", tenants.id) " + (order.descending ? "<" : ">") +
             " ($5::text::" + order.type + ", $6)";
  inner += " ORDER BY " + order.key + direction + ", tenants.id" + direction + " LIMIT {limit}";
  return std::string{columns} + " FROM (" + inner + ") AS page" + joins +
         " ORDER BY page.sort_key" + direction + ", page.id" + direction;
}

std::string count_sql(ListRequest const& request, Sort, bool) {
  return "SELECT count(*) FROM (SELECT 1 FROM tenants" + conditions(request) +
         " LIMIT 1001) AS matching";
}

std::string matching_sql(ListRequest const& request, Sort, bool) {
  return "SELECT tenants.id FROM tenants" + conditions(request) + " ORDER BY tenants.id LIMIT " +
         std::to_string(most_in_a_batch + 1);
}
db::Query const existing_ids{"tenants.existing_ids",
                             "SELECT id FROM tenants WHERE id = ANY ($1::bigint[]) ORDER BY id"};

db::Query const view_one{
    "tenants.view", std::string{columns} + " FROM tenants AS page" + joins + " WHERE page.id = $1"};

// At most 1001 entries of an index per state, however many tenants there are.
db::Query const state_counts{"tenants.state_counts", R"sql(
  SELECT states.state, least(found, 1000) AS count, found > 1000 AS capped
    FROM unnest(enum_range(NULL::tenant_state)) WITH ORDINALITY AS states (state, position),
         LATERAL (SELECT count(*) AS found
                    FROM (SELECT 1 FROM tenants WHERE tenants.state = states.state LIMIT 1001)
                      AS some_of_them) AS counted
   ORDER BY position
)sql"};

std::optional<std::vector<std::string>> names(auto const& values) {
  if (!values) return {};
  std::vector<std::string> out;
  for (auto value : *values) out.emplace_back(name_of(value));
  return out;
}

std::optional<Cursor> read_cursor(std::optional<std::string> const& text, Sort sort) {
  if (!text) return {};
  try {
    auto cursor = json::read<Cursor>(crypto::from_base64url(*text));
    if (order_of(sort).type == "timestamptz" && !clock_source::parse(cursor.after))
      throw std::runtime_error{"not a time"};
    return cursor;
  } catch (std::exception const&) {
    Problem problem{validation_failed};
    problem.errors.push_back({"?cursor", "invalid", "must be a next_cursor of this list and sort"});
    throw problem;
  }
}

TenantView to_view(config::Settings const& settings, Row&& row) {
  TenantView view{.id = row.id,
                  .subdomain = std::move(row.subdomain),
                  .company = std::move(row.company),
                  .customer_id = row.customer_id,
                  .customer_email = std::move(row.customer_email),
                  .plan = std::move(row.plan),
                  .state = row.state,
                  .health = row.health,
                  .holds = std::move(row.holds),
                  .maintenance = row.maintenance,
                  .subscription_status = std::move(row.subscription_status),
                  .provisioner = std::move(row.provisioner),
                  .created_at = row.created_at,
                  .live_at = row.live_at,
                  .backed_up_at = row.backed_up_at};
  if (row.currency && row.mrr) view.mrr = money::Amount{*row.currency, *row.mrr};
  view.url = url_of(settings, view.subdomain);
  return view;
}

std::string sort_value(TenantView const& view, Sort sort) {
  if (sort == Sort::newest || sort == Sort::oldest) return db::Parameter{view.created_at}.text();
  return sort == Sort::subdomain || sort == Sort::subdomain_descending ? view.subdomain : "";
}

}  // namespace

http::Page<TenantView> list(db::Tx& tx, config::Settings const& settings,
                            ListRequest const& request) {
  auto const sort = request.sort.value_or(Sort::newest);
  auto const cursor = read_cursor(request.cursor, sort);
  auto const limit = int(request.limit.value_or(50));
  auto& query = remembered<db::PagedQuery>(
      "tenants.list_" + std::to_string(int(sort)) + variant(request) + (cursor ? "_on" : ""),
      list_sql, request, sort, cursor.has_value());
  auto rows = tx.all<Row>(query.with_limit(limit + 1), names(request.state), names(request.health),
                          request.plan, db::like_pattern(request.q),
                          cursor ? std::optional{cursor->after} : std::nullopt,
                          cursor ? std::optional{cursor->id} : std::nullopt);
  http::Page<TenantView> page;
  page.has_more = int(rows.size()) > limit;
  if (page.has_more) rows.pop_back();
  page.data.reserve(rows.size());
  for (auto& row : rows) page.data.push_back(to_view(settings, std::move(row)));
  if (page.has_more) {
    auto const& last = page.data.back();
    auto after = sort_value(last, sort);
    if (order_of(sort).by_company) {
      static db::Query const lowered{"tenants.lower_company", "SELECT lower($1::text)"};
      after = tx.one<std::string>(lowered, last.company);
    }
    page.next_cursor = crypto::base64url(json::text(Cursor{after, last.id.value}));
  }
  return page;
}

CappedCount count(db::Tx& tx, ListRequest const& request) {
  auto& query = remembered<db::Query>("tenants.count_" + variant(request), count_sql, request,
                                      Sort::newest, false);
  auto const found = tx.one<std::int64_t>(query, names(request.state), names(request.health),
                                          request.plan, db::like_pattern(request.q));
  return {std::min<std::int64_t>(found, 1000), found > 1000};
}

std::vector<TenantId> matching(db::Tx& tx, ListRequest const& request) {
  auto& query = remembered<db::Query>("tenants.matching_" + variant(request), matching_sql, request,
                                      Sort::newest, false);
  return tx.all<TenantId>(query, names(request.state), names(request.health), request.plan,
                          db::like_pattern(request.q));
}

std::vector<TenantId> existing(db::Tx& tx, std::vector<TenantId> const& ids) {
  return tx.all<TenantId>(existing_ids, ids);
}

std::vector<StateCount> count_by_state(db::Tx& tx) { return tx.all<StateCount>(state_counts); }

TenantView view(db::Tx& tx, config::Settings const& settings, TenantId id) {
  auto row = tx.maybe<Row>(view_one, id);
  if (!row) throw Problem{tenant_not_found};
  return to_view(settings, std::move(*row));
}

}  // namespace tenants
