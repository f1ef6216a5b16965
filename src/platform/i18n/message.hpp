#pragma once
// What the server has to say, for readers of any language: a code with its parameters, from which
// pages make a sentence by their catalogues (`reason.<code>`), and the English text for programs.
#include <initializer_list>

#include "platform/clock/clock.hpp"
#include "platform/i18n/i18n.hpp"

namespace i18n {

/// Stands in rows as jsonb.
struct Message {
  std::string code;
  RawJson parameters{};  // a flat object
  std::string text;
  bool operator==(Message const& other) const {
    return code == other.code && parameters.text == other.parameters.text;
  }
  static constexpr auto rules() {
    return ::rules(
        rule(&Message::code, {.doc = "What it is; stays the same", .example = "state_is"}),
        rule(&Message::parameters, {.doc = "Texts and numbers that belong to it"}),
        rule(&Message::text, {.doc = "The same in English"}));
  }
};

/// The value of one parameter. Pages tell by its name how it is shown: …bytes is a size, …seconds a
/// length of time, …state a tenant's state, …_at a time, a number with `currency` beside it money.
class Value {
 public:
  template <class T>
  Value(T const& value) {
    if constexpr (NamedEnum<T>)
      set_text(name_of(value));
    else if constexpr (std::is_same_v<T, Time>)
      set_text(clock_source::rfc3339(value));
    else if constexpr (std::is_integral_v<T>)
      set_number(value);
    else if constexpr (is_id<T>::value)
      set_text(value.text());
    else if constexpr (requires { value.currency; })
      set_money(value.amount, value.currency, text(value, Locale::en));
    else
      set_text(value);
  }

 private:
  friend Message message(std::string_view, std::string_view, std::initializer_list<Value>);
  void set_text(std::string_view text);
  void set_number(std::int64_t number);
  void set_money(std::int64_t amount, std::string_view currency, std::string words);

  std::string json_, words_, currency_;
  std::optional<std::int64_t> number_;
};

/// The message of a pattern with the values of its names, in the order in which they first stand in
/// it.
[[nodiscard]] Message message(std::string_view code, std::string_view pattern,
                              std::initializer_list<Value> values);

/// The same as an SQL expression that gives jsonb; `values` are expressions, too.
[[nodiscard]] std::string message_sql(std::string_view code, std::string_view pattern,
                                      std::initializer_list<std::string_view> values);

/// How many different names in braces a pattern has.
constexpr std::size_t names_in(std::string_view pattern) {
  std::size_t count = 0;
  for (auto open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    auto const name = pattern.substr(open, pattern.find('}', open) - open + 1);
    if (pattern.find(name) == open) ++count;
  }
  return count;
}

/// A code is declared once, as a constant beside what says it, with the English sentence as its
/// pattern ("it is {state}"); called with a value for each name it is the message. tests/contract
/// looks for the words of each, `reason.<code>`, in both catalogues.
template <FixedString Name, FixedString Pattern>
struct Code {
  static constexpr auto code = Name.view(), pattern = Pattern.view();

  template <class... Values>
  [[nodiscard]] Message operator()(Values const&... values) const {
    static_assert(sizeof...(Values) == names_in(Pattern.view()),
                  "a value for each name of the pattern, in their order");
    return message(code, pattern, {Value{values}...});
  }
  template <class... Expressions>
  [[nodiscard]] std::string sql(Expressions const&... expressions) const {
    static_assert(sizeof...(Expressions) == names_in(Pattern.view()),
                  "an expression for each name of the pattern, in their order");
    return message_sql(code, pattern, {std::string_view{expressions}...});
  }
};

/// What was written as a sentence before there were codes: it is shown as a quotation.
inline constexpr Code<"recorded_text", "{text}"> recorded_text;

}  // namespace i18n
