#pragma once
// JSON text to values of a described type. Every wrong field is reported, not only the first one.
#include <boost/json.hpp>

#include "platform/json/problem.hpp"
#include "platform/types/type.hpp"

namespace json {

inline constexpr ProblemType malformed{Kind::bad_request, "malformed_json",
                                       "The body is not valid JSON"};

/// Strict RFC 8259, UTF-8 checked, at most 32 levels deep, no NUL in strings.
/// Throws Problem{malformed} whose detail says where.
[[nodiscard]] boost::json::value parse(std::string_view text);

using Errors = std::vector<FieldError>;

/// Checks rules of a text; adds to `errors` when they are broken.
void check_text(std::string_view value, Rules const& rules, std::string const& pointer,
                Errors& errors);
void check_number(std::int64_t value, Rules const& rules, std::string const& pointer,
                  Errors& errors);
void wrong_type(Errors& errors, std::string const& pointer, std::string_view wanted);
/// "a string", "one of live, purged", …: what a value of this type must be.
[[nodiscard]] std::string words_of(types::Type const& type);
/// The same as an error of a field.
void not_of_type(Errors& errors, std::string const& pointer, types::Type const& type);

/// Whether values of this type can stand in a path or query; objects and numbers with a point stand
/// in bodies only.
[[nodiscard]] bool stands_in_text(types::Type const& type);
/// A single value from text (path, query, command line) into `out`, lists with commas between;
/// false when it does not fit the type.
[[nodiscard]] bool from_text(std::string_view text, types::Type const& type, void* out);
template <class M>
[[nodiscard]] std::optional<M> from_text(std::string_view text) {
  M out{};
  if (!from_text(text, types::type_of<M>, &out)) return {};
  return out;
}

/// One value of a document, with the rules of the member that it is for.
void decode(boost::json::value const& in, types::Type const& type, void* out, Rules const& rules,
            std::string const& pointer, Errors& errors);
void decode_object(boost::json::value const& in, types::Type const& type, void* out,
                   std::string const& pointer, Errors& errors, bool allow_unknown = false);

/// Throws Problem{validation_failed} when there are any.
void refuse(Errors errors);

/// Reads a whole document of our own making (job payloads, configuration); throws Problem.
template <Described T>
[[nodiscard]] T read(std::string_view text, bool allow_unknown = false) {
  T out{};
  Errors errors;
  decode_object(parse(text), types::type_of<T>, &out, "", errors, allow_unknown);
  refuse(std::move(errors));
  return out;
}

}  // namespace json
