// Chains within a second, and which of what was asked for still says something.
#include "ledger/history.hpp"

#include <algorithm>

#include "ledger/discounts.hpp"

namespace ledger {

namespace {
using boost::json::value;

value const* member(stripe::Object const& object, std::string_view name) {
  auto const* found = object.if_contains(name);
  return found && !found->is_null() ? found : nullptr;
}

/// Whether one side is the id of the object on the other: what can be expanded is one or the other.
bool is_id_of(value const& id, value const& object) {
  if (!id.is_string() || !object.is_object()) return false;
  auto const* own = member(object.get_object(), "id");
  return own && *own == id;
}

/// Whether what an event names as former values is what stands here. Of an object it names the
/// members that changed only.
bool fits(value const* here, value const& former) {
  if (former.is_null()) return !here;
  if (!here) return false;
  if (is_id_of(former, *here) || is_id_of(*here, former)) return true;
  if (auto const* wanted = former.if_object()) {
    auto const* object = here->if_object();
    return object && std::ranges::all_of(*wanted, [&](auto const& entry) {
             return fits(member(*object, entry.key()), entry.value());
           });
  }
  if (auto const* wanted = former.if_array()) {
    auto const* array = here->if_array();
    if (!array || array->size() != wanted->size()) return false;
    for (std::size_t i = 0; i < wanted->size(); ++i)
      if (!fits(&(*array)[i], (*wanted)[i])) return false;
    return true;
  }
  return *here == former;
}

/// What a subscription has no member for, as some shapes have none for `quantity`, says nothing.
bool fits(stripe::Object const& here, stripe::Object const& former) {
  return std::ranges::all_of(former, [&](auto const& entry) {
    return !here.contains(entry.key()) || fits(member(here, entry.key()), entry.value());
  });
}

bool is_first(Snapshot const& snapshot) { return snapshot.type == "customer.subscription.created"; }
bool is_last(Snapshot const& snapshot) { return snapshot.type == "customer.subscription.deleted"; }

/// How well `next` follows what stands.
int strength(Snapshot const* stands, Snapshot const& next) {
  constexpr int against = -100, says_so = 2, same = 1;
  if (is_first(next)) return stands ? against : says_so;
  if (!stands) return 0;
  if (is_last(*stands)) return against;
  if (next.before) return fits(stands->state, *next.before) ? says_so : 0;
  return what_counts(stands->state) == what_counts(next.state) ? same : 0;
}

/// How well each of these changes follows what stands, and each other: links[i][j] of j after i.
struct Links {
  Links(Snapshot const* stands, std::vector<Snapshot const*> const& changes)
      : between(changes.size(), std::vector<int>(changes.size())) {
    for (std::size_t i = 0; i < changes.size(); ++i) {
      first.push_back(strength(stands, *changes[i]));
      for (std::size_t j = 0; j < changes.size(); ++j)
        if (i != j) between[i][j] = strength(changes[i], *changes[j]);
    }
  }
  std::vector<int> first;
  std::vector<std::vector<int>> between;
};

/// More different changes of one subscription in one second are chained one by one: from each to
/// the one that follows it best.
constexpr std::size_t most_chained = 12;
std::size_t last_of_many(Links const& links) {
  auto const count = links.first.size();
  std::vector<bool> told(count);
  std::size_t last = 0;
  for (std::size_t step = 0; step < count; ++step) {
    auto const& from = step == 0 ? links.first : links.between[last];
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < count; ++i)
      if (!told[i] && (!best || from[i] > from[*best])) best = i;
    last = *best;
    told[last] = true;
  }
  return last;
}

/// The last of one second: that of the chain which has most links.
Snapshot const* last_of(std::vector<Snapshot const*> events, Snapshot const* stands) {
  std::ranges::sort(events, {}, [](Snapshot const* event) { return event->event_id; });
  // The same change may come under two ids.
  std::vector<Snapshot const*> changes;
  for (auto const* event : events)
    if (std::ranges::none_of(changes, [&](Snapshot const* known) {
          return known->state == event->state && known->before == event->before &&
                 known->type == event->type;
        }))
      changes.push_back(event);
  if (changes.size() == 1) return changes.back();
  auto const count = changes.size();
  Links const links{stands, changes};
  if (count > most_chained) return changes[last_of_many(links)];
  constexpr int none = -1'000'000;
  // The best chain over each set of changes, by the change at its end.
  std::vector<std::vector<int>> best(std::size_t{1} << count, std::vector<int>(count, none));
  for (std::size_t i = 0; i < count; ++i) best[std::size_t{1} << i][i] = links.first[i];
  for (std::size_t set = 1; set < best.size(); ++set)
    for (std::size_t end = 0; end < count; ++end) {
      if (best[set][end] == none) continue;
      for (std::size_t next = 0; next < count; ++next) {
        if (set >> next & 1) continue;
        auto& known = best[set | std::size_t{1} << next][next];
        known = std::max(known, best[set][end] + links.between[end][next]);
      }
    }
  auto const& whole = best.back();
  return changes[std::size_t(std::ranges::max_element(whole) - whole.begin())];
}

/// Whether an event tells the change by which what was asked for differs from what was before.
bool tells_it(Snapshot const& event, Snapshot const& fetched) {
  if (is_first(event)) return true;
  if (event.before) return !fits(fetched.state, *event.before);
  bool const same = what_counts(event.state) == what_counts(fetched.state);
  return is_last(event) ? same : !same;
}
}  // namespace

