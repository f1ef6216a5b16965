// EN 16931-3-3: the business terms as elements of a Cross Industry Invoice (D16B), in the order of
// its schema.
#include <algorithm>

#include "billing/electronic_invoice.hpp"
#include "platform/xml/document.hpp"

namespace billing {

namespace {
class Cii {
 public:
  explicit Cii(TradeDocument const& document)
      : document_{document},
        out_{"rsm:CrossIndustryInvoice",
             {{"rsm", "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"},
              {"ram",
               "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:"
               "100"},
              {"qdt", "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"},
              {"udt", "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"}}} {}

  std::string text() {
    head();
    out_.element("rsm:SupplyChainTradeTransaction", [&] {
      for (std::size_t i = 0; i < document_.lines.size(); ++i) line(document_.lines[i], i + 1);
      out_.element("ram:ApplicableHeaderTradeAgreement", [&] {
        out_.element("ram:SellerTradeParty", [&] { party(document_.seller); });
        out_.element("ram:BuyerTradeParty", [&] { party(document_.buyer); });
      });
      out_.element("ram:ApplicableHeaderTradeDelivery", [] {});
      out_.element("ram:ApplicableHeaderTradeSettlement", [&] { settlement(); });
    });
    return out_.finished();
  }

 private:
  void amount(std::string_view name, std::int64_t minor_units) {
    out_.text(name, decimal_text(minor_units, document_.decimals));
  }
  /// "2026-03-01" in format 102.
  void date(std::string_view name, std::string day, std::string_view type = "udt") {
    std::erase(day, '-');
    out_.element(name, [&] {
      out_.text(std::string{type} + ":DateTimeString", day, {{"format", "102"}});
    });
  }

  void head() {
    out_.element("rsm:ExchangedDocumentContext", [&] {
      out_.element("ram:GuidelineSpecifiedDocumentContextParameter",
                   [&] { out_.text("ram:ID", customization); });
    });
    out_.element("rsm:ExchangedDocument", [&] {
      out_.text("ram:ID", document_.number);
      out_.text("ram:TypeCode", document_.is_credit_note ? "381" : "380");
      date("ram:IssueDateTime", document_.issued_on);
      out_.element("ram:IncludedNote", [&] { out_.text("ram:Content", document_.note); });
    });
  }

  void line(TradeLine const& line, std::size_t place) {
    out_.element("ram:IncludedSupplyChainTradeLineItem", [&] {
      out_.element("ram:AssociatedDocumentLineDocument",
                   [&] { out_.text("ram:LineID", std::to_string(place)); });
      out_.element("ram:SpecifiedTradeProduct", [&] { out_.text("ram:Name", line.name); });
      out_.element("ram:SpecifiedLineTradeAgreement", [&] {
        out_.element("ram:NetPriceProductTradePrice", [&] {
          amount("ram:ChargeAmount", line.price);
          out_.text("ram:BasisQuantity", std::to_string(line.price_quantity), {{"unitCode", unit}});
        });
      });
      out_.element("ram:SpecifiedLineTradeDelivery", [&] {
        out_.text("ram:BilledQuantity", std::to_string(line.quantity), {{"unitCode", unit}});
      });
      out_.element("ram:SpecifiedLineTradeSettlement", [&] {
        out_.element("ram:ApplicableTradeTax", [&] {
          out_.text("ram:TypeCode", "VAT");
          out_.text("ram:CategoryCode", name_of(line.vat.category));
          rate(line.vat);
        });
        period(line.start, line.end);
        if (line.allowance) allowance(line.allowance);
        out_.element("ram:SpecifiedTradeSettlementLineMonetarySummation",
                     [&] { amount("ram:LineTotalAmount", line.net); });
      });
    });
  }
  void rate(Vat const& vat) {
    if (vat.category != VatCategory::outside_scope)
      out_.text("ram:RateApplicablePercent", rate_text(vat));
  }
  void period(std::optional<std::string> const& start, std::optional<std::string> const& end) {
    if (!start || !end) return;
    out_.element("ram:BillingSpecifiedPeriod", [&] {
      date("ram:StartDateTime", *start);
      date("ram:EndDateTime", *end);
    });
  }
  void allowance(std::int64_t taken_off) {
    out_.element("ram:SpecifiedTradeAllowanceCharge", [&] {
      out_.element("ram:ChargeIndicator", [&] { out_.text("udt:Indicator", "false"); });
      amount("ram:ActualAmount", taken_off);
      out_.text("ram:ReasonCode", "95");
      out_.text("ram:Reason", allowance_reason(document_.locale));
    });
  }

