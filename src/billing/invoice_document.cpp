// The invoice on paper: a copy for whoever asks, since the legal invoice is Stripe's. Of one state
// of its rows it is the same bytes: its date is that of the last thing that happened to the
// invoice.
#include <algorithm>

#include "billing/invoice_view.hpp"
#include "organisation/organisation.hpp"
#include "platform/i18n/words.hpp"
#include "platform/money/money.hpp"

namespace billing {

namespace {
/// As they stand on the invoice at Stripe, which a later change of the customer does not touch.
struct Addressee {
  std::optional<std::string> name, email, address, tax_ids;
};
db::Query const addressee_of{"billing.addressee", R"sql(
  SELECT state ->> 'customer_name' AS name, state ->> 'customer_email' AS email,
         nullif(concat_ws(E'\n', nullif(a ->> 'line1', ''), nullif(a ->> 'line2', ''),
                          nullif(concat_ws(' ', a ->> 'postal_code', a ->> 'city'), ''),
                          nullif(a ->> 'state', ''), nullif(a ->> 'country', '')), '') AS address,
         (SELECT string_agg(value, ', ')
            FROM jsonb_path_query(state, '$.customer_tax_ids[*].value') AS ids (id),
                 LATERAL (SELECT id #>> '{}' AS value) AS texts) AS tax_ids
    FROM stripe_objects, LATERAL (SELECT state -> 'customer_address' AS a) AS address
   WHERE id = $1
)sql"};
db::Query const days_of_zone{"billing.document_days", R"sql(
  SELECT to_char(at AT TIME ZONE $2, 'DD/MM/YYYY')
    FROM unnest($1::timestamptz[]) WITH ORDINALITY AS times (at, place) ORDER BY place
)sql"};

class Paper {
 public:
  Paper(db::Tx& tx, Invoice const& invoice, i18n::Locale locale)
      : invoice_{invoice},
        locale_{locale},
        issuer_{organisation::issuer_of(tx)},
        organisation_{settings::read<organisation::Organisation>(tx, "organisation")} {
    if (invoice.stripe_invoice_id)
      addressee_ =
          tx.maybe<Addressee>(addressee_of, *invoice.stripe_invoice_id).value_or(Addressee{});
    read_days(tx);
  }

  [[nodiscard]] pdf::Document document() const {
    auto const last = invoice_.timeline.empty() ? invoice_.date : invoice_.timeline.back().at;
    pdf::Document out{
        .title = title(),
        .issuer = issuer_,
        .about = word(is_draft() ? "draft_note" : "copy"),
        .language = locale_,
        .as_of = last,
        .as_of_text = i18n::filled(word("as_of"), {{"day", day(last)}, {"zone", zone()}})};
    out.blocks.push_back(facts());
    out.blocks.push_back(pdf::Heading{word("from")});
    out.blocks.push_back(seller());
    out.blocks.push_back(pdf::Heading{word("to")});
    out.blocks.push_back(buyer());
    out.blocks.push_back(pdf::Heading{word("lines")});
    out.blocks.push_back(lines());
    out.blocks.push_back(totals());
    add(out, "taxes", taxes());
    add(out, "payments", payments());
    add(out, "credit_notes", credit_notes());
    add(out, "refunds", refunds());
    add(out, "disputes", disputes());
    return out;
  }

 private:
  using Known = std::vector<std::pair<std::string, std::string>>;

  [[nodiscard]] std::string word(std::string_view name) const {
    return std::string{i18n::word(locale_, "invoice_pdf." + std::string{name}).value_or(name)};
  }
  [[nodiscard]] std::string zone() const { return organisation_.reporting_zone; }
  [[nodiscard]] std::string money(std::int64_t amount) const {
    return money::text(amount, invoice_.currency, locale_);
  }
  [[nodiscard]] std::string day(Time time) const { return days_.at(time); }
  [[nodiscard]] std::string day(std::optional<Time> time) const { return time ? day(*time) : ""; }

  /// All that are written, asked for at once.
  void read_days(db::Tx& tx) {
    std::vector<Time> times{invoice_.date};
    auto const want = [&](std::optional<Time> time) {
      if (time) times.push_back(*time);
    };
    for (auto const& time : {invoice_.due_date, invoice_.finalized_at, invoice_.payment_date})
      want(time);
    for (auto const& line : invoice_.lines) {
      want(line.period_start);
      want(line.period_end);
    }
    for (auto const& moment : invoice_.timeline) want(moment.at);
    for (auto const& attempt : invoice_.attempts) want(attempt.at);
    for (auto const& note : invoice_.credit_notes) want(note.created_at);
    for (auto const& refund : invoice_.refunds) want(refund.date);
    for (auto const& dispute : invoice_.disputes) want(dispute.created_at);
    std::sort(times.begin(), times.end());
    times.erase(std::unique(times.begin(), times.end()), times.end());
    auto const texts = tx.all<std::string>(days_of_zone, times, zone());
    for (std::size_t i = 0; i < times.size(); ++i) days_.emplace(times[i], texts.at(i));
  }

  [[nodiscard]] bool is_draft() const { return invoice_.status == InvoiceStatus::draft; }
  [[nodiscard]] std::string title() const {
    if (is_draft()) return word("draft");
    return i18n::filled(word("title"), {{"number", invoice_.number.value_or(invoice_.id.text())}});
  }

  void add(pdf::Document& out, std::string_view name, pdf::Table table) const {
    if (table.rows.empty()) return;
    out.blocks.push_back(pdf::Heading{word(name)});
    out.blocks.push_back(std::move(table));
  }
  /// What is known of them.
  [[nodiscard]] pdf::Facts known(Known facts) const {
    std::erase_if(facts, [](auto const& fact) { return fact.second.empty(); });
    for (auto& fact : facts) fact.first = word(fact.first);
    return {std::move(facts)};
  }

  [[nodiscard]] pdf::Facts facts() const {
    auto const status = "status_" + std::string{name_of(invoice_.status)};
    return known({{"number", invoice_.number.value_or("")},
                  {"date", day(invoice_.finalized_at.value_or(invoice_.date))},
                  {"due", day(invoice_.due_date)},
                  {"status", word(invoice_.is_overdue ? "status_overdue" : status)},
                  {"paid_on", day(invoice_.payment_date)},
                  {"stripe", invoice_.stripe_invoice_id.value_or("")}});
  }
  [[nodiscard]] pdf::Facts seller() const {
    return known({{"name", issuer_.name},
                  {"address", organisation_.address},
                  {"tax_id", organisation_.vat_id}});
  }
  [[nodiscard]] pdf::Facts buyer() const {
    auto const name = addressee_.name.value_or("");
    bool const is_other = !name.empty() && name != invoice_.company;
    return known({{"name", invoice_.company},
                  {"contact", is_other ? name : invoice_.customer_name},
                  {"email", addressee_.email.value_or(invoice_.customer_email)},
                  {"address", addressee_.address.value_or(invoice_.country)},
                  {"tax_id", addressee_.tax_ids.value_or("")}});
  }

  [[nodiscard]] pdf::Table lines() const {
    auto const any = [&](std::int64_t InvoiceLine::*member) {
      return std::any_of(invoice_.lines.begin(), invoice_.lines.end(),
                         [&](auto const& line) { return line.*member != 0; });
    };
    bool const has_discounts = any(&InvoiceLine::discount), has_taxes = any(&InvoiceLine::tax);
    pdf::Table out{{{word("description")}, {word("period")}, {word("quantity"), pdf::Align::end}},
                   {}};
    if (has_discounts) out.columns.push_back({word("discount"), pdf::Align::end});
    if (has_taxes) out.columns.push_back({word("tax"), pdf::Align::end});
    out.columns.push_back({word("amount"), pdf::Align::end});
    for (auto const& line : invoice_.lines) {
      auto& row = out.rows.emplace_back();
      auto description = line.description.value_or("");
      if (line.is_proration) description += " (" + word("proration") + ")";
      row.push_back(std::move(description));
      row.push_back(line.period_start && line.period_end && *line.period_start < *line.period_end
                        ? day(line.period_start) + " – " + day(line.period_end)
                        : day(line.period_start));
      row.push_back(line.quantity ? std::to_string(*line.quantity) : "");
      if (has_discounts) row.push_back(line.discount ? money(-line.discount) : "");
      if (has_taxes) row.push_back(line.tax ? money(line.tax) : "");
      row.push_back(money(line.amount));
    }
    return out;
  }

  [[nodiscard]] pdf::Table totals() const {
    pdf::Table out{{{word("totals")}, {word("amount"), pdf::Align::end}}, {}};
    auto const row = [&](std::string_view name, std::int64_t amount) {
      out.rows.push_back({word(name), money(amount)});
    };
    if (invoice_.subtotal) row("subtotal", *invoice_.subtotal);
    if (invoice_.discount) row("discount", -invoice_.discount);
    if (invoice_.tax.value_or(0)) row("tax", *invoice_.tax);
    row("total", invoice_.amount);
    if (invoice_.amount_due && *invoice_.amount_due != invoice_.amount)
      row("balance", *invoice_.amount_due - invoice_.amount);
    row("paid", invoice_.amount_paid);
    // A draft asks for nothing yet; of what was voided or given up, nothing is asked any more.
    if (invoice_.status == InvoiceStatus::open || invoice_.status == InvoiceStatus::paid)
      row("remaining", invoice_.amount_remaining);
    return out;
  }

  [[nodiscard]] pdf::Table taxes() const {
    pdf::Table out{
        {{word("tax")}, {word("taxable"), pdf::Align::end}, {word("amount"), pdf::Align::end}}, {}};
    for (auto const& tax : invoice_.taxes)
      out.rows.push_back({word(tax.is_inclusive ? "inclusive" : "exclusive"),
                          tax.taxable_amount ? money(*tax.taxable_amount) : "", money(tax.amount)});
    return out;
  }
  [[nodiscard]] pdf::Table payments() const {
    auto out = dated("method");
    for (auto const& attempt : invoice_.attempts)
      if (attempt.outcome == "succeeded")
        out.rows.push_back({day(attempt.at), method(attempt), sum(attempt)});
    if (invoice_.is_paid_out_of_band && invoice_.payment_date)
      out.rows.push_back(
          {day(*invoice_.payment_date), word("out_of_band"), money(invoice_.amount_paid)});
    return out;
  }
  [[nodiscard]] pdf::Table credit_notes() const {
    auto out = dated("number");
    for (auto const& note : invoice_.credit_notes)
      if (!note.voided_at)
        out.rows.push_back({day(note.created_at), note.number.value_or(note.id), sum(note)});
    return out;
  }
  [[nodiscard]] pdf::Table refunds() const {
    auto out = dated("at_stripe");
    for (auto const& refund : invoice_.refunds)
      if (refund.status != "failed" && refund.status != "canceled")
        out.rows.push_back({day(refund.date), refund.id, sum(refund)});
    return out;
  }

  /// Those that were lost lower what was kept: what became of each is said.
  [[nodiscard]] pdf::Table disputes() const {
    pdf::Table out{
        {{word("date")}, {word("at_stripe")}, {word("status")}, {word("amount"), pdf::Align::end}},
        {}};
    for (auto const& dispute : invoice_.disputes)
      out.rows.push_back(
          {day(dispute.created_at), dispute.id,
           std::string{
               i18n::word(locale_, "dispute_status." + dispute.status).value_or(dispute.status)},
           sum(dispute)});
    return out;
  }

  [[nodiscard]] pdf::Table dated(std::string_view what) const {
    return {{{word("date")}, {word(what)}, {word("amount"), pdf::Align::end}}, {}};
  }
  template <class Row>
  [[nodiscard]] std::string sum(Row const& row) const {
    return money::text(row.amount, row.currency, locale_);
  }
  /// "Visa •••• 4242"
  [[nodiscard]] static std::string method(InvoiceAttempt const& attempt) {
    auto out = attempt.brand.value_or(attempt.method_type.value_or(""));
    if (!out.empty()) out[0] = char(std::toupper(static_cast<unsigned char>(out[0])));
    return attempt.last4 ? out + " •••• " + *attempt.last4 : out;
  }

  Invoice const& invoice_;
  i18n::Locale locale_;
  pdf::Issuer issuer_;
  organisation::Organisation organisation_;
  Addressee addressee_;
  std::map<Time, std::string> days_;
};
}  // namespace

std::string invoice_document(db::Tx& tx, Invoice const& invoice, i18n::Locale locale) {
  return pdf::write(Paper{tx, invoice, locale}.document());
}

}  // namespace billing
