// Charts as vectors, out of the same series as those of the pages: bars and areas stacked on zero,
// lines that break where nothing is known, periods that have not ended dotted, comparisons dashed.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "platform/pdf/pages.hpp"
#include "platform/pdf/scale.hpp"

namespace pdf {

namespace {
using series::Mark;

constexpr double height = 190, label_size = 7, gap = 8, widest_bar = 30;
/// The pages' colours of series, which are told apart without seeing colours by their lightness.
constexpr std::array colours{Colour{0.06, 0.48, 0.38}, Colour{0.30, 0.56, 0.84},
                             Colour{0.56, 0.50, 0.82}, Colour{0.85, 0.60, 0.17},
                             Colour{0.77, 0.29, 0.25}};
constexpr Colour colour_at(std::size_t column) { return colours[column % colours.size()]; }

bool stacks(Mark mark) { return mark == Mark::bar || mark == Mark::area; }

/// Where a value begins and ends that stands on those before it.
struct Block {
  double from, to;
};

class Picture {
 public:
  Picture(Chart const& chart, i18n::Locale locale, cairo_t* pen, double left, double top,
          double width)
      : series_{chart.series}, locale_{locale}, pen_{pen}, top_{top}, right_{left + width} {
    find_scale();
    auto widest = 0.0;
    for (auto tick = scale_.low; tick <= scale_.high; tick += scale_.step) {
      label_.set(words_of(tick));
      widest = std::max(widest, label_.width());
    }
    left_ = left + widest + 6;
    band_ = (right_ - left_) / double(std::max<std::size_t>(1, series_.rows.size()));
  }
  void draw(std::vector<std::string> const& labels, Ink& ink) {
    draw_ticks(ink);
    draw_labels(labels, ink);
    cairo_set_line_join(pen_, CAIRO_LINE_JOIN_ROUND);
    for (std::size_t column = 0; column < series_.columns.size(); ++column) {
      auto const mark = series_.columns[column].mark;
      if (mark == Mark::bar) draw_bars(column);
      if (mark == Mark::area) draw_areas(column);
    }
    for (std::size_t column = 0; column < series_.columns.size(); ++column) {
      if (series_.columns[column].mark == Mark::none) continue;
      if (series_.comparison)
        draw_line(
            series_.comparison->rows, column, [](bool) { return Dash::long_dash; }, 0.9);
      if (series_.columns[column].mark == Mark::line)
        draw_line(
            series_.rows, column, [](bool complete) { return complete ? Dash::none : Dash::dots; },
            1.6);
    }
    if (series_.limit) draw_limit();
  }

 private:
  enum class Dash { none, dots, long_dash };

