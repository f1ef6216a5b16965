#pragma once
// What threatens the installation, as rows for people to look at and act on.
#include "identity/directory.hpp"

namespace identity {

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
};

/// Writes the event and tells the console with the commit.
void raise(db::Tx& tx, SecurityEvent const& event);

}  // namespace identity
