#pragma once
// A mail as bytes for the wire (RFC 5322, 2047, 2045, 2046, 8058): seven bits everywhere, short
// lines, nothing that a value in it could break out of.
#include "platform/clock/clock.hpp"
#include "platform/text/mailbox.hpp"

namespace mail {

struct Message {
  Mailbox from;
  std::string to;  // an address alone, ASCII
  std::string subject, body;
  std::string html;  // the same for programs that show it
  std::string id;    // without angle brackets
  Time date{};
  /// For mails that somebody may not want: where they write to, and what is asked by POST.
  std::string unsubscribe_mail{}, unsubscribe_url{};
};

/// CRLF lines of at most 78 characters, but for words that cannot be parted (at most 990).
[[nodiscard]] std::string to_eml(Message const& message);

}  // namespace mail
