#pragma once
// What a file of a list is to hold, as the URL of its export or the order for one says it.
#include "platform/i18n/i18n.hpp"
#include "platform/list/list.hpp"

namespace list {

enum class Format { csv, csv_es, json, pdf };
constexpr auto names_of(Format) {
  return std::array<std::string_view, 4>{"csv", "csv-es", "json", "pdf"};
}

/// Keys and texts as in a URL; in braces what stands in its path.
using Values = std::vector<std::pair<std::string, std::string>>;

struct Wish {
  Format format = Format::csv;
  Selection selection;
  std::vector<std::size_t> columns{};      // by their place in headings()
  std::string zone = "UTC";                // IANA's name; times of all but JSON are in it
  std::optional<i18n::Locale> language{};  // of heads and values; none: the API's own names
  Values asked{};                          // filters and order, for the first line

  /// For the audit trail: "state=live, sort=-created_at".
  [[nodiscard]] std::string filters() const;
};

/// Where complaints point to: `wish` and `filters` before the name of what is wrong.
struct Pointers {
  std::string_view wish = "?", filters = "?";
};
/// Throws Problem{validation_failed}.
[[nodiscard]] Wish read_wish(List const& list, Values values, Pointers pointers = {});
/// Throws Problem{validation_failed} unless it is a time zone (db::is_time_zone).
void require_zone(db::Tx& tx, std::string const& zone, Pointers pointers = {});

}  // namespace list
