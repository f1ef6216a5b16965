// Invoices as staff look through them, and what they add up to.
#include "billing/invoice_view.hpp"
#include "organisation/organisation.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"
#include "platform/money/money.hpp"

namespace billing {

namespace {
struct InvoiceRow {
  InvoiceId id;
  std::optional<std::string> number;
  customers::CustomerId customer_id;
  std::string company;
  std::optional<tenants::TenantId> tenant_id;
  std::optional<std::string> subdomain, stripe_subscription_id;
  InvoiceStatus status;
  bool is_overdue;
  std::int64_t amount, amount_paid, amount_remaining;
  std::string currency;
  Time date;
  std::optional<Time> due_date, payment_date;
  std::int64_t attempt_count;
  std::optional<Time> next_payment_attempt;
  std::optional<std::string> stripe_invoice_id;
  static constexpr auto rules() {
    return ::rules(
        rule(&InvoiceRow::number, {.doc = "As Stripe numbered it; drafts have none"}),
        rule(&InvoiceRow::is_overdue, {.doc = "Open, and its due date is over"}),
        rule(&InvoiceRow::amount, {.doc = "The total, in minor units"}),
        rule(&InvoiceRow::amount_remaining, {.doc = "What is still to be paid"}),
        rule(&InvoiceRow::currency, {.doc = "ISO 4217, lower case"}),
        rule(&InvoiceRow::date, {.doc = "When Stripe wrote it"}),
        rule(&InvoiceRow::attempt_count, {.doc = "How often Stripe has tried to collect it"}),
        rule(&InvoiceRow::next_payment_attempt, {.doc = "When Stripe tries next"}));
  }
};

enum class Standing { overdue, at_risk };
constexpr auto names_of(Standing) { return std::array<std::string_view, 2>{"overdue", "at_risk"}; }

list::Codes const codes{"billing_invoices",
                        {{"status", "invoice_status"}, {"standing", "invoice_standing"}}};

list::List invoice_list() {
  return {
      .name = "billing_invoices",
      .route = "GET /api/billing/invoices",
      .summary = "List invoices",
      .tag = "Billing",
      .scope = "billing:read",
      .row = &types::type_of<InvoiceRow>,
      .columns = R"sql(page.id, page.number, page.customer_id, c.company, t.id AS tenant_id,
          t.subdomain,
          coalesce(page.stripe_subscription_id, s.stripe_subscription_id) AS stripe_subscription_id,
          page.status,
          page.status = 'open' AND coalesce(page.due_date < {now}, false) AS is_overdue,
          page.amount, page.amount_paid,
          coalesce(page.amount_remaining, greatest(page.amount - page.amount_paid, 0))
            AS amount_remaining,
          page.currency, page.date, page.due_date, page.paid_at AS payment_date,
          page.attempt_count, page.next_payment_attempt, page.stripe_invoice_id)sql",
      .source = "billing_invoices AS i",
      .key = "i.id",
      .joins = R"sql(JOIN customers AS c ON c.id = page.customer_id
          LEFT JOIN subscriptions AS s ON s.id = page.subscription_id
          LEFT JOIN tenants AS t ON t.id = s.tenant_id)sql",
      // No order by amount: those of two currencies have none.
      .sorts = {{"date", "i.date", "timestamptz"},
                {"payment_date", "i.paid_at", "timestamptz", true}},
      .order = "-date",
      .filters = {list::any_of<InvoiceStatus>("status", "i.status = $",
                                              {.doc = "One or more, comma-separated"}),
                  list::choice<Standing>(
                      "standing",
                      {"i.status = 'open' AND i.due_date < {now}", "i.counted_failed > 0"},
                      {.doc = "overdue: open after its due date; at_risk: open, and its last "
                              "attempt failed"}),
                  list::is<std::string>("currency", "i.currency = $",
                                        {.doc = "In this currency",
                                         .example = "eur",
                                         .min_length = 3,
                                         .max_length = 3,
                                         .check = money::currency}),
                  list::is<customers::CustomerId>("customer", "i.customer_id = $",
                                                  {.doc = "Of this customer"}),
                  list::is<Time>("from", "i.date >= $", {.doc = "Written then or later"}),
                  list::is<Time>("to", "i.date < $", {.doc = "Written before"}),
                  list::is<Time>("paid_from", "i.paid_at >= $", {.doc = "Paid then or later"}),
                  list::is<Time>("paid_to", "i.paid_at < $", {.doc = "Paid before"})},
      .search = {{.text =
                      "lower(coalesce(i.number, '') || ' ' || coalesce(i.stripe_invoice_id, ''))",
                  .is_indexed = true},
                 {.text = "lower(c.company || ' ' || c.email || ' ' || c.name)",
                  .within = "(SELECT $ FROM customers AS c WHERE c.id = i.customer_id)",
                  .ids = "SELECT i.id FROM customers AS c "
                         "JOIN billing_invoices AS i ON i.customer_id = c.id"}},
      .search_doc =
          "Part of a number, a customer's company, name or email, or Stripe's id; one or two "
          "letters begin a word",
  };
}

