#pragma once
// Objects and events of one piece of work (a request, a due date), all in one transaction. Work
// that writes is done one after the other: the sandbox's own lock is held until the commit.
#include <map>
#include <vector>

#include "platform/db/db.hpp"
#include "sandbox/error.hpp"
#include "sandbox/sandbox.hpp"
#include "sandbox/value.hpp"

namespace sandbox {

/// The request that causes events; empty when time did.
struct Origin {
  std::string request_id, idempotency_key;
};

/// Which part of a list is asked for.
struct Page {
  int limit = 10;
  std::string starting_after, ending_before;
  std::optional<std::int64_t> created_from = {}, created_before = {};
};

class Store {
 public:
  Store(db::Tx& tx, Settings const& settings, Origin origin);

  db::Tx& tx;
  Settings const& settings;
  /// The time, in Unix seconds, at which things happen: the real one, or that of the test clock
  /// that the object at hand lives by.
  std::int64_t now;
  /// Set while a test clock advances: `now` is then no longer taken from the clock's row.
  bool time_is_given = false;

  /// From here on nobody else changes anything until the transaction ends.
  void lock();

  std::optional<Object> find(std::string_view id);
  /// Throws resource_missing. Also sets `now` by the object's test clock.
  Object load(std::string_view type, std::string_view id, std::string_view param = "id");
  /// The object needs id and object; "_due" makes it wake up.
  void insert(Object const& object);
  void save(Object const& object);
  /// Saves what changed and emits the event with data.previous_attributes; nothing when the object
  /// is as it was. An object with "_quiet" is saved without an event.
  void save_and_emit(Object const& object, std::string_view event_type);
  void remove(std::string_view id);
  /// Leaves {"id","object","deleted":true} behind, which can be retrieved but is in no list.
  void leave_tombstone(Object const& object);
  /// It can no longer be retrieved or listed, but objects that name it can still show it.
  void retire(Object object);

  void emit(std::string_view type, Object const& object, Object const& previous = {});

  /// Oldest first. `filter` compares the values that keys_of() takes from the objects.
  std::vector<Object> all(std::string_view type, Object const& filter);
  std::optional<Object> newest(std::string_view type, Object const& filter);
  /// Newest first. `types` is for events: any of these types.
  std::pair<std::vector<Object>, bool> page(std::string_view type, Object const& filter,
                                            Page const& page,
                                            std::vector<std::string> const& types = {});

  void follow_clock_of(Object const& object);
  /// Whether events were emitted: deliveries then wait for the commit.
  bool has_emitted() const { return emitted_; }

 private:
  std::vector<Object> const& endpoints();
  void write(Object const& object, bool is_new);

  Origin origin_;
  bool emitted_ = false;
  std::optional<std::vector<Object>> endpoints_;
};

/// Whether a list of event names ("*", "invoice.*" or exact) covers a type.
[[nodiscard]] bool covers(Array const& enabled_events, std::string_view type);

}  // namespace sandbox
