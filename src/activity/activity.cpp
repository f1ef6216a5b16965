// Writing and reading the stream.
#include "activity/activity.hpp"

#include "platform/retention/retention.hpp"

namespace activity {

namespace {
// Names as they are now: what is renamed or purged later keeps them here.
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
  if (Id<"cus">::parse(actor)) return ActorKind::customer;
  return actor.find('@') == std::string_view::npos ? ActorKind::system : ActorKind::staff;
}

// What stood still and since when, and what its owner was told, verbs ask the stream: rows of
// tenants that there are stay.
retention::Rule const old_activity{
    {.table = "activity",
     .column = "at",
     .keep = std::chrono::days{1'095},
     .least = std::chrono::days{90},
     .only =
         "NOT EXISTS (SELECT 1 FROM tenants WHERE tenants.id = t.tenant_id AND state <> 'purged')",
     .why = "timelines of tenants that are gone, and what is about no tenant, are looked at for "
            "three years"}};
retention::Rule const old_readings{
    {.table = "activity",
     .column = "at",
     .keep = std::chrono::days{365},
     .least = std::chrono::days{30},
     .only = "t.kind IN ('health_changed', 'backup_made', 'backup_tested', 'backup_deleted')",
     .name = "activity_readings",
     .why = "how a tenant was a year ago says nothing about it"}};

constexpr auto columns = R"sql(
  page.id, page.at AS created_at, page.kind, page.customer_id, page.tenant_id, page.actor,
  page.actor_kind, page.actor_id, page.subject, page.data
)sql";
db::Query const newest_entries{
    "activity.newest",
    std::string{"SELECT "} + columns + " FROM activity AS page ORDER BY page.id DESC LIMIT 15"};

// Rows are written in the order of time, but for transactions side by side, none of which lasts an
// hour. Of an hour more the ids are looked up, so that a page begins where its rows do.
constexpr std::string_view not_before =
    "activity.at >= $ AND activity.id > coalesce((SELECT earlier.id FROM activity AS earlier "
    "WHERE earlier.at < $ - interval '1 hour' ORDER BY earlier.at DESC LIMIT 1), 0)";
constexpr std::string_view before =
    "activity.at < $ AND activity.id < coalesce((SELECT later.id FROM activity AS later "
    "WHERE later.at >= $ + interval '1 hour' ORDER BY later.at LIMIT 1), 9223372036854775807)";

constexpr FieldCode not_a_kind{"not_a_kind", "must be a kind of activity"};

FieldCode const* known_kind(std::string_view name) { return is_kind(name) ? nullptr : &not_a_kind; }

list::List list_with(std::string_view name, std::string_view route, std::string_view summary,
                     std::string_view tag, std::string_view scope) {
  return {
      .name = name,
      .route = route,
      .summary = summary,
      .tag = tag,
      .scope = scope,
      .row = &types::type_of<Entry>,
      .columns = columns,
      .source = "activity",
      .key = "activity.id",
      .sorts = {{"id", "activity.id", "bigint"}},
      .order = "-id",
      .filters = {list::is<std::string>(
                      "kind", "activity.kind = $",
                      {.doc = "Only of this kind", .max_length = 60, .check = known_kind}),
                  list::is<Time>("from", not_before, {.doc = "Not before"}),
                  list::is<Time>("to", before, {.doc = "Before"})},
  };
}
}  // namespace

void record(db::Tx& tx, About const& about, std::string_view actor, Fact const& fact) {
  tx.exec(insert_entry, fact.kind, about.tenant, about.customer, kind_of(actor), actor, fact.data);
}

void record_mail(db::Tx& tx, mail::Delivered const& mail) {
  if (!mail.customer_id && !mail.tenant_id) return;
  About const about{mail.tenant_id, mail.customer_id};
  auto const id = mail.id.text();
  auto const why = mail.error.value_or("");
  if (mail.state == "failed") record(tx, about, "mail", MailFailed{id, mail.template_name, why});
  if (mail.state == "bounced") record(tx, about, "mail", MailBounced{id, mail.template_name, why});
  if (mail.state == "suppressed")
    record(tx, about, "mail", MailSuppressed{id, mail.template_name, why});
  if (mail.state == "sent" || mail.state == "kept")
    record(tx, about, "mail", MailSent{id, mail.template_name, mail.state == "kept"});
}

std::vector<Entry> newest(db::Tx& tx) { return tx.all<Entry>(newest_entries); }

list::List list_of_tenant(std::string_view route, std::string_view tag, std::string_view scope) {
  auto out = list_with("tenant_activity", route, "List what happened to a tenant", tag, scope);
  out.filters.push_back(
      list::within<Id<"ten">>("id", "activity.tenant_id = $", {.doc = "Id of the tenant"}));
  return out;
}

void add_endpoints(http::Api& api) {
  auto all =
      list_with("activity", "GET /api/activity", "List what happened to customers and tenants",
                "Dashboard", "dashboard:read");
  all.filters.push_back(list::is<Id<"cus">>("customer", "activity.customer_id = $",
                                            {.doc = "Only about this customer"}));
  all.filters.push_back(
      list::is<Id<"ten">>("tenant", "activity.tenant_id = $", {.doc = "Only about this tenant"}));
  list::add(api, std::move(all));
}

}  // namespace activity
