// Every code that the program says has words in both catalogues, with the same parameters, and no
// words stand there that nobody says.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <set>

#include "app/application.hpp"
#include "invariants/declared.hpp"
#include "platform/files/files.hpp"
#include "platform/mail/mail.hpp"
#include "support/source.hpp"
#include "tenants/failure_codes.hpp"

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

/// The text of the files below a folder that end in one of these.
std::vector<std::string> texts_below(std::string const& folder,
                                     std::vector<std::string> const& endings) {
  std::vector<std::string> out;
  for (auto const& entry :
       std::filesystem::recursive_directory_iterator{support::source_directory() / folder}) {
    auto const name = entry.path().filename().string();
    if (name.ends_with("_test.cpp")) continue;
    for (auto const& ending : endings)
      if (name.ends_with(ending)) out.push_back(files::read(entry.path().string()).value());
  }
  return out;
}

std::vector<std::string> const& program() {
  static auto const texts = texts_below("src", {".hpp", ".cpp"});
  return texts;
}

using Declared = std::map<std::string, Names>;  // the names in the pattern of each code

/// `i18n::Code<"code", "pattern">`
Declared declared_messages() {
  Declared out;
  constexpr std::string_view opening = "Code<\"";
  for (std::string_view const text : program())
    for (auto at = text.find(opening); at != std::string_view::npos; at = text.find(opening, at)) {
      at += opening.size() - 1;
      auto const code = literal_at(text, at);
      ++at;  // the comma
      auto const pattern = literal_at(text, at);
      CHECK_MESSAGE(text[at] == '>', code << " is declared in a way that this test does not read");
      CHECK_MESSAGE(out.emplace(code, names_of(pattern)).first->second == names_of(pattern),
                    code << " is declared twice, with other parameters");
    }
  return out;
}

/// `FieldCode name{"code", "pattern"}`, `ProblemType name{Kind::conflict, "code", "title"}`
Declared declared_as(std::string_view type) {
  Declared out;
  for (std::string_view const text : program())
    for (auto at = text.find(type); at != std::string_view::npos; at = text.find(type, at + 1)) {
      auto const open =
          text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_", at + type.size());
      if (open == std::string_view::npos || text[open] != '{' || open == at + type.size()) continue;
      auto literal = skip_blanks(text, open + 1);
      if (text.substr(literal).starts_with("Kind::")) literal = text.find(',', literal) + 1;
      auto const code = literal_at(text, literal);
      if (code.empty() || text[literal] != ',') continue;
      ++literal;
      auto const pattern = literal_at(text, literal);
      if (pattern.empty()) continue;  // made from a template, told on no page
      CHECK_MESSAGE(out.emplace(code, names_of(pattern)).first->second == names_of(pattern),
                    code << " is declared twice, with other parameters");
    }
  return out;
}

boost::json::object catalogue(std::string const& language) {
  auto const text =
      files::read(support::source_directory() / "web/locales" / (std::string{language} + ".json"));
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

/// Literals of the form "capability.what" in the statements that begin so.
Names codes_in(std::string_view opening) {
  Names out;
  for (std::string_view const text : program())
    for (auto at = text.find(opening); at != std::string_view::npos; at = text.find(opening, at)) {
      auto const end = text.find(';', at);
      for (at = text.find('"', at); at < end; at = text.find('"', at)) {
        auto const literal = literal_at(text, at);
        if (literal.find('.') != std::string::npos &&
            literal.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") ==
                std::string::npos)
          out.insert(literal);
      }
      at = end;
    }
  return out;
}

/// What endpoints write into the audit trail, and what the program writes by itself.
Names audit_actions() {
  process::Supervisor supervisor;
  config::Settings const settings{};
  app::Application application{settings, std::string(32, '0'), supervisor, nullptr};
  Names out;
  for (auto const& endpoint : application.api().endpoints())
    if (!endpoint->audit.empty()) out.insert(endpoint->audit);
  for (auto const* opening : {"audit_action =", "write_by_system(", "write_audit("})
    out.merge(codes_in(opening));
  return out;
}

Names mail_templates() {
  Names out;
  for (auto const* declared : mail::Declared::all()) out.emplace(declared->name);
  return out;
}

/// Each code has words, and no other code has.
void check_words(std::string const& group, Names const& codes) {
  for (auto const* language : {"en", "es"}) {
    CAPTURE(language);
    auto const words = catalogue(language);
    for (auto const& code : codes)
      CHECK_MESSAGE(words.contains(group + code), "no words for " << group << code);
    for (auto const& [key, _] : words) {
      std::string_view const name = key;
      if (name.starts_with(group))
        CHECK_MESSAGE(codes.contains(std::string{name.substr(group.size())}),
                      "nobody says " << name);
    }
  }
}
}  // namespace

