// Present shapes and former ones: see the table in each function.
#include "ledger/papers.hpp"

#include <algorithm>

#include "platform/money/money.hpp"

namespace ledger {

namespace {
using stripe::Object;

/// The objects of an array, or of a list's `data`.
std::vector<Object const*> objects_in(Object const& object, std::string_view path) {
  std::vector<Object const*> out;
  auto const* found = stripe::find(object, path);
  if (!found || !found->is_array()) return out;
  for (auto const& entry : found->get_array())
    if (auto const* one = entry.if_object()) out.push_back(one);
  return out;
}

bool has(Object const& object, std::string_view path) {
  auto const* found = stripe::find(object, path);
  return found && !found->is_null();
}

std::int64_t sum_of(Object const& object, std::string_view path) {
  std::int64_t sum = 0;
  for (auto const* entry : objects_in(object, path))
    sum = money::add(sum, stripe::integer(*entry, "amount"));
  return sum;
}

struct Taxes {
  std::int64_t all = 0, inside = 0;
};
/// `taxes` with a behaviour, formerly `tax_amounts` that are inclusive or not.
Taxes taxes_of(Object const& line) {
  Taxes out;
  bool const is_present = has(line, "taxes");
  for (auto const* tax : objects_in(line, is_present ? "taxes" : "tax_amounts")) {
    auto const amount = stripe::integer(*tax, "amount");
    bool const is_inside = is_present ? stripe::text(*tax, "tax_behavior") == "inclusive"
                                      : stripe::boolean(*tax, "inclusive");
    out.all = money::add(out.all, amount);
    if (is_inside) out.inside = money::add(out.inside, amount);
  }
  return out;
}

/// `parent.…_details.invoice_item` of a proration, formerly `invoice_item` and `proration`.
std::string proration_item(Object const& line) {
  if (stripe::boolean(line, "proration")) return stripe::id_of(line, "invoice_item");
  for (std::string const details :
       {"parent.subscription_item_details.", "parent.invoice_item_details."})
    if (stripe::boolean(line, details + "proration"))
      return stripe::id_of(line, details + "invoice_item");
  return {};
}

Line line_of(Object const& line) {
  auto const taxes = taxes_of(line);
  auto const discounted =
      money::subtract(stripe::integer(line, "amount"), sum_of(line, "discount_amounts"));
  return {.id = stripe::text(line, "id"),
          .item = proration_item(line),
          .net = money::subtract(discounted, taxes.inside),
          .tax = taxes.all,
          .starts = stripe::time(line, "period.start"),
          .ends = stripe::time(line, "period.end")};
}

std::optional<Time> finalised_at(Object const& invoice) {
  auto const status = stripe::text(invoice, "status");
  if (status.empty() || status == "draft" || status == "deleted") return {};
  if (auto const at = stripe::time(invoice, "status_transitions.finalized_at")) return at;
  return stripe::time(invoice, "created");
}

/// What the balance gave or took is the difference of what it was before and after.
std::int64_t due_of(Object const& invoice) {
  return money::subtract(
      money::add(stripe::integer(invoice, "total"), stripe::integer(invoice, "starting_balance")),
      stripe::integer(invoice, "ending_balance"));
}

/// Those that the list of payments tells.
std::vector<Payment> listed_payments(Object const& invoice, Time otherwise) {
  std::vector<Payment> out;
  for (auto const* payment : objects_in(invoice, "payments.data")) {
    if (stripe::text(*payment, "status") != "paid") continue;
    out.push_back({.id = stripe::text(*payment, "id"),
                   .amount = stripe::integer(*payment, "amount_paid"),
                   .at = stripe::time(*payment, "status_transitions.paid_at").value_or(otherwise),
                   .through_stripe = stripe::text(*payment, "payment.type") != "payment_record"});
  }
  return out;
}

/// And what only the invoice's sums tell: what was paid otherwise than through Stripe, and all that
/// was paid where a former shape has no list.
void add_unlisted(Invoice& out, Object const& invoice, Time at) {
  std::int64_t through = 0, otherwise = 0;
  for (auto const& payment : out.payments) {
    auto& sum = payment.through_stripe ? through : otherwise;
    sum = money::add(sum, payment.amount);
  }
  auto const paid = stripe::integer(invoice, "amount_paid");
  auto told = stripe::integer(invoice, "amount_paid_off_stripe");
  if (told == 0 && stripe::boolean(invoice, "paid_out_of_band"))
    told = money::subtract(paid, through);
  if (told > otherwise) {
    out.payments.push_back({"out_of_band", told - otherwise, at, false});
    otherwise = told;
  }
  auto const missing = money::subtract(paid, money::add(through, otherwise));
  if (missing > 0) out.payments.push_back({"paid", missing, at, true});
}
}  // namespace

Invoice invoice_of(Object const& invoice) {
  Invoice out{.id = stripe::text(invoice, "id"),
              .currency = stripe::text(invoice, "currency"),
              .total = stripe::integer(invoice, "total"),
              .due = due_of(invoice),
              .finalised_at = finalised_at(invoice)};
  if (!out.finalised_at) return out;
  auto const status = stripe::text(invoice, "status");
  auto const changed = [&](std::string const& how) {
    return stripe::time(invoice, "status_transitions." + how).value_or(*out.finalised_at);
  };
  if (status == "paid") out.paid_at = changed("paid_at");
  if (status == "void") out.voided_at = changed("voided_at");
  if (status == "uncollectible" || has(invoice, "status_transitions.marked_uncollectible_at"))
    out.uncollectible_at = changed("marked_uncollectible_at");
  for (auto const* line : objects_in(invoice, "lines.data")) out.lines.push_back(line_of(*line));
  auto const otherwise = out.paid_at.value_or(*out.finalised_at);
  out.payments = listed_payments(invoice, otherwise);
  if (out.paid_at) add_unlisted(out, invoice, otherwise);
  return out;
}

CreditNote credit_note_of(Object const& note) {
  CreditNote out{.id = stripe::text(note, "id"),
                 .at = stripe::time(note, "created").value_or(Time{}),
                 .total = stripe::integer(note, "total")};
  if (stripe::text(note, "status") == "void")
    out.voided_at = stripe::time(note, "voided_at").value_or(out.at);
  if (has(note, "pre_payment_amount"))
    out.before_payment = stripe::integer(note, "pre_payment_amount");
  else if (stripe::text(note, "type") == "pre_payment")
    out.before_payment = out.total;
  for (auto const* line : objects_in(note, "lines.data")) {
    auto const taxes = taxes_of(*line);
    auto const discounted = money::subtract(stripe::integer(*line, "amount"),
                                            stripe::integer(*line, "discount_amount"));
    out.lines.push_back({.line = stripe::text(*line, "invoice_line_item"),
                         .net = money::subtract(discounted, taxes.inside),
                         .tax = taxes.all});
  }
  for (auto const* entry : objects_in(note, "refunds"))
    out.refunds[stripe::id_of(*entry, "refund")] = stripe::integer(*entry, "amount_refunded");
  // Formerly there was one, and all of it was the note's.
  if (auto const refund = stripe::id_of(note, "refund"); !refund.empty())
    out.refunds.emplace(refund, std::numeric_limits<std::int64_t>::max());
  return out;
}

Refund refund_of(Object const& refund, std::optional<Time> failed_at) {
  Refund out{.id = stripe::text(refund, "id"),
             .currency = stripe::text(refund, "currency"),
             .amount = stripe::integer(refund, "amount"),
             .at = stripe::time(refund, "created").value_or(Time{})};
  if (auto const why = stripe::text(refund, "metadata.given_back_for");
      why.starts_with(refund_again))
    out.repeats = why.substr(refund_again.size());
  auto const status = stripe::text(refund, "status");
  if (status != "failed" && status != "canceled") return out;
  if (!failed_at) failed_at = stripe::time(refund, "failure_balance_transaction.created");
  out.failed_at = failed_at.value_or(out.at);
  return out;
}

Charge charge_of(Object const& charge) {
  bool const came = stripe::text(charge, "status") == "succeeded";
  auto const* amount = has(charge, "amount_captured") ? "amount_captured" : "amount";
  return {.id = stripe::text(charge, "id"),
          .currency = stripe::text(charge, "currency"),
          .amount = came ? stripe::integer(charge, amount) : 0,
          .at = stripe::time(charge, "created").value_or(Time{})};
}

Dispute dispute_of(Object const& dispute, std::optional<Time> lost_at) {
  Dispute out{.id = stripe::text(dispute, "id"),
              .currency = stripe::text(dispute, "currency"),
              .amount = stripe::integer(dispute, "amount")};
  if (stripe::text(dispute, "status") == "lost")
    out.lost_at = lost_at ? *lost_at : stripe::time(dispute, "created").value_or(Time{});
  return out;
}

std::optional<Item> item_of(Object const& item) {
  if (!stripe::boolean(item, "proration")) return {};
  return Item{.id = stripe::text(item, "id"),
              .currency = stripe::text(item, "currency"),
              .net = stripe::integer(item, has(item, "net_amount") ? "net_amount" : "amount"),
              .starts = stripe::time(item, "period.start"),
              .ends = stripe::time(item, "period.end"),
              .booked = stripe::time(item, "date").value_or(Time{})};
}

Item item_of(Line const& line, Invoice const& invoice, std::optional<Item> const& known) {
  return {.id = line.item,
          .currency = invoice.currency,
          .net = line.net,
          .starts = line.starts,
          .ends = line.ends,
          .booked = known ? known->booked : invoice.finalised_at.value_or(Time{})};
}

bool has_failed(Object const& charge) { return stripe::text(charge, "status") == "failed"; }

}  // namespace ledger
