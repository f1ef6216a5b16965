#pragma once
// Who runs this business, how it looks and when somebody is there: settings that staff change.
#include "platform/pdf/document.hpp"
#include "platform/settings/groups.hpp"

namespace organisation {

/// The business as its documents and reports name it.
struct Organisation {
  std::string legal_name, address, vat_id;
  std::string reporting_zone = "UTC";      // IANA
  std::string reporting_currency = "eur";  // ISO 4217, lower case
  static constexpr auto rules() {
    return ::rules(
        rule(&Organisation::legal_name,
             {.doc = "As it stands on invoices", .example = "Acme SL", .max_length = 200}),
        rule(&Organisation::address, {.doc = "Postal, on several lines", .max_length = 500}),
        rule(&Organisation::vat_id,
             {.doc = "Of the European Union or another country", .max_length = 40}),
        rule(&Organisation::reporting_zone,
             {.doc = "Days and months of reports are those of this zone",
              .example = "Europe/Madrid",
              .min_length = 1,
              .max_length = 60}),
        rule(&Organisation::reporting_currency,
             {.doc = "ISO 4217, lower case", .example = "eur", .min_length = 3, .max_length = 3}));
  }
};

/// How pages, mails and documents look.
struct Branding {
  std::string name = "Onboarding System";
  std::string logo_url;
  std::string colour = "#2563eb", accent_colour = "#0f766e";
  static constexpr auto rules() {
    return ::rules(
        rule(&Branding::name, {.doc = "What customers read", .min_length = 1, .max_length = 60}),
        rule(&Branding::logo_url, {.doc = "https address of a picture", .max_length = 500}),
        rule(&Branding::colour, {.doc = "As #rrggbb", .min_length = 7, .max_length = 7}),
        rule(&Branding::accent_colour, {.doc = "As #rrggbb", .min_length = 7, .max_length = 7}));
  }
};

/// When somebody is there to answer: minutes of the day, in the zone of the reports.
struct WorkingHours {
  std::int64_t begins_minute = 9 * 60, ends_minute = 18 * 60;
  std::vector<std::int64_t> days{1, 2, 3, 4, 5};
  static constexpr auto rules() {
    return ::rules(
        rule(&WorkingHours::begins_minute, {.doc = "Minute of the day", .min = 0, .max = 1439}),
        rule(&WorkingHours::ends_minute,
             {.doc = "Minute of the day, after the beginning", .min = 1, .max = 1440}),
        rule(&WorkingHours::days, {.doc = "1 is Monday, 7 is Sunday", .max_length = 7}));
  }
};

/// Under whose name and in which colour documents go out: the legal name, as long as there is none
/// the one that customers read.
[[nodiscard]] pdf::Issuer issuer_of(db::Tx& tx);

/// Declares the three groups.
void add_settings(settings::Groups& groups, http::Api& api);

}  // namespace organisation