TEST_CASE("every action of the audit trail has its words") {
  auto const actions = audit_actions();
  REQUIRE(actions.size() > 100);
  check_words("audit_action.", actions);
}

TEST_CASE("every kind of job has its words") {
  auto const kinds = codes_in("std::string_view kind =");
  REQUIRE(kinds.size() > 40);
  check_words("job_kind.", kinds);
}

TEST_CASE("every invariant has its words") {
  Names names;
  for (auto const& invariant : invariants::all()) names.emplace(invariant.name);
  for (auto const& declared : invariants::of_books()) names.emplace(declared.name);
  REQUIRE(names.size() >= 20);
  for (auto const* group : {"invariant.", "invariant_why.", "invariant_broken."})
    check_words(group, names);
}

TEST_CASE("every mail has words for its occasion") {
  auto const templates = mail_templates();
  REQUIRE(templates.size() > 20);
  check_words("mail_template.", templates);
}

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

TEST_CASE("every fault of a field has its words in both languages, with no other bounds") {
  auto const declared = declared_as("FieldCode ");
  REQUIRE(declared.size() > 30);
  for (auto const* language : {"en", "es"}) {
    CAPTURE(language);
    auto const words = catalogue(language);
    for (auto const& [code, names] : declared) {
      auto const* found = words.if_contains("field_problem." + code);
      CHECK_MESSAGE(found, "no words for field_problem." << code);
      if (!found) continue;
      for (auto const& name : names_of(*found))
        CHECK_MESSAGE(names.contains(name), "field_problem." << code << " is never told {" << name);
    }
  }
}

TEST_CASE("every problem has its words in both languages") {
  auto const declared = declared_as("ProblemType ");
  REQUIRE(declared.size() > 90);
  for (auto const* language : {"en", "es"}) {
    CAPTURE(language);
    auto const words = catalogue(language);
    for (auto const& [code, _] : declared)
      CHECK_MESSAGE(words.contains("problem." + code), "no words for problem." << code);
  }
}

TEST_CASE("every failure of a tenant has its words in both languages, and somebody who says it") {
  std::set<std::string_view> const declared{std::begin(tenants::failure_codes),
                                            std::end(tenants::failure_codes)};
  for (auto const code : declared) {
    auto const quoted = '"' + std::string{code} + '"';
    auto const files = std::count_if(program().begin(), program().end(), [&](auto const& text) {
      return text.find(quoted) != std::string::npos;
    });
    CHECK_MESSAGE(files > 1, "nobody says failure." << code);  // one of them declares it
  }
  for (auto const* language : {"en", "es"}) {
    CAPTURE(language);
    auto const words = catalogue(language);
    for (auto const code : declared)
      CHECK_MESSAGE(words.contains("failure." + std::string{code}),
                    "no words for failure." << code);
    for (auto const& [key, _] : words) {
      std::string_view const name = key;
      if (name.starts_with("failure.") && name != "failure.other")
        CHECK_MESSAGE(declared.contains(name.substr(8)), "nobody says " << name);
    }
  }
}

TEST_CASE("problems and faults that have words are said by the program or by a page") {
  auto sources = texts_below("web/src", {".js"});
  sources.insert(sources.end(), program().begin(), program().end());
  for (auto const& [key, _] : catalogue("en")) {
    std::string_view const name = key;
    if (!name.starts_with("problem.") && !name.starts_with("field_problem.")) continue;
    auto const code = '"' + std::string{name.substr(name.find('.') + 1)} + '"';
    auto const whole = '"' + std::string{name} + '"';
    CHECK_MESSAGE(std::any_of(sources.begin(), sources.end(),
                              [&](std::string const& text) {
                                return text.find(code) != std::string::npos ||
                                       text.find(whole) != std::string::npos;
                              }),
                  "nobody says " << name);
  }
}
