// Texts, lines and tags on the pages of a file. Pango's fonts are per thread, so documents may be
// written side by side.
#include "platform/pdf/ink.hpp"

#include <fmt/format.h>
#include <pango/pangofc-fontmap.h>

#include <algorithm>
#include <charconv>
#include <new>
#include <stdexcept>

#include "platform/pdf/catalogue.hpp"
#include "platform/text/utf8.hpp"

namespace pdf {

namespace {
// The pages' own, then one with Arabic and Hebrew; other letters come from whatever font has them.
constexpr auto family = "Inter, DejaVu Sans";
// Digits of one width, and no arrows made out of "->".
constexpr auto features = "tnum, calt=0";
constexpr double line_spacing = 1.1;

constexpr double points(int units) { return double(units) / PANGO_SCALE; }
int units(double points) { return int(points * PANGO_SCALE); }

/// What is laid out does not depend on a screen.
PangoContext* context_of_this_thread() {
  static thread_local Handle<PangoContext, g_object_unref> const context{[] {
    auto* const made = pango_font_map_create_context(pango_cairo_font_map_get_default());
    pango_cairo_context_set_resolution(made, 72);
    Handle<cairo_font_options_t, cairo_font_options_destroy> const options{
        cairo_font_options_create()};
    cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(made, options.get());
    pango_context_set_language(made, pango_language_from_string("en"));
    pango_context_set_round_glyph_positions(made, FALSE);
    return made;
  }()};
  return context.get();
}

void require_success(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return;
  if (status == CAIRO_STATUS_NO_MEMORY) throw std::bad_alloc{};
  throw std::runtime_error{std::string{"cairo: "} + cairo_status_to_string(status)};
}

cairo_status_t append(void* file, unsigned char const* bytes, unsigned int size) {
  try {
    static_cast<std::string*>(file)->append(reinterpret_cast<char const*>(bytes), size);
    return CAIRO_STATUS_SUCCESS;
  } catch (std::bad_alloc const&) {
    return CAIRO_STATUS_NO_MEMORY;
  }
}
}  // namespace

Colour colour_of(std::string_view text) {
  unsigned value = 0;
  if (text.size() != 7 || text[0] != '#') return black;
  auto const [end, error] = std::from_chars(text.data() + 1, text.data() + 7, value, 16);
  if (error != std::errc{} || end != text.data() + 7) return black;
  return {double(value >> 16) / 255, double(value >> 8 & 255) / 255, double(value & 255) / 255};
}

std::string shown(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0, length = 0; i < text.size(); i += length ? length : 1) {
    length = utf8::length_at(text, i);
    auto const c = utf8::at(text, i);
    if (c == U'\n')
      out += '\n';
    else if (c == U'\t')
      out += ' ';
    else if (c == U'\r' && i + 1 < text.size() && text[i + 1] == '\n')
      continue;
    else if (length == 0 || utf8::is_control(c) || utf8::turns_direction(c))
      out += "\uFFFD";
    else
      out.append(text, i, length);
  }
  return out;
}

std::string isolated(std::string_view text) { return "\u2068" + shown(text) + "\u2069"; }

Text::Text(Style style) : style_{style}, layout_{pango_layout_new(context_of_this_thread())} {
  Handle<PangoFontDescription, pango_font_description_free> const font{
      pango_font_description_new()};
  pango_font_description_set_family_static(font.get(), family);
  pango_font_description_set_absolute_size(font.get(), units(style.size));
  if (style.bold) pango_font_description_set_weight(font.get(), PANGO_WEIGHT_BOLD);
  pango_layout_set_font_description(layout_.get(), font.get());
  pango_layout_set_wrap(layout_.get(), PANGO_WRAP_WORD_CHAR);
  pango_layout_set_line_spacing(layout_.get(), float(line_spacing));
  // An identifier that is broken over two lines must not gain a hyphen.
  Handle<PangoAttrList, pango_attr_list_unref> const attributes{pango_attr_list_new()};
  pango_attr_list_insert(attributes.get(), pango_attr_insert_hyphens_new(FALSE));
  pango_attr_list_insert(attributes.get(), pango_attr_font_features_new(features));
  pango_layout_set_attributes(layout_.get(), attributes.get());
}

