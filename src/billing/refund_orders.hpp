#pragma once
// Money that staff give back: how much may go back at all, and an order that is written down before
// Stripe is asked and carries a mark of its own, so that it goes back once.
#include "billing/invoice_view.hpp"
#include "customers/customers.hpp"
#include "platform/config/config.hpp"
#include "platform/jobs/jobs.hpp"
#include "stripe/stripe.hpp"
#include "tenants/tenants.hpp"

namespace billing {

enum class RefundReason { requested_by_customer, duplicate, fraudulent };
constexpr auto names_of(RefundReason) {
  return std::array<std::string_view, 3>{"requested_by_customer", "duplicate", "fraudulent"};
}

enum class RefundOutcome { being_checked, given_back, in_part, refused };
constexpr auto names_of(RefundOutcome) {
  return std::array<std::string_view, 4>{"being_checked", "given_back", "in_part", "refused"};
}

/// Why nothing can be given back.
enum class RefundHindrance { none, paid_out_of_band, charge_disputed, nothing_paid, nothing_left };
constexpr auto names_of(RefundHindrance) {
  return std::array<std::string_view, 5>{"none", "paid_out_of_band", "charge_disputed",
                                         "nothing_paid", "nothing_left"};
}

/// What somebody wants to give back of: an invoice, or one payment.
struct RefundTarget {
  customers::CustomerId customer_id;
  std::optional<InvoiceId> invoice_id;
  std::optional<std::string> stripe_invoice_id, stripe_charge_id;
  std::optional<tenants::TenantId> tenant_id;
  std::string currency;
  bool is_paid, is_paid_out_of_band;
};
/// Locks it, so that two do not give back the same. Nothing: there is no such thing.
[[nodiscard]] std::optional<RefundTarget> lock_target(db::Tx& tx, std::optional<InvoiceId> invoice,
                                                      std::optional<std::string> const& charge);

/// In minor units of the target's currency.
struct Refundable {
  std::int64_t paid, refunded;
  std::int64_t disputed;  // of payments that a bank took back, or may
  std::int64_t credited;  // by credit notes that gave it back otherwise
  std::int64_t ordered;   // is on its way
  std::int64_t left;
};
[[nodiscard]] Refundable refundable(db::Tx& tx, RefundTarget const& target);
[[nodiscard]] RefundHindrance hindrance(RefundTarget const& target, Refundable const& money);

struct RefundOrder {
  RefundTarget target;
  std::int64_t amount;
  RefundReason reason;
  std::string note, asked_by;
};
using RefundOrderId = std::int64_t;
[[nodiscard]] RefundOrderId begin_refund(db::Tx& tx, RefundOrder const& order);

struct RefundEnd {
  RefundOutcome outcome;
  std::int64_t given_back = 0;
  std::string refusal{};  // Stripe's code
  std::vector<std::string> refunds{};
  std::string credit_note{};
};
/// Gives back what has not gone back for this order yet and writes how it ended; repeating it
/// changes nothing. Throws stripe::Unavailable where that is not known.
RefundEnd carry_out_refund(db::Connection& connection, stripe::Client const& client,
                           RefundOrderId order, stripe::Patience patience);

/// Finds out how an order ended whose answer was lost; runs whatever becomes of who asked.
struct CheckRefund {
  static constexpr std::string_view kind = "billing.check_refund";
  std::int64_t order_id;
};

/// GET and POST /api/billing/refunds, and its preview.
void add_refund_list(http::Api& api);
void add_refund_endpoints(http::Api& api);
void add_refund_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
