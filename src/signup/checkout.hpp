#pragma once
// What the files of sign-up share among themselves.
#include "signup/signup.hpp"
#include "tenants/jobs.hpp"

namespace signup {

inline constexpr ProblemType stripe_unavailable{Kind::upstream, "stripe_unavailable",
                                                "The payment service does not answer"};
inline constexpr ProblemType signup_not_found{Kind::not_found, "signup_not_found",
                                              "There is no such sign-up"};
inline constexpr ProblemType signup_over{Kind::conflict, "signup_over",
                                         "This sign-up cannot be paid any more"};

/// Gives an unpaid name free again, after a last look at Stripe.
struct ExpireLease {
  static constexpr std::string_view kind = "signup.expire_lease";
  std::int64_t signup_id;
  static constexpr auto fields() { return ::fields(field("signup_id", &ExpireLease::signup_id)); }
};

/// The payment arrived, or did not: tell the customer, with the way to the sign-up's page.
struct TellPayment {
  static constexpr std::string_view kind = "signup.tell_payment";
  std::int64_t signup_id;
  bool received;
  static constexpr auto fields() {
    return ::fields(field("signup_id", &TellPayment::signup_id),
                    field("received", &TellPayment::received));
  }
};

inline Signup tx_require(std::optional<Signup> signup) {
  if (!signup) throw Problem{signup_not_found};
  return std::move(*signup);
}

[[nodiscard]] std::string plan_name(db::Connection& connection, std::string_view plan_id);

}  // namespace signup
