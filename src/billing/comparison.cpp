// A lost event is healed here, a disagreement that is real is shown.
#include "billing/comparison.hpp"

#include <set>

#include "billing/following.hpp"
#include "billing/walking.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
struct Standing {
  std::string stripe_subscription_id, stripe_customer_id, currency;
};
db::Query const not_ended{"billing.subscriptions_not_ended", R"sql(
  SELECT s.stripe_subscription_id, c.stripe_customer_id, s.currency
    FROM subscriptions s JOIN customers c ON c.id = s.customer_id
   WHERE s.ended_at IS NULL AND s.status NOT IN ('canceled', 'incomplete_expired')
     AND s.stripe_subscription_id IS NOT NULL AND c.stripe_customer_id IS NOT NULL
     AND NOT c.is_demo
   ORDER BY s.id
)sql"};

constexpr i18n::Code<"names_no_tenant", "it names no tenant"> names_no_tenant;
constexpr i18n::Code<"customer_of_nobody", "its customer is nobody of ours"> customer_of_nobody;
constexpr i18n::Code<"paid_by", "it is paid for by {subscriptions}"> paid_by;

// A sign-up that is under way is given an hour. Who only waits for a new owner of the case (a
// tenant made by staff, that nothing was ever sold for) is nobody's mistake.
db::Query const write_findings{
    "billing.write_findings", std::string{R"sql(
  WITH found AS (
    SELECT 'subscription_for_nothing' AS kind, s.stripe_subscription_id AS subject, s.tenant_id,
           s.stripe_subscription_id,
           CASE WHEN t.id IS NULL THEN )sql"} +
                                  names_no_tenant.sql() + " ELSE " +
                                  tenants::tenant_is.sql("t.state") + R"sql( END AS message
      FROM subscriptions s JOIN customers c ON c.id = s.customer_id
      LEFT JOIN tenants t ON t.id = s.tenant_id
     WHERE s.ended_at IS NULL AND s.status IN ('trialing', 'active', 'past_due', 'unpaid')
       AND s.stripe_subscription_id IS NOT NULL AND NOT s.cancel_at_period_end AND NOT c.is_demo
       AND s.started_at < now() - interval '1 hour'
       AND (t.id IS NULL OR t.delete_requested_at IS NOT NULL
            OR t.state IN ('archiving', 'archived', 'purging', 'purged', 'rolled_back'))
    UNION ALL
    SELECT 'subscription_for_nothing', id, NULL, id, )sql" +
                                  customer_of_nobody.sql() + R"sql(
      FROM unnest($1::text[]) AS id
    UNION ALL
    SELECT 'tenant_without_subscription', 'ten_' || t.id, t.id, NULL, )sql" +
                                  tenants::tenant_is.sql("t.state") + R"sql(
      FROM tenants t JOIN customers c ON c.id = t.customer_id
     WHERE t.state IN ('live', 'resuming') AND NOT c.is_demo
       AND t.state_since < now() - interval '1 hour'
       AND (EXISTS (SELECT 1 FROM subscriptions WHERE tenant_id = t.id)
            OR EXISTS (SELECT 1 FROM signups WHERE tenant_id = t.id))
       AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.tenant_id = t.id
                          AND (s.status IN ('trialing', 'active', 'past_due')
                               OR EXISTS (SELECT 1 FROM billing_invoices
                                           WHERE subscription_id = s.id AND late_until > now())))
    UNION ALL
    SELECT 'tenant_pays_twice', 'ten_' || t.id, t.id, NULL, )sql" +
                                  paid_by.sql("string_agg(s.stripe_subscription_id, ', ')") + R"sql(
      FROM subscriptions s JOIN tenants t ON t.id = s.tenant_id JOIN customers c ON c.id = t.customer_id
     WHERE s.status IN ('active', 'past_due') AND NOT s.cancel_at_period_end AND NOT c.is_demo
     GROUP BY t.id HAVING count(*) > 1),
  kept AS (
    INSERT INTO billing_findings (kind, subject, tenant_id, stripe_subscription_id, message)
    SELECT kind, subject, tenant_id, stripe_subscription_id, message FROM found
    ON CONFLICT (kind, subject) WHERE resolved_at IS NULL
    DO UPDATE SET last_seen = now(), message = excluded.message
    RETURNING kind, subject),
  closed AS (
    UPDATE billing_findings f SET resolved_at = now()
     WHERE resolved_at IS NULL AND kind <> 'money_owed'
       AND NOT EXISTS (SELECT 1 FROM found WHERE found.kind = f.kind AND found.subject = f.subject))
  SELECT count(*) FROM kept
)sql"};

