#pragma once
// Who runs this business, how it looks and when somebody is there: settings that staff change.
#include "platform/json/checks.hpp"
#include "platform/pdf/document.hpp"
#include "platform/settings/groups.hpp"

namespace organisation {

/// The business as its documents and reports name it.
struct Organisation {
  std::string legal_name, address, vat_id;
  std::optional<std::string> country;
  std::string reporting_zone = "UTC";      // IANA
  std::string reporting_currency = "eur";  // ISO 4217, lower case
  std::optional<std::int64_t> gross_margin_percent;
  static constexpr auto rules() {
    return ::rules(
        rule(&Organisation::legal_name, {.doc = "As it stands on invoices",
                                         .example = "Acme SL",
                                         .max_length = 200,
                                         .check = checks::one_line_or_none}),
        rule(&Organisation::address, {.doc = "Postal, on several lines",
                                      .max_length = 500,
                                      .format = "multiline",
                                      .check = checks::lines_or_none}),
        rule(&Organisation::vat_id, {.doc = "Of the European Union or another country",
                                     .max_length = 40,
                                     .check = checks::one_line_or_none}),
        rule(&Organisation::country, {.doc = "Where it is established; ISO 3166-1 alpha-2",
                                      .example = "ES",
                                      .min_length = 2,
                                      .max_length = 2,
                                      .format = "country",
                                      .check = checks::country}),
        rule(&Organisation::reporting_zone,
             {.doc = "Days and months of reports are those of this zone",
              .example = "Europe/Madrid",
              .min_length = 1,
              .max_length = 60,
              .format = "time-zone"}),
        rule(&Organisation::reporting_currency, {.doc = "ISO 4217, lower case",
                                                 .example = "eur",
                                                 .min_length = 3,
                                                 .max_length = 3,
                                                 .format = "currency"}),
        rule(&Organisation::gross_margin_percent,
             {.doc = "What is left of revenue after what serving customers costs; the value of a "
                     "customer's lifetime counts it, all of it unless told",
              .min = 1,
              .max = 100}));
  }
};

/// How pages for visitors look. A picture from elsewhere is no part of it: pages load nothing from
/// other hosts.
struct Branding {
  std::string name = "Onboarding System";
  std::string accent_colour;
  static constexpr auto rules() {
    return ::rules(
        rule(&Branding::name, {.doc = "What customers read",
                               .min_length = 1,
                               .max_length = 60,
                               .check = checks::one_line}),
        rule(&Branding::accent_colour,
             {.doc = "As #rrggbb, dark enough for white text; empty: the program's own colours",
              .example = "#1f57a8",
              .max_length = 7,
              .format = "color"}));
  }
};

/// When somebody is there to answer: minutes of the day, in the zone of the reports.
struct WorkingHours {
  std::int64_t begins_minute = 9 * 60, ends_minute = 18 * 60;
  std::vector<std::int64_t> days;
  static constexpr auto rules() {
    return ::rules(
        rule(&WorkingHours::begins_minute,
             {.doc = "Minute of the day", .min = 0, .max = 1439, .format = "minute-of-day"}),
        rule(&WorkingHours::ends_minute, {.doc = "Minute of the day, after the beginning",
                                          .min = 1,
                                          .max = 1440,
                                          .format = "minute-of-day"}),
        rule(&WorkingHours::days, {.doc = "1 is Monday, 7 is Sunday; none: nobody has said when",
                                   .max_length = 7,
                                   .format = "weekdays"}));
  }
};

/// Under whose name and in which colour documents go out: the legal name, as long as there is none
/// the one that customers read.
[[nodiscard]] pdf::Issuer issuer_of(db::Tx& tx);
/// Who stands behind a mail, on several lines; empty as long as nobody has said it.
[[nodiscard]] std::string imprint(db::Tx& tx, i18n::Locale locale);

/// Declares the three groups.
void add_settings(settings::Groups& groups, http::Api& api);

}  // namespace organisation
