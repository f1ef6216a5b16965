#pragma once
// Stored events: each is kept once with a job that works it off, and is never thrown away.
#include "customers/customers.hpp"
#include "stripe/stripe.hpp"

namespace billing {

struct ApplyStripeEvent {
  static constexpr std::string_view kind = "billing.apply_stripe_event";
  std::string event_id, object_id;
};

struct Event {
  std::string id, type, object_id;
  Time created;
  std::string payload;
};

/// Whether an event's id or type is one: unlike other strings they are of a known alphabet.
[[nodiscard]] bool is_word(std::string_view text);
/// Stores an event and enqueues its job; false when it was there already.
bool keep_event(db::Tx& tx, stripe::Object const& event, std::string_view payload,
                std::string_view source);
/// One that is not applied yet.
[[nodiscard]] std::optional<Event> find_open_event(db::Tx& tx, std::string_view id);
/// Events of an object that wait to be worked off, but for one: oldest first, some at a time.
[[nodiscard]] std::vector<Event> waiting_beside(db::Tx& tx, std::string_view object_id,
                                                std::string_view event_id);

enum class EventState { applied, ignored, unlinked, foreign, dead };
constexpr auto names_of(EventState) {
  return std::array<std::string_view, 5>{"applied", "ignored", "unlinked", "foreign", "dead"};
}
/// `stranger` is whom they belong to at Stripe, when that is nobody of ours (yet).
void mark_events(db::Tx& tx, std::vector<std::string> const& ids, EventState state,
                 std::optional<std::string> const& error = {},
                 std::optional<std::string> const& stranger = {});
/// Their jobs are done without having run, if they have not begun: `by` has done their work.
void end_jobs_of(db::Tx& tx, std::vector<std::string> const& ids, std::string_view by);

/// Whom an object belongs to at Stripe, when that is nobody of ours (yet). Until the transaction
/// ends nobody looks for this customer's events.
[[nodiscard]] std::optional<std::string> unknown_customer(db::Tx& tx, stripe::Object const& object);
/// Enqueues what was stored before its customer was known.
void adopt_events(db::Tx& tx, std::string_view stripe_customer_id);

/// Enqueues stored events again: one id, or all dead ones when it is empty. Returns how many.
std::int64_t replay(db::Tx& tx, std::string const& event_id);
/// The same for all of an object, but those of another account; returns their ids, oldest first.
std::vector<std::string> reopen_events_of(db::Tx& tx, std::string_view object_id);

}  // namespace billing
