// A credit note lowers what is still to be paid; what is paid already goes back by card, onto the
// customer's balance or outside of Stripe. Parts of an invoice's lines and taxes are cumulative:
// after all of it is credited, each has got exactly its own amount.
#include "sandbox/api.hpp"
#include "sandbox/calendar.hpp"
#include "sandbox/customers.hpp"
#include "sandbox/discounts.hpp"
#include "sandbox/invoices.hpp"
#include "sandbox/refunds.hpp"

namespace sandbox {

namespace {
Object const note_mould = mould(R"({
  "id": "", "object": "credit_note", "amount": 0, "amount_shipping": 0, "created": 0,
  "currency": "", "customer": "", "customer_account": null, "customer_balance_transaction": null,
  "discount_amount": 0, "discount_amounts": [], "effective_at": null, "invoice": "",
  "lines": {"object": "list", "data": [], "has_more": false, "total_count": 0, "url": ""},
  "livemode": false, "memo": null, "metadata": {}, "number": "", "out_of_band_amount": null,
  "pdf": "", "post_payment_amount": 0, "pre_payment_amount": 0, "pretax_credit_amounts": [],
  "reason": null, "refunds": [], "shipping_cost": null, "status": "issued", "subtotal": 0,
  "subtotal_excluding_tax": 0, "total": 0, "total_excluding_tax": 0, "total_taxes": [],
  "type": "pre_payment", "voided_at": null
})");

/// So much more of a whole than before: each part of it is the difference of two rounded sums.
struct Part {
  std::int64_t before, after, whole;
  std::int64_t of(std::int64_t amount) const {
    return prorated(amount, after, whole) - prorated(amount, before, whole);
  }
  Array of(Array const& entries) const {
    Array out;
    for (auto entry : entries) {
      auto& parts = entry.as_object();
      for (auto const name : {"amount", "taxable_amount"})
        if (has(parts, name)) parts[name] = of(number(parts, name));
      out.push_back(std::move(entry));
    }
    return out;
  }
};

std::int64_t sum_of(Array const& entries) {
  std::int64_t sum = 0;
  for (auto const& entry : entries) sum += number(entry.as_object(), "amount");
  return sum;
}

Object note_line(std::string_view type, std::int64_t amount, Value description) {
  return {{"id", new_id("cnli_1")},
          {"object", "credit_note_line_item"},
          {"amount", amount},
          {"description", std::move(description)},
          {"discount_amount", 0},
          {"discount_amounts", Array{}},
          {"livemode", false},
          {"metadata", Object{}},
          {"pretax_credit_amounts", Array{}},
          {"quantity", nullptr},
          {"tax_rates", Array{}},
          {"taxes", Array{}},
          {"type", type},
          {"unit_amount", nullptr},
          {"unit_amount_decimal", nullptr}};
}

Object line_of_part(Object const& invoice_line, Part const& part) {
  auto line = note_line("invoice_line_item", part.of(number(invoice_line, "amount")),
                        invoice_line.at("description"));
  line["invoice_line_item"] = invoice_line.at("id");
  line["discount_amounts"] = part.of(items(invoice_line, "discount_amounts"));
  line["discount_amount"] = sum_of(items(line, "discount_amounts"));
  line["pretax_credit_amounts"] = part.of(items(invoice_line, "pretax_credit_amounts"));
  line["taxes"] = part.of(items(invoice_line, "taxes"));
  return line;
}

std::int64_t total_of(Object const& line) {
  auto total = number(line, "amount") - number(line, "discount_amount");
  for (auto const& tax : items(line, "taxes"))
    if (text(tax.as_object(), "tax_behavior") == "exclusive")
      total += number(tax.as_object(), "amount");
  return total;
}

/// The lines that a request names, by amount (before tax and discounts) or quantity.
Array lines_of_request(Object& invoice, Array const& given) {
  Array lines;
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto const shown = "lines[" + std::to_string(i) + "]";
    auto const& entry = given[i].as_object();
    if (text(entry, "type") == "custom_line_item") {
      if (!has(entry, "unit_amount")) throw missing_parameter(shown + "[unit_amount]");
      auto line =
          note_line("custom_line_item", number(entry, "unit_amount") * number(entry, "quantity", 1),
                    text_or_null(text(entry, "description")));
      line["quantity"] = number(entry, "quantity", 1);
      line["unit_amount"] = number(entry, "unit_amount");
      line["unit_amount_decimal"] = std::to_string(number(entry, "unit_amount"));
      lines.emplace_back(std::move(line));
      continue;
    }
    auto& all = invoice["lines"].as_object()["data"].as_array();
    auto const found = std::find_if(all.begin(), all.end(), [&](Value const& line) {
      return text(line.as_object(), "id") == text(entry, "invoice_line_item");
    });
    if (found == all.end())
      throw no_such("line_item", text(entry, "invoice_line_item"), shown + "[invoice_line_item]");
    auto& source = found->as_object();
    auto const whole = number(source, "amount"), before = number(source, "_credited");
    auto const amount = has(entry, "quantity")
                            ? prorated(whole, number(entry, "quantity"), number(source, "quantity"))
                            : number(entry, "amount", whole - before);
    if (amount < 1 || before + amount > whole)
      throw invalid("The amount is more than is left of the invoice line item.",
                    shown + "[amount]");
    source["_credited"] = before + amount;
    lines.emplace_back(line_of_part(source, {before, before + amount, whole}));
  }
  return lines;
}

