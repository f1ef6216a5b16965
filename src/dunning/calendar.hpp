#pragma once
// What happens next to a tenant if nobody does anything. Staff and customers are told by the same
// answer, and it is what the steps are taken by.
#include "dunning/ladder.hpp"
#include "tenants/tenants.hpp"

namespace dunning {

/// The steps have their own names.
enum class What {
  renewal,
  trial_end,
  subscription_end,
  collection_resumes,
  payment_attempt,
  first_mail,
  second_mail,
  third_mail,
  warning,
  hold,
  archive,
  purge,
  hold_end,
};
constexpr auto names_of(What) {
  return std::array<std::string_view, 13>{
      "renewal",         "trial_end",  "subscription_end", "collection_resumes",
      "payment_attempt", "first_mail", "second_mail",      "third_mail",
      "warning",         "hold",       "archive",          "purge",
      "hold_end"};
}

struct NextEvent {
  What what;
  Progress progress;
  std::optional<Time> at;
  std::optional<std::string> invoice{}, currency{}, hold{};
  std::optional<std::int64_t> amount{};
  static constexpr auto rules() {
    return ::rules(rule(&NextEvent::progress,
                        {.doc = "done and skipped: a step of the case that is open; waiting: "
                                "paused, or a payment is under way"}),
                   rule(&NextEvent::at, {.doc = "When it was done or will be; null: it waits"}),
                   rule(&NextEvent::invoice, {.doc = "Number of the invoice that it is about"}),
                   rule(&NextEvent::amount, {.doc = "What is open of it; minor units"}),
                   rule(&NextEvent::hold, {.doc = "Which hold ends"}));
  }
};
struct WhatHappensNext {
  tenants::TenantId tenant_id;
  customers::CustomerId customer_id;
  Time as_of;
  bool is_paused;
  std::optional<Time> not_before;
  std::vector<NextEvent> data;
  static constexpr auto rules() {
    using W = WhatHappensNext;
    return ::rules(
        rule(&W::is_paused, {.doc = "Staff have paused what follows from unpaid invoices"}),
        rule(&W::not_before, {.doc = "Staff have put it off until then"}),
        rule(&W::data, {.doc = "By time; what waits comes last"}));
  }
};

/// Problem{tenant_not_found} when there is none.
[[nodiscard]] WhatHappensNext what_happens_next(db::Tx& tx, tenants::TenantId id);

}  // namespace dunning
