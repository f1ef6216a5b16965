// EN 16931-3-2: the business terms as elements of an Invoice or a CreditNote of UBL 2.1, in the
// order of its schema.
#include "billing/electronic_invoice.hpp"
#include "platform/xml/document.hpp"

namespace billing {

namespace {
class Ubl {
 public:
  explicit Ubl(TradeDocument const& document)
      : document_{document},
        root_{document.is_credit_note ? "CreditNote" : "Invoice"},
        namespace_{"urn:oasis:names:specification:ubl:schema:xsd:" + root_ + "-2"},
        out_{"ubl:" + root_,
             {{"ubl", namespace_},
              {"cac", "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"},
              {"cbc", "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"}}} {}

  std::string text() {
    head();
    out_.element("cac:AccountingSupplierParty", [&] { party(document_.seller); });
    out_.element("cac:AccountingCustomerParty", [&] { party(document_.buyer); });
    payment();
    vat();
    totals();
    for (std::size_t i = 0; i < document_.lines.size(); ++i) line(document_.lines[i], i + 1);
    return out_.finished();
  }

 private:
  void amount(std::string_view name, std::int64_t minor_units) {
    out_.text(name, decimal_text(minor_units, document_.decimals),
              {{"currencyID", document_.currency}});
  }

  void head() {
    out_.text("cbc:CustomizationID", customization);
    out_.text("cbc:ID", document_.number);
    out_.text("cbc:IssueDate", document_.issued_on);
    if (!document_.is_credit_note) out_.known("cbc:DueDate", document_.due_on);
    if (document_.is_credit_note)
      out_.text("cbc:CreditNoteTypeCode", "381");
    else
      out_.text("cbc:InvoiceTypeCode", "380");
    out_.text("cbc:Note", document_.note);
    out_.text("cbc:DocumentCurrencyCode", document_.currency);
    if (document_.is_credit_note)
      out_.element("cac:BillingReference", [&] {
        out_.element("cac:InvoiceDocumentReference", [&] {
          out_.text("cbc:ID", document_.preceding_number);
          out_.text("cbc:IssueDate", document_.preceding_issued_on);
        });
      });
  }

  void period(std::optional<std::string> const& start, std::optional<std::string> const& end) {
    if (!start || !end) return;
    out_.element("cac:InvoicePeriod", [&] {
      out_.text("cbc:StartDate", *start);
      out_.text("cbc:EndDate", *end);
    });
  }

  void party(TradeParty const& party) {
    out_.element("cac:Party", [&] {
      if (!party.identifier.empty())
        out_.element("cac:PartyIdentification", [&] { out_.text("cbc:ID", party.identifier); });
      out_.element("cac:PostalAddress", [&] { address(party); });
      tax_scheme_of(party.vat_id, "VAT");
      tax_scheme_of(party.tax_registration, "TAX");
      out_.element("cac:PartyLegalEntity", [&] { out_.text("cbc:RegistrationName", party.name); });
      if (party.contact.empty() && party.email.empty()) return;
      out_.element("cac:Contact", [&] {
        out_.known("cbc:Name", party.contact);
        out_.known("cbc:ElectronicMail", party.email);
      });
    });
  }
  void address(TradeParty const& party) {
    auto const line = [&](std::size_t i) { return i < party.lines.size() ? party.lines[i] : ""; };
    out_.known("cbc:StreetName", line(0));
    out_.known("cbc:AdditionalStreetName", line(1));
    out_.known("cbc:CityName", party.city);
    out_.known("cbc:PostalZone", party.postal_code);
    out_.known("cbc:CountrySubentity", party.subdivision);
    if (!line(2).empty()) out_.element("cac:AddressLine", [&] { out_.text("cbc:Line", line(2)); });
    country(party.country);
  }
  void country(std::string const& code) {
    out_.element("cac:Country", [&] { out_.text("cbc:IdentificationCode", code); });
  }
  void tax_scheme_of(std::string const& number, std::string_view scheme) {
    if (number.empty()) return;
    out_.element("cac:PartyTaxScheme", [&] {
      out_.text("cbc:CompanyID", number);
      tax_scheme(scheme);
    });
  }
  void tax_scheme(std::string_view scheme) {
    out_.element("cac:TaxScheme", [&] { out_.text("cbc:ID", scheme); });
  }