struct BillingFinding {
  BillingFindingId id;
  std::string kind;
  std::optional<tenants::TenantId> tenant_id;
  std::optional<std::string> subdomain, tenant_state, company, stripe_subscription_id, stripe_url;
  i18n::Message message;
  bool can_retry;
  Time first_seen, last_seen;
  static constexpr auto rules() {
    return ::rules(
        rule(&BillingFinding::kind,
             {.doc = "subscription_for_nothing, tenant_without_subscription, tenant_pays_twice, "
                     "money_owed"}),
        rule(&BillingFinding::subdomain, {.doc = "Of the tenant"}),
        rule(&BillingFinding::company,
             {.doc = "Who pays, or has the tenant; none where it is nobody of ours"}),
        rule(&BillingFinding::stripe_url, {.doc = "Where staff see it at Stripe"}),
        rule(&BillingFinding::can_retry,
             {.doc = "Money that is owed: it can be given back again, or settled by hand"}));
  }
};
/// Where staff look at a subscription: in Stripe's dashboard, where its id follows, or on the
/// sandbox's one page.
std::string page_at_stripe(config::Settings const& settings) {
  if (settings.stripe_api_base.starts_with("http://")) return settings.stripe_api_base + "/sandbox";
  return std::string{"https://dashboard.stripe.com/"} +
         (settings.takes_real_money() ? "" : "test/") + "subscriptions/";
}

list::Codes const codes{"billing_findings",
                        {{"kind", "billing_finding"}, {"tenant_state", "state"}}};

constexpr std::string_view text_of_customer = "lower(c.company || ' ' || c.email || ' ' || c.name)";

list::List finding_list(config::Settings const& settings) {
  return {
      .name = "billing_findings",
      .route = "GET /api/billing/findings",
      .summary =
          "List money that is owed, and where Stripe's subscriptions and our tenants do not agree",
      .tag = "Billing",
      .scope = "billing:read",
      .row = &types::type_of<BillingFinding>,
      .columns = R"sql(page.id, page.kind, page.tenant_id, t.subdomain, t.state AS tenant_state,
          c.company, page.stripe_subscription_id,
          CASE WHEN page.stripe_subscription_id IS NULL THEN NULL
               WHEN {stripe_page} LIKE '%/' THEN {stripe_page} || page.stripe_subscription_id
               ELSE {stripe_page} END AS stripe_url, 
          -- Rows from before there were messages have a sentence.
          coalesce(page.message, jsonb_build_object('code', 'recorded_text', 'text', page.detail,
              'parameters', jsonb_build_object('text', page.detail))) AS message,
          page.job_kind IS NOT NULL AS can_retry, page.first_seen, page.last_seen)sql",
      .source = "billing_findings AS f",
      .key = "f.id",
      .always = "f.resolved_at IS NULL",
      .joins = R"sql(
          LEFT JOIN subscriptions AS s ON s.stripe_subscription_id = page.stripe_subscription_id
          LEFT JOIN tenants AS t ON t.id = page.tenant_id
          LEFT JOIN customers AS c ON c.id = coalesce(s.customer_id, t.customer_id,
                                                 page.customer_id))sql",
      .sorts = {{"id", "f.id", "bigint"}},
      .order = "-id",
      .filters = {list::is<std::string>("kind", "f.kind = $",
                                        {.doc = "Only of this kind", .max_length = 40})},
      .search = {{.text = "lower(f.stripe_subscription_id)", .is_indexed = true},
                 {.text = "t.subdomain",
                  .within = "(SELECT $ FROM tenants AS t WHERE t.id = f.tenant_id)",
                  .ids = "SELECT f.id FROM tenants AS t JOIN billing_findings AS f "
                         "ON f.tenant_id = t.id AND f.resolved_at IS NULL"},
                 {.text = text_of_customer,
                  .within = "(SELECT $ FROM tenants AS t "
                            "JOIN customers AS c ON c.id = t.customer_id WHERE t.id = f.tenant_id)",
                  .ids = "SELECT f.id FROM customers AS c "
                         "JOIN tenants AS t ON t.customer_id = c.id "
                         "JOIN billing_findings AS f ON f.tenant_id = t.id "
                         "AND f.resolved_at IS NULL"},
                 {.text = text_of_customer,
                  .within = "(SELECT $ FROM customers AS c WHERE c.id = f.customer_id)",
                  .ids = "SELECT f.id FROM customers AS c JOIN billing_findings AS f "
                         "ON f.customer_id = c.id AND f.resolved_at IS NULL"},
                 {.text = text_of_customer,
                  .within = "(SELECT $ FROM subscriptions AS s "
                            "JOIN customers AS c ON c.id = s.customer_id "
                            "WHERE s.stripe_subscription_id = f.stripe_subscription_id)",
                  .ids = "SELECT f.id FROM customers AS c "
                         "JOIN subscriptions AS s ON s.customer_id = c.id "
                         "JOIN billing_findings AS f "
                         "ON f.stripe_subscription_id = s.stripe_subscription_id "
                         "AND f.resolved_at IS NULL"}},
      .search_doc =
          "Part of a subdomain, a company, a name, an e-mail or a subscription's id; one or two "
          "letters begin a word",
      .given = {{"stripe_page", [&settings] { return page_at_stripe(settings); }}},
  };
}

