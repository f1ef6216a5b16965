#pragma once
// The lines of invoices, and items that wait for the next one.
#include "sandbox/store.hpp"

namespace sandbox {

struct Line {
  std::int64_t amount = 0, quantity = 1;
  std::string description;
  std::int64_t period_start = 0, period_end = 0;
  Object price = {};  // empty: none
  std::string subscription, subscription_item, invoice_item;
  bool proration = false;
  Object metadata = {};
  Array discounts = {}, tax_rates = {};
  std::optional<bool> discountable = {};  // none: what is charged is, credits and prorations not
};

void append_line(Object& invoice, Line const& line);
/// The line of one subscription item for one period.
[[nodiscard]] Line line_of_item(Object const& subscription, Object const& item,
                                std::int64_t period_start, std::int64_t period_end);
/// A waiting item (a proration or a manual one), inserted, with invoiceitem.created.
Object insert_invoice_item(Store& store, Object const& customer, std::string const& currency,
                           Line const& line);
/// Moves the waiting items of the customer (those of `subscription`, or those of none) into lines.
void take_item(Store& store, Object& invoice, Object& item);
void take_waiting_items(Store& store, Object& invoice, std::string const& subscription);
/// The same lines without taking the items away: for previews.
void show_waiting_items(Store& store, Object& invoice, std::string const& subscription);

}  // namespace sandbox
