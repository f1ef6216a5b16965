#pragma once
// What the files of sign-up share among themselves.
#include "signup/signup.hpp"
#include "tenants/jobs.hpp"

namespace signup {

inline constexpr ProblemType stripe_unavailable{Kind::upstream, "stripe_unavailable",
                                                "The payment service does not answer"};
inline constexpr ProblemType building_paused{Kind::unavailable, "building_paused",
                                             "New systems cannot be set up at the moment"};
inline constexpr ProblemType server_clock_wrong{Kind::unavailable, "server_clock_wrong",
                                                "This server's clock is wrong"};
inline constexpr ProblemType signup_not_found{Kind::not_found, "signup_not_found",
                                              "There is no such sign-up"};
inline constexpr ProblemType signup_over{Kind::conflict, "signup_over",
                                         "This sign-up cannot be paid or changed any more"};
inline constexpr ProblemType too_many_unpaid{
    Kind::too_many, "too_many_unpaid", "Too many sign-ups without a payment are open from here"};

inline constexpr ProblemType signup_not_live{Kind::conflict, "signup_not_live",
                                             "The tenant of this sign-up does not run yet"};

/// Gives an unpaid name free again, after a last look at Stripe.
struct ExpireLease {
  static constexpr std::string_view kind = "signup.expire_lease";
  std::int64_t signup_id;
};

/// The payment arrived, or did not: tell the customer, with the way to the sign-up's page.
struct TellPayment {
  static constexpr std::string_view kind = "signup.tell_payment";
  std::int64_t signup_id;
  bool received;
};

inline Signup tx_require(std::optional<Signup> signup) {
  if (!signup) throw Problem{signup_not_found};
  return std::move(*signup);
}

/// Somebody has paid for one sign-up twice.
struct ReturnSecondPayment {
  static constexpr std::string_view kind = "signup.return_second_payment";
  std::int64_t signup_id;
  std::string subscription_id;
};

/// Giving back was given up: the money is owed, and staff see it.
void note_not_returned(db::Tx& tx, tenants::RolledBack const& args, std::string const& error);
void note_not_returned(db::Tx& tx, ReturnSecondPayment const& args, std::string const& error);

/// Runs when the lease is over, whenever that is by then.
inline void enqueue_lease_end(db::Tx& tx, SignupId id, Time lease_until) {
  jobs::enqueue(
      tx, ExpireLease{id.value},
      {.dedupe_key = std::to_string(id.value), .run_at = lease_until, .max_attempts = 50});
}

/// A trial is promised for a plan, whatever becomes of it until it is paid for.
[[nodiscard]] std::int64_t promised_days(Signup const& signup, Form const& form,
                                         tenants::Offer const& offer);
/// Stripe's name for what a subscription is paid with, the same for all customers who give it;
/// empty: not known.
[[nodiscard]] std::string fingerprint_of(stripe::Object const& subscription);
/// False: its owner has had a subscription of ours. Whoever else settles a trial waits.
[[nodiscard]] bool may_try(db::Tx& tx, Signup const& signup, stripe::Object const& subscription);

/// Until when its trial runs; none: it is in none.
[[nodiscard]] std::optional<Time> trial_of(db::Tx& tx, Signup const& signup);

/// There may be a place again for those who wait for one.
struct TellWaiting {
  static constexpr std::string_view kind = "signup.tell_waiting";
};

/// Of the lock under which a sign-up's pages are opened and ended.
inline std::string turn_of(SignupId id) {
  return "signup.open_session:" + std::to_string(id.value);
}

/// What mails about a sign-up may name.
[[nodiscard]] std::map<std::string, std::string> words(config::Settings const& settings,
                                                       customers::Customer const& customer,
                                                       tenants::Tenant const& tenant);
/// Throws Problem{building_paused} while no tenant could be built: nobody pays for nothing.
void require_building(db::Tx& tx);
[[nodiscard]] std::string plan_name(db::Connection& connection, std::string_view plan_id);

}  // namespace signup
