#pragma once
// What ends a request early: `throw Problem{type}`. One table (http/problems.cpp) maps kinds to
// statuses; `detail` is for the client, `internal` goes to the log with the request id only.
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  std::string pointer, code, detail;
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
