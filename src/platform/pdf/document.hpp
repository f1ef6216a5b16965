#pragma once
// A document as a list of blocks, written as PDF: text that can be selected, tags for screen
// readers, fonts with only the letters in use, and the same bytes for the same document.
#include <variant>

#include "platform/clock/clock.hpp"
#include "platform/i18n/i18n.hpp"
#include "platform/json/problem.hpp"
#include "platform/series/series.hpp"

namespace pdf {

/// Of a section; the document's title is the heading above all.
struct Heading {
  std::string text;
};

struct Paragraph {
  std::string text;
};

/// What is known about one thing, name and value.
struct Facts {
  std::vector<std::pair<std::string, std::string>> facts;
};

enum class Align { start, end };

struct Column {
  std::string head;
  Align align = Align::start;  // numbers stand at the end
};
using Row = std::vector<std::string>;

/// Goes on over as many pages as it needs, its heads on each. Columns are as wide as what stands in
/// the first rows.
struct Table {
  std::vector<Column> columns;
  std::vector<Row> rows;  // as many cells as there are columns
};

/// A series as a picture, with its extremes in words below it.
struct Chart {
  std::string title;                 // what is counted
  std::vector<std::string> columns;  // in words
  std::vector<std::string> rows{};   // in words where keys are codes; periods have theirs
  series::Series series;
};
/// The same numbers for whoever wants to read them.
[[nodiscard]] Table table_of(Chart const& chart, i18n::Locale locale);

struct PageBreak {};

using Block = std::variant<Heading, Paragraph, Facts, Table, Chart, PageBreak>;

/// Whose document it is.
struct Issuer {
  std::string name;               // at the top
  std::string colour{"#0b5d4a"};  // #rrggbb, of the line above it
};

/// Texts are shown as they stand: nothing in them is markup, and what would turn the direction of
/// others or has no picture is shown as a replacement.
struct Document {
  std::string title;
  Issuer issuer;
  std::string about;  // below the title and at each page's foot: filters in words
  i18n::Locale language = i18n::Locale::en;
  Time as_of{};
  std::string as_of_text;  // the same in words, with its zone
  std::vector<Block> blocks;
};

/// On A4, upright unless a table needs more room, on A3 where that is too little. Takes CPU for
/// about 3 ms and 0.4 ms a row, so it belongs on the lane of files. Throws Problem{no_fonts}.
[[nodiscard]] std::string write(Document const& document);

/// False while none is installed on this machine.
[[nodiscard]] bool has_fonts();

inline constexpr ProblemType no_fonts{Kind::unavailable, "no_fonts",
                                      "This server has no fonts to write a PDF with; the packages "
                                      "fonts-inter and fonts-dejavu-core have some"};

}  // namespace pdf
