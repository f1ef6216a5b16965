#pragma once
// A list as a file: what is seen, in its order, in one snapshot of the database. It is written to
// the disk first, so that memory stays flat and a slow client holds neither a thread nor a
// snapshot.
#include "platform/list/list.hpp"

namespace list {

enum class Format { csv, csv_es, json };
constexpr auto names_of(Format) { return std::array<std::string_view, 3>{"csv", "csv-es", "json"}; }

/// What a file is to hold, checked.
struct Wish {
  Format format = Format::csv;
  Selection selection;
  std::vector<std::size_t> columns{};  // by their place in headings()
  std::string zone = "UTC";            // IANA's name; times of CSV are in it
  std::string filters{};               // in words, for the first line and the audit trail
};

void add_export_parameters(http::Declared& declared);
/// Throws Problem{validation_failed}.
[[nodiscard]] Wish read_wish(List const& list,
                             std::vector<std::pair<std::string, std::string>> values);
/// Writes the audit row's words into the context. Throws Problem{export_too_large}.
[[nodiscard]] http::File exported(http::Context& context, List const& list, Wish const& wish);

inline constexpr int most_exported = 100'000;
inline constexpr ProblemType export_not_written{Kind::unavailable, "export_not_written",
                                                "The file could not be written on the server"};
inline constexpr ProblemType export_too_large{
    Kind::conflict, "export_too_large",
    "There are more than 100,000 rows; filters make them fewer"};

}  // namespace list