/// Says that it is for one of our tenants, and charges somebody for it.
bool claims_to_be_ours(stripe::Object const& subscription) {
  auto const status = stripe::text(subscription, "status");
  auto const created = stripe::time(subscription, "created");
  return (status == "active" || status == "trialing" || status == "past_due" ||
          status == "unpaid") &&
         !stripe::text(subscription, "metadata.tenant_id").empty() &&
         !stripe::boolean(subscription, "cancel_at_period_end") && created &&
         *created < clock_source::now() - std::chrono::hours{1};
}

struct Seen {
  std::set<std::string> all;
  std::vector<std::string> strays;
};
/// Everything that Stripe has and that is not canceled, page by page.
Seen follow_stripe(jobs::Context& job, stripe::Client const& client) {
  Seen seen;
  std::string after;
  for (bool has_more = true; has_more;) {
    http_client::Form query;
    query.add("limit", 100);
    if (!after.empty()) query.add("starting_after", after);
    auto const page = client.get("/v1/subscriptions", query);
    auto const* data = stripe::find(page, "data");
    if (!data || !data->is_array())
      throw jobs::Retry{"Stripe's answer is no list of subscriptions"};
    for (auto const& item : data->get_array()) {
      auto const& subscription = item.as_object();
      after = stripe::text(subscription, "id");
      seen.all.insert(after);
      // The page may have been written before the newest event came.
      bool const ours = follow_subscription(job.connection, client, after);
      if (!ours && claims_to_be_ours(subscription)) seen.strays.push_back(after);
    }
    has_more = stripe::boolean(page, "has_more") && !data->get_array().empty();
  }
  return seen;
}

/// Those that we believe to stand and that were not in the list: ended, or gone altogether.
void follow_ends(jobs::Context& job, stripe::Client const& client,
                 std::set<std::string> const& seen) {
  auto const standing = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tx.all<Standing>(not_ended);
  }();
  for (auto const& row : standing) {
    if (seen.contains(row.stripe_subscription_id)) continue;
    db::SessionLock const turn{job.connection, turn_of(row.stripe_subscription_id)};
    stripe::Object present;
    try {
      present = client.get("/v1/subscriptions/" + row.stripe_subscription_id);
    } catch (stripe::Refused const& refused) {
      if (refused.status != 404) throw;
      if (!knows_customer(client, row.stripe_customer_id))
        throw jobs::Permanent{"Stripe knows neither " + row.stripe_subscription_id +
                              " nor its customer: is stripe_secret_key of another account?"};
      present = {{"id", row.stripe_subscription_id},
                 {"customer", row.stripe_customer_id},
                 {"status", "canceled"},
                 {"currency", row.currency},
                 {"ended_at", clock_source::unix_seconds(clock_source::now())}};
    }
    job.transact([&](db::Tx& tx) { apply_subscription(tx, present, clock_source::now()); });
  }
}

std::string words_of(Round const& round) {
  auto words = std::to_string(round.compared) + " objects compared, " +
               std::to_string(round.differing) + " differ, " + std::to_string(round.not_ours) +
               " are not ours";
  for (auto const& kind : round.refused) words += "; " + kind + " may not be listed";
  return words;
}

retention::Rule const resolved_findings{
    {.table = "billing_findings",
     .column = "resolved_at",
     .keep = std::chrono::days{365},
     .least = std::chrono::days{30},
     .only = "t.kind <> 'money_owed'",
     .why = "money that was owed stays with how it was settled"}};
}  // namespace

bool knows_customer(stripe::Client const& client, std::string const& customer_id) {
  try {
    static_cast<void>(client.get("/v1/customers/" + customer_id));
    return true;
  } catch (stripe::Refused const& refused) {
    if (refused.status != 404) throw;
    return false;
  }
}

void add_comparison_endpoint(http::Api& api) { list::add(api, finding_list(api.settings())); }

void add_comparison_worker(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<Compare>{
      .timeout = jobs::Seconds{3600},
      .serialise = [](Compare const&) { return std::string{"billing.compare"}; },
      .run =
          [&settings](jobs::Context& job, Compare const&) {
            stripe::Client const client{settings};
            auto const round = walk_everything(job, client);
            auto const seen = follow_stripe(job, client);
            follow_ends(job, client, seen.all);
            job.transact([&](db::Tx& tx) {
              if (!round.is_quiet()) job.note(words_of(round));
              if (auto const count = tx.one<std::int64_t>(write_findings, seen.strays))
                logging::warning("billing", "{} disagreements between subscriptions and tenants",
                                 count);
              realtime::announce(tx, "dashboard");
              job.finish(tx);
            });
          }});
  engine.schedule<Compare>(std::chrono::hours{24});
}

}  // namespace billing
