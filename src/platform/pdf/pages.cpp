// What every page has besides its blocks. Heads and feet are drawn where only tags that have others
// inside are open: cairo 1.16 knows no artifacts, but it takes such content for no part of them.
#include "platform/pdf/pages.hpp"

#include <fmt/format.h>

namespace pdf {

namespace {
std::string number_in_words(i18n::Locale language, int page, int total) {
  return language == i18n::Locale::es ? fmt::format("Página {} de {}", page, total)
                                      : fmt::format("Page {} of {}", page, total);
}
}  // namespace

Pages::Pages(Document const& document, Paper paper, int total)
    : document_{document},
      paper_{paper},
      ink_{paper.width, paper.height},
      total_{total},
      title_{shown(document.title)},
      about_{shown(document.about)} {
  if (total) ink_.open(document);
  whole_.emplace(ink_, "Document");
  begin_first();
}

void Pages::begin_first() {
  ink_.line(left(), Paper::margin - 10, 36, 3, colour_of(document_.issuer.colour));
  y = Paper::margin;
  if (!document_.issuer.name.empty()) {
    Text author{{.size = 9, .bold = true, .colour = grey}};
    author.set(shown(document_.issuer.name), width());
    flow(author, "P");
    y += 6;
  }
  Text title{{.size = 18, .bold = true}};
  title.set(title_, width());
  flow(title, "H1");
  for (auto const& line : {about_, document_.as_of_text}) {
    if (line.empty()) continue;
    Text text{{.size = 8.5, .colour = grey}};
    text.set(line, width());
    y += 3;
    flow(text, "P");
  }
  y += 14;
}

void Pages::begin_page() {
  auto const half = width() / 2 - 10;
  small_.set(title_, half, Align::start, 1);
  ink_.show(small_, left(), 22);
  small_.set(shown(document_.issuer.name), half, Align::end, 1);
  ink_.show(small_, left() + width() - half, 22);
  ink_.line(left(), 35, width(), 0.5, faint);
  y = top();
}

void Pages::end_page() {
  auto const at = paper_.height - 30;
  auto const number = 90.0;
  ink_.line(left(), at - 6, width(), 0.5, faint);
  auto words = isolated(document_.as_of_text);
  if (!about_.empty()) words += " · " + isolated(about_);
  small_.set(words, width() - number - 10, Align::start, 1);
  ink_.show(small_, left(), at);
  small_.set(number_in_words(document_.language, page_, total_), number, Align::end);
  ink_.show(small_, left() + width() - number, at);
  ink_.end_page();
}

void Pages::next_page() {
  end_page();
  ++page_;
  begin_page();
}

void Pages::require_room(double height) {
  if (left_over() < height && !is_fresh()) next_page();
}

void Pages::flow(Text const& text, char const* tag) {
  for (int line = 0;;) {
    {
      Tag const element{ink_, tag};
      auto const shown = ink_.show_lines(text, line, left(), y, bottom());
      line = shown.next;
      y += shown.height;
    }
    if (line >= text.lines()) return;
    next_page();
  }
}

int Pages::finish() {
  end_page();
  whole_.reset();
  return page_;
}

}  // namespace pdf
