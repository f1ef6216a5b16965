// The customer's invoices: what each says, where an open one is paid, and its copy on paper.
#include "billing/invoice_view.hpp"
#include "platform/pdf/document.hpp"
#include "portal/doors.hpp"
#include "portal/sessions.hpp"

namespace portal {

namespace {
using billing::InvoiceId;
using billing::InvoiceStatus;

// A draft asks for nothing yet.
db::Query const list_invoices{"portal.invoices", R"sql(
  SELECT i.id, i.number, i.status, i.status = 'open' AND coalesce(i.due_date < $2, false) AS is_overdue,
         t.subdomain, i.currency, i.amount,
         coalesce(i.amount_remaining, greatest(i.amount - i.amount_paid, 0)) AS amount_remaining,
         coalesce(i.finalized_at, i.date) AS date, i.paid_at,
         CASE WHEN i.status = 'open' THEN i.hosted_invoice_url END AS pay_url
    FROM billing_invoices AS i LEFT JOIN subscriptions AS s ON s.id = i.subscription_id
    LEFT JOIN tenants AS t ON t.id = s.tenant_id
   WHERE i.customer_id = $1 AND i.status <> 'draft'
   ORDER BY i.date DESC, i.id DESC LIMIT 101
)sql"};
db::Query const is_theirs{"portal.invoice_is_theirs", R"sql(
  SELECT EXISTS (SELECT FROM billing_invoices
                  WHERE id = $1 AND customer_id = $2 AND status <> 'draft')
)sql"};

struct InvoiceView {
  InvoiceId id;
  std::optional<std::string> number;
  InvoiceStatus status;
  bool is_overdue;
  std::optional<std::string> subdomain;
  std::string currency;
  std::int64_t amount, amount_remaining;
  Time date;
  std::optional<Time> paid_at;
  std::optional<std::string> pay_url;
  static constexpr auto rules() {
    return ::rules(
        rule(&InvoiceView::subdomain, {.doc = "The tenant that it is for, where it is for one"}),
        rule(&InvoiceView::amount, {.doc = "Minor units"}),
        rule(&InvoiceView::pay_url, {.doc = "Of an open one: Stripe's page where it is paid"}));
  }
};
struct Invoices {
  std::vector<InvoiceView> data;
  bool has_more = false;
  static constexpr auto rules() {
    return ::rules(rule(&Invoices::data, {.doc = "The newest hundred"}),
                   rule(&Invoices::has_more, {.doc = "There are older ones, which support sends"}));
  }
};
struct WantedDocument {
  InvoiceId id;
  std::optional<i18n::Locale> locale;
  static constexpr auto rules() {
    return ::rules(
        rule(&WantedDocument::id, {.doc = "Id of the invoice"}),
        rule(&WantedDocument::locale, {.doc = "Its language; the customer's unless told"}));
  }
};

Invoices invoices(http::Context& context, http::Nothing const&) {
  constexpr std::size_t most = 100;
  auto const session = session_of(context);
  Invoices out{
      context.tx.all<InvoiceView>(list_invoices, session.customer_id, clock_source::now())};
  out.has_more = out.data.size() > most;
  if (out.has_more) out.data.resize(most);
  return out;
}

http::File document(http::Context& context, WantedDocument const& wanted) {
  auto const session = session_of(context);
  if (!context.tx.one<bool>(is_theirs, wanted.id, session.customer_id))
    throw Problem{billing::invoice_not_found};
  context.audit_target = wanted.id.text();
  auto const invoice = billing::invoice_in_full(context.tx, wanted.id.text());
  return billing::invoice_file(context.tx, invoice, wanted.locale.value_or(invoice.locale));
}
}  // namespace

void add_invoice_endpoints(http::Api& api) {
  api.add(http::Endpoint<http::Nothing, Invoices>{
      .route = "GET /api/portal/invoices",
      .summary = "List the invoices of the customer whose page is open",
      .tag = "Portal",
      .limit = http::per_minute(60),
      .problems = {session_over},
      .handle = invoices,
  });
  api.add(http::Endpoint<WantedDocument, http::File>{
      .route = "GET /api/portal/invoices/{id}/pdf",
      .summary = "Download a copy of one of their invoices",
      .tag = "Portal",
      .audit = "invoice.downloaded",
      .limit = http::per_minute(30),
      .problems = {session_over, billing::invoice_not_found, pdf::no_fonts},
      .lane = http::Lane::files,
      .content_type = "application/pdf",
      .handle = document,
  });
}

}  // namespace portal
