// Writing and reading the stream.
#include "activity/activity.hpp"

namespace activity {

namespace {
// Names as they are now: what is renamed or purged later keeps them here.
// retention: rows about tenants that are gone and about their customers, 36 months; health_changed
// and backup_… of all, 12 months. The others stay as long as their tenant: verbs ask the stream
// since when it stands still and what its owner was told.
db::Query const insert_entry{"activity.insert", R"sql(
  INSERT INTO activity (kind, tenant_id, customer_id, subject, actor_kind, actor_id, actor, data)
  SELECT $1, t.id, c.id, coalesce(t.subdomain, c.company), $4::activity_actor,
         CASE $4::activity_actor
              WHEN 'staff' THEN (SELECT id FROM staff WHERE email = lower($5))
              WHEN 'key' THEN (SELECT max(id) FROM api_keys WHERE prefix = $5) END,
         $5, jsonb_strip_nulls($6::jsonb)
    FROM (VALUES ($2::bigint, $3::bigint)) AS about (tenant_id, customer_id)
    LEFT JOIN tenants t ON t.id = about.tenant_id
    LEFT JOIN customers c ON c.id = coalesce(t.customer_id, about.customer_id)
)sql"};

ActorKind kind_of(std::string_view actor) {
  if (actor.starts_with("ob_live_") || actor.starts_with("ob_test_")) return ActorKind::key;
  if (actor == "visitor") return ActorKind::visitor;
  return actor.find('@') == std::string_view::npos ? ActorKind::system : ActorKind::staff;
}

/// One statement for each of whom, and the cursor no alternative: so each finds its index, however
/// deep the page is.
std::string list_sql(std::string_view condition) {
  return R"sql(
  SELECT id, at AS created_at, kind, customer_id, tenant_id, actor, actor_kind, actor_id, subject,
         data
    FROM activity
   WHERE id < coalesce($1::bigint, 9223372036854775807)
     AND ($2::text IS NULL OR kind = $2)
     AND ($3::timestamptz IS NULL OR at >= $3) AND ($4::timestamptz IS NULL OR at < $4)
     AND )sql" +
         std::string{condition} + " ORDER BY id DESC LIMIT {limit}";
}
db::PagedQuery of_everybody{"activity.list",
                            list_sql("($5::bigint IS NULL AND $6::bigint IS NULL)")};
db::PagedQuery of_customer{"activity.list_of_customer",
                           list_sql("customer_id = $6 AND ($5::bigint IS NULL OR tenant_id = $5)")};
db::PagedQuery of_tenant{"activity.list_of_tenant",
                         list_sql("tenant_id = $5 AND $6::bigint IS NULL")};
}  // namespace

void record(db::Tx& tx, About const& about, std::string_view actor, Fact const& fact) {
  tx.exec(insert_entry, fact.kind, about.tenant, about.customer, kind_of(actor), actor, fact.data);
}

void record_mail(db::Tx& tx, mail::Delivered const& mail) {
  if (!mail.customer_id && !mail.tenant_id) return;
  About const about{mail.tenant_id, mail.customer_id};
  if (mail.error)
    record(tx, about, "mail", MailFailed{mail.id.text(), mail.template_name, *mail.error});
  else
    record(tx, about, "mail", MailSent{mail.id.text(), mail.template_name, mail.kept});
}

http::Page<Entry> list(db::Tx& tx, About const& about, Page const& page,
                       std::optional<std::string> const& kind, std::optional<Time> from,
                       std::optional<Time> to) {
  auto const limit = int(page.limit.value_or(50));
  auto& query = about.customer ? of_customer : about.tenant ? of_tenant : of_everybody;
  http::Page<Entry> out;
  out.data = tx.all<Entry>(query.with_limit(limit + 1), page.cursor, kind, from, to, about.tenant,
                           about.customer);
  out.has_more = int(out.data.size()) > limit;
  if (out.has_more) {
    out.data.pop_back();
    out.next_cursor = out.data.back().id.text();
  }
  return out;
}

namespace {
char const* known_kind(std::string_view name) {
  return is_kind(name) ? nullptr : "must be a kind of activity";
}

struct ListRequest {
  std::optional<std::int64_t> limit;
  std::optional<Id<"act">> cursor;
  std::optional<std::string> kind;
  std::optional<Id<"cus">> customer;
  std::optional<Id<"ten">> tenant;
  std::optional<Time> from, to;
  static constexpr auto fields() {
    using R = ListRequest;
    return ::fields(
        field("limit", &R::limit, {.doc = "Rows per page, 50 unless told", .min = 1, .max = 100}),
        field("cursor", &R::cursor, {.doc = "next_cursor of the page before"}),
        field("kind", &R::kind,
              {.doc = "Only of this kind", .max_length = 60, .check = known_kind}),
        field("customer", &R::customer, {.doc = "Only about this customer"}),
        field("tenant", &R::tenant, {.doc = "Only about this tenant"}),
        field("from", &R::from, {.doc = "Not before"}), field("to", &R::to, {.doc = "Before"}));
  }
};
}  // namespace

void add_endpoints(http::Api& api) {
  api.add(http::Endpoint<ListRequest, http::Page<Entry>>{
      .route = "GET /api/activity",
      .summary = "List what happened to customers and tenants, newest first",
      .tag = "Dashboard",
      .scope = "dashboard:read",
      .handle =
          [](http::Context& context, ListRequest const& request) {
            return list(context.tx, {request.tenant, request.customer},
                        {request.limit, request.cursor}, request.kind, request.from, request.to);
          },
  });
}

}  // namespace activity
