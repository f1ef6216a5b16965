#pragma once
// What a report about recurring revenue is asked: the periods, whose subscriptions, which
// discounts, in which money.
#include "ledger/derive.hpp"
#include "ledger/movement.hpp"
#include "platform/json/checks.hpp"
#include "reports/periods.hpp"

namespace reports {

struct MrrRequest {
  std::optional<std::string> from, to;
  std::optional<series::Granularity> granularity;
  std::optional<std::string> currency, timezone;
  std::optional<ledger::Policy> policy;
  std::optional<std::string> plan, country;
  std::optional<Time> as_of;
  static constexpr auto rules() {
    using R = MrrRequest;
    return ::rules(
        rule(&R::from, {.doc = "First month or day; eleven months before unless told",
                        .example = "2026-01",
                        .max_length = 10}),
        rule(&R::to, {.doc = "Last month or day; the present month unless told",
                      .example = "2026-12",
                      .max_length = 10}),
        rule(&R::granularity, {.doc = "Of the periods; month unless told"}),
        rule(&R::currency, {.doc = "ISO 4217, lower case, or reporting: all of them in that of the "
                                   "reports, by the rates that staff keep (D11); that of the "
                                   "reports alone unless told",
                            .example = "eur",
                            .check = is_currency}),
        rule(&R::timezone, {.doc = "Whose days they are; that of the reports unless told",
                            .example = "Europe/Madrid",
                            .min_length = 1,
                            .max_length = 60}),
        rule(&R::policy, {.doc = "Which discounts count (D4); recurring unless told"}),
        rule(&R::plan, {.doc = "Only items whose price belongs to this plan: who changes to "
                               "another plan is churn here and new there",
                        .example = "team",
                        .max_length = 40}),
        rule(&R::country, {.doc = "Only customers of this country, ISO 3166-1 alpha-2, with all "
                                  "that they ever paid: it is their present one",
                           .example = "ES",
                           .min_length = 2,
                           .max_length = 2,
                           .check = checks::country}),
        rule(&R::as_of, {.doc = "As it was known then; what came later does not count"}));
  }
  static FieldCode const* is_currency(std::string_view code);
};

struct MrrQuestion : Question {
  ledger::Policy policy = ledger::Policy::recurring;
  std::optional<std::string> plan, country;
  bool is_converted = false;  // all currencies, in that of the question

  /// The day before which a period counts: of what is still to come nothing does.
  [[nodiscard]] ledger::Day end_of(Period const& period) const;
  /// The day a year before a period's end. Only months have one, and what ends with a month.
  [[nodiscard]] std::optional<ledger::Day> year_before(Period const& period) const;
};

[[nodiscard]] MrrQuestion understood(db::Tx& tx, MrrRequest const& request,
                                     settings::Groups const& groups);

}  // namespace reports