struct Summary {
  Time as_of, month_began_at;
  std::string timezone;
  std::vector<money::Amount> collected, outstanding, at_risk;
  static constexpr auto rules() {
    return ::rules(rule(&Summary::timezone, {.doc = "Whose month it is: that of the reports"}),
                   rule(&Summary::collected, {.doc = "D12, this month: payments less refunds"}),
                   rule(&Summary::outstanding, {.doc = "What open invoices have still to bring"}),
                   rule(&Summary::at_risk, {.doc = "Of those, what a last attempt did not bring"}));
  }
};

db::Query const month_began{"billing.month_began", R"sql(
  SELECT date_trunc('month', $2::timestamptz AT TIME ZONE $1) AT TIME ZONE $1
)sql"};
// Roll-ups are by the months of UTC; the hours up to the zone's midnight are looked up.
db::Query const collected_sums{"billing.collected_sums", R"sql(
  WITH edges AS MATERIALIZED (
    SELECT begins, begins AT TIME ZONE $1 AS at, begins AT TIME ZONE 'UTC' AS midnight, sign
      FROM (SELECT date_trunc('month', $2::timestamptz AT TIME ZONE $1) AS month) AS now,
           (VALUES (0, 1), (1, -1)) AS edges (later, sign),
           LATERAL (SELECT month + make_interval(months => later) AS begins) AS named),
  month AS (SELECT begins FROM edges WHERE sign = 1)
  SELECT currency, sum(amount)::bigint AS amount FROM (
    SELECT currency::text, amount FROM rollup_months
     WHERE metric = 'revenue' AND month = (SELECT begins::date FROM month)
    UNION ALL
    SELECT currency, amount FROM rollup_deltas
     WHERE metric = 'revenue'
       AND date_trunc('month', day::timestamp) = (SELECT begins FROM month)
    UNION ALL
    SELECT currency, CASE WHEN at < midnight THEN sign ELSE -sign END * amount
      FROM edges, LATERAL (
        SELECT currency, counted_paid AS amount FROM billing_invoices
         WHERE paid_at >= least(at, midnight) AND paid_at < greatest(at, midnight)
        UNION ALL
        SELECT currency, -counted FROM billing_refunds
         WHERE date >= least(at, midnight) AND date < greatest(at, midnight)
        UNION ALL
        SELECT currency, -counted FROM billing_disputes
         WHERE lost_at >= least(at, midnight) AND lost_at < greatest(at, midnight)) AS cash) AS all_of_it
   GROUP BY currency HAVING sum(amount) <> 0 ORDER BY currency
)sql"};
db::Query const outstanding_sums{"billing.outstanding_sums", R"sql(
  SELECT currency, sum(coalesce(amount_remaining, amount - amount_paid))::bigint AS amount
    FROM billing_invoices WHERE status = 'open'
   GROUP BY currency HAVING sum(coalesce(amount_remaining, amount - amount_paid)) <> 0
   ORDER BY currency
)sql"};
db::Query const at_risk_sums{"billing.at_risk_sums", R"sql(
  SELECT currency, sum(amount)::bigint AS amount FROM (
    SELECT currency, amount FROM rollup_totals WHERE metric = 'failed_amount'
    UNION ALL SELECT currency, amount FROM rollup_deltas WHERE metric = 'failed_amount') AS sums
   GROUP BY currency HAVING sum(amount) <> 0 ORDER BY currency
)sql"};

