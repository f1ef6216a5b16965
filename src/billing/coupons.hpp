#pragma once
// What the doors of promotion codes and of a tenant's discount share: a coupon's terms as Stripe
// tells them, and Stripe's troubles in words for whoever waits.
#include "billing/following.hpp"

namespace billing {

inline constexpr ProblemType promotion_not_found{Kind::not_found, "promotion_not_found",
                                                 "There is no such promotion code"};
inline constexpr ProblemType promotion_refused{Kind::conflict, "promotion_refused",
                                               "Stripe does not take this discount"};

enum class Duration { once, repeating, forever };
constexpr auto names_of(Duration) {
  return std::array<std::string_view, 3>{"once", "repeating", "forever"};
}

inline constexpr FieldCode not_an_id{"not_an_id", "must be an id of Stripe's"};
inline FieldCode const* id_rule(std::string_view id) {
  bool const is_fine = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return is_fine ? nullptr : &not_an_id;
}

/// None: there is no such number.
inline std::optional<std::int64_t> whole(stripe::Object const& object, std::string_view path) {
  auto const* value = stripe::find(object, path);
  if (!value || value->is_null()) return {};
  return stripe::integer(object, path);
}

template <class Work>
auto asking_stripe(Work&& work) {
  stripe::Visit const visit;
  try {
    return work();
  } catch (stripe::Refused const& refused) {
    bool const is_missing = refused.status == 404 || refused.code == "resource_missing";
    throw Problem{is_missing ? promotion_not_found : promotion_refused, {}, refused.what()};
  } catch (stripe::Unavailable const& away) {
    throw Problem{stripe_away, {}, away.what()}.retry_after(10);
  }
}

}  // namespace billing
