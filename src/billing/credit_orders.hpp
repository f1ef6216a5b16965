#pragma once
// Credit notes of invoices that are open: less is to be paid, and nothing goes back. Of invoices
// that are paid they come with refunds.
#include "billing/invoice_view.hpp"
#include "platform/config/config.hpp"
#include "platform/jobs/jobs.hpp"
#include "stripe/stripe.hpp"

namespace billing {

enum class CreditReason { duplicate, fraudulent, order_change, product_unsatisfactory };
constexpr auto names_of(CreditReason) {
  return std::array<std::string_view, 4>{"duplicate", "fraudulent", "order_change",
                                         "product_unsatisfactory"};
}

enum class CreditOutcome { being_checked, credited, refused, unknown };
constexpr auto names_of(CreditOutcome) {
  return std::array<std::string_view, 4>{"being_checked", "credited", "refused", "unknown"};
}

struct CreditOrder {
  customers::CustomerId customer_id;
  InvoiceId invoice_id;
  std::int64_t amount;
  std::string currency;
  std::optional<CreditReason> reason;
  std::string note, asked_by;
};
struct CreditEnd {
  CreditOutcome outcome;
  std::string refusal{}, credit_note{};
};

using CreditOrderId = std::int64_t;
[[nodiscard]] CreditOrderId begin_credit(db::Tx& tx, CreditOrder const& order);
/// Writes the credit note unless it was written before, and how that ended; repeating it changes
/// nothing. Throws stripe::Unavailable where that is not known.
CreditEnd carry_out_credit(db::Connection& connection, stripe::Client const& client,
                           CreditOrderId order, stripe::Patience patience);

/// Finds out how an order ended whose answer was lost.
struct CheckCredit {
  static constexpr std::string_view kind = "billing.check_credit_note";
  std::int64_t order_id;
};

/// GET /api/billing/credit-notes.
void add_credit_note_list(http::Api& api);
/// POST /api/billing/invoices/{id}/credit-notes.
void add_credit_endpoint(http::Api& api);
void add_credit_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
