#pragma once
// What threatens the installation, as rows for people to look at and act on.
#include "identity/directory.hpp"

namespace identity::guards {

using SecurityEventId = Id<"sec">;

enum class Severity { info, low, medium, high, critical };
constexpr auto names_of(Severity) {
  return std::array<std::string_view, 5>{"info", "low", "medium", "high", "critical"};
}

struct SecurityEvent {
  std::string_view kind;  // "refresh_token_reused"
  Severity severity;
  std::optional<StaffId> staff_id{};
  std::string_view address{};
  RawJson detail{"{}"};

  // For what is seen again and again: while an event of this kind with this key is open, it is
  // counted there; after that event was closed only what happened later opens another one.
  std::optional<std::string> dedupe_key{};
  std::int64_t occurrences = 1;
  std::optional<Time> seen_at{};
  std::optional<std::int64_t> api_key_id{};
};

/// Writes the event and tells the console with the commit; false when it joined an open one or was
/// dealt with already.
bool raise(db::Tx& tx, SecurityEvent const& event);

enum class Outcome { resolved, false_alarm, accepted };
constexpr auto names_of(Outcome) {
  return std::array<std::string_view, 3>{"resolved", "false_alarm", "accepted"};
}
/// It was dealt with; `by` is none where no person did. One that is closed stays as it is.
void close_event(db::Tx& tx, SecurityEventId id, std::optional<StaffId> by, Outcome outcome,
                 std::string_view reason);

}  // namespace identity::guards
