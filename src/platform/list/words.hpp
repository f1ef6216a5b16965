#pragma once
// A list in words: its name, the heads of its columns and the codes in them, from the catalogues of
// the pages. Without a language they are the names that the API has, which programs read.
#include "platform/i18n/message.hpp"
#include "platform/i18n/words.hpp"
#include "platform/list/list.hpp"

namespace list {

class Words {
 public:
  Words(List const& list, std::optional<i18n::Locale> language)
      : list_{list}, language_{language} {}

  [[nodiscard]] bool are_spoken() const { return language_.has_value(); }
  [[nodiscard]] std::string name() const {
    return of("list." + std::string{list_.name}, list_.name);
  }
  /// `column` as headings() has it: catalogue `column.<list>.<column>`.
  [[nodiscard]] std::string heading(std::string_view column) const;
  /// Of a filter: its column's head, else `filter.<name>`.
  [[nodiscard]] std::string filter(std::string_view name) const;
  /// A value of a column or filter; one that no catalogue knows stays as it is.
  [[nodiscard]] std::string value(std::string_view column, std::string_view code) const;
  [[nodiscard]] std::string_view boolean(bool value) const;
  /// The sentence of `reason.<code>`; where there is none, its English text.
  [[nodiscard]] std::string message(i18n::Message const& message) const;
  /// `key` of the catalogues.
  [[nodiscard]] std::string of(std::string const& key, std::string_view otherwise) const;

 private:
  /// Of codes with commas between them.
  [[nodiscard]] std::string each_of(std::string const& group, std::string_view codes) const;
  List const& list_;
  std::optional<i18n::Locale> language_;
};

/// Declared beside a list: codes of a column, or of a filter that is no column, whose words stand
/// in another group of the catalogues than that of its name ("mail_state.sent"). A column of texts
/// without it shows them as they are.
class Codes {
 public:
  struct Column {
    std::string_view name, group;
  };
  Codes(std::string_view list, std::vector<Column> columns);
  ~Codes();
  Codes(Codes const&) = delete;
  Codes& operator=(Codes const&) = delete;

  std::string_view const list;
  std::vector<Column> const columns;

  /// Every declaration that is alive.
  static std::vector<Codes const*> all();
};

/// The group that is declared for a column; none: it is that of its name.
[[nodiscard]] std::optional<std::string_view> declared_group(List const& list,
                                                             std::string_view column);

}  // namespace list
