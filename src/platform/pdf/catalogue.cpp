// The catalogue of a finished file, written anew at its end.
#include "platform/pdf/catalogue.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace pdf {

namespace {
/// The number that follows the last `key`.
std::optional<std::size_t> number_after(std::string_view file, std::string_view key) {
  auto const at = file.rfind(key);
  if (at == std::string_view::npos) return {};
  std::size_t number = 0;
  auto const rest = file.substr(at + key.size());
  if (std::from_chars(rest.data(), rest.data() + rest.size(), number).ec != std::errc{}) return {};
  return number;
}
}  // namespace

void tell_language(std::string& file, std::string_view language) {
  auto const trailer = file.rfind("trailer\n<<");
  if (trailer == std::string::npos) return;
  auto const tail = std::string_view{file}.substr(trailer);
  auto const root = number_after(tail, "/Root ");
  auto const size = number_after(tail, "/Size ");
  auto const before = number_after(tail, "startxref\n");
  auto const info = number_after(tail, "/Info ");
  if (!root || !size || !before || !info) return;
  auto const opening = fmt::format("\n{} 0 obj\n<< /Type /Catalog\n", *root);
  auto const begin = file.rfind(opening, trailer);
  auto const end = file.find(">>\nendobj\n", begin == std::string::npos ? file.size() : begin);
  if (end == std::string::npos) return;
  auto entries = file.substr(begin + opening.size(), end - begin - opening.size());
  if (entries.find("/Lang") != std::string::npos) return;
  entries +=
      fmt::format("   /Lang ({})\n   /ViewerPreferences << /DisplayDocTitle true >>\n", language);
  if (entries.find("/MarkInfo") == std::string::npos)
    entries += "   /MarkInfo << /Marked true >>\n";
  auto const object = file.size();
  file += fmt::format("{} 0 obj\n<< /Type /Catalog\n{}>>\nendobj\n", *root, entries);
  auto const table = file.size();
  file += fmt::format(
      "xref\n{} 1\n{:010} 00000 n \n"
      "trailer\n<< /Size {}\n   /Root {} 0 R\n   /Info {} 0 R\n   /Prev "
      "{}\n>>\nstartxref\n{}\n%%EOF\n",
      *root, object, *size, *root, *info, *before, table);
}

}  // namespace pdf
