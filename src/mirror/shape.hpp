#pragma once
// Objects of Stripe's in one shape, whoever asked for them and with whatever expanded.
#include "stripe/stripe.hpp"

namespace mirror {

/// As Stripe shows it when nothing is expanded: what it only names is an id. Without secrets.
[[nodiscard]] stripe::Object natural(stripe::Object const& object);

/// Members by their paths ("lines.il_1.amount"), each with our value and theirs; null: none.
/// What objects only name counts by its id, and what says nothing about the object is left out.
[[nodiscard]] stripe::Object differences(stripe::Object const& ours, stripe::Object const& theirs);

}  // namespace mirror