value what_counts(stripe::Object const& subscription) {
  stripe::Object out;
  auto const take = [](stripe::Object const& from, std::string_view name, stripe::Object& to) {
    if (auto const* found = member(from, name)) to[name] = *found;
  };
  auto const take_discounts = [](stripe::Object const& from, stripe::Object& to) {
    boost::json::array ids;
    for (auto const& id : discount_ids(from)) ids.emplace_back(id);
    to["discounts"] = std::move(ids);
  };
  for (auto const* name : {"status", "currency", "default_tax_rates"})
    take(subscription, name, out);
  out["is_paused"] = member(subscription, "pause_collection") != nullptr;
  take_discounts(subscription, out);
  boost::json::array items;
  if (auto const* list = stripe::find(subscription, "items.data"); list && list->is_array())
    for (auto const& item : list->get_array()) {
      stripe::Object kept;
      for (auto const* name : {"id", "price", "quantity", "tax_rates"})
        take(item.as_object(), name, kept);
      take_discounts(item.as_object(), kept);
      items.emplace_back(std::move(kept));
    }
  out["items"] = std::move(items);
  return out;
}

std::vector<State> in_order(std::vector<Snapshot> const& snapshots) {
  struct Second {
    std::vector<Snapshot const*> events{};
    std::vector<Snapshot const*> all{};
  };
  std::map<Time, Second> seconds;
  for (auto const& snapshot : snapshots) {
    auto& second = seconds[snapshot.at];
    second.all.push_back(&snapshot);
    if (snapshot.is_event()) second.events.push_back(&snapshot);
  }
  // Which one closes a second is asked with the event before it in mind, whose own place is taken
  // without looking further back.
  struct Closed {
    Time at;
    Snapshot const *last, *event;
  };
  std::vector<Closed> closed;
  Snapshot const* stands = nullptr;
  for (auto const& [at, second] : seconds) {
    bool const has_events = !second.events.empty();
    closed.push_back(
        {at, last_of(second.all, stands), has_events ? last_of(second.events, stands) : nullptr});
    if (has_events) stands = last_of(second.events, nullptr);
  }
  std::vector<State> out;
  Snapshot const* next_event = nullptr;
  for (auto second = closed.rbegin(); second != closed.rend(); ++second) {
    auto const* counted = second->last;
    if (!counted->is_event() && next_event && tells_it(*next_event, *counted))
      counted = second->event;
    if (counted) out.push_back({second->at, counted});
    if (second->event) next_event = second->event;
  }
  std::ranges::reverse(out);
  return out;
}

}  // namespace ledger
