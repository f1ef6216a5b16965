// What single members of the groups cannot say of themselves.
#include "organisation/organisation.hpp"

#include <filesystem>

#include "platform/files/files.hpp"

namespace organisation {

namespace {
/// In the system's own list of zones; names with a dot or a leading slash would leave it.
bool is_zone(std::string_view name) {
  if (name == "UTC") return true;
  for (char c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '/' && c != '_' && c != '-' &&
        c != '+')
      return false;
  return !name.starts_with('/') &&
         std::filesystem::is_regular_file("/usr/share/zoneinfo/" + std::string{name});
}

bool is_colour(std::string_view text) {
  return text.size() == 7 && text[0] == '#' &&
         std::all_of(text.begin() + 1, text.end(),
                     [](unsigned char c) { return std::isxdigit(c) != 0; });
}

void check_organisation(Organisation const& value, json::Errors& errors) {
  if (!is_zone(value.reporting_zone))
    errors.push_back({"/reporting_zone", "unknown_value", "must be a time zone as Europe/Madrid"});
  if (!std::all_of(value.reporting_currency.begin(), value.reporting_currency.end(),
                   [](char c) { return c >= 'a' && c <= 'z'; }))
    errors.push_back(
        {"/reporting_currency", "unknown_value", "must be a currency of ISO 4217 in lower case"});
}

void check_branding(Branding const& value, json::Errors& errors) {
  if (!value.logo_url.empty() && !value.logo_url.starts_with("https://"))
    errors.push_back({"/logo_url", "invalid", "must begin with https://"});
  if (!is_colour(value.colour)) errors.push_back({"/colour", "invalid", "must be #rrggbb"});
  if (!is_colour(value.accent_colour))
    errors.push_back({"/accent_colour", "invalid", "must be #rrggbb"});
}

void check_working_hours(WorkingHours const& value, json::Errors& errors) {
  if (value.ends_minute <= value.begins_minute)
    errors.push_back({"/ends_minute", "too_small", "must be after the beginning"});
  auto days = value.days;
  std::sort(days.begin(), days.end());
  bool const fits =
      std::all_of(days.begin(), days.end(), [](auto day) { return day >= 1 && day <= 7; }) &&
      std::adjacent_find(days.begin(), days.end()) == days.end();
  if (!fits) errors.push_back({"/days", "invalid", "must be days from 1 to 7, each once"});
}
}  // namespace

pdf::Issuer issuer_of(db::Tx& tx) {
  auto const branding = settings::read<Branding>(tx, "branding");
  auto const organisation = settings::read<Organisation>(tx, "organisation");
  return {organisation.legal_name.empty() ? branding.name : organisation.legal_name,
          branding.colour};
}

void add_settings(settings::Groups& groups, http::Api& api) {
  groups.add<Organisation>(api, "organisation", "the organisation", check_organisation);
  groups.add<Branding>(api, "branding", "how pages and mails look", check_branding);
  groups.add<WorkingHours>(api, "working_hours", "working hours", check_working_hours);
}

}  // namespace organisation
