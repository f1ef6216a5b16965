#pragma once
// The pages of a document while they are filled from top to bottom, with what stands at the head
// and foot of each. Internal to this folder.
#include "platform/pdf/ink.hpp"

namespace pdf {

struct Paper {
  double width, height;
  static constexpr double margin = 42, head = 46, foot = 46;
  [[nodiscard]] double room() const { return width - 2 * margin; }
};

class Pages {
 public:
  /// Without a total nothing is drawn and pages are counted.
  Pages(Document const& document, Paper paper, int total);

  [[nodiscard]] Ink& ink() { return ink_; }
  [[nodiscard]] static constexpr double left() { return Paper::margin; }
  [[nodiscard]] double width() const { return paper_.room(); }
  [[nodiscard]] double top() const { return Paper::head; }  // of a page that is not the first
  [[nodiscard]] double bottom() const { return paper_.height - Paper::foot; }
  [[nodiscard]] double left_over() const { return bottom() - y; }
  [[nodiscard]] bool is_fresh() const { return y <= top(); }
  /// On to the next page when less than `height` is left.
  void require_room(double height);
  void next_page();
  /// Lines of a text, on as many pages as they need.
  void flow(Text const& text, char const* tag);
  /// How many pages there are.
  int finish();

  double y = 0;  // where the next block begins

 private:
  void begin_first();
  void begin_page();
  void end_page();

  Document const& document_;
  Paper paper_;
  Ink ink_;
  std::optional<Tag> whole_;  // the root of the document's structure
  int page_ = 1, total_;
  std::string title_, about_;
  Text small_{{.size = 7.5, .colour = grey}};
};

/// A table that knows how wide its columns are.
class Columns {
 public:
  explicit Columns(Table const& table);
  /// At a size that is read without effort.
  [[nodiscard]] bool fits(double room) const;
  void draw(Pages& pages) const;

 private:
  [[nodiscard]] double size_for(double room) const;  // of the text, so that columns get enough
  [[nodiscard]] std::vector<double> widths(double room, double size) const;

  Table const& table_;
  std::vector<double> wanted_;  // at the usual size
};

void draw(Pages& pages, Facts const& facts);
void draw(Pages& pages, Chart const& chart, i18n::Locale locale);

}  // namespace pdf
