#pragma once
// A mail as bytes for the wire (RFC 5322, 2047, 2045): seven bits everywhere, short lines, nothing
// that a value in it could break out of.
#include "platform/clock/clock.hpp"
#include "platform/text/mailbox.hpp"

namespace mail {

struct Message {
  Mailbox from;
  std::string to;  // an address alone, ASCII
  std::string subject, body;
  std::string id;  // without angle brackets
  Time date{};
  std::string unsubscribe{};  // a mailto: address, for mails that somebody may not want
};

/// CRLF lines of at most 78 characters, but for words that cannot be parted (at most 990).
[[nodiscard]] std::string to_eml(Message const& message);

}  // namespace mail
