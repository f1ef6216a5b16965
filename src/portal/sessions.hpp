#pragma once
// Links and the sessions that they open. Of both only the hash of what the customer holds is kept.
#include "customers/customers.hpp"
#include "platform/http/endpoint.hpp"

namespace portal {

/// No other link is sent while one waits, so whoever lost a mail gets one when this is over.
constexpr std::chrono::hours link_life{1};
constexpr std::chrono::hours session_life{1};

inline constexpr ProblemType session_over{Kind::unauthenticated, "portal_session_over",
                                          "The page is closed: a new link opens it again"};

struct Session {
  customers::CustomerId customer_id;
  Time expires_at;
};

/// Of the browser that asks. From here on what is done counts as the customer's, in the audit trail
/// too. Throws Problem{portal_session_over}.
[[nodiscard]] Session session_of(http::Context& context);
/// The same, before anything is written at Stripe or here: Problem{installation_is_copy} in a copy.
[[nodiscard]] Session session_to_change(http::Context& context);

/// The end of a new link of this customer; nothing when one that was made within the hour is still
/// unused and this one is not sent by staff.
enum class By { customer, staff };
[[nodiscard]] std::optional<std::string> make_link(db::Tx& tx, customers::CustomerId customer,
                                                   By by);
/// Whose a link is, whether it is over or not.
[[nodiscard]] std::optional<customers::CustomerId> owner_of_link(db::Tx& tx,
                                                                 std::string_view token);

}  // namespace portal
