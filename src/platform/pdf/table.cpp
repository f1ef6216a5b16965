// Tables: how wide columns are, and rows over pages. Heads stand in the document's structure once;
// repeated they are, as rules are, no part of it.
#include <algorithm>
#include <numeric>
#include <optional>

#include "platform/pdf/pages.hpp"

namespace pdf {

namespace {
constexpr double usual_size = 8.5, small_size = 7, least_size = 6;
constexpr double gap = 11;           // between two columns
constexpr double most_wanted = 190;  // of one column: longer texts get lines
constexpr double least_width = 18;
constexpr std::size_t rows_looked_at = 200;

/// How rows are drawn.
struct Grid {
  std::vector<Column> const& columns;
  std::vector<double> widths;
  std::vector<Row> const& rows;
  double size;
  bool has_heads = true;  // else the first cell of each row is its head
  double above = 3, below = 3;
};

/// The cells of one row, laid out.
class Line {
 public:
  Line(Grid const& grid, bool is_head)
      : grid_{grid}, most_lines_{is_head ? 3 : 0}, from_(grid.columns.size()) {
    for (std::size_t i = 0; i < from_.size(); ++i) {
      bool const is_name = !is_head && i == 0 && !grid.has_heads;
      texts_.emplace_back(Style{grid.size, is_head, is_name ? grey : black});
      tags_.push_back(is_head || is_name ? "TH" : "TD");
    }
  }
  void set(Row const& row) {
    height_ = 0;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      texts_[i].set(shown(row[i]), grid_.widths[i], grid_.columns[i].align, most_lines_);
      height_ = std::max(height_, texts_[i].height());
    }
    height_ += grid_.above + grid_.below;
    begin_again();
  }
  void begin_again() { std::fill(from_.begin(), from_.end(), 0); }
  [[nodiscard]] double height() const { return height_; }
  /// What fits on the page; true when that was the rest of the row.
  bool draw_tagged(Pages& pages) {
    Tag const row{pages.ink(), "TR"};
    return draw(pages, true);
  }
  bool draw(Pages& pages, bool is_tagged = false) {
    bool done = true;
    double x = Pages::left(), height = 0;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      std::optional<Tag> cell;
      if (is_tagged) cell.emplace(pages.ink(), tags_[i]);
      auto const shown = pages.ink().show_lines(texts_[i], from_[i], x, pages.y + grid_.above,
                                                pages.bottom() - grid_.below + 0.01);
      from_[i] = shown.next;
      height = std::max(height, shown.height);
      done = done && shown.next >= texts_[i].lines();
      x += grid_.widths[i] + gap;
    }
    pages.y += grid_.above + height + grid_.below;
    return done;
  }

 private:
  Grid const& grid_;
  int most_lines_;  // heads leave room for rows
  std::vector<Text> texts_;
  std::vector<char const*> tags_;
  std::vector<int> from_;  // the first line that is not drawn yet
  double height_ = 0;
};

void draw_grid(Pages& pages, Grid const& grid) {
  Line head{grid, true}, line{grid, false};
  Row names;
  for (auto const& column : grid.columns) names.push_back(column.head);
  head.set(names);
  auto const heads = grid.has_heads ? head.height() : 0;
  auto const tallest = pages.bottom() - pages.top() - heads;
  // Rows stay whole, but for those that no page could hold.
  auto needed = [&] { return line.height() > tallest ? 4 * grid.size : line.height(); };
  auto rule = [&](double thickness, Colour colour) {
    if (grid.has_heads) pages.ink().line(Pages::left(), pages.y, pages.width(), thickness, colour);
  };
  auto next_page = [&] {
    pages.next_page();
    head.begin_again();
    if (grid.has_heads) head.draw(pages);
    rule(1, grey);
  };
  if (!grid.rows.empty()) line.set(grid.rows.front());
  pages.require_room(heads + needed());
  {
    Tag const table{pages.ink(), "Table"};
    if (grid.has_heads) {
      Tag const group{pages.ink(), "THead"};
      head.draw_tagged(pages);
    }
    rule(1, grey);
    Tag const body{pages.ink(), "TBody"};
    for (auto const& row : grid.rows) {
      line.set(row);
      if (pages.left_over() < needed()) next_page();
      while (!line.draw_tagged(pages)) next_page();
      rule(0.4, faint);
    }
  }
  pages.y += 14;
}

/// The width that no column may pass, so that all of them have room.
double most_width(std::vector<double> widths, double room) {
  std::sort(widths.begin(), widths.end());
  for (std::size_t i = 0; i < widths.size(); ++i) {
    auto const share = room / double(widths.size() - i);
    if (widths[i] > share) return share;
    room -= widths[i];
  }
  return widths.back();
}
}  // namespace

Columns::Columns(Table const& table) : table_{table}, wanted_(table.columns.size(), least_width) {
  Text head{{.size = usual_size, .bold = true}}, cell{{.size = usual_size}};
  auto const rows = std::min(table.rows.size(), rows_looked_at);
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    auto want = [&](Text& text, std::string const& words) {
      text.set(shown(words));
      wanted_[i] = std::max(wanted_[i], std::min(text.width() + 1, most_wanted));
    };
    want(head, table.columns[i].head);
    for (std::size_t row = 0; row < rows; ++row) want(cell, table.rows[row][i]);
  }
}

double Columns::size_for(double room) const {
  auto const gaps = gap * double(wanted_.size() - 1);
  auto const wanted = std::accumulate(wanted_.begin(), wanted_.end(), 0.0);
  return std::min(usual_size, usual_size * (room - gaps) / wanted);
}

bool Columns::fits(double room) const { return wanted_.empty() || size_for(room) >= small_size; }

std::vector<double> Columns::widths(double room, double size) const {
  room -= gap * double(wanted_.size() - 1);
  std::vector<double> widths;
  for (auto const width : wanted_) widths.push_back(width * size / usual_size);
  auto const used = std::accumulate(widths.begin(), widths.end(), 0.0);
  auto const most = most_width(widths, room);
  for (auto& width : widths) width = used > room ? std::min(width, most) : width * room / used;
  return widths;
}

void Columns::draw(Pages& pages) const {
  if (table_.columns.empty()) return;
  auto const size = std::max(least_size, size_for(pages.width()));
  draw_grid(pages, {.columns = table_.columns,
                    .widths = widths(pages.width(), size),
                    .rows = table_.rows,
                    .size = size});
}

void draw(Pages& pages, Facts const& facts) {
  constexpr double size = 9.5;
  std::vector<Row> rows;
  Text name{{.size = size}};
  double names = 0;
  for (auto const& fact : facts.facts) {
    rows.push_back({fact.first, fact.second});
    name.set(shown(fact.first));
    names = std::max(names, name.width() + 0.5);
  }
  names = std::min(names, pages.width() / 3);
  std::vector<Column> const columns(2);
  draw_grid(pages, {.columns = columns,
                    .widths = {names, pages.width() - names - gap},
                    .rows = rows,
                    .size = size,
                    .has_heads = false,
                    .above = 1,
                    .below = 1});
}

}  // namespace pdf
