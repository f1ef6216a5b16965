#pragma once
// Trials: who is in one is told before it is charged for.
#include "platform/config/config.hpp"
#include "platform/db/db.hpp"
#include "platform/i18n/i18n.hpp"
#include "stripe/stripe.hpp"

namespace billing {

/// Mails the owner, once for each end of a trial; nothing when it is over, or told to end with it.
/// Stripe says so three days before
/// (https://docs.stripe.com/api/events/types#event_types-customer.subscription.trial_will_end).
void remind_of_trial_end(db::Tx& tx, config::Settings const& settings,
                         stripe::Object const& subscription);

/// Until when the trial of this subscription runs; none: it is in no trial.
[[nodiscard]] std::optional<Time> trial_end_of(db::Tx& tx, std::string_view stripe_subscription_id);

}  // namespace billing
