// Items that wait for the customer's next invoice.
#include "sandbox/api.hpp"
#include "sandbox/discounts.hpp"
#include "sandbox/invoice_lines.hpp"
#include "sandbox/invoices.hpp"
#include "sandbox/prices.hpp"
#include "sandbox/taxes.hpp"

namespace sandbox {

namespace {
/// The invoice that an item is made for.
Object draft_of(Store& store, std::string const& id, std::string const& customer,
                std::string const& currency) {
  auto invoice = store.load("invoice", id, "invoice");
  if (text(invoice, "status") != "draft" || text(invoice, "customer") != customer ||
      text(invoice, "currency") != currency)
    throw invalid("An item goes to a draft of the same customer, in its currency.", "invoice",
                  "invoice_not_editable");
  return invoice;
}

Object create(Call& call) {
  auto& store = call.store;
  auto const customer = store.load("customer", call.given("customer"), "customer");
  Line line{.quantity = number(call.parameters, "quantity", 1),
            .description = call.given("description"),
            .period_start = number(call.parameters, "period.start", store.now),
            .period_end = number(call.parameters, "period.end", store.now),
            .subscription = call.given("subscription"),
            .metadata = part(call.parameters, "metadata"),
            .tax_rates = tax_rates_named(store, items(call.parameters, "tax_rates"), "tax_rates")};
  if (call.parameters.contains("discountable"))
    line.discountable = truth(call.parameters, "discountable");
  auto currency = call.given("currency");
  if (auto const price = call.given("pricing.price"); !price.empty()) {
    line.price = store.load("price", price, "pricing[price]");
    currency = text(line.price, "currency");
    line.amount = amount_of(line.price, line.quantity);
    if (line.description.empty())
      if (auto const product = store.find(text(line.price, "product")))
        line.description = text(*product, "name");
  } else if (has(call.parameters, "amount")) {
    line.amount = number(call.parameters, "amount");
  } else {
    throw missing_parameter("amount");
  }
  if (currency.empty()) throw missing_parameter("currency");
  currency = currency_named(currency, "currency");
  line.discounts = make_discounts(store, items(call.parameters, "discounts"),
                                  {.customer = text(customer, "id"), .currency = currency});
  std::optional<Object> draft;
  if (auto const id = call.given("invoice"); !id.empty())
    draft = draft_of(store, id, text(customer, "id"), currency);
  auto item = insert_invoice_item(store, customer, currency, line);
  if (draft) {
    take_item(store, *draft, item);
    add_up(store, *draft);
    store.save_and_emit(*draft, "invoice.updated");
  }
  return item;
}

Object retrieve(Call& call) { return call.store.load("invoiceitem", call.id()); }

Object update(Call& call) {
  auto item = call.store.load("invoiceitem", call.id());
  apply(item, call.parameters, {"amount", "description"});
  merge_metadata(item, call.parameters);
  call.store.save(item);
  return item;
}

Object remove(Call& call) {
  auto const item = call.store.load("invoiceitem", call.id());
  if (has(item, "invoice"))
    throw invalid("This invoice item is already attached to an invoice.", {},
                  "invoice_not_editable");
  call.store.remove(call.id());
  call.store.emit("invoiceitem.deleted", item);
  return {{"id", call.id()}, {"object", "invoiceitem"}, {"deleted", true}};
}

Object list(Call& call) {
  Object filter;
  for (auto const name : {"customer", "invoice"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  if (call.parameters.contains("pending")) filter["pending"] = truth(call.parameters, "pending");
  return answer_list(call, "invoiceitem", filter);
}
}  // namespace

std::vector<Endpoint> invoice_item_endpoints() {
  return {
      {"POST",
       "/v1/invoiceitems",
       {{"customer", Kind::text, Need::required},
        {"amount", Kind::amount},
        {"currency"},
        {"description"},
        {"invoice"},
        {"discounts[].coupon"},
        {"discounts[].promotion_code"},
        {"tax_rates[]"},
        {"metadata", Kind::metadata},
        {"period.start", Kind::integer, Need::required},
        {"period.end", Kind::integer, Need::required},
        {"pricing.price"},
        {"quantity", Kind::count},
        {"subscription"},
        {"discountable", Kind::boolean}},
       create},
      {"GET",
       "/v1/invoiceitems",
       {{"customer"}, {"invoice"}, {"pending", Kind::boolean}},
       list,
       Shape::list},
      {"GET", "/v1/invoiceitems/{id}", {}, retrieve},
      {"POST",
       "/v1/invoiceitems/{id}",
       {{"amount", Kind::amount}, {"description"}, {"metadata", Kind::metadata}},
       update},
      {"DELETE", "/v1/invoiceitems/{id}", {}, remove},
  };
}

}  // namespace sandbox
