#pragma once
// The words of mails: the program's own, and what staff have made of them.
#include <set>

#include "platform/mail/mail.hpp"

namespace mail {

/// Subject and body as they are written, with their parameters.
struct Text {
  std::string subject, body;
};

/// The parameters of a text: the names in braces, and whether a brace stands there alone.
struct Names {
  std::set<std::string> names;
  bool is_broken = false;
};
[[nodiscard]] Names names_in(std::string_view text);

/// What a template is given: all parameters of its own words.
[[nodiscard]] std::set<std::string> parameters_of(Template const& text);
/// Those that no words of this language may leave out: what its own body says there, but for the
/// name and the address to write to.
[[nodiscard]] std::set<std::string> required_of(Template const& text, i18n::Locale locale);

/// The program's own words.
[[nodiscard]] Text own_text(Template const& text, i18n::Locale locale);
/// The words that hold now. Changed ones that do not fit the template any more are passed over.
[[nodiscard]] Text present_text(db::Tx& tx, Template const& text, i18n::Locale locale);
[[nodiscard]] bool fits(Template const& text, i18n::Locale locale, Text const& words);

/// Throws logic_error where a value is missing.
[[nodiscard]] std::string fill(std::string_view text,
                               std::map<std::string, std::string> const& values,
                               std::string_view name);

/// The words of a template as staff have changed them; version 0: never.
struct Changed {
  std::int64_t version = 0;
  std::optional<std::string> en_subject, en_body, es_subject, es_body;
  std::optional<Time> changed_at;
  std::optional<std::string> changed_by;
  [[nodiscard]] bool is_own() const { return !en_subject; }
};
[[nodiscard]] std::map<std::string, Changed> all_changed(db::Tx& tx);
[[nodiscard]] Changed changed(db::Tx& tx, std::string_view name);
/// The same, locked until the transaction ends.
[[nodiscard]] Changed lock_changed(db::Tx& tx, std::string_view name);
/// None: the program's own words hold again. Returns the new version.
std::int64_t change(db::Tx& tx, std::string_view name, std::optional<std::pair<Text, Text>> words,
                    std::string_view by);

/// The subject and the body that a reader gets, with what stands beneath.
[[nodiscard]] Text written(db::Tx& tx, Text const& words, Template const& text, i18n::Locale locale,
                           std::map<std::string, std::string> const& values, bool has_foot);
[[nodiscard]] Look present_look(db::Tx& tx);
/// Puts finished words into the outbox. Returns the mail's id.
std::int64_t send_as_is(db::Tx& tx, std::string_view name, i18n::Locale locale,
                        std::string_view recipient, Text const& words);

}  // namespace mail
