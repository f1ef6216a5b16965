// A list as a document: its name, what it was filtered by, and one table that goes over pages.
#include "platform/list/writers.hpp"

namespace list {

namespace {
class PdfWriter : public Writer {
 public:
  PdfWriter(Sheet const& sheet, Sink sink)
      : sheet_{sheet},
        sink_{std::move(sink)},
        reading_{sheet, language() == i18n::Locale::es ? ',' : '.'} {}
  void begin() override {
    for (auto& head : sheet_.heads()) table_.columns.push_back({std::move(head)});
  }
  void row(db::Columns const& columns, int index) override {
    reading_.read(cells_, columns, index);
    auto& row = table_.rows.emplace_back();
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      if (cells_[i].is_number) table_.columns[i].align = pdf::Align::end;
      row.push_back(cells_[i].text);
    }
  }
  void end(std::int64_t) override {
    auto const& words = sheet_.words;
    pdf::Document document{
        .title = words.name(),
        .issuer = sheet_.issuer,
        .about = sheet_.filters(),
        .language = language(),
        .as_of = sheet_.moment,
        .as_of_text = i18n::filled(
            words.of("export.as_of", "{time} ({zone})"),
            {{"time", std::string{without_zone(sheet_.as_of)}}, {"zone", sheet_.wish.zone}})};
    document.blocks.push_back(std::move(table_));
    sink_(pdf::write(document));
  }

 private:
  [[nodiscard]] i18n::Locale language() const {
    return sheet_.wish.language.value_or(i18n::Locale::en);
  }
  Sheet const& sheet_;
  Sink sink_;
  Cells reading_;
  std::vector<Cell> cells_;
  pdf::Table table_;
};
}  // namespace

std::unique_ptr<Writer> pdf_writer(Sheet const& sheet, Sink sink) {
  return std::make_unique<PdfWriter>(sheet, std::move(sink));
}

}  // namespace list
