// Headers: ASCII stays plain and is folded at its blanks; anything else becomes encoded words. The
// body goes as it is when it is short lines of ASCII, else quoted-printable.
#include "platform/mail/message.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <ctime>
#include <vector>

#include "platform/text/utf8.hpp"

namespace mail {

namespace {

constexpr std::size_t longest_line = 76;       // RFC 2047, 2; RFC 2045, 6.7
constexpr std::size_t longest_word = 75;       // an encoded word with its delimiters
constexpr std::size_t longest_unparted = 900;  // far below the 998 of RFC 5322, 2.1.1
constexpr std::string_view word_begin = "=?utf-8?B?", word_end = "?=";

std::string base64(std::string_view text) {
  std::string out(sodium_base64_encoded_len(text.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<unsigned char const*>(text.data()),
                    text.size(), sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();
  return out;
}

/// A header is one line: what ends lines, or is not text, becomes a blank.
std::string one_line(std::string_view text) {
  std::string out;
  auto const clean = utf8::cleaned(text);
  for (std::size_t i = 0; i < clean.size(); i += utf8::length_at(clean, i)) {
    if (utf8::is_control(utf8::at(clean, i)))
      out += ' ';
    else
      out.append(clean, i, utf8::length_at(clean, i));
  }
  while (out.ends_with(' ')) out.pop_back();
  out.erase(0, std::min(out.find_first_not_of(' '), out.size()));
  return out;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// Whether it can stand in a header as it is: "=?" would be read as the beginning of an encoded
/// word.
bool is_plain(std::string_view text) {
  if (!is_ascii(text) || text.find("=?") != std::string_view::npos) return false;
  std::size_t word = 0;
  for (char const c : text) {
    word = c == ' ' ? 0 : word + 1;
    if (word > longest_unparted) return false;
  }
  return true;
}

/// Appends ASCII, broken before blanks so that lines stay short. `column` is where the line stands.
void append_folded(std::string& out, std::size_t& column, std::string_view text) {
  while (!text.empty()) {
    auto const end = std::min(text.find(' ', 1), text.size());
    if (column + end > longest_line && text.front() == ' ' && end > 1 && column > 1) {
      out += "\r\n";
      column = 0;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(end);
  }
}

/// Appends encoded words of whole characters, one a line.
void append_encoded(std::string& out, std::size_t& column, std::string_view text) {
  constexpr auto frame = word_begin.size() + word_end.size();
  auto room = [&] {
    auto const left = std::min(longest_word, longest_line - std::min(column, longest_line));
    return left > frame ? (left - frame) / 4 * 3 : 0;  // bytes before base64
  };
  while (!text.empty()) {
    std::size_t taken = 0;
    while (taken < text.size() && taken + utf8::length_at(text, taken) <= room())
      taken += utf8::length_at(text, taken);
    if (taken > 0) {
      auto const coded = base64(text.substr(0, taken));
      out += word_begin;
      out += coded;
      out += word_end;
      column += frame + coded.size();
      text.remove_prefix(taken);
    }
    if (text.empty()) return;
    out += "\r\n ";
    column = 1;
  }
}

/// A header of free text.
std::string text_header(std::string_view name, std::string_view value) {
  auto const clean = one_line(value);
  std::string out = std::string{name} + ": ";
  auto column = out.size();
  if (is_plain(clean))
    append_folded(out, column, clean);
  else
    append_encoded(out, column, clean);
  return out + "\r\n";
}

/// A display name: atoms, a quoted string, or encoded words (which must not stand in quotes).
void append_phrase(std::string& out, std::size_t& column, std::string_view name) {
  if (!is_plain(name)) return append_encoded(out, column, name);
  bool const is_atoms = std::all_of(name.begin(), name.end(),
                                    [](char c) {
                                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                             (c >= '0' && c <= '9') ||
                                             std::string_view{" !#$%&'*+-/=?^_`{|}~"}.find(c) !=
                                                 std::string_view::npos;
                                    }) &&
                        name.find("  ") == std::string_view::npos;
  if (is_atoms) return append_folded(out, column, name);
  std::string quoted = "\"";
  for (char const c : name) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  append_folded(out, column, quoted + '"');
}

std::string from_header(Mailbox const& from) {
  std::string out = "From: ";
  auto const name = one_line(from.name), address = one_line(from.address);
  if (name.empty()) return out + address + "\r\n";
  auto column = out.size();
  append_phrase(out, column, name);
  out += column + address.size() + 3 > longest_line ? "\r\n <" : " <";
  return out + address + ">\r\n";
}

/// RFC 5322, 3.3, whatever the locale.
std::string date_of(Time time) {
  static constexpr char const* days[]{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr char const* months[]{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto const seconds = std::time_t(clock_source::unix_seconds(time));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000", days[parts.tm_wday], parts.tm_mday,
                     months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                     parts.tm_sec);
}

/// All spellings of a line's end are one.
std::vector<std::string> lines_of(std::string_view body) {
  std::vector<std::string> lines(1);
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\r' && i + 1 < body.size() && body[i + 1] == '\n') continue;
    if (body[i] == '\r' || body[i] == '\n')
      lines.emplace_back();
    else
      lines.back() += body[i];
  }
  while (lines.size() > 1 && lines.back().empty()) lines.pop_back();
  return lines;
}

/// Dots at the beginning and "From " are changed by what mails travel through, blanks at the end
/// are lost.
bool travels_as_it_is(std::string_view line) {
  return line.size() <= 78 && is_ascii(line) && !line.starts_with('.') &&
         !line.starts_with("From ") && !line.ends_with(' ');
}

void append_quoted_printable(std::string& out, std::string_view line) {
  std::size_t column = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    auto const byte = static_cast<unsigned char>(line[i]);
    bool const is_last = i + 1 == line.size();
    bool const is_literal = byte >= ' ' && byte <= '~' && byte != '=' && !(byte == ' ' && is_last);
    // One column is left for the "=" of a soft break.
    if (column + (is_literal ? 1 : 3) > longest_line - (is_last ? 0 : 1)) {
      out += "=\r\n";
      column = 0;
    }
    bool const is_touched = column == 0 && (byte == '.' || line.substr(i).starts_with("From "));
    if (is_literal && !is_touched) {
      out += char(byte);
      ++column;
    } else {
      out += fmt::format("={:02X}", byte);
      column += 3;
    }
  }
  out += "\r\n";
}

/// Of no line of a part: "=_" stands in nothing that is quoted-printable, and 7bit lines with it
/// are none.
constexpr std::string_view boundary = "=_alternative";

void append_part(std::string& out, std::string_view type, std::string_view text) {
  auto const lines = lines_of(text);
  bool const as_it_is = std::all_of(lines.begin(), lines.end(), [](std::string const& line) {
    return travels_as_it_is(line) && line.find("=_") == std::string::npos;
  });
  out += "Content-Type: " + std::string{type} + "; charset=utf-8\r\n";
  out += as_it_is ? "Content-Transfer-Encoding: 7bit\r\n\r\n"
                  : "Content-Transfer-Encoding: quoted-printable\r\n\r\n";
  for (auto const& line : lines)
    if (as_it_is)
      out += line + "\r\n";
    else
      append_quoted_printable(out, line);
}

/// An address cannot be parted: where it would make the line too long it has its own.
std::string unsubscribe_headers(Message const& message) {
  std::string out;
  for (auto const& way : {one_line(message.unsubscribe_url), one_line(message.unsubscribe_mail)}) {
    if (way.empty()) continue;
    bool const is_first = out.empty();
    out += is_first ? "List-Unsubscribe:" : ",";
    bool const fits = is_first && out.size() + way.size() + 4 <= longest_line;
    out += (fits ? " <" : "\r\n <") + way + ">";
  }
  if (out.empty()) return {};
  out += "\r\n";
  if (message.unsubscribe_url.starts_with("https://"))  // RFC 8058, 3.1
    out += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
  return out;
}

}  // namespace

std::string to_eml(Message const& message) {
  std::string out = from_header(message.from);
  out += "To: " + one_line(message.to) + "\r\n";
  out += text_header("Subject", message.subject);
  out += "Date: " + date_of(message.date) + "\r\n";
  out += "Message-ID: <" + one_line(message.id) + ">\r\n";
  out += unsubscribe_headers(message);
  out += "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n";
  out += "Content-Type: multipart/alternative; boundary=\"" + std::string{boundary} + "\"\r\n\r\n";
  for (auto const& [type, text] :
       {std::pair<std::string_view, std::string const&>{"text/plain", message.body},
        {"text/html", message.html}}) {
    out += "--" + std::string{boundary} + "\r\n";
    append_part(out, type, text);
    out += "\r\n";
  }
  return out + "--" + std::string{boundary} + "--\r\n";
}

}  // namespace mail
