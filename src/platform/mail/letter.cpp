// Made from the text alone, so that both parts of a mail say the same. Styles stand at the
// elements: many mail programs drop a style sheet; what is in it is for the dark only.
#include "platform/mail/letter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "platform/html/html.hpp"
#include "platform/i18n/words.hpp"

namespace mail {

namespace {
constexpr std::string_view own_colour = "#1f57a8";

std::string words_for(i18n::Locale locale, std::string_view key) {
  return std::string{i18n::word(locale, key).value_or("")};
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool is_address_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view{"._+-@"}.find(c) != std::string_view::npos;
}

/// How much of the word is a web address: marks at its end belong to the sentence.
std::size_t length_of_url(std::string_view word) {
  auto const begins = [&](std::string_view with) {
    return word.starts_with(with) && word.size() > with.size();
  };
  if (!begins("https://") && !begins("http://")) return 0;
  auto end = std::min(word.find_first_of("<>\"'`"), word.size());
  while (end > 0 && std::string_view{".,;:!?)"}.find(word[end - 1]) != std::string_view::npos)
    --end;
  return end > std::string_view{"https://"}.size() ? end : 0;
}

/// The same for an address that can be written to.
std::size_t length_of_mail_address(std::string_view word) {
  std::size_t end = 0;
  while (end < word.size() && is_address_character(word[end])) ++end;
  while (end > 0 && (word[end - 1] == '.' || word[end - 1] == '-')) --end;
  auto const at = word.substr(0, end).find('@');
  if (at == 0 || at == std::string_view::npos || at + 1 >= end) return 0;
  auto const host = word.substr(at + 1, end - at - 1);
  return host.find('@') == std::string_view::npos && host.find('.') != std::string_view::npos &&
                 host.front() != '.'
             ? end
             : 0;
}

std::string link(std::string_view href, std::string_view text, std::string_view colour) {
  return fmt::format(R"(<a href="{}" style="color:{}" class="l">{}</a>)", html::escaped(href),
                     colour, html::escaped(text));
}

/// A line with its addresses as links.
std::string linked(std::string_view line, std::string_view colour) {
  std::string out;
  std::size_t plain = 0;
  for (std::size_t at = 0; at < line.size();) {
    bool const begins_word = at == 0 || is_blank(line[at - 1]) || line[at - 1] == '(';
    auto const rest = line.substr(at, begins_word ? line.find(' ', at) - at : 0);
    auto const url = length_of_url(rest);
    auto const address = url ? 0 : length_of_mail_address(rest);
    if (url + address == 0) {
      ++at;
      continue;
    }
    out += html::escaped(line.substr(plain, at - plain));
    auto const text = rest.substr(0, url + address);
    out += link(url ? std::string{text} : "mailto:" + std::string{text}, text, colour);
    plain = at += text.size();
  }
  return out + html::escaped(line.substr(plain));
}

std::vector<std::vector<std::string_view>> paragraphs_of(std::string_view text) {
  std::vector<std::vector<std::string_view>> out(1);
  while (!text.empty()) {
    auto const end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty())
      out.back().push_back(line);
    else if (!out.back().empty())
      out.emplace_back();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (out.back().empty()) out.pop_back();
  return out;
}

/// The one thing to do: an address that stands in a paragraph of its own. Of several the first.
std::string button(std::string_view url, Letter const& letter, std::string_view colour) {
  return fmt::format(
      R"(<p style="margin:24px 0 8px"><a href="{}" class="b" style="display:inline-block;)"
      R"(padding:12px 24px;border-radius:6px;background-color:{};color:#ffffff;font-weight:600;)"
      R"(text-decoration:none">{}</a></p>)"
      "\n"
      R"(<p style="margin:0 0 24px;font-size:13px;line-height:20px;overflow-wrap:anywhere;)"
      R"(word-break:break-word" class="s">{}</p>)"
      "\n",
      html::escaped(url), colour, html::escaped(words_for(letter.locale, "mail_letter.open")),
      link(url, url, colour));
}

std::string paragraph(std::vector<std::string_view> const& lines, std::string_view colour) {
  std::string out =
      R"(<p dir="auto" style="margin:0 0 16px;overflow-wrap:anywhere;word-break:break-word">)";
  for (std::size_t i = 0; i < lines.size(); ++i)
    out += (i ? "<br>\n" : "") + linked(lines[i], colour);
  return out + "</p>\n";
}
}  // namespace

std::string decline_url(std::string_view public_url, std::string_view token) {
  return std::string{public_url} + "/unsubscribe/" + std::string{token};
}

std::string text_of(Letter const& letter) {
  auto out = letter.text;
  if (letter.decline_url.empty()) return out;
  if (!out.ends_with('\n')) out += '\n';
  return out + '\n' + words_for(letter.locale, "mail_letter.decline_text") + '\n' +
         letter.decline_url + '\n';
}

std::string html_of(Letter const& letter) {
  std::string const colour{letter.look.accent_colour.empty() ? own_colour
                                                             : letter.look.accent_colour};
  auto const locale = name_of(letter.locale);
  std::string out = fmt::format(R"(<!DOCTYPE html>
<html lang="{0}" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{1}</title>
<style>
:root {{ color-scheme: light dark }}
@media (prefers-color-scheme: dark) {{
  .o {{ background-color: #14171c !important }}
  .c {{ background-color: #1e232a !important; color: #e8eaed !important; border-right-color: #3a424d !important; border-bottom-color: #3a424d !important; border-left-color: #3a424d !important }}
  .s {{ color: #b3bac4 !important }}
  .l {{ color: #9cc2f5 !important }}
}}
</style>
</head>
<body class="o" style="margin:0;padding:0;background-color:#f3f4f6">
<div class="o" style="padding:24px 12px;background-color:#f3f4f6">
<div class="c" style="max-width:560px;margin:0 auto;padding:24px;border:1px solid #d9dde3;border-top:4px solid {2};border-radius:8px;background-color:#ffffff;color:#1b1f24;font-family:Inter,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:24px">
)",
                                locale, html::escaped(letter.look.name), colour);
  if (!letter.look.name.empty())
    out += fmt::format(
        R"(<p dir="auto" style="margin:0 0 20px;font-weight:700;overflow-wrap:anywhere">{}</p>)"
        "\n",
        html::escaped(letter.look.name));
  bool has_button = false;
  for (auto const& lines : paragraphs_of(letter.text)) {
    if (!has_button && lines.size() == 1 && length_of_url(lines.front()) == lines.front().size() &&
        lines.front().find(' ') == std::string_view::npos) {
      has_button = true;
      out += button(lines.front(), letter, colour);
    } else {
      out += paragraph(lines, colour);
    }
  }
  if (!letter.decline_url.empty())
    out += fmt::format(
        R"(<p class="s" style="margin:24px 0 0;font-size:13px;line-height:20px;color:#5b6470">{}</p>)"
        "\n",
        link(letter.decline_url, words_for(letter.locale, "mail_letter.decline_link"), colour));
  return out + "</div>\n</div>\n</body>\n</html>\n";
}

}  // namespace mail
