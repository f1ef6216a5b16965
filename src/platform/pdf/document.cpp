// Blocks on pages. The document is laid out twice, since each page says how many there are.
#include "platform/pdf/document.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "platform/pdf/pages.hpp"

namespace pdf {

namespace {
constexpr double text_size = 9.5;
/// A4 upright, A4 on its side, A3 on its side.
constexpr std::array papers{Paper{595.28, 841.89}, Paper{841.89, 595.28}, Paper{1190.55, 841.89}};

void draw(Pages& pages, Heading const& heading) {
  Text text{{.size = 12.5, .bold = true}};
  text.set(shown(heading.text), pages.width());
  pages.require_room(text.height() + 60);  // not without something below it
  pages.flow(text, "H2");
  pages.y += 6;
}

void draw(Pages& pages, Paragraph const& paragraph) {
  Text text{{.size = text_size}};
  text.set(shown(paragraph.text), pages.width());
  pages.require_room(std::min(text.height(), 3 * text_size));
  pages.flow(text, "P");
  pages.y += 8;
}

void draw(Pages& pages, PageBreak) { pages.next_page(); }

using Laid = std::vector<std::optional<Columns>>;  // of each block that is a table

int draw_all(Pages& pages, Document const& document, Laid const& tables) {
  for (std::size_t i = 0; i < document.blocks.size(); ++i) {
    if (tables[i])
      tables[i]->draw(pages);
    else
      std::visit(
          [&]<class B>(B const& block) {
            if constexpr (std::is_same_v<B, Chart>)
              draw(pages, block, document.language);
            else if constexpr (!std::is_same_v<B, Table>)
              draw(pages, block);
          },
          document.blocks[i]);
  }
  return pages.finish();
}
}  // namespace

std::string write(Document const& document) {
  if (!has_fonts()) throw Problem{no_fonts};
  Laid tables(document.blocks.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    auto const* const table = std::get_if<Table>(&document.blocks[i]);
    if (!table) continue;
    tables[i].emplace(*table);
    while (size + 1 < papers.size() && !tables[i]->fits(papers[size].room())) ++size;
  }
  Pages counted{document, papers[size], 0};
  auto const total = draw_all(counted, document, tables);
  Pages pages{document, papers[size], total};
  draw_all(pages, document, tables);
  return pages.ink().finish();
}

}  // namespace pdf
