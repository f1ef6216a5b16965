#include "billing/unused_time.hpp"

#include <algorithm>
#include <numeric>

#include "platform/money/money.hpp"

namespace billing {

namespace {
/// The part of `amount`, which is for all seconds from `from` to `until`, that falls before `at`.
std::int64_t part_before(std::int64_t amount, Time from, Time until, Time at) {
  if (until <= from || at >= until) return amount;
  if (at <= from) return 0;
  auto const seconds = [](auto span) {
    return std::chrono::duration_cast<std::chrono::seconds>(span).count();
  };
  return money::share(amount, seconds(at - from), seconds(until - from),
                      money::Rounding::toward_zero);
}

std::vector<stripe::Object> all_of(stripe::Client const& client, std::string const& path,
                                   http_client::Form const& query) {
  std::vector<stripe::Object> out;
  for (bool has_more = true; has_more;) {
    auto form = query;
    form.add("limit", 100);
    if (!out.empty()) form.add("starting_after", stripe::text(out.back(), "id"));
    auto const page = client.get(path, form);
    auto const* data = stripe::find(page, "data");
    if (!data || !data->is_array() || data->get_array().empty()) return out;
    for (auto const& entry : data->get_array()) out.push_back(entry.as_object());
    has_more = stripe::boolean(page, "has_more");
  }
  return out;
}

std::vector<stripe::Object> lines_of(stripe::Client const& client, stripe::Object const& invoice) {
  if (stripe::boolean(invoice, "lines.has_more"))
    return all_of(client, "/v1/invoices/" + stripe::text(invoice, "id") + "/lines", {});
  std::vector<stripe::Object> out;
  if (auto const* data = stripe::find(invoice, "lines.data"); data && data->is_array())
    for (auto const& line : data->get_array()) out.push_back(line.as_object());
  return out;
}

/// For time of the subscription; the others were sold once and are not used up.
bool is_for_time(stripe::Object const& line) {
  return stripe::text(line, "parent.type") == "subscription_item_details" ||
         stripe::boolean(line, "parent.invoice_item_details.proration");
}

std::int64_t net_of(stripe::Object const& line) {
  auto amount = stripe::integer(line, "amount");
  if (auto const* discounts = stripe::find(line, "discount_amounts");
      discounts && discounts->is_array())
    for (auto const& discount : discounts->get_array())
      amount -= stripe::integer(discount.as_object(), "amount");
  return amount;
}

/// What an invoice asked for the time from `end` on, as far as it was paid in money. What it
/// credited for that time counts against it.
std::int64_t unused_of(stripe::Client const& client, stripe::Object const& invoice, Time end) {
  std::int64_t unused = 0, all = 0;
  for (auto const& line : lines_of(client, invoice)) {
    auto const amount = net_of(line);
    all += amount;
    auto const from = stripe::time(line, "period.start"), until = stripe::time(line, "period.end");
    if (from && until && is_for_time(line))
      unused += amount - part_before(amount, *from, *until, end);
  }
  if (all <= 0) return unused;  // all of it was a credit
  return money::share(unused, stripe::integer(invoice, "amount_paid"), all,
                      money::Rounding::toward_zero);
}
}  // namespace

std::int64_t Pending::to_drop(bool gives_back) const {
  std::int64_t all = 0, prorations = 0;
  for (auto const& item : items) {
    all += item.amount;
    if (item.is_proration) prorations += item.amount;
  }
  return all > 0 ? all : gives_back ? prorations : 0;
}

std::int64_t Pending::overpaid() const {
  if (to_drop(true) >= 0) return 0;
  return std::accumulate(
      items.begin(), items.end(), std::int64_t{0},
      [](std::int64_t sum, Item const& item) { return item.is_proration ? sum - item.used : sum; });
}

Pending pending_of(stripe::Client const& client, stripe::Object const& subscription, Time end) {
  auto const id = stripe::text(subscription, "id");
  http_client::Form query;
  query.add("customer", stripe::id_of(subscription, "customer")).add("pending", "true");
  Pending out;
  for (auto const& item : all_of(client, "/v1/invoiceitems", query)) {
    if (stripe::id_of(item, "parent.subscription_details.subscription") != id) continue;
    auto const amount = stripe::integer(item, "amount");
    auto const from = stripe::time(item, "period.start"), until = stripe::time(item, "period.end");
    out.items.push_back({stripe::text(item, "id"), amount,
                         from && until ? part_before(amount, *from, *until, end) : amount,
                         stripe::boolean(item, "proration")});
  }
  return out;
}

void drop(stripe::Client const& client, Pending const& pending, std::int64_t sum) {
  for (auto const& item : pending.items) {
    if (sum == 0 || (sum < 0 && !item.is_proration)) continue;
    try {
      client.cancel("/v1/invoiceitems/" + item.id);
    } catch (stripe::Refused const& refused) {
      if (refused.status != 404) throw;
    }
  }
}

std::int64_t give_back_unused(stripe::Client const& client, stripe::Object const& subscription,
                              Time end, std::int64_t overpaid, RefundKey const& key,
                              std::string const& tenant_id) {
  http_client::Form query;
  query.add("subscription", stripe::text(subscription, "id")).add("status", "paid");
  auto const invoices = all_of(client, "/v1/invoices", query);
  auto left = overpaid;
  for (auto const& invoice : invoices) left += unused_of(client, invoice, end);
  std::int64_t given_back = 0;
  for (auto const& invoice : invoices) {  // newest first
    if (left <= given_back) break;
    if (stripe::integer(invoice, "amount_paid") <= 0) continue;
    http_client::Form expand;
    expand.add("expand[0]", "payments.data.payment.payment_intent");
    auto const whole = client.get("/v1/invoices/" + stripe::text(invoice, "id"), expand);
    given_back +=
        refund_invoice(client, whole, left - given_back, key, {.tenant_id = tenant_id}).now;
  }
  return given_back;
}

}  // namespace billing
