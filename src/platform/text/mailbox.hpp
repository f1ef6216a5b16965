#pragma once
// A mailbox as people write it into a setting: Acme <no-reply@example.com>.
#include <optional>
#include <string>
#include <string_view>

struct Mailbox {
  std::string name, address;  // the name as it is read, without quotes; may be empty
};

/// "Name <address>", "\"Name, Ltd\" <address>" or an address alone; none when it is something else.
/// Whether mail can be sent to the address is for checks::account_email.
[[nodiscard]] std::optional<Mailbox> mailbox_of(std::string_view text);