  void payment() {
    if (auto const& means = document_.payment)
      out_.element("cac:PaymentMeans", [&] {
        out_.text("cbc:PaymentMeansCode", means->code);
        if (means->last4.empty() || means->network.empty()) return;
        out_.element("cac:CardAccount", [&] {
          out_.text("cbc:PrimaryAccountNumberID", means->last4);
          out_.text("cbc:NetworkID", means->network);
        });
      });
    if (!document_.terms.empty())
      out_.element("cac:PaymentTerms", [&] { out_.text("cbc:Note", document_.terms); });
  }

  void vat() {
    out_.element("cac:TaxTotal", [&] {
      amount("cbc:TaxAmount", document_.vat_total);
      for (auto const& group : document_.vat)
        out_.element("cac:TaxSubtotal", [&] {
          amount("cbc:TaxableAmount", group.taxable);
          amount("cbc:TaxAmount", group.tax);
          out_.element("cac:TaxCategory", [&] {
            auto const exemption = exemption_of(group.vat, document_.locale);
            category(group.vat);
            out_.known("cbc:TaxExemptionReasonCode", exemption.code);
            out_.known("cbc:TaxExemptionReason", exemption.text);
            tax_scheme("VAT");
          });
        });
    });
  }
  void category(Vat const& vat) {
    out_.text("cbc:ID", name_of(vat.category));
    if (vat.category != VatCategory::outside_scope) out_.text("cbc:Percent", rate_text(vat));
  }

  void totals() {
    out_.element("cac:LegalMonetaryTotal", [&] {
      amount("cbc:LineExtensionAmount", document_.lines_total);
      amount("cbc:TaxExclusiveAmount", document_.lines_total);
      amount("cbc:TaxInclusiveAmount", document_.total);
      amount("cbc:PrepaidAmount", document_.paid);
      amount("cbc:PayableAmount", document_.due);
    });
  }

  void line(TradeLine const& line, std::size_t place) {
    bool const is_credit = document_.is_credit_note;
    out_.element(is_credit ? "cac:CreditNoteLine" : "cac:InvoiceLine", [&] {
      out_.text("cbc:ID", std::to_string(place));
      out_.text(is_credit ? "cbc:CreditedQuantity" : "cbc:InvoicedQuantity",
                std::to_string(line.quantity), {{"unitCode", unit}});
      amount("cbc:LineExtensionAmount", line.net);
      period(line.start, line.end);
      if (line.allowance) allowance(line.allowance);
      out_.element("cac:Item", [&] {
        out_.text("cbc:Name", line.name);
        out_.element("cac:ClassifiedTaxCategory", [&] {
          category(line.vat);
          tax_scheme("VAT");
        });
      });
      out_.element("cac:Price", [&] {
        amount("cbc:PriceAmount", line.price);
        out_.text("cbc:BaseQuantity", std::to_string(line.price_quantity), {{"unitCode", unit}});
      });
    });
  }
  void allowance(std::int64_t taken_off) {
    out_.element("cac:AllowanceCharge", [&] {
      out_.text("cbc:ChargeIndicator", "false");
      out_.text("cbc:AllowanceChargeReasonCode", "95");
      out_.text("cbc:AllowanceChargeReason", allowance_reason(document_.locale));
      amount("cbc:Amount", taken_off);
    });
  }

  TradeDocument const& document_;
  std::string const root_, namespace_;
  xml::Document out_;
};
}  // namespace

std::string in_ubl(TradeDocument const& document) { return Ubl{document}.text(); }

}  // namespace billing
