#pragma once
// What stands before money that staff move at Stripe: from some amount on they prove once more who
// they are, and a copy of an installation moves none.
#include "platform/http/problems.hpp"
#include "platform/settings/groups.hpp"

namespace billing {

struct Caution {
  std::int64_t confirm_from = 1000;
  static constexpr auto rules() {
    return ::rules(
        rule(&Caution::confirm_from,
             {.doc = "Whole units of whatever currency it is in: payments and refunds of "
                     "at least this much ask again who one is; 0: all of them do",
              .min = 0,
              .max = 1'000'000'000}));
  }
};
inline constexpr std::string_view caution_group = "payments";

inline constexpr ProblemType installation_is_copy{
    Kind::conflict, "installation_is_copy",
    "This is a copy of another installation: it moves no money until that one is gone for good"};

/// Declares the group.
void add_payment_settings(settings::Groups& groups, http::Api& api);

/// Throws Problem{step_up_required} when so much asks for it and it was not done, and
/// Problem{installation_is_copy}.
void require_may_move(http::Context& context, std::string_view currency, std::int64_t amount);

}  // namespace billing
