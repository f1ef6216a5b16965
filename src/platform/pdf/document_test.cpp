// Documents as readers find them: text, structure, form of the file.
#include <fontconfig/fontconfig.h>

#include <thread>

#include "platform/pdf/catalogue.hpp"
#include "platform/pdf/test_file.hpp"

namespace {
using namespace std::chrono_literals;

std::string without_blanks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\f'; });
  return text;
}

pdf::Document named(std::vector<pdf::Block> blocks) {
  return {.title = "Facturación de noviembre",
          .issuer = {"Ñandú SL"},
          .about = "Plan: Business",
          .as_of = clock_source::parse("2026-11-23T12:00:00Z").value(),
          .as_of_text = "Datos de 23/11/2026, 13:00 (Europe/Madrid)",
          .blocks = std::move(blocks)};
}

pdf::Table table_of(int rows) {
  pdf::Table table{{{"Name"}, {"Amount", pdf::Align::end}}, {}};
  for (int i = 0; i < rows; ++i)
    table.rows.push_back({"row-" + std::to_string(i) + "-end", std::to_string(i) + ".00 €"});
  return table;
}

std::string words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "word-" + std::to_string(i) + "; ";
  return text;
}
}  // namespace

TEST_CASE("a document says what it is, and its text can be selected") {
  File const file{named({pdf::Heading{"Customer"},
                         pdf::Facts{{{"Name", "Alba Logistics"}, {"Tax id", "ESB12345678"}}},
                         pdf::Table{{{"Item"}, {"Amount", pdf::Align::end}}, {{"Plan", "€79.00"}}},
                         pdf::Paragraph{"Payment is due within 30 days."}})};
  file.check_form();
  auto const about = file.about();
  CHECK(has(about, "Title:           Facturación de noviembre\n"));
  CHECK(has(about, "Author:          Ñandú SL\n"));
  CHECK(has(about, "CreationDate:    Mon Nov 23 12:00:00 2026 UTC\n"));
  CHECK(has(about, "Tagged:          yes\n"));
  CHECK(has(about, "(A4)"));
  CHECK(has(file.bytes, "/Lang (en)"));
  CHECK(has(file.bytes, "/DisplayDocTitle true"));
  auto const text = file.text();
  for (auto const* part :
       {"Customer", "Alba Logistics", "ESB12345678", "€79.00", "Page 1 of 1", "Plan: Business",
        "Datos de 23/11/2026, 13:00 (Europe/Madrid)", "Payment is due within 30 days."})
    CHECK_MESSAGE(has(text, part), part, text);
  // Fonts are inside, with the letters in use only.
  auto const fonts = of_tool("pdffonts", {file.path("file.pdf")});
  CHECK(has(fonts, "+Inter-"));
  CHECK(count(fonts, "yes yes yes") == count(fonts, "+"));
  CHECK(file.bytes.size() < 60'000);
}

TEST_CASE("screen readers find headings and the heads of cells, and nothing of the pages' edges") {
  File const file{named({pdf::Heading{"Customer"}, pdf::Facts{{{"Name", "Alba"}}}, table_of(80)})};
  auto const structure = file.structure();
  CHECK(structure.starts_with("Document\n  P (block)\n    \"Ñandú SL\"\n  H1 (block)\n"));
  CHECK(has(structure, "  H2 (block)\n    \"Customer\"\n"));
  CHECK(
      has(structure, "      TR\n        TH\n          \"Name\"\n        TD\n          \"Alba\"\n"));
  CHECK(has(structure, "    THead\n      TR\n        TH\n          \"Name\"\n"));
  // Over several pages it is still one table, whose heads are read once.
  REQUIRE(file.pages() > 1);
  CHECK(count(structure, "Table (block)") == 2);
  CHECK(count(structure, "\"Amount\"") == 1);
  CHECK(count(structure, "-end\"") == 80);
  CHECK(!has(structure, "Page 1"));
}

TEST_CASE("one document is the same bytes, whenever and however often it is written") {
  auto const document = named({table_of(300), pdf::Paragraph{"محمد, 你好, <b>"}});
  auto const once = pdf::write(document);
  clock_source::advance(24h);
  CHECK(pdf::write(document) == once);
  // Another document in between leaves no traces.
  CHECK(pdf::write(named({pdf::Paragraph{"other letters: ÅÄÖ"}})) != once);
  std::vector<std::string> others(4);
  {
    std::vector<std::jthread> threads;
    for (auto& other : others) threads.emplace_back([&] { other = pdf::write(document); });
  }
  for (auto const& other : others) CHECK(other == once);
}

TEST_CASE("a table goes on over pages: heads on each, every row once, pages counted") {
  for (int const rows : {0, 1, 39, 40, 41, 5'000}) {
    CAPTURE(rows);
    File const file{named({table_of(rows)})};
    file.check_form();
    auto const pages = file.pages();
    auto const text = file.text();
    CHECK(count(text, "Name Amount\n") == pages);
    CHECK(count(text, "-end") == rows);
    for (int i = 0; i < rows; ++i)
      REQUIRE(has(text, "row-" + std::to_string(i) + "-end " + std::to_string(i) + ".00 €\n"));
    auto const of = " of " + std::to_string(pages) + "\n";
    for (int page = 1; page <= pages; ++page)
      REQUIRE(count(text, "Page " + std::to_string(page) + of) == 1);
    CHECK(count(text, "Page ") == pages);
  }
}

TEST_CASE("Spanish pages are counted in Spanish") {
  auto document = named({pdf::PageBreak{}});
  document.language = i18n::Locale::es;
  File const file{document};
  CHECK(has(file.text(), "Página 2 de 2"));
  CHECK(has(file.bytes, "/Lang (es)"));
}

TEST_CASE("what strangers typed stays text, and moves nothing but itself") {
  std::string const long_word(200, 'w');
  File const file{named({pdf::Table{{{"Name"}, {"Note"}},
                                    {{"<b>bold</b> & &amp;", "(a) \\ <</Type /Catalog>> endobj"},
                                     {"gnp.\u202Ecod", "\u2067turned"},
                                     {long_word, "beside it"},
                                     {"شركة النور", "שלום"},
                                     {"broken \xff\xc3", std::string{"nul\0l, tab\t, bell\a", 18}},
                                     {"two\r\nlines", ""}}}})};
  file.check_form();
  auto const text = file.text();
  CHECK(has(text, "<b>bold</b> & &amp;"));
  CHECK(has(text, "(a) \\ <</Type /Catalog>> endobj"));
  CHECK(has(text, "gnp.\uFFFDcod \uFFFDturned"));
  CHECK(!has(text, "\u202E"));
  CHECK_MESSAGE(has(text, "broken \uFFFD\uFFFD nul\uFFFDl, tab , bell\uFFFD"), text);
  auto const structure = file.structure();
  CHECK(has(structure, '"' + long_word + '"'));  // without a hyphen where lines break
  CHECK(has(structure, "\"شركة النور\""));
  CHECK(has(structure, "\"שלום\""));
  CHECK(has(text, "two\nlines"));
}

TEST_CASE("an override in a filter does not turn the foot of the page") {
  auto document = named({});
  document.about = "q=\u202Egnp.exe\u2068";
  document.title = "\u202Eeltit";
  File const file{document};
  auto const text = file.text();
  CHECK(has(text, "Datos de 23/11/2026, 13:00 (Europe/Madrid) · q=\uFFFDgnp.exe\uFFFD"));
  CHECK(has(text, "Page 1 of 1"));
  CHECK(has(file.about(), "Title:           \uFFFDeltit\n"));
  // Right to left by its letters, the filter stays where it is too.
  document.about = "اسم=محمد";
  auto const arabic = File{document}.text("-layout");
  auto const foot = arabic.substr(arabic.rfind("Datos"));
  CHECK(foot.find("(Europe/Madrid)") < foot.find("Page 1 of 1"));
}

TEST_CASE("letters that no font has are shown by their numbers") {
  // Of the private use area and of a plane that nobody writes with.
  File const file{named({pdf::Paragraph{"before \uE8F3 \U000E0F42 after"}})};
  file.check_form();
  auto const text = without_blanks(file.text());
  CHECK(has(text, "before"));
  CHECK(has(text, "after"));
  auto const structure = file.structure();
  CHECK(has(structure, "E8F3"));
}

TEST_CASE("nothing is lost of a row that is higher than a page, nor of a long paragraph") {
  auto const text = words(3'000);
  File const row{named({pdf::Table{{{"Short"}, {"Long"}}, {{"a", text}, {"next", "row"}}}})};
  row.check_form();
  CHECK(row.pages() > 2);
  CHECK(count(row.text(), "word-") == 3'000);
  CHECK(count(row.text(), "next row") == 1);
  File const paragraph{named({pdf::Paragraph{text}})};
  CHECK(paragraph.pages() > 1);
  CHECK(count(paragraph.text(), "word-") == 3'000);
  File const facts{named({pdf::Facts{{{"Long", text}, {text, "short"}}}})};
  CHECK(count(facts.text(), "word-") == 6'000);
}

TEST_CASE("paper is as large as the columns need") {
  auto const size_of = [](int columns, std::string const& cell) {
    pdf::Table table;
    table.columns.assign(std::size_t(columns), {"Head"});
    table.rows.assign(3, pdf::Row(std::size_t(columns), cell));
    File const file{named({table})};
    CHECK(count(without_blanks(file.text()), cell) == 3 * columns);
    auto const about = file.about();
    return about.substr(about.find("Page size:") + 17, 9);
  };
  CHECK(size_of(3, "some-words") == "595.28 x ");
  CHECK(size_of(12, "some-words") == "841.89 x ");
  CHECK(size_of(30, "some-words") == "1190.55 x");
}

TEST_CASE("documents without anything, and heads without an end") {
  File const empty{pdf::Document{}};
  empty.check_form();
  CHECK(empty.pages() == 1);
  auto document = named({pdf::Table{}, pdf::Facts{}, pdf::Paragraph{}, pdf::Heading{}});
  document.issuer.colour = "red; }";
  document.title = words(2'000);
  document.issuer.name = words(2'000);
  File const file{document};
  file.check_form();
  pdf::Table narrow;
  for (int i = 0; i < 40; ++i) narrow.columns.push_back({words(100)});
  narrow.rows.assign(2, pdf::Row(40, "x"));
  File const heads{named({narrow})};
  heads.check_form();
  CHECK(heads.pages() == 1);
}

TEST_CASE("a heading stays with what follows it") {
  for (int rows = 30; rows < 50; ++rows) {
    File const file{
        named({table_of(rows), pdf::Heading{"Last section"}, pdf::Paragraph{"Its text"}})};
    auto const text = file.text();
    CHECK(text.find('\f', text.find("Last section")) > text.find("Its text"));
  }
}

TEST_CASE("a machine without fonts says so") {
  CHECK(pdf::has_fonts());
  auto* const usual = FcConfigReference(nullptr);
  auto* const none = FcConfigCreate();
  FcConfigSetCurrent(none);
  CHECK(!pdf::has_fonts());
  CHECK_THROWS_AS(static_cast<void>(pdf::write({})), Problem);
  FcConfigSetCurrent(usual);
  FcConfigDestroy(usual);
  FcConfigDestroy(none);
  CHECK(pdf::has_fonts());
}

TEST_CASE("a file whose catalogue is not where it was expected stays as it is") {
  for (std::string const text :
       {"", "trailer\n<<", "%PDF-1.7\ntrailer\n<< /Root 3 0 R /Size 4 >>\nstartxref\n9\n%%EOF\n",
        "\n3 0 obj\n<< /Type /Catalog\n   /Lang (fr)\n>>\nendobj\n"
        "trailer\n<< /Root 3 0 R\n/Info 2 0 R\n/Size 4 >>\nstartxref\n9\n%%EOF\n"}) {
    auto file = text;
    pdf::tell_language(file, "es");
    CHECK(file == text);
  }
}
