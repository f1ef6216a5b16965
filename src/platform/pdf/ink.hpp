#pragma once
// What cairo and Pango do for a document: texts laid out, drawn and tagged on pages. Internal to
// this folder. Lengths are points, 1/72 of an inch, from the upper left corner.
#include <cairo-pdf.h>
#include <pango/pangocairo.h>

#include <memory>
#include <string>
#include <string_view>

#include "platform/pdf/document.hpp"

namespace pdf {

struct Colour {
  double red, green, blue;
};
inline constexpr Colour black{0.09, 0.09, 0.11}, grey{0.38, 0.40, 0.44}, faint{0.82, 0.84, 0.87};
/// Of #rrggbb; black when it is anything else.
[[nodiscard]] Colour colour_of(std::string_view text);

struct Style {
  double size;
  bool bold = false;
  Colour colour = black;
};

/// Without what would reach beyond its own text: controls, overrides of direction and broken bytes
/// become U+FFFD, a tab a space.
[[nodiscard]] std::string shown(std::string_view text);
/// As a part of a sentence: whatever its direction, the sentence keeps its own.
[[nodiscard]] std::string isolated(std::string_view text);

template <auto free>
struct Freed {
  void operator()(auto* thing) const { free(thing); }
};
template <class T, auto free>
using Handle = std::unique_ptr<T, Freed<free>>;

/// A text that is laid out.
class Text {
 public:
  explicit Text(Style style);
  /// In lines of that width; without one in a single line. What is more than `most_lines` (none: no
  /// limit) becomes three dots.
  void set(std::string text, double width = 0, Align align = Align::start, int most_lines = 0);
  [[nodiscard]] double width() const;   // of the longest line
  [[nodiscard]] double height() const;  // of all lines
  [[nodiscard]] int lines() const { return pango_layout_get_line_count(layout_.get()); }
  [[nodiscard]] Style const& style() const { return style_; }
  [[nodiscard]] PangoLayout* layout() const { return layout_.get(); }

 private:
  Style style_;
  Handle<PangoLayout, g_object_unref> layout_;
};

/// The pages of one file. Without a file nothing is drawn, which tells how many pages there are.
class Ink {
 public:
  Ink(double width, double height);
  void open(Document const& document);
  [[nodiscard]] bool draws() const { return pen_ != nullptr; }
  /// None where nothing is drawn.
  [[nodiscard]] cairo_t* pen() const { return pen_.get(); }

  void show(Text const& text, double x, double y);
  struct Shown {
    int next;       // the first line that is not
    double height;  // of those that are
  };
  /// Lines from `first` on that end above `bottom`.
  Shown show_lines(Text const& text, int first, double x, double y, double bottom);
  void line(double x, double y, double width, double thickness, Colour colour);
  void end_page();
  /// The whole file.
  [[nodiscard]] std::string finish();

 private:
  friend class Tag;
  void use(Colour colour);
  double width_, height_;
  std::string file_;
  std::string_view language_;
  Handle<cairo_surface_t, cairo_surface_destroy> surface_;
  Handle<cairo_t, cairo_destroy> pen_;
};

/// What is drawn while it lives belongs to this element of the document's structure.
class Tag {
 public:
  Tag(Ink& ink, char const* name) : ink_{ink}, name_{name} {
    if (ink_.pen_) cairo_tag_begin(ink_.pen_.get(), name_, nullptr);
  }
  ~Tag() {
    if (ink_.pen_) cairo_tag_end(ink_.pen_.get(), name_);
  }
  Tag(Tag const&) = delete;
  Tag& operator=(Tag const&) = delete;

 private:
  Ink& ink_;
  char const* name_;
};

}  // namespace pdf
