// Checks that several capabilities share.
#include "platform/json/checks.hpp"

#include <algorithm>

#include "platform/json/problem.hpp"
#include "platform/text/origin.hpp"
#include "platform/text/utf8.hpp"

namespace checks {

namespace {
constexpr FieldCode bad_email{"bad_email", "must be an email address"};
constexpr FieldCode email_not_ascii{
    "email_not_ascii",
    "must be an email address without accents or other scripts: many mail servers cannot reach "
    "such an address (a domain can be written as xn--…)"};
constexpr FieldCode blank{"blank", "must not be blank"};
constexpr FieldCode bad_direction{"bad_direction",
                                  "must not hold characters that turn the direction of writing"};
constexpr FieldCode bad_country{"bad_country",
                                "must be a two-letter country code (ISO 3166-1), upper case"};
constexpr FieldCode not_origins{"not_origins",
                                "must be a list of addresses such as https://console.example.com"};

constexpr std::size_t longest_local_part = 64, longest_label = 63, longest_domain = 253;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// RFC 5321's Dot-string: what needs no quotes, and is taken by everybody.
bool is_local_part(std::string_view text) {
  if (text.empty() || text.size() > longest_local_part || text.front() == '.' ||
      text.back() == '.' || text.find("..") != std::string_view::npos)
    return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) ||
           std::string_view{"!#$%&'*+-/=?^_`{|}~."}.find(c) != std::string_view::npos;
  });
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= longest_label && label.front() != '-' &&
         label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
           return is_letter_or_digit(c) || c == '-';
         });
}

bool is_domain(std::string_view text) {
  if (text.size() > longest_domain) return false;
  while (true) {
    auto const dot = text.find('.');
    auto const label = text.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == std::string_view::npos)  // no top-level domain is a number
      return label.find_first_not_of("0123456789") != std::string_view::npos;
    text.remove_prefix(dot + 1);
  }
}

/// Could be typed, and is not a mistake: letters of any script.
bool is_of_another_script(std::string_view text) {
  bool any = false, only_letters = true;
  utf8::each(text, [&](char32_t c) {
    any |= c > 0x7F;
    only_letters &= !utf8::is_invisible(c);
  });
  return any && only_letters;
}
}  // namespace

FieldCode const* account_email(std::string_view text) {
  if (is_of_another_script(text)) return &email_not_ascii;
  auto const at = text.find('@');
  return at != std::string_view::npos && is_local_part(text.substr(0, at)) &&
                 is_domain(text.substr(at + 1))
             ? nullptr
             : &bad_email;
}

FieldCode const* email(std::string_view text) {
  if (auto const* complaint = account_email(text)) return complaint;
  // Mail for a top-level domain of one letter, or of none, goes nowhere.
  auto const dot = text.rfind('.');
  bool const has_domain = dot != std::string_view::npos && dot > text.find('@');
  return has_domain && text.size() - dot > 2 ? nullptr : &bad_email;
}

FieldCode const* country(std::string_view text) {
  constexpr std::string_view codes =
      "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ "
      "BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM "
      "DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS "
      "GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN "
      "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ "
      "MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
      "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV "
      "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI "
      "VN VU WF WS YE YT ZA ZM ZW ";
  if (text.size() == 2 && text.find(' ') == std::string_view::npos) {
    auto const at = codes.find(text);
    if (at != std::string_view::npos && at % 3 == 0) return nullptr;
  }
  return &bad_country;
}

FieldCode const* one_line(std::string_view text) {
  FieldCode const* complaint = nullptr;
  bool visible = false;
  utf8::each(text, [&](char32_t c) {
    if (utf8::is_control(c)) complaint = &faults::bad_characters;
    if (!complaint && utf8::turns_direction(c)) complaint = &bad_direction;
    visible |= !utf8::is_invisible(c);
  });
  if (complaint) return complaint;
  return visible ? nullptr : &blank;
}

FieldCode const* one_line_or_none(std::string_view text) {
  return text.empty() ? nullptr : one_line(text);
}

FieldCode const* lines_or_none(std::string_view text) {
  while (!text.empty()) {
    auto const end = std::min(text.find('\n'), text.size());
    // Between others a line may be empty.
    if (auto const* complaint = one_line_or_none(text.substr(0, end))) return complaint;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return nullptr;
}

FieldCode const* origins(std::string_view text) {
  while (true) {
    auto const comma = text.find(',');
    auto item = text.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!origin_of(item)) return &not_origins;
    if (comma == std::string_view::npos) return nullptr;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace checks