/// A sum goes over all lines and their taxes in proportion; the largest line takes the rest.
Array lines_of_sum(Object const& invoice, std::int64_t sum) {
  auto const before = number(invoice, "_credited");
  Part const part{before, before + sum, number(invoice, "total")};
  Array lines;
  std::int64_t total = 0;
  std::size_t largest = 0;
  for (auto const& source : items(invoice, "lines.data")) {
    auto line = line_of_part(source.as_object(), part);
    total += total_of(line);
    lines.emplace_back(std::move(line));
    if (total_of(lines.back().as_object()) > total_of(lines[largest].as_object()))
      largest = lines.size() - 1;
  }
  if (lines.empty()) throw invalid("The invoice has no lines to credit.", "amount");
  auto& rest = lines[largest].as_object();
  rest["amount"] = number(rest, "amount") + sum - total;
  return lines;
}

/// Adds the amounts of an entry to those of the same rate or discount.
void add_entry(Array& sums, Object const& entry, std::string_view by) {
  for (auto& sum : sums)
    if (sum.as_object().at(by) == entry.at(by)) {
      for (auto const name : {"amount", "taxable_amount"})
        if (has(entry, name))
          sum.as_object()[name] = number(sum.as_object(), name) + number(entry, name);
      return;
    }
  sums.push_back(entry);
}

void add_up_note(Object& note, Array lines) {
  std::int64_t amount = 0, discount = 0, taxes = 0, total = 0;
  Array all_taxes, all_discounts;
  for (auto const& entry : lines) {
    auto const& line = entry.as_object();
    amount += number(line, "amount");
    discount += number(line, "discount_amount");
    total += total_of(line);
    for (auto const& tax : items(line, "taxes")) {
      taxes += number(tax.as_object(), "amount");
      add_entry(all_taxes, tax.as_object(), "tax_rate_details");
    }
    for (auto const& cut : items(line, "discount_amounts"))
      add_entry(all_discounts, cut.as_object(), "discount");
  }
  note["subtotal"] = amount;
  note["discount_amount"] = discount;
  note["discount_amounts"] = std::move(all_discounts);
  note["total"] = total;
  note["amount"] = total;
  note["total_excluding_tax"] = total - taxes;
  note["subtotal_excluding_tax"] = total - taxes + discount;
  note["total_taxes"] = std::move(all_taxes);
  auto& list = note["lines"].as_object();
  list["total_count"] = std::int64_t(lines.size());
  list["data"] = std::move(lines);
}

std::optional<Object> charge_of(Store& store, Object const& invoice) {
  auto const intent = intent_of(store, text(invoice, "id"));
  if (!intent || text(*intent, "status") != "succeeded") return {};
  return store.find(text(*intent, "latest_charge"));
}

/// Where what was paid goes back to.
struct Ways {
  std::int64_t refund, balance, out_of_band, linked;
  std::int64_t sum() const { return refund + balance + out_of_band + linked; }
};

Ways ways_of(Store& store, Object const& parameters) {
  Ways ways{number(parameters, "refund_amount"), number(parameters, "credit_amount"),
            number(parameters, "out_of_band_amount"), 0};
  for (auto const& entry : items(parameters, "refunds")) {
    auto const refund = store.load("refund", text(entry.as_object(), "refund"), "refunds");
    ways.linked += number(entry.as_object(), "amount_refunded", number(refund, "amount"));
  }
  return ways;
}

