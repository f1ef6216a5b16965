// Lines carry their price under pricing.price_details and their origin under parent.
#include "sandbox/invoice_lines.hpp"

#include "sandbox/calendar.hpp"
#include "sandbox/prices.hpp"

namespace sandbox {

namespace {
Value origin_of(Line const& line) {
  Object const credited{{"credited_items", nullptr}};
  if (!line.subscription_item.empty())
    return Object{
        {"invoice_item_details", nullptr},
        {"subscription_item_details", Object{{"invoice_item", text_or_null(line.invoice_item)},
                                             {"proration", line.proration},
                                             {"proration_details", credited},
                                             {"subscription", text_or_null(line.subscription)},
                                             {"subscription_item", line.subscription_item}}},
        {"type", "subscription_item_details"}};
  return Object{{"invoice_item_details", Object{{"invoice_item", line.invoice_item},
                                                {"proration", line.proration},
                                                {"proration_details", credited},
                                                {"subscription", text_or_null(line.subscription)}}},
                {"subscription_item_details", nullptr},
                {"type", "invoice_item_details"}};
}

Value pricing_of(Object const& price) {
  if (price.empty()) return nullptr;
  return Object{
      {"price_details", Object{{"price", text(price, "id")}, {"product", text(price, "product")}}},
      {"type", "price_details"},
      {"unit_amount_decimal", price.at("unit_amount_decimal")}};
}

Line line_of_waiting(Object const& item) {
  Line line{.amount = number(item, "amount"),
            .quantity = number(item, "quantity", 1),
            .description = text(item, "description"),
            .period_start = number(item, "period.start"),
            .period_end = number(item, "period.end"),
            .subscription = text(item, "parent.subscription_details.subscription"),
            .subscription_item = text(item, "parent.subscription_details.subscription_item"),
            .invoice_item = text(item, "id"),
            .proration = truth(item, "proration"),
            .metadata = part(item, "metadata"),
            .discounts = items(item, "discounts"),
            .tax_rates = items(item, "tax_rates"),
            .discountable = truth(item, "discountable")};
  return line;
}

/// What waits for a subscription that is over comes with the customer's next invoice.
bool has_ended(Store& store, std::string const& subscription) {
  auto const found = store.find(subscription);
  return found && has(*found, "ended_at");
}

std::vector<Object> waiting(Store& store, Object const& invoice, std::string const& subscription) {
  auto items = store.all("invoiceitem", {{"customer", text(invoice, "customer")}});
  std::erase_if(items, [&](Object const& item) {
    auto const wanted = text(item, "parent.subscription_details.subscription");
    return has(item, "invoice") || text(item, "currency") != text(invoice, "currency") ||
           (!wanted.empty() && wanted != subscription && !has_ended(store, wanted));
  });
  return items;
}

bool is_discountable(Line const& line) {
  return line.discountable.value_or(!line.proration && line.amount >= 0);
}

void append_waiting(Store& store, Object& invoice, Object const& item) {
  auto line = line_of_waiting(item);
  if (auto price = store.find(text(item, "pricing.price_details.price")))
    line.price = *std::move(price);
  append_line(invoice, line);
}
}  // namespace

void append_line(Object& invoice, Line const& line) {
  Object document{{"id", new_id("il_1")},
                  {"object", "line_item"},
                  {"amount", line.amount},
                  {"currency", text(invoice, "currency")},
                  {"description", text_or_null(line.description)},
                  {"discount_amounts", Array{}},
                  {"discountable", is_discountable(line)},
                  {"discounts", line.discounts},
                  {"invoice", invoice.at("id")},
                  {"livemode", false},
                  {"metadata", line.metadata},
                  {"parent", origin_of(line)},
                  {"period", Object{{"end", line.period_end}, {"start", line.period_start}}},
                  {"pretax_credit_amounts", Array{}},
                  {"pricing", pricing_of(line.price)},
                  {"quantity", line.quantity},
                  {"quantity_decimal", std::to_string(line.quantity)},
                  {"subscription", text_or_null(line.subscription)},
                  {"subtotal", line.amount},
                  {"taxes", Array{}},
                  {"_tax_rates", line.tax_rates}};
  auto& lines = invoice["lines"].as_object();
  lines["data"].as_array().emplace_back(std::move(document));
  lines["total_count"] = std::int64_t(lines["data"].as_array().size());
}

Line line_of_item(Object const& subscription, Object const& item, std::int64_t period_start,
                  std::int64_t period_end) {
  auto const& price = part(item, "price");
  bool const metered = text(price, "recurring.usage_type") == "metered";
  auto const quantity = metered ? 0 : number(item, "quantity", 1);
  auto const unit = has(price, "unit_amount")
                        ? amount_text(number(price, "unit_amount"), text(price, "currency"))
                        : text(price, "unit_amount_decimal");
  auto const count = number(price, "recurring.interval_count", 1);
  auto const interval = text(price, "recurring.interval");
  auto const each = count == 1 ? interval : "every " + std::to_string(count) + " " + interval + "s";
  return {.amount = amount_of(price, quantity),
          .quantity = quantity,
          .description = std::to_string(quantity) + " × " + text(item, "_product_name") + " (at " +
                         unit + " / " + each + ")",
          .period_start = period_start,
          .period_end = period_end,
          .price = price,
          .subscription = text(subscription, "id"),
          .subscription_item = text(item, "id"),
          .discounts = items(item, "discounts"),
          .tax_rates = items(item, "tax_rates")};
}

Object insert_invoice_item(Store& store, Object const& customer, std::string const& currency,
                           Line const& line) {
  Value parent(nullptr);
  if (!line.subscription.empty())
    parent = Object{{"subscription_details",
                     Object{{"subscription", line.subscription},
                            {"subscription_item", text_or_null(line.subscription_item)}}},
                    {"type", "subscription_details"}};
  Object const item{{"id", new_id("ii_1")},
                    {"object", "invoiceitem"},
                    {"amount", line.amount},
                    {"currency", currency},
                    {"customer", text(customer, "id")},
                    {"customer_account", nullptr},
                    {"date", store.now},
                    {"description", text_or_null(line.description)},
                    {"discountable", is_discountable(line)},
                    {"discounts", line.discounts},
                    {"invoice", nullptr},
                    {"livemode", false},
                    {"metadata", line.metadata},
                    {"net_amount", line.amount},
                    {"parent", std::move(parent)},
                    {"period", Object{{"end", line.period_end}, {"start", line.period_start}}},
                    {"pricing", pricing_of(line.price)},
                    {"proration", line.proration},
                    {"quantity", line.quantity},
                    {"quantity_decimal", std::to_string(line.quantity)},
                    {"tax_rates", line.tax_rates},
                    {"test_clock", customer.at("test_clock")}};
  store.insert(item);
  store.emit("invoiceitem.created", item);
  return item;
}

void take_item(Store& store, Object& invoice, Object& item) {
  append_waiting(store, invoice, item);
  item["invoice"] = invoice.at("id");
  store.save(item);
}

void take_waiting_items(Store& store, Object& invoice, std::string const& subscription) {
  for (auto& item : waiting(store, invoice, subscription)) take_item(store, invoice, item);
}

void show_waiting_items(Store& store, Object& invoice, std::string const& subscription) {
  for (auto const& item : waiting(store, invoice, subscription))
    append_waiting(store, invoice, item);
}

}  // namespace sandbox