Summary summary(http::Context& context, http::Nothing const&) {
  db::Tx tx{context.worker.connection, db::Mode::snapshot};
  auto const now = clock_source::now();
  auto const zone = settings::read<organisation::Organisation>(tx, "organisation").reporting_zone;
  return {.as_of = now,
          .month_began_at = tx.one<Time>(month_began, zone, now),
          .timezone = zone,
          .collected = tx.all<money::Amount>(collected_sums, zone, now),
          .outstanding = tx.all<money::Amount>(outstanding_sums),
          .at_risk = tx.all<money::Amount>(at_risk_sums)};
}

constexpr Rules id_rules{
    .doc = "Id of the invoice, ours or Stripe's", .example = "inv_12", .max_length = 255};

struct OneInvoice {
  std::string id;
  static constexpr auto rules() { return ::rules(rule(&OneInvoice::id, id_rules)); }
};

struct WantedDocument {
  std::string id;
  std::optional<i18n::Locale> locale;
  static constexpr auto rules() {
    return ::rules(
        rule(&WantedDocument::id, id_rules),
        rule(&WantedDocument::locale, {.doc = "Its language; the customer's unless told"}));
  }
};

Invoice read(http::Context& context, std::string const& id) {
  db::Tx tx{context.worker.connection, db::Mode::snapshot};
  return invoice_in_full(tx, id);
}

http::File document(http::Context& context, WantedDocument const& wanted) {
  auto const invoice = read(context, wanted.id);
  context.audit_target = invoice.id.text();
  return invoice_file(context.tx, invoice, wanted.locale.value_or(invoice.locale));
}
}  // namespace

http::File invoice_file(db::Tx& tx, Invoice const& invoice, i18n::Locale locale) {
  std::string name;
  for (char const c : invoice.number.value_or(invoice.id.text()))
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_') name += c;
  return {.name = "invoice-" + name + ".pdf",
          .content_type = "application/pdf",
          .text = invoice_document(tx, invoice, locale)};
}

void add_invoice_endpoints(http::Api& api) {
  list::add(api, invoice_list());
  api.add(http::Endpoint<http::Nothing, Summary>{
      .route = "GET /api/billing/summary",
      .summary = "Tell what was collected this month and what is outstanding",
      .tag = "Billing",
      .scope = "billing:read",
      .handle = summary,
  });
  api.add(http::Endpoint<OneInvoice, Invoice>{
      .route = "GET /api/billing/invoices/{id}",
      .summary = "Read an invoice with all that happened to it",
      .tag = "Billing",
      .scope = "billing:read",
      .problems = {invoice_not_found},
      .handle = [](http::Context& context,
                   OneInvoice const& request) { return read(context, request.id); },
  });
  api.add(http::Endpoint<WantedDocument, http::File>{
      .route = "GET /api/billing/invoices/{id}/pdf",
      .summary = "Download a copy of an invoice",
      .tag = "Billing",
      .scope = "billing:read",
      .audit = "invoice.downloaded",
      .limit = http::per_minute(60),
      .problems = {invoice_not_found, pdf::no_fonts},
      .lane = http::Lane::files,
      .content_type = "application/pdf",
      .handle = document,
  });
}

}  // namespace billing
