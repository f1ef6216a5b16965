#pragma once
// The formats of a list's file, one writer each: it begins with the list's name and heads, takes
// row after row, and ends. What it writes goes on in pieces, so that memory stays flat.
#include "platform/list/wish.hpp"
#include "platform/list/words.hpp"
#include "platform/pdf/document.hpp"

namespace list {

/// What a file says before its first row.
struct Sheet {
  List const& list;
  Wish const& wish;
  Time moment;              // of the snapshot
  std::string as_of;        // the same in the wish's zone, as PostgreSQL writes it
  pdf::Issuer issuer = {};  // of documents
  Words words{list, wish.language};

  /// The heads of the columns that are wanted, in their order.
  [[nodiscard]] std::vector<std::string> heads() const;
  /// What it was filtered by and its order, in words.
  [[nodiscard]] std::string filters() const;
  /// The list's name, what it was filtered by, when and in which zone: a table's first line.
  [[nodiscard]] std::string about() const;
};

/// A column of a row as people read it.
struct Cell {
  std::string text;
  bool is_text = false;  // neither a number nor a time
  bool is_number = false;
};
/// The wanted columns of rows of one statement, in words where the wish has a language, amounts of
/// money with their decimals.
class Cells {
 public:
  Cells(Sheet const& sheet, char decimal_point) : sheet_{sheet}, decimal_point_{decimal_point} {}
  /// `out` is reused from row to row.
  void read(std::vector<Cell>& out, db::Columns const& columns, int index);

 private:
  struct Place {
    std::string heading;
    types::Type const* type;
    int column;
    int currency = -1;  // the column with an amount's currency
    bool is_code = false;
  };
  void find_places(db::Columns const& columns);
  void write(Cell& out, Place const& place, types::Type const& type, std::string_view text,
             std::optional<std::string_view> currency) const;
  Sheet const& sheet_;
  char decimal_point_;
  std::vector<Place> places_;
};

using Sink = std::function<void(std::string_view)>;

class Writer {
 public:
  virtual ~Writer() = default;
  virtual void begin() = 0;
  virtual void row(db::Columns const& columns, int index) = 0;
  virtual void end(std::int64_t rows) = 0;
};
/// `sheet` must outlive it.
[[nodiscard]] std::unique_ptr<Writer> writer_of(Sheet const& sheet, Sink sink);
/// All rows stay in memory until its end, where they are laid out (pdf_writer.cpp).
[[nodiscard]] std::unique_ptr<Writer> pdf_writer(Sheet const& sheet, Sink sink);

/// "2026-11-23 13:00:05.123+01" where the zone is said once, and as Excel reads it: "2026-11-23
/// 13:00:05"
[[nodiscard]] std::string_view without_zone(std::string_view time);

/// "tenants-2026-11-23.csv"
[[nodiscard]] std::string file_name(List const& list, Format format);
[[nodiscard]] std::string_view content_type(Format format);

}  // namespace list
