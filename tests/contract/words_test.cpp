// Every code that the program says has words in both catalogues, with the same parameters, and no
// words stand there that nobody says.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <set>

#include "platform/files/files.hpp"

namespace {
using Names = std::set<std::string>;

/// What stands in braces.
Names names_of(std::string_view text) {
  Names out;
  for (auto open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1))
    out.emplace(text.substr(open + 1, text.find('}', open) - open - 1));
  return out;
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(" \n", at), text.size());
}

/// The text of string literals that follow each other; `at` ends behind them.
std::string literal_at(std::string_view text, std::size_t& at) {
  std::string out;
  for (at = skip_blanks(text, at); at < text.size() && text[at] == '"';
       at = skip_blanks(text, at + 1))
    for (++at; text[at] != '"'; ++at) {
      if (text[at] == '\\') ++at;
      out += text[at];
    }
  return out;
}

/// Calls `each(text)` for the program's own source files.
template <class Each>
void each_source(Each&& each) {
  for (auto const& entry : std::filesystem::recursive_directory_iterator{
           std::filesystem::path{ONBOARDING_SOURCE} / "src"}) {
    auto const name = entry.path().filename().string();
    if (!name.ends_with(".hpp") && !name.ends_with(".cpp")) continue;
    if (name.ends_with("_test.cpp")) continue;
    each(*files::read(entry.path().string()));
  }
}

/// The codes of `i18n::Code<"code", "pattern">`, with the names in their patterns.
std::map<std::string, Names> declared_messages() {
  std::map<std::string, Names> out;
  each_source([&](std::string_view text) {
    constexpr std::string_view opening = "Code<\"";
    for (auto at = text.find(opening); at != std::string_view::npos; at = text.find(opening, at)) {
      at += opening.size() - 1;
      auto const code = literal_at(text, at);
      ++at;  // the comma
      auto const pattern = literal_at(text, at);
      CHECK_MESSAGE(text[at] == '>', code << " is declared in a way that this test does not read");
      CHECK_MESSAGE(out.emplace(code, names_of(pattern)).second, code << " is declared twice");
    }
  });
  return out;
}

boost::json::object catalogue(std::string const& language) {
  auto const text =
      files::read(std::string{ONBOARDING_SOURCE} + "/web/locales/" + language + ".json");
  return boost::json::parse(text.value()).as_object();
}

/// The names in a text of a catalogue, or in all its plural forms.
Names names_of(boost::json::value const& words) {
  if (words.is_string()) return names_of(std::string_view{words.as_string()});
  Names out;
  for (auto const& [_, text] : words.as_object())
    out.merge(names_of(std::string_view{text.as_string()}));
  return out;
}
}  // namespace

TEST_CASE("every message has its words in both languages, and all words have their message") {
  auto const declared = declared_messages();
  REQUIRE(declared.size() > 0);
  for (auto const* language : {"en", "es"}) {
    CAPTURE(language);
    auto const words = catalogue(language);
    for (auto const& [code, names] : declared) {
      auto const* found = words.if_contains("reason." + code);
      CHECK_MESSAGE(found, "no words for reason." << code);
      if (!found) continue;
      CHECK_MESSAGE(names_of(*found) == names, "other parameters in reason." << code);
    }
    for (auto const& [key, _] : words)
      if (key.starts_with("reason."))
        CHECK_MESSAGE(declared.contains(std::string{key.substr(7)}), "nobody says " << key);
  }
}
