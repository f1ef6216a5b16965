#pragma once
// A mail as its reader sees it: its text with the link to decline more, and the same as HTML.
#include "platform/i18n/i18n.hpp"
#include "platform/mail/mail.hpp"

namespace mail {

struct Letter {
  std::string text;
  i18n::Locale locale;
  Look look;
  std::string decline_url{};  // empty: nothing to decline
};

/// Where more of its kind can be declined.
[[nodiscard]] std::string decline_url(std::string_view public_url, std::string_view token);

/// As text/plain.
[[nodiscard]] std::string text_of(Letter const& letter);
/// As text/html: paragraphs, addresses as links, an address that stands alone as a button. Nothing
/// is loaded from anywhere.
[[nodiscard]] std::string html_of(Letter const& letter);

}  // namespace mail