/// What was paid and neither credited by a note nor refunded without one.
std::int64_t creditable(Object const& invoice, std::optional<Object> const& charge,
                        Ways const& ways) {
  auto const refunded = charge ? number(*charge, "amount_refunded") : 0;
  auto const without_note = refunded - number(invoice, "_refunded_by_notes") - ways.linked;
  return number(invoice, "amount_paid") + number(invoice, "amount_paid_off_stripe") -
         number(invoice, "post_payment_credit_notes_amount") -
         std::max<std::int64_t>(0, without_note);
}

void link_refund(Object& note, std::string const& refund, std::int64_t amount) {
  note["refunds"].as_array().push_back(Object{{"amount_refunded", amount},
                                              {"payment_record_refund", nullptr},
                                              {"refund", refund},
                                              {"type", "refund"}});
}

void give_back(Store& store, Object& note, Object& invoice, Ways const& ways,
               Object const& parameters) {
  if (ways.refund > 0) {
    auto charge = *charge_of(store, invoice);
    link_refund(note, text(refund_charge(store, charge, ways.refund, {}), "id"), ways.refund);
  }
  for (auto const& entry : items(parameters, "refunds")) {
    auto const refund = store.load("refund", text(entry.as_object(), "refund"), "refunds");
    link_refund(note, text(refund, "id"),
                number(entry.as_object(), "amount_refunded", number(refund, "amount")));
  }
  if (ways.balance > 0) {
    auto customer = store.load("customer", text(invoice, "customer"));
    customer["currency"] = invoice.at("currency");
    auto entry = move_balance(store, customer, -ways.balance, "credit_note", text(invoice, "id"));
    entry["credit_note"] = text(note, "id");
    store.save(entry);
    note["customer_balance_transaction"] = text(entry, "id");
  }
  if (ways.out_of_band > 0) note["out_of_band_amount"] = ways.out_of_band;
  invoice["_refunded_by_notes"] = number(invoice, "_refunded_by_notes") + ways.refund + ways.linked;
}

void check_amounts(Object const& note, Object const& invoice, Ways const& ways,
                   std::optional<Object> const& charge) {
  auto const total = number(note, "total"), post = number(note, "post_payment_amount");
  if (total < 1)
    throw invalid("The credit note must credit more than nothing.", "amount",
                  "parameter_invalid_integer");
  if (post > creditable(invoice, charge, ways))
    throw invalid("The credit note's amount is more than is left to credit of the invoice.",
                  "amount");
  if (ways.sum() != post)
    throw invalid(
        "The sum of credit amount, refund amount, out of band amount and refunds must equal the "
        "credit note's amount that is paid already: " +
        std::to_string(post) + ".");
  if (ways.refund > 0 && (!charge || refundable_of(*charge) < ways.refund))
    throw invalid("The invoice has no charge that so much can be refunded of.", "refund_amount");
}

/// The note as it would be; the invoice notes which of its lines it takes, both only in memory.
Object drafted(Store& store, Object& invoice, Object const& parameters) {
  auto const status = text(invoice, "status");
  if (status != "open" && status != "paid" && status != "uncollectible")
    throw invalid("You can only credit an invoice that is open, paid or uncollectible.", "invoice");
  bool const by_lines = has(parameters, "lines"), by_sum = has(parameters, "amount");
  if (by_lines == by_sum) throw invalid("You must pass exactly one of amount or lines.");
  auto note = note_mould;
  note["id"] = new_id("cn_1");
  note["created"] = store.now;
  note["effective_at"] = number(parameters, "effective_at", store.now);
  note["currency"] = invoice.at("currency");
  note["customer"] = invoice.at("customer");
  note["invoice"] = invoice.at("id");
  note["lines"].as_object()["url"] = "/v1/credit_notes/" + text(note, "id") + "/lines";
  apply(note, parameters, {"memo", "reason"});
  merge_metadata(note, parameters);
  add_up_note(note, by_lines ? lines_of_request(invoice, items(parameters, "lines"))
                             : lines_of_sum(invoice, number(parameters, "amount")));
  auto const total = number(note, "total");
  auto const pre = status == "paid" ? 0 : std::min(total, number(invoice, "amount_remaining"));
  note["pre_payment_amount"] = pre;
  note["post_payment_amount"] = total - pre;
  note["type"] = pre == total ? "pre_payment" : pre == 0 ? "post_payment" : "mixed";
  check_amounts(note, invoice, ways_of(store, parameters), charge_of(store, invoice));
  return note;
}

