// Checks that several capabilities share.
#include "platform/json/checks.hpp"

#include <algorithm>

namespace checks {

namespace {
constexpr auto no_email = "must be an e-mail address";
}

char const* account_email(std::string_view text) {
  auto const at = text.find('@');
  if (at == std::string_view::npos || at == 0 || text.find('@', at + 1) != std::string_view::npos)
    return no_email;
  auto const domain = text.substr(at + 1);
  if (domain.empty() || domain.front() == '-' || domain.front() == '.' || domain.back() == '.' ||
      domain.find("..") != std::string_view::npos)
    return no_email;
  for (unsigned char const c : text)
    if (c <= 0x20 || c == 0x7f ||
        std::string_view{"<>()[],;:\\\""}.find(char(c)) != std::string_view::npos)
      return no_email;
  return nullptr;
}

char const* email(std::string_view text) {
  if (auto const* complaint = account_email(text)) return complaint;
  // Mail for a top-level domain of one letter, or of none, goes nowhere.
  auto const dot = text.rfind('.');
  bool const has_domain = dot != std::string_view::npos && dot > text.find('@');
  return has_domain && text.size() - dot > 2 ? nullptr : no_email;
}

char const* country(std::string_view text) {
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
  return "must be a two-letter country code (ISO 3166-1), upper case";
}

char const* one_line(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return c == ' '; }))
    return "must not be blank";
  for (unsigned char const c : text)
    if (c < 0x20 || c == 0x7f) return "must be one line without control characters";
  return nullptr;
}

}  // namespace checks
