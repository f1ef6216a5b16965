#pragma once
// Where the mirror and Stripe do not agree, and how far the comparison of a kind has come.
#include "customers/customers.hpp"
#include "platform/jobs/jobs.hpp"
#include "stripe/stripe.hpp"

namespace mirror {

using DifferenceId = Id<"dif">;

enum class Nature { missing_here, missing_there, different };
constexpr auto names_of(Nature) {
  return std::array<std::string_view, 3>{"missing_here", "missing_there", "different"};
}
enum class Resolution { applied, replayed, gone };
constexpr auto names_of(Resolution) {
  return std::array<std::string_view, 3>{"applied", "replayed", "gone"};
}

struct Difference {
  std::string stripe_id, kind;
  Nature nature;
  std::optional<customers::CustomerId> customer{};
  stripe::Object members{};  // {path: [ours, theirs]}
};
/// One is open for each object.
void write_difference(db::Tx& tx, Difference const& difference);
/// How it ended; false: none was open.
bool resolve_difference(db::Tx& tx, std::string_view stripe_id, Resolution resolution);
/// The same for one that has ended by itself while somebody was about to end it.
void tell_resolution(db::Tx& tx, DifferenceId id, Resolution resolution);

/// All objects of a kind at Stripe, page by page; it goes on where it was cut off.
struct Walk {
  Time began_at;
  std::optional<std::string> after;
  bool is_first;  // no walk of this kind has come to its end yet
};
/// None: one came to its end since then.
[[nodiscard]] std::optional<Walk> walk_of(db::Tx& tx, std::string_view kind, Time not_since);
struct Met {
  std::vector<std::string> ids;
  std::int64_t not_ours = 0, differing = 0;
};
void come_to(db::Tx& tx, std::string_view kind, std::string_view after, Met const& met);
/// The place in the list is gone: from its beginning.
void begin_again(db::Tx& tx, std::string_view kind);
/// Objects that stand here and that no page of this walk has shown.
[[nodiscard]] std::vector<std::string> not_met(db::Tx& tx, std::string_view kind, Time began_at);
void end_walk(db::Tx& tx, std::string_view kind, Met const& met);

}  // namespace mirror
