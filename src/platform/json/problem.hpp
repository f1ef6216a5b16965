#pragma once
// What ends a request early: `throw Problem{type}`. One table (http/problems.cpp) maps kinds to
// statuses; `detail` is for the client, `internal` goes to the log with the request id only.
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/i18n/message.hpp"

enum class Kind {
  bad_request,
  unauthenticated,
  forbidden,
  not_found,
  method_not_allowed,
  conflict,
  gone,
  precondition_failed,
  precondition_required,
  too_large,
  unsupported_media,
  invalid,
  too_many,
  internal,
  upstream,
  unavailable,
};

struct ProblemType {
  Kind kind;
  std::string_view code;
  std::string_view title;
};

/// One wrong field. `pointer` is an RFC 6901 pointer into the body, or "?name" for a query
/// parameter and "{name}" for a part of the path. The value itself is never echoed.
struct FieldError {
  FieldError(std::string pointer, i18n::Message message)
      : pointer{std::move(pointer)},
        code{std::move(message.code)},
        parameters{std::move(message.parameters.text)},
        detail{std::move(message.text)} {}
  std::string pointer, code;
  std::string parameters;  // flat JSON object: the bounds
  std::string detail;      // the same in English
};

struct Problem : std::exception {
  explicit Problem(ProblemType type, std::string detail = {}, std::string internal = {})
      : type{type}, detail{std::move(detail)}, internal{std::move(internal)} {}

  /// Adds a member to the answer; `raw_json` is written as it stands.
  Problem&& with(std::string name, std::string raw_json) && {
    members.emplace_back(std::move(name), std::move(raw_json));
    return std::move(*this);
  }
  Problem&& retry_after(int seconds) && {
    retry_after_seconds = seconds;
    return std::move(*this);
  }
  char const* what() const noexcept override { return type.code.data(); }

  ProblemType type;
  std::string detail;
  std::string internal;
  std::vector<FieldError> errors;
  std::vector<std::pair<std::string, std::string>> members;
  std::optional<int> retry_after_seconds;
};

inline constexpr ProblemType validation_failed{Kind::invalid, "validation_failed",
                                               "Some fields need another value"};

/// What is wrong there, with a value for each name of the code's pattern, in their order.
template <FieldCode const& code, class... Values>
[[nodiscard]] FieldError wrong(std::string pointer, Values const&... values) {
  static_assert(sizeof...(Values) == i18n::names_in(code.pattern),
                "a value for each name of the pattern, in their order");
  return {std::move(pointer), i18n::message(code.code, code.pattern, {i18n::Value{values}...})};
}
/// The same of what a check found: it has no bounds.
[[nodiscard]] inline FieldError wrong(std::string pointer, FieldCode const& code) {
  return {std::move(pointer), i18n::message(code.code, code.pattern, {})};
}

/// The refusal of a request for one field.
[[nodiscard]] inline Problem refusal(FieldError error) {
  Problem problem{validation_failed};
  problem.errors.push_back(std::move(error));
  return problem;
}

/// What several doors find wrong.
namespace faults {
inline constexpr FieldCode required{"required", "is required"};
inline constexpr FieldCode too_short{"too_short", "must have at least {min} characters"};
inline constexpr FieldCode too_long{"too_long", "must have at most {max} characters"};
inline constexpr FieldCode too_many{"too_many", "must have at most {max} items"};
inline constexpr FieldCode too_small{"too_small", "must be at least {min}"};
inline constexpr FieldCode too_large{"too_large", "must be at most {max}"};
inline constexpr FieldCode wrong_type{"wrong_type", "must be {type}"};
inline constexpr FieldCode unknown_value{"unknown_value", "must be one of {allowed}"};
inline constexpr FieldCode unknown_field{"unknown_field", "is not a known field"};
inline constexpr FieldCode repeated{"repeated", "must be given once only"};
inline constexpr FieldCode bad_characters{"bad_characters",
                                          "must be one line without control characters"};
inline constexpr FieldCode taken{"taken", "must be another one: this one is taken"};
inline constexpr FieldCode reserved{"reserved", "must be another name: this one is reserved"};
inline constexpr FieldCode in_the_past{"in_the_past", "must lie in the future"};
inline constexpr FieldCode not_for_sale{"not_for_sale", "must be a plan that is for sale"};
inline constexpr FieldCode not_a_time_zone{"not_a_time_zone",
                                           "must be a time zone such as Europe/Madrid"};
inline constexpr FieldCode does_not_match{"does_not_match", "must be the tenant's subdomain"};
}  // namespace faults
