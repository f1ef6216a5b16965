// Writing CSV and JSON.
#include "platform/list/writers.hpp"

#include "platform/list/rows.hpp"
#include "platform/text/csv.hpp"

namespace list {

namespace {
/// Gathers small texts into larger ones.
class Pieces {
 public:
  explicit Pieces(Sink sink) : sink_{std::move(sink)} {}
  std::string text;
  void pass_on_when_large() {
    if (text.size() > 64 * 1024) pass_on();
  }
  void pass_on() {
    sink_(text);
    text.clear();
  }

 private:
  Sink sink_;
};

class JsonWriter : public Writer {
 public:
  JsonWriter(Sheet const& sheet, Sink sink) : sheet_{sheet}, out_{std::move(sink)} {}
  void begin() override {
    out_.text = "{\"list\":" + json::text(std::string{sheet_.list.name}) +
                ",\"filters\":" + json::text(sheet_.wish.filters()) + ",\"exported_at\":\"" +
                clock_source::rfc3339(sheet_.moment) + "\",\"data\":[";
  }
  void row(db::Columns const& columns, int index) override {
    out_.text += is_first_ ? "\n" : ",\n";
    is_first_ = false;
    write_json(out_.text, columns, *sheet_.list.row, index);
    out_.pass_on_when_large();
  }
  void end(std::int64_t rows) override {
    out_.text += "\n],\"rows\":" + std::to_string(rows) + "}\n";
    out_.pass_on();
  }

 private:
  Sheet const& sheet_;
  Pieces out_;
  bool is_first_ = true;
};

/// Values separated by commas (RFC 4180), or as Excel reads them in Spanish.
class CsvWriter : public Writer {
 public:
  CsvWriter(Sheet const& sheet, Sink sink)
      : sheet_{sheet},
        out_{std::move(sink)},
        is_spanish_{sheet.wish.format == Format::csv_es},
        reading_{sheet, is_spanish_ ? ',' : '.'} {}
  void begin() override {
    if (is_spanish_) out_.text = "\xEF\xBB\xBF";  // Excel takes the text for UTF-8 by it
    csv::append_text(out_.text, sheet_.about());
    out_.text += "\r\n";
    for (bool first = true; auto const& head : sheet_.heads()) {
      separate(first);
      csv::append_text(out_.text, head);
    }
    out_.text += "\r\n";
  }
  void row(db::Columns const& columns, int index) override {
    reading_.read(cells_, columns, index);
    for (bool first = true; auto const& cell : cells_) {
      separate(first);
      if (cell.is_text)
        csv::append_text(out_.text, cell.text);
      else
        out_.text += cell.text;
    }
    out_.text += "\r\n";
    out_.pass_on_when_large();
  }
  void end(std::int64_t) override { out_.pass_on(); }

 private:
  void separate(bool& first) {
    if (!std::exchange(first, false)) out_.text += is_spanish_ ? ';' : ',';
  }
  Sheet const& sheet_;
  Pieces out_;
  bool is_spanish_;
  Cells reading_;
  std::vector<Cell> cells_;
};

/// One thing that was asked for, in words.
std::string asked_in_words(Sheet const& sheet, std::string const& name, std::string const& text) {
  auto const& words = sheet.words;
  if (name == "sort") {
    bool const down = text.starts_with('-');
    auto const column = words.heading(text.substr(down));
    return words.filter(name) + ": " +
           (down ? i18n::filled(words.of("export.downwards", "{column}"), {{"column", column}})
                 : column);
  }
  std::string values;
  for (std::string_view rest = text; !rest.empty();) {
    auto const comma = rest.find(',');
    // Only codes are taken apart: what no catalogue knows stays as it was typed.
    auto const one = rest.substr(0, comma);
    values += (values.empty() ? "" : ", ") + words.value(name, one);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  auto const in_path = name.starts_with('{');
  return words.filter(in_path ? std::string_view{name}.substr(1, name.size() - 2) : name) + ": " +
         (name == "q" ? text : values);
}
}  // namespace

std::vector<std::string> Sheet::heads() const {
  auto const known = headings(*list.row);
  std::vector<std::string> out;
  for (auto const at : wish.columns) out.push_back(words.heading(known[at]));
  return out;
}

std::string Sheet::filters() const {
  std::string out;
  for (auto const& [name, text] : wish.asked)
    out += (out.empty() ? "" : "; ") + asked_in_words(*this, name, text);
  return out.empty() ? words.of("export.all", "") : out;
}

std::string Sheet::about() const {
  if (!words.are_spoken())
    return std::string{list.name} + ", exported " + clock_source::rfc3339(moment) +
           ", filters: " + wish.filters() + ", times in " + wish.zone;
  return i18n::filled(
      words.of("export.about", "{list}"),
      {{"list", words.name()}, {"time", as_of}, {"zone", wish.zone}, {"filters", filters()}});
}

std::unique_ptr<Writer> writer_of(Sheet const& sheet, Sink sink) {
  switch (sheet.wish.format) {
    case Format::json:
      return std::make_unique<JsonWriter>(sheet, std::move(sink));
    case Format::pdf:
      return pdf_writer(sheet, std::move(sink));
    default:
      return std::make_unique<CsvWriter>(sheet, std::move(sink));
  }
}

std::string file_name(List const& list, Format format) {
  return std::string{list.name} + "-" + clock_source::rfc3339(clock_source::now()).substr(0, 10) +
         (format == Format::json  ? ".json"
          : format == Format::pdf ? ".pdf"
                                  : ".csv");
}

std::string_view content_type(Format format) {
  return format == Format::json  ? "application/json"
         : format == Format::pdf ? "application/pdf"
                                 : "text/csv; charset=utf-8";
}

}  // namespace list
