// What single members of the groups cannot say of themselves.
#include "organisation/organisation.hpp"

#include <charconv>
#include <cmath>

#include "platform/db/time_zones.hpp"
#include "platform/files/files.hpp"
#include "platform/i18n/words.hpp"
#include "platform/money/money.hpp"

namespace organisation {

namespace {
/// Relative luminance (WCAG 2.2) of "#rrggbb"; none when it is no colour.
std::optional<double> luminance(std::string_view text) {
  if (text.size() != 7 || text[0] != '#') return {};
  double out = 0;
  constexpr std::array weights{0.2126, 0.7152, 0.0722};
  for (std::size_t i = 0; i < weights.size(); ++i) {
    unsigned value = 0;
    auto const part = text.substr(1 + 2 * i, 2);
    auto const end = part.data() + part.size();
    if (auto const [at, error] = std::from_chars(part.data(), end, value, 16);
        error != std::errc{} || at != end)
      return {};
    double const share = value / 255.0;
    out += weights[i] * (share <= 0.04045 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4));
  }
  return out;
}

constexpr FieldCode not_a_colour{"not_a_colour", "must be #rrggbb"};
constexpr FieldCode too_light{"too_light", "must be dark enough for white text on it"};
constexpr FieldCode before_beginning{"before_beginning", "must be after the beginning"};
constexpr FieldCode not_days{"not_days", "must be days from 1 to 7, each once"};
/// As text on every ground of the light pages, and as a ground for white text.
constexpr double least_contrast = 5.5;

void check_organisation(db::Tx& tx, Organisation const& value, json::Errors& errors) {
  if (!db::is_time_zone(tx, value.reporting_zone))
    errors.push_back(wrong<faults::not_a_time_zone>("/reporting_zone"));
  if (auto const* complaint = money::currency(value.reporting_currency))
    errors.push_back(wrong("/reporting_currency", *complaint));
}

void check_branding(db::Tx&, Branding const& value, json::Errors& errors) {
  if (value.accent_colour.empty()) return;
  auto const light = luminance(value.accent_colour);
  if (!light)
    errors.push_back(wrong<not_a_colour>("/accent_colour"));
  else if (1.05 / (*light + 0.05) < least_contrast)
    errors.push_back(wrong<too_light>("/accent_colour"));
}

void check_working_hours(db::Tx&, WorkingHours const& value, json::Errors& errors) {
  if (value.ends_minute <= value.begins_minute)
    errors.push_back(wrong<before_beginning>("/ends_minute"));
  auto days = value.days;
  std::sort(days.begin(), days.end());
  bool const fits =
      std::all_of(days.begin(), days.end(), [](auto day) { return day >= 1 && day <= 7; }) &&
      std::adjacent_find(days.begin(), days.end()) == days.end();
  if (!fits) errors.push_back(wrong<not_days>("/days"));
}
}  // namespace

pdf::Issuer issuer_of(db::Tx& tx) {
  auto const branding = settings::read<Branding>(tx, "branding");
  auto const organisation = settings::read<Organisation>(tx, "organisation");
  return {organisation.legal_name.empty() ? branding.name : organisation.legal_name,
          branding.accent_colour};
}

std::string imprint(db::Tx& tx, i18n::Locale locale) {
  auto organisation = settings::read<Organisation>(tx, "organisation");
  if (!organisation.vat_id.empty())
    organisation.vat_id.insert(
        0, std::string{i18n::word(locale, "field.organisation.vat_id").value_or("")} + ": ");
  std::string out;
  for (auto const& line : {organisation.legal_name, organisation.address, organisation.vat_id})
    if (!line.empty()) out += (out.empty() ? "" : "\n") + line;
  return out;
}

void add_settings(settings::Groups& groups, http::Api& api) {
  groups.add<Organisation>(api, "organisation", "the organisation", check_organisation);
  groups.add<Branding>(api, "branding", "how pages for visitors look", check_branding);
  groups.add<WorkingHours>(api, "working_hours", "working hours", check_working_hours);
}

}  // namespace organisation
