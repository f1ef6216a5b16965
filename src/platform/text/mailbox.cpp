// The part of RFC 5322's mailbox that people write; no comments, no routes.
#include "platform/text/mailbox.hpp"

namespace {
std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// "\"Acme \\\"A\\\" Ltd\"" is Acme "A" Ltd.
std::string unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string{text};
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    out += text[i];
  }
  return out;
}
}  // namespace

std::optional<Mailbox> mailbox_of(std::string_view text) {
  text = trimmed(text);
  if (!text.ends_with('>')) {
    if (text.empty() || text.find_first_of("<>\" ") != std::string_view::npos) return {};
    return Mailbox{{}, std::string{text}};
  }
  auto const open = text.rfind('<');
  if (open == std::string_view::npos) return {};
  auto const address = text.substr(open + 1, text.size() - open - 2);
  auto const name = trimmed(text.substr(0, open));
  bool const is_quoted = name.size() > 1 && name.front() == '"' && name.back() == '"';
  if (address.empty() || (!is_quoted && name.find_first_of("<>\"") != std::string_view::npos))
    return {};
  return Mailbox{unquoted(name), std::string{address}};
}