  [[nodiscard]] std::string words_of(double value) const {
    return value_in_words(std::llround(value), series_.unit, locale_);
  }
  [[nodiscard]] double x(std::size_t row) const { return left_ + band_ * (double(row) + 0.5); }
  [[nodiscard]] double y(double value) const {
    return top_ + height - (value - scale_.low) / (scale_.high - scale_.low) * height;
  }
  static std::optional<std::int64_t> value_of(series::Row const& row, std::size_t column) {
    return column < row.values.size() ? row.values[column] : std::nullopt;
  }
  /// Blocks of one kind stand on each other: positive ones up from zero, negative ones down.
  [[nodiscard]] std::optional<Block> block(series::Row const& row, std::size_t column) const {
    auto const value = value_of(row, column);
    if (!value) return {};
    double from = 0;
    for (std::size_t i = 0; i < column; ++i) {
      auto const other = value_of(row, i);
      if (other && series_.columns[i].mark == series_.columns[column].mark &&
          (*other < 0) == (*value < 0))
        from += double(*other);
    }
    return Block{from, from + double(*value)};
  }
  void find_scale() {
    double least = 0, most = 0;
    auto reach = [&](double value) {
      least = std::min(least, value);
      most = std::max(most, value);
    };
    for (std::size_t column = 0; column < series_.columns.size(); ++column) {
      auto const mark = series_.columns[column].mark;
      if (mark == Mark::none) continue;
      for (auto const& row : series_.rows)
        if (auto const at = block(row, column)) reach(stacks(mark) ? at->to : at->to - at->from);
      if (series_.comparison)
        for (auto const& row : series_.comparison->rows)
          if (auto const value = value_of(row, column)) reach(double(*value));
    }
    if (series_.limit) reach(double(*series_.limit));
    scale_ = scale_of(least, most, series_.unit);
  }
  void use(Colour colour, double strength = 1) {
    cairo_set_source_rgba(pen_, colour.red, colour.green, colour.blue, strength);
  }
  void use(Dash dash) {
    constexpr std::array dots{0.5, 2.5}, long_dash{4.0, 2.5};
    cairo_set_line_cap(pen_, dash == Dash::dots ? CAIRO_LINE_CAP_ROUND : CAIRO_LINE_CAP_BUTT);
    cairo_set_dash(pen_, dash == Dash::dots ? dots.data() : long_dash.data(),
                   dash == Dash::none ? 0 : 2, 0);
  }
  void draw_ticks(Ink& ink) {
    for (auto tick = scale_.low; tick <= scale_.high; tick += scale_.step) {
      bool const is_zero = std::abs(tick) < scale_.step / 2;
      ink.line(left_, y(tick), right_ - left_, is_zero ? 0.8 : 0.4, is_zero ? grey : faint);
      label_.set(words_of(tick));
      ink.show(label_, left_ - 6 - label_.width(), y(tick) - label_.height() / 2);
    }
  }
  /// As many as have room, the last one among them.
  void draw_labels(std::vector<std::string> const& labels, Ink& ink) {
    double widest = 1;
    for (auto const& text : labels) {
      label_.set(text);
      widest = std::max(widest, label_.width());
    }
    auto const every = std::max<std::size_t>(1, std::size_t(std::ceil((widest + gap) / band_)));
    for (std::size_t row = labels.size(); row-- > 0;) {
      if ((labels.size() - 1 - row) % every) continue;
      label_.set(labels[row], widest + 1, Align::start, 1);
      auto const at = std::clamp(x(row) - label_.width() / 2, left_, right_ - label_.width());
      ink.show(label_, at, top_ + height + 4);
    }
  }
  void draw_bars(std::size_t column) {
    auto const width = std::min(band_ * 0.68, widest_bar);
    for (std::size_t i = 0; i < series_.rows.size(); ++i) {
      auto const at = block(series_.rows[i], column);
      if (!at || at->from == at->to) continue;
      bool const is_whole = series_.rows[i].complete;
      cairo_rectangle(pen_, x(i) - width / 2, y(std::max(at->from, at->to)), width,
                      std::abs(y(at->from) - y(at->to)));
      use(colour_at(column), is_whole ? 1 : 0.35);
      cairo_fill_preserve(pen_);
      use(is_whole ? Dash::none : Dash::dots);
      use(is_whole ? Colour{1, 1, 1} : colour_at(column));
      cairo_set_line_width(pen_, 0.7);
      cairo_stroke(pen_);
    }
  }
  /// Between two rows of which both are known.
  void draw_areas(std::size_t column) {
    for (std::size_t i = 0; i + 1 < series_.rows.size(); ++i) {
      auto const at = block(series_.rows[i], column), next = block(series_.rows[i + 1], column);
      if (!at || !next) continue;
      cairo_move_to(pen_, x(i), y(at->from));
      cairo_line_to(pen_, x(i), y(at->to));
      cairo_line_to(pen_, x(i + 1), y(next->to));
      cairo_line_to(pen_, x(i + 1), y(next->from));
      cairo_close_path(pen_);
      use(colour_at(column), 0.28);
      cairo_fill(pen_);
      stroke(i, at->to, next->to, colour_at(column),
             series_.rows[i + 1].complete ? Dash::none : Dash::dots, 1.4);
    }
    draw_lonely(series_.rows, column,
                [&](series::Row const& row) { return block(row, column)->to; });
  }
  void stroke(std::size_t row, double from, double to, Colour colour, Dash dash, double width) {
    use(dash);
    use(colour);
    cairo_set_line_width(pen_, width);
    cairo_move_to(pen_, x(row), y(from));
    cairo_line_to(pen_, x(row + 1), y(to));
    cairo_stroke(pen_);
  }
  void draw_line(std::vector<series::Row> const& rows, std::size_t column,
                 std::function<Dash(bool)> const& dash, double width) {
    auto const most = std::min(rows.size(), series_.rows.size());
    for (std::size_t i = 0; i + 1 < most; ++i) {
      auto const at = value_of(rows[i], column), next = value_of(rows[i + 1], column);
      if (at && next)
        stroke(i, double(*at), double(*next), colour_at(column), dash(rows[i + 1].complete), width);
    }
    draw_lonely(rows, column,
                [&](series::Row const& row) { return double(*value_of(row, column)); });
  }
  /// A value between two that are not known is a dot.
  void draw_lonely(std::vector<series::Row> const& rows, std::size_t column,
                   std::function<double(series::Row const&)> const& value) {
    auto known = [&](std::size_t i) { return i < rows.size() && value_of(rows[i], column); };
    for (std::size_t i = 0; i < std::min(rows.size(), series_.rows.size()); ++i) {
      if (!known(i) || known(i + 1) || (i > 0 && known(i - 1))) continue;
      use(colour_at(column));
      cairo_arc(pen_, x(i), y(value(rows[i])), 2, 0, 2 * M_PI);
      cairo_fill(pen_);
    }
  }
  void draw_limit() {
    use(Dash::long_dash);
    use(colours.back());
    cairo_set_line_width(pen_, 0.8);
    cairo_move_to(pen_, left_, y(double(*series_.limit)));
    cairo_line_to(pen_, right_, y(double(*series_.limit)));
    cairo_stroke(pen_);
  }