Object create(Call& call) {
  auto& store = call.store;
  auto invoice = store.load("invoice", call.given("invoice"), "invoice");
  auto note = drafted(store, invoice, call.parameters);
  auto const earlier = store.all("credit_note", {{"invoice", text(invoice, "id")}}).size();
  note["number"] = fmt::format("{}-CN-{:02}", text(invoice, "number"), earlier + 1);
  note["pdf"] = store.settings.public_url + "/i/" + text(invoice, "id") + "/pdf";
  give_back(store, note, invoice, ways_of(store, call.parameters), call.parameters);
  store.insert(note);
  store.emit("credit_note.created", note);
  for (auto const name : {"pre_payment", "post_payment"})
    invoice[std::string{name} + "_credit_notes_amount"] =
        number(invoice, std::string{name} + "_credit_notes_amount") +
        number(note, std::string{name} + "_amount");
  invoice["_credited"] = number(invoice, "_credited") + number(note, "total");
  change_due(store, invoice, -number(note, "pre_payment_amount"));
  return without_private(note);
}

Object preview(Call& call) {
  auto invoice = call.store.load("invoice", call.given("invoice"), "invoice");
  return drafted(call.store, invoice, call.parameters);
}

Object retrieve(Call& call) { return call.store.load("credit_note", call.id()); }

Object update(Call& call) {
  auto note = call.store.load("credit_note", call.id());
  apply(note, call.parameters, {"memo"});
  merge_metadata(note, call.parameters);
  call.store.save_and_emit(note, "credit_note.updated");
  return note;
}

Object void_note(Call& call) {
  auto& store = call.store;
  auto note = store.load("credit_note", call.id());
  auto invoice = store.load("invoice", text(note, "invoice"));
  if (text(note, "status") == "void") throw invalid("The credit note is void already.");
  if (text(invoice, "status") != "open" || number(note, "post_payment_amount") > 0)
    throw invalid("You can only void a credit note of an open invoice.");
  note["status"] = "void";
  note["voided_at"] = store.now;
  store.save(note);
  store.emit("credit_note.voided", note);
  auto const back = number(note, "pre_payment_amount");
  invoice["pre_payment_credit_notes_amount"] =
      number(invoice, "pre_payment_credit_notes_amount") - back;
  invoice["_credited"] = number(invoice, "_credited") - number(note, "total");
  for (auto const& line : items(note, "lines.data"))
    for (auto& source : invoice["lines"].as_object()["data"].as_array())
      if (text(source.as_object(), "id") == text(line.as_object(), "invoice_line_item") &&
          has(source.as_object(), "_credited"))
        source.as_object()["_credited"] =
            number(source.as_object(), "_credited") - number(line.as_object(), "amount");
  change_due(store, invoice, back);
  return note;
}

Object list(Call& call) {
  Object filter;
  for (auto const name : {"customer", "invoice"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  return answer_list(call, "credit_note", filter);
}

Object list_lines(Call& call) {
  return answer_embedded(call, items(call.store.load("credit_note", call.id()), "lines.data"));
}
}  // namespace

std::vector<Endpoint> credit_note_endpoints() {
  std::vector<Parameter> const creating{
      {"invoice", Kind::text, Need::required},
      {"amount", Kind::amount},
      {"credit_amount", Kind::amount},
      {"effective_at", Kind::integer},
      {"email_type", Kind::text, Need::optional, "credit_note|none"},
      {"lines[].amount", Kind::amount},
      {"lines[].description"},
      {"lines[].invoice_line_item"},
      {"lines[].quantity", Kind::count},
      {"lines[].type", Kind::text, Need::required, "custom_line_item|invoice_line_item"},
      {"lines[].unit_amount", Kind::amount},
      {"memo"},
      {"metadata", Kind::metadata},
      {"out_of_band_amount", Kind::amount},
      {"reason", Kind::text, Need::optional,
       "duplicate|fraudulent|order_change|product_unsatisfactory"},
      {"refund_amount", Kind::amount},
      {"refunds[].amount_refunded", Kind::amount},
      {"refunds[].refund", Kind::text, Need::required},
      {"refunds[].type", Kind::text, Need::optional, "refund"}};
  return {{"POST", "/v1/credit_notes", creating, create},
          {"GET", "/v1/credit_notes", {{"customer"}, {"invoice"}}, list, Shape::list},
          {"GET", "/v1/credit_notes/preview", creating, preview},
          {"GET", "/v1/credit_notes/{id}", {}, retrieve},
          {"POST", "/v1/credit_notes/{id}", {{"memo"}, {"metadata", Kind::metadata}}, update},
          {"POST", "/v1/credit_notes/{id}/void", {}, void_note},
          {"GET", "/v1/credit_notes/{id}/lines", {}, list_lines, Shape::list}};
}

}  // namespace sandbox
