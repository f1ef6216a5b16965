#pragma once
// What Stripe says about an object is asked for and written in one turn, the same that the events'
// jobs take: an older answer never overwrites a newer one.
#include "billing/billing.hpp"
#include "billing/reading.hpp"
#include "platform/db/session_lock.hpp"
#include "platform/jobs/jobs.hpp"

namespace billing {

inline constexpr ProblemType stripe_away{Kind::unavailable, "stripe_unavailable",
                                         "Stripe does not answer at the moment"};

/// Of the lock under which an object of Stripe's is changed, asked for and written.
inline std::string turn_of(std::string_view object_id) {
  return "stripe:" + std::string{object_id};
}

/// Brings our row up to Stripe's present word. False: not one of ours. Throws what stripe::Client
/// throws.
bool follow_subscription(db::Connection& connection, stripe::Client const& client,
                         std::string const& id, std::optional<tenants::TenantId> tenant = {});
bool follow_invoice(db::Connection& connection, stripe::Client const& client,
                    std::string const& id);

/// Stripe knows neither an object nor whose it was: our key is of another account, and what is
/// missing there says nothing.
struct OtherAccount : stripe::Refused {
  explicit OtherAccount(std::string const& object_id);
};
/// Throws OtherAccount.
void require_known_customer(db::Connection& connection, stripe::Client const& client,
                            std::string const& object_id);

enum class Followed { ours, gone, strange };
/// The same for any object; one that Stripe does not have any more is marked.
Followed follow(db::Connection& connection, stripe::Client const& client, ObjectKind const& kind,
                std::string const& id);
/// Several, each a kind and an id, after something was done about them: what Stripe has no answer
/// to just now is left to jobs.
void follow_up(db::Connection& connection, stripe::Client const& client,
               std::vector<std::pair<std::string, std::string>> const& objects);
/// Works off billing.follow_object.
void add_following_worker(jobs::Engine& engine, config::Settings const& settings);

/// What changes something at Stripe waits in a copy, until a person says that the original is gone.
void wait_while_copy(jobs::Context& job);

/// The same, with Stripe's troubles as the engine knows them.
template <class Work>
void with_stripe(jobs::Context& job, Work&& work) {
  wait_while_copy(job);
  try {
    work();
  } catch (stripe::Unavailable const& away) {
    throw jobs::Retry{away.what()};
  } catch (stripe::Refused const& refused) {
    throw jobs::Permanent{refused.what()};
  }
}

}  // namespace billing