  series::Series const& series_;
  i18n::Locale locale_;
  cairo_t* pen_;
  double top_, left_ = 0, right_, band_ = 1;
  Scale scale_;
  Text label_{{.size = label_size, .colour = grey}};
};

std::string label_of(Chart const& chart, std::size_t row, i18n::Locale locale) {
  return row < chart.rows.size() ? shown(chart.rows[row])
                                 : key_in_words(chart.series.rows[row].key, chart.series, locale);
}

std::string name_of(Chart const& chart, std::size_t column) {
  return column < chart.columns.size() ? chart.columns[column] : chart.series.columns[column].id;
}

/// A picture says nothing to whoever cannot see it.
std::string summary_of(Chart const& chart, i18n::Locale locale) {
  bool const is_spanish = locale == i18n::Locale::es;
  auto const& series = chart.series;
  std::string out;
  for (std::size_t column = 0; column < series.columns.size(); ++column) {
    std::optional<std::size_t> least, most;
    auto value = [&](std::size_t row) { return series.rows[row].values[column]; };
    for (std::size_t row = 0; row < series.rows.size(); ++row) {
      if (column >= series.rows[row].values.size() || !value(row)) continue;
      if (!least || *value(row) < *value(*least)) least = row;
      if (!most || *value(row) > *value(*most)) most = row;
    }
    if (!out.empty()) out += " ";
    out += isolated(name_of(chart, column)) + ": ";
    if (!least) {
      out += is_spanish ? "sin datos." : "no data.";
      continue;
    }
    auto say = [&](std::string_view word, std::size_t row) {
      out += std::string{word} + " " + value_in_words(*value(row), series.unit, locale) + " (" +
             isolated(label_of(chart, row, locale)) + ")";
    };
    say(is_spanish ? "mínimo" : "least", *least);
    say(is_spanish ? ", máximo" : ", most", *most);
    out += ".";
  }
  return out;
}

void draw_legend(Pages& pages, Chart const& chart) {
  auto const& columns = chart.series.columns;
  auto const& compared = chart.series.comparison;
  if (columns.size() < 2 && !compared) return;
  Text name{{.size = label_size + 0.5}};
  double x = Pages::left();
  auto add = [&](std::string const& words, auto const& draw_sample) {
    name.set(shown(words), pages.width() / 2, Align::start, 1);
    auto const needed = 12 + name.width() + 14;
    if (x > Pages::left() && x + needed > Pages::left() + pages.width()) {
      x = Pages::left();
      pages.y += 11;
    }
    draw_sample();
    pages.ink().show(name, x + 12, pages.y);
    x += needed;
  };
  for (std::size_t i = 0; i < columns.size(); ++i) {
    bool const is_line = columns[i].mark == Mark::line;
    if (columns[i].mark == Mark::none) continue;
    add(name_of(chart, i), [&] {
      pages.ink().line(x, pages.y + (is_line ? 4 : 1.5), 8, is_line ? 1.6 : 7, colour_at(i));
    });
  }
  if (compared)
    add(compared->from + " – " + compared->to, [&] {
      for (double const dash : {0, 5}) pages.ink().line(x + dash, pages.y + 4, 3, 0.9, grey);
    });
  pages.y += 15;
}
}  // namespace

void draw(Pages& pages, Chart const& chart, i18n::Locale locale) {
  Text title{{.size = 10, .bold = true}}, summary{{.size = 8, .colour = grey}};
  title.set(shown(chart.title), pages.width());
  summary.set(summary_of(chart, locale), pages.width());
  pages.require_room(title.height() + height + 60 + std::min(summary.height(), 100.0));
  pages.flow(title, "P");
  pages.y += 6;
  draw_legend(pages, chart);
  pages.y += 4;
  std::vector<std::string> labels;
  for (std::size_t row = 0; row < chart.series.rows.size(); ++row)
    labels.push_back(label_of(chart, row, locale));
  if (auto* const pen = pages.ink().pen()) {
    cairo_save(pen);
    Picture{chart, locale, pen, Pages::left(), pages.y, pages.width()}.draw(labels, pages.ink());
    cairo_restore(pen);
  }
  pages.y += height + 18;
  pages.flow(summary, "P");
  pages.y += 12;
}

Table table_of(Chart const& chart, i18n::Locale locale) {
  bool const is_spanish = locale == i18n::Locale::es;
  auto const& series = chart.series;
  Table table{{{series.axis == series::Axis::names ? "" : is_spanish ? "Periodo" : "Period"}}, {}};
  for (std::size_t i = 0; i < series.columns.size(); ++i)
    table.columns.push_back({name_of(chart, i), Align::end});
  for (std::size_t i = 0; i < series.rows.size(); ++i) {
    Row row{label_of(chart, i, locale)};
    if (!series.rows[i].complete) row[0] += is_spanish ? " (incompleto)" : " (incomplete)";
    for (std::size_t column = 0; column < series.columns.size(); ++column) {
      auto const& values = series.rows[i].values;
      auto const value = column < values.size() ? values[column] : std::nullopt;
      row.push_back(value ? value_in_words(*value, series.unit, locale) : "–");
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace pdf
