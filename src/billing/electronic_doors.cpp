// The downloads: an invoice and a credit note, each in both syntaxes.
#include "billing/electronic_invoice.hpp"
#include "billing/invoice_view.hpp"

namespace billing {

namespace {
struct WantedInvoice {
  std::string id;
  std::optional<i18n::Locale> locale;
  static constexpr auto rules() {
    return ::rules(
        rule(
            &WantedInvoice::id,
            {.doc = "Id of the invoice, ours or Stripe's", .example = "inv_12", .max_length = 255}),
        rule(&WantedInvoice::locale, {.doc = "Language of its words; the customer's unless told"}));
  }
};
struct WantedCreditNote {
  std::string id;
  std::optional<i18n::Locale> locale;
  static constexpr auto rules() {
    return ::rules(
        rule(&WantedCreditNote::id,
             {.doc = "Stripe's id of the credit note", .example = "cn_1", .max_length = 255}),
        rule(&WantedCreditNote::locale,
             {.doc = "Language of its words; the customer's unless told"}));
  }
};

/// How one of them is offered: `path` ends its address and its file's name.
struct Syntax {
  std::string_view path, name;
  std::string (*write)(TradeDocument const&);
};
constexpr std::array<Syntax, 2> syntaxes{
    {{"ubl", "UBL 2.1", in_ubl}, {"cii", "UN/CEFACT CII D16B", in_cii}}};

http::File file_of(http::Context& context, TradeDocument const& document, Syntax const& syntax) {
  context.audit_target = document.id;
  std::string name = document.is_credit_note ? "credit-note-" : "invoice-";
  for (char const c : document.number)
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_') name += c;
  return {.name = name + "-" + std::string{syntax.path} + ".xml",
          .content_type = "application/xml",
          .text = syntax.write(document)};
}

/// What both kinds of doors have in common.
template <class In>
http::Endpoint<In, http::File> door(std::string_view route) {
  return {.route = route,
          .tag = "Billing",
          .scope = "billing:read",
          .limit = http::per_minute(60),
          .problems = {no_electronic_invoice},
          .lane = http::Lane::files,
          .content_type = "application/xml"};
}
}  // namespace

void add_electronic_invoice_endpoints(http::Api& api) {
  for (auto const& syntax : syntaxes) {
    auto const ending = "/{id}/" + std::string{syntax.path};
    auto const invoice_route = "GET /api/billing/invoices" + ending,
               note_route = "GET /api/billing/credit-notes" + ending;
    auto const of = " in the syntax " + std::string{syntax.name} + " of EN 16931";
    auto const invoice_summary = "Download an invoice" + of,
               note_summary = "Download a credit note" + of;

    auto invoice = door<WantedInvoice>(invoice_route);
    invoice.summary = invoice_summary;
    invoice.audit = "invoice.downloaded";
    invoice.problems.push_back(invoice_not_found);
    invoice.handle = [&syntax](http::Context& context, WantedInvoice const& wanted) {
      db::Tx tx{context.worker.connection, db::Mode::snapshot};
      return file_of(context, electronic_invoice(tx, wanted.id, wanted.locale), syntax);
    };
    api.add(invoice);

    auto note = door<WantedCreditNote>(note_route);
    note.summary = note_summary;
    note.audit = "credit_note.downloaded";
    note.problems.push_back(credit_note_not_found);
    note.handle = [&syntax](http::Context& context, WantedCreditNote const& wanted) {
      db::Tx tx{context.worker.connection, db::Mode::snapshot};
      return file_of(context, electronic_credit_note(tx, wanted.id, wanted.locale), syntax);
    };
    api.add(note);
  }
}

}  // namespace billing