void Text::set(std::string text, double width, Align align, int most_lines) {
  auto* const layout = layout_.get();
  if (most_lines) std::replace(text.begin(), text.end(), '\n', ' ');
  pango_layout_set_ellipsize(layout, most_lines ? PANGO_ELLIPSIZE_END : PANGO_ELLIPSIZE_NONE);
  pango_layout_set_height(layout, most_lines ? -most_lines : -1);
  pango_layout_set_width(layout, width > 0 ? units(width) : -1);
  pango_layout_set_alignment(layout, align == Align::end ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
  pango_layout_set_text(layout, text.data(), int(text.size()));
}

double Text::width() const {
  PangoRectangle logical;
  pango_layout_get_extents(layout_.get(), nullptr, &logical);
  return points(logical.width);
}

double Text::height() const {
  PangoRectangle logical;
  pango_layout_get_extents(layout_.get(), nullptr, &logical);
  return points(logical.height);
}

Ink::Ink(double width, double height) : width_{width}, height_{height} {}

void Ink::open(Document const& document) {
  surface_.reset(cairo_pdf_surface_create_for_stream(&append, &file_, width_, height_));
  auto* const surface = surface_.get();
  // Without a date of its own cairo would write the present one.
  auto const date = clock_source::rfc3339(document.as_of).substr(0, 19) + "Z";
  auto tell = [&](cairo_pdf_metadata_t what, std::string const& text) {
    if (!text.empty()) cairo_pdf_surface_set_metadata(surface, what, text.c_str());
  };
  tell(CAIRO_PDF_METADATA_TITLE, shown(document.title));
  tell(CAIRO_PDF_METADATA_AUTHOR, shown(document.issuer.name));
  tell(CAIRO_PDF_METADATA_SUBJECT, shown(document.about));
  tell(CAIRO_PDF_METADATA_CREATE_DATE, date);
  pen_.reset(cairo_create(surface));
  require_success(cairo_status(pen_.get()));
  language_ = name_of(document.language);
}

void Ink::use(Colour colour) {
  cairo_set_source_rgb(pen_.get(), colour.red, colour.green, colour.blue);
}

void Ink::show(Text const& text, double x, double y) {
  if (!draws()) return;
  use(text.style().colour);
  cairo_move_to(pen_.get(), x, y);
  pango_cairo_show_layout(pen_.get(), text.layout());
}

Ink::Shown Ink::show_lines(Text const& text, int first, double x, double y, double bottom) {
  Handle<PangoLayoutIter, pango_layout_iter_free> const at{pango_layout_get_iter(text.layout())};
  for (int i = 0; i < first; ++i) pango_layout_iter_next_line(at.get());
  Shown shown{first, 0};
  for (double begin = 0; shown.next < text.lines(); ++shown.next) {
    PangoRectangle logical;
    pango_layout_iter_get_line_extents(at.get(), nullptr, &logical);
    if (shown.next == first) begin = points(logical.y);
    auto const height = points(logical.y + logical.height) - begin;
    if (y + height > bottom) break;
    shown.height = height;
    if (draws()) {
      use(text.style().colour);
      cairo_move_to(pen_.get(), x + points(logical.x),
                    y + points(pango_layout_iter_get_baseline(at.get())) - begin);
      pango_cairo_show_layout_line(pen_.get(), pango_layout_iter_get_line_readonly(at.get()));
    }
    pango_layout_iter_next_line(at.get());
  }
  return shown;
}

void Ink::line(double x, double y, double width, double thickness, Colour colour) {
  if (!draws()) return;
  use(colour);
  cairo_rectangle(pen_.get(), x, y, width, thickness);
  cairo_fill(pen_.get());
}

void Ink::end_page() {
  if (draws()) cairo_show_page(pen_.get());
}

std::string Ink::finish() {
  require_success(cairo_status(pen_.get()));
  pen_.reset();
  cairo_surface_finish(surface_.get());
  require_success(cairo_surface_status(surface_.get()));
  tell_language(file_, language_);
  return std::move(file_);
}

}  // namespace pdf