  void party(TradeParty const& party) {
    out_.known("ram:ID", party.identifier);
    out_.text("ram:Name", party.name);
    if (!party.contact.empty() || !party.email.empty())
      out_.element("ram:DefinedTradeContact", [&] {
        out_.known("ram:PersonName", party.contact);
        if (!party.email.empty())
          out_.element("ram:EmailURIUniversalCommunication",
                       [&] { out_.text("ram:URIID", party.email); });
      });
    out_.element("ram:PostalTradeAddress", [&] {
      constexpr std::array<std::string_view, 3> names{"ram:LineOne", "ram:LineTwo",
                                                      "ram:LineThree"};
      out_.known("ram:PostcodeCode", party.postal_code);
      for (std::size_t i = 0; i < std::min(names.size(), party.lines.size()); ++i)
        out_.text(names[i], party.lines[i]);
      out_.known("ram:CityName", party.city);
      out_.text("ram:CountryID", party.country);
      out_.known("ram:CountrySubDivisionName", party.subdivision);
    });
    registration(party.vat_id, "VA");
    registration(party.tax_registration, "FC");
  }
  void registration(std::string const& number, std::string_view scheme) {
    if (number.empty()) return;
    out_.element("ram:SpecifiedTaxRegistration", [&] {
      out_.text("ram:ID", number, {{"schemeID", scheme}});
    });
  }

  void settlement() {
    out_.text("ram:InvoiceCurrencyCode", document_.currency);
    if (auto const& means = document_.payment)
      out_.element("ram:SpecifiedTradeSettlementPaymentMeans", [&] {
        out_.text("ram:TypeCode", means->code);
        if (!means->last4.empty())
          out_.element("ram:ApplicableTradeSettlementFinancialCard",
                       [&] { out_.text("ram:ID", means->last4); });
      });
    for (auto const& group : document_.vat)
      out_.element("ram:ApplicableTradeTax", [&] {
        auto const exemption = exemption_of(group.vat, document_.locale);
        amount("ram:CalculatedAmount", group.tax);
        out_.text("ram:TypeCode", "VAT");
        out_.known("ram:ExemptionReason", exemption.text);
        amount("ram:BasisAmount", group.taxable);
        out_.text("ram:CategoryCode", name_of(group.vat.category));
        out_.known("ram:ExemptionReasonCode", exemption.code);
        rate(group.vat);
      });
    if (!document_.terms.empty() || !document_.due_on.empty())
      out_.element("ram:SpecifiedTradePaymentTerms", [&] {
        out_.known("ram:Description", document_.terms);
        if (!document_.due_on.empty()) date("ram:DueDateDateTime", document_.due_on);
      });
    totals();
    if (document_.is_credit_note)
      out_.element("ram:InvoiceReferencedDocument", [&] {
        out_.text("ram:IssuerAssignedID", document_.preceding_number);
        date("ram:FormattedIssueDateTime", document_.preceding_issued_on, "qdt");
      });
  }

  void totals() {
    out_.element("ram:SpecifiedTradeSettlementHeaderMonetarySummation", [&] {
      amount("ram:LineTotalAmount", document_.lines_total);
      amount("ram:TaxBasisTotalAmount", document_.lines_total);
      out_.text("ram:TaxTotalAmount", decimal_text(document_.vat_total, document_.decimals),
                {{"currencyID", document_.currency}});
      amount("ram:GrandTotalAmount", document_.total);
      amount("ram:TotalPrepaidAmount", document_.paid);
      amount("ram:DuePayableAmount", document_.due);
    });
  }

  TradeDocument const& document_;
  xml::Document out_;
};
}  // namespace

std::string in_cii(TradeDocument const& document) { return Cii{document}.text(); }

}  // namespace billing
