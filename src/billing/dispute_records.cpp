// What our own records say about a customer whose bank took a payment back. Banks read it, so it is
// in English, and says only what was written down when it happened.
#include <algorithm>

#include "billing/disputes.hpp"
#include "platform/money/money.hpp"

namespace billing {

namespace {
struct Basics {
  std::string customer_name, customer_email, company, country;
  Time created_at;
  std::optional<std::string> address;
  std::optional<Time> paid_at;
  std::optional<std::string> described;
  std::optional<Time> period_start, period_end;
};
// Where a sign-up came from the audit trail knows.
db::Query const basics_of{"billing.basics_of_disputed", R"sql(
  SELECT c.name AS customer_name, c.email AS customer_email, c.company, c.country, c.created_at,
         (SELECT nullif(l.address, '') FROM signups AS s
            JOIN audit_logs AS l ON l.target = 'sgn_' || s.id AND l.action = 'signup.started'
           WHERE s.customer_id = c.id ORDER BY l.id LIMIT 1) AS address,
         (SELECT at FROM billing_attempts WHERE stripe_charge_id = d.stripe_charge_id) AS paid_at,
         lines.described, lines.period_start, lines.period_end
    FROM billing_disputes AS d JOIN customers AS c ON c.id = d.customer_id
    LEFT JOIN LATERAL (
      SELECT string_agg(line.description, '; ' ORDER BY line.position) AS described,
             min(line.period_start) AS period_start, max(line.period_end) AS period_end
        FROM billing_invoices AS i JOIN billing_invoice_lines AS line ON line.invoice_id = i.id
       WHERE i.stripe_invoice_id = d.stripe_invoice_id) AS lines ON true
   WHERE d.id = $1
)sql"};

struct Tenant {
  std::string subdomain;
  std::optional<std::string> plan;
  std::int64_t days;
  std::optional<Time> first, last;
};
// Samples by the hour say that it ran, not who used it.
db::Query const tenants_of{"billing.records_of_tenants", R"sql(
  SELECT t.subdomain,
         CASE WHEN t.plan_quantity > 1 THEN t.plan_quantity || ' × ' ELSE '' END || p.name AS plan,
         count(DISTINCT (h."timestamp" AT TIME ZONE 'UTC')::date) AS days,
         min(h."timestamp") AS first, max(h."timestamp") AS last
    FROM billing_disputes AS d JOIN tenants AS t ON t.customer_id = d.customer_id
    LEFT JOIN plans AS p ON p.id = t.plan_id
    LEFT JOIN tenant_health AS h ON h.tenant_id = t.id
   WHERE d.id = $1 AND t.live_at IS NOT NULL
   GROUP BY t.id, p.name ORDER BY t.id LIMIT 20
)sql"};

struct Record {
  Time at;
  std::string kind, subject;
  std::optional<std::string> first, second;
};
db::Query const records_of{"billing.records_of_disputed", R"sql(
  SELECT a.at, a.kind, a.subject,
         coalesce(a.data ->> 'to_state', a.data ->> 'login', a.data ->> 'from', a.data ->> 'domain',
                  a.data ->> 'brand', a.data ->> 'type', a.data ->> 'ends_at') AS first,
         coalesce(a.data ->> 'to', a.data ->> 'last4') AS second
    FROM billing_disputes AS d JOIN activity AS a ON a.customer_id = d.customer_id
   WHERE d.id = $1 AND a.kind IN ('state_changed', 'access_used', 'plan_changed',
                                  'subdomain_changed', 'domain_added', 'portal_opened',
                                  'payment_method_chosen', 'cancellation_requested',
                                  'cancellation_taken_back')
   ORDER BY a.id DESC LIMIT 150
)sql"};
struct Paid {
  Time at;
  std::optional<std::string> number;
  std::string currency;
  std::int64_t amount;
};
db::Query const payments_of{"billing.payments_of_disputed", R"sql(
  SELECT i.paid_at AS at, i.number, i.currency, i.amount_paid AS amount
    FROM billing_disputes AS d JOIN billing_invoices AS i ON i.customer_id = d.customer_id
   WHERE d.id = $1 AND i.paid_at IS NOT NULL AND i.amount_paid > 0
   ORDER BY i.paid_at DESC LIMIT 36
)sql"};

/// The latest first things go where a field has no room.
constexpr std::size_t most_letters = 18'000;

std::string day(Time time) { return clock_source::rfc3339(time).substr(0, 10); }
std::string minute(Time time) {
  auto text = clock_source::rfc3339(time).substr(0, 16);
  text[10] = ' ';
  return text + " UTC";
}

/// A sentence about what happened; empty: it says nothing to a bank.
std::string sentence(Record const& record) {
  auto const first = record.first.value_or(""), second = record.second.value_or("");
  if (record.kind == "state_changed") {
    if (first == "live") return record.subject + ": the application went live";
    if (first == "suspended") return record.subject + ": the application was suspended";
    if (first == "archived") return record.subject + ": the application was archived";
    return {};
  }
  if (record.kind == "access_used")
    return record.subject + ": the link with the first access was opened (login " + first + ")";
  if (record.kind == "plan_changed")
    return record.subject + ": the plan was changed from " + first + " to " + second;
  if (record.kind == "subdomain_changed")
    return record.subject + ": the address was changed from " + first + " to " + second;
  if (record.kind == "domain_added") return record.subject + ": the domain " + first + " was added";
  if (record.kind == "portal_opened")
    return "The customer opened their page with invoices, card and subscription by a link that was "
           "mailed to them";
  if (record.kind == "payment_method_chosen")
    return "The customer chose another payment method: " + first +
           (second.empty() ? "" : " ending in " + second);
  if (record.kind == "cancellation_requested")
    return "The customer asked to end the subscription" +
           (first.empty() ? std::string{} : " (paid until " + first.substr(0, 10) + ")");
  return "The customer took the end of the subscription back";
}

std::string log_of(db::Tx& tx, DisputeId dispute, Basics const& basics,
                   std::vector<Tenant> const& tenants) {
  std::vector<std::pair<Time, std::string>> all;
  all.emplace_back(basics.created_at,
                   "The customer signed up: " + basics.company + ", " + basics.customer_email +
                       (basics.address ? ", from the address " + *basics.address : ""));
  for (auto const& record : tx.all<Record>(records_of, dispute))
    if (auto text = sentence(record); !text.empty()) all.emplace_back(record.at, std::move(text));
  for (auto const& paid : tx.all<Paid>(payments_of, dispute))
    all.emplace_back(paid.at, "Paid " + money::text(paid.amount, paid.currency, i18n::Locale::en) +
                                  (paid.number ? " (invoice " + *paid.number + ")" : ""));
  std::ranges::stable_sort(all, {}, &std::pair<Time, std::string>::first);
  std::vector<std::string> lines;
  for (auto const& [at, text] : all) lines.push_back(minute(at) + "  " + text);
  for (auto const& tenant : tenants)
    if (tenant.days > 0)
      lines.push_back(tenant.subdomain + ": measured while it ran on " +
                      std::to_string(tenant.days) + (tenant.days == 1 ? " day" : " days") +
                      " between " + day(*tenant.first) + " and " + day(*tenant.last));
  std::size_t letters = 0;
  for (auto const& line : lines) letters += line.size() + 1;
  std::string out;
  for (auto const& line : lines) {
    bool const fits = letters <= most_letters;
    letters -= line.size() + 1;
    if (fits) out += line + "\n";
  }
  if (!out.empty()) out.pop_back();
  return out;
}

std::string described(config::Settings const& settings, Basics const& basics,
                      std::vector<Tenant> const& tenants) {
  std::string out;
  if (basics.described) out = "Invoiced: " + *basics.described + ".\n";
  for (auto const& tenant : tenants)
    out += "A hosted application of its own for " + basics.company + " at " +
           tenants::url_of(settings, tenant.subdomain) +
           (tenant.plan ? ", plan " + *tenant.plan : "") + ".\n";
  if (!out.empty()) out.pop_back();
  return out;
}

std::string dated(Basics const& basics) {
  if (basics.period_start && basics.period_end && basics.period_end > basics.period_start)
    return day(*basics.period_start) + " to " + day(*basics.period_end);
  return basics.paid_at ? day(*basics.paid_at) : "";
}
}  // namespace

Evidence from_our_records(db::Tx& tx, config::Settings const& settings, DisputeId dispute) {
  auto const basics = tx.one<Basics>(basics_of, dispute);
  auto const tenants = tx.all<Tenant>(tenants_of, dispute);
  Evidence out;
  auto const tell = [](std::optional<std::string>& to, std::string text) {
    if (!text.empty()) to = std::move(text);
  };
  tell(out.product_description, described(settings, basics, tenants));
  tell(out.customer_name, basics.customer_name + ", " + basics.company);
  tell(out.customer_email_address, basics.customer_email);
  tell(out.customer_purchase_ip, basics.address.value_or(""));
  tell(out.service_date, dated(basics));
  tell(out.access_activity_log, log_of(tx, dispute, basics, tenants));
  return out;
}

}  // namespace billing
