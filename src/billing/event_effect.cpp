// What an event brings about: the past is what events carried, the present is what Stripe says now.
#include <algorithm>

#include "billing/events.hpp"
#include "billing/following.hpp"
#include "platform/log/log.hpp"

namespace billing {

/// What an event says of its object, and which one is to be asked for.
struct Events::Told {
  stripe::Object carried{}, before{};
  std::string asked_for{};
};

namespace {
stripe::Object object_at(stripe::Object const& payload, std::string_view path) {
  auto const* object = stripe::find(payload, path);
  return object && object->is_object() ? object->get_object() : stripe::Object{};
}

std::optional<Reading> ask(Asking const& asking, Handler const& handler, std::string const& id) {
  if (handler.kind) return read(asking, *handler.kind, id);
  ObjectKind const kind{.path = handler.path, .expand = handler.expand};
  return read(asking, kind, id);
}

/// Stripe does not know the object any more.
bool apply_absence(db::Tx& tx, Event const& event, Handler const& handler,
                   stripe::Object const& carried, std::string_view asked_for) {
  bool const by_event = handler.gone && handler.gone(tx, event);
  if (!handler.kind || asked_for != event.object_id) return by_event;
  Absence const absence{event.object_id, event.created, carried, event.type.ends_with(".deleted")};
  return handler.kind->gone(tx, absence, event.id) || by_event;
}

std::vector<std::string> ids_of(std::vector<Event> const& events) {
  std::vector<std::string> out;
  for (auto const& event : events) out.push_back(event.id);
  return out;
}
}  // namespace

std::string Events::foreign_because(Event const& event) {
  auto const payload = stripe::parse(event.payload);
  bool const real = settings_.takes_real_money();
  if (auto const* mode = stripe::find(payload, "livemode");
      mode && mode->is_bool() && mode->get_bool() != real)
    return real ? "of test mode, and our key is live" : "of live mode, and our key is not";
  // Only events of an account that is connected to ours name one.
  auto const account = stripe::text(payload, "account");
  if (account.empty()) return {};
  std::scoped_lock lock{mutex_};
  try {
    if (account_.empty()) account_ = stripe::text(client_.get("/v1/account"), "id");
  } catch (stripe::Refused const& refused) {  // a key that may not read it
    return "of the account " + account + ", and ours is not known: " + refused.what();
  }
  return account == account_ ? "" : "of the account " + account + ", and ours is " + account_;
}

Handler const* Events::handler_of(Event const& event) const {
  auto const found = std::ranges::find_if(
      handlers_, [&](Handler const& known) { return event.type.starts_with(known.prefix); });
  bool const asks = found != handlers_.end() && (found->kind || !found->path.empty());
  return asks && !event.object_id.empty() ? &*found : nullptr;
}

std::vector<Event> Events::served_too(db::Connection& connection, Event const& event,
                                      Handler const& handler, Told& told) {
  auto waiting = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return waiting_beside(tx, told.asked_for, event.id);
  }();
  std::erase_if(waiting, [&](Event const& other) {
    auto const* known = handler_of(other);
    if (!known || known->kind != handler.kind || known->id_of || !foreign_because(other).empty())
      return true;
    for (auto& [name, former] : object_at(stripe::parse(other.payload), "data.previous_attributes"))
      told.before.emplace(name, former);
    return false;
  });
  return waiting;
}

void Events::work_off(db::Connection& connection, std::string const& event_id, Commit const& commit,
                      Company company) {
  auto const event = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return find_open_event(tx, event_id);
  }();
  if (!event) return;  // applied already
  if (auto const why = foreign_because(*event); !why.empty()) {
    logging::warning("billing", "the event {} is not applied: it is {}", event->id, why);
    return commit([&](db::Tx& tx) { mark_events(tx, {event->id}, EventState::foreign, why); });
  }
  auto const* handler = handler_of(*event);
  if (!handler)
    return commit([&](db::Tx& tx) { mark_events(tx, {event->id}, EventState::ignored); });

  auto const payload = stripe::parse(event->payload);
  Told told{object_at(payload, "data.object"), object_at(payload, "data.previous_attributes"),
            event->object_id};
  if (handler->id_of) told.asked_for = handler->id_of(told.carried);
  // Whoever asks for another object than the event's waits for that one's turn, too.
  std::optional<db::SessionLock> turn;
  if (handler->kind && told.asked_for != event->object_id)
    turn.emplace(connection, turn_of(told.asked_for));
  bool const is_known = handler->is_known && [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return handler->is_known(tx, told.carried);
  }();
  if (is_known)
    return commit([&](db::Tx& tx) { mark_events(tx, {event->id}, EventState::applied); });

  std::vector<Event> others;
  std::optional<Reading> present;
  if (!told.asked_for.empty()) {
    if (company == Company::all && handler->kind)
      others = served_too(connection, *event, *handler, told);
    present = ask({connection, client_, told.before}, *handler, told.asked_for);
    if (!present) others.clear();  // what is gone is told by each for itself
  }
  commit([&](db::Tx& tx) {
    auto const stranger = handler->id_of && !handler->kind ? unknown_customer(tx, told.carried)
                          : present                        ? unknown_customer(tx, present->object)
                                                           : std::nullopt;
    auto const by_event = [&](Event const& one) {
      auto const& apply = handler_of(one)->apply;
      return apply && apply(tx, one, present->object);
    };
    bool ours = present ? by_event(*event)
                        : apply_absence(tx, *event, *handler, told.carried, told.asked_for);
    for (auto const& other : others) by_event(other);
    if (present && handler->kind) ours = handler->kind->apply(tx, *present, event->id);
    auto served = ids_of(others);
    end_jobs_of(tx, served, event->id);
    served.push_back(event->id);
    mark_events(tx, served,
                ours       ? EventState::applied
                : stranger ? EventState::unlinked
                           : EventState::ignored,
                {}, ours ? std::nullopt : stranger);
  });
}

}  // namespace billing
