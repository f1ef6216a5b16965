#pragma once
// A list is declared once: what a row shows, where rows come from, how they can be ordered,
// filtered and searched, what can be done with its rows. Keyset pages, cursors, capped counts,
// counts per value of a filter, batches, exports and the API's description are computed from that.
#include "platform/http/endpoint.hpp"
#include "platform/list/actions.hpp"

namespace list {

/// An order. "-created_at" asks for the same downwards. Rows of one value are told apart by the
/// key.
struct Sort {
  std::string_view name;        // "created_at"
  std::string_view expression;  // of the rows inside, with an index that begins with it
  std::string_view type;        // PostgreSQL's name of its type
  bool nullable = false;        // rows without a value stand last, upwards and downwards
};

/// A condition that a request may set. It owns its key in the URL.
struct Filter {
  std::string_view name;
  types::Type const* type;     // of the parameter: optional, a list where several may be given
  std::string_view condition;  // "$" is the value; of enumerations it becomes a literal
  std::vector<std::string_view> conditions{};  // instead: one for each label
  Rules rules{};
  bool in_path = false;  // a part of the route, always given
  /// Instead of `condition` for a value that ends with a dot: all that begins with it.
  std::string_view when_prefix{};
  bool is_counted = true;          // of enumerations: rows are counted for each value
  std::string_view unless_told{};  // the condition of who does not ask for a value
  [[nodiscard]] bool takes_many() const { return type->when_set().form == types::Form::list; }
  /// The type of one value.
  [[nodiscard]] types::Type const& of_one() const {
    auto const& type_when_set = type->when_set();
    return takes_many() ? *type_when_set.inner : type_when_set;
  }
};

/// Equal to the value.
template <class T>
[[nodiscard]] Filter is(std::string_view name, std::string_view condition, Rules rules = {}) {
  return {name, &types::type_of<std::optional<T>>, condition, {}, rules};
}
/// The same; who does not ask gets the rows of another condition.
template <class T>
[[nodiscard]] Filter is_or(std::string_view unless_told, std::string_view name,
                           std::string_view condition, Rules rules = {}) {
  auto filter = is<T>(name, condition, rules);
  filter.unless_told = unless_told;
  return filter;
}
/// Equal to one of the values, which stand in the URL with commas between.
template <class T>
[[nodiscard]] Filter any_of(std::string_view name, std::string_view condition, Rules rules = {}) {
  return {name, &types::type_of<std::optional<std::vector<T>>>, condition, {}, rules};
}
/// The value or what comes after it.
template <class T>
[[nodiscard]] Filter at_least(std::string_view name, std::string_view condition, Rules rules = {}) {
  auto filter = is<T>(name, condition, rules);
  filter.is_counted = false;
  return filter;
}
/// One of several conditions, each with its label.
template <NamedEnum E>
[[nodiscard]] Filter choice(std::string_view name, std::vector<std::string_view> conditions,
                            Rules rules = {}) {
  return {name, &types::type_of<std::optional<E>>, {}, std::move(conditions), rules};
}
/// A part of the route.
template <class T>
[[nodiscard]] Filter within(std::string_view name, std::string_view condition, Rules rules = {}) {
  return {name, &types::type_of<T>, condition, {}, rules, true};
}

/// A text that can be searched for a part of it; one or two letters find words that begin with
/// them.
struct Searched {
  std::string_view text;          // lower(…), of a row of the source or of what belongs to it
  std::string_view within = "$";  // how it belongs to a row of the source; "$" is the comparison
  std::string_view ids{};         // SELECT of the keys by an index of another table, up to WHERE
  bool is_indexed = false;        // the source has an index of trigrams for the text
};

/// A text that the program knows only when it is asked: `{name}` in the SQL of a list.
struct Given {
  std::string_view name;
  std::function<std::string()> value;
};

/// What a request asks for, checked against the declaration.
struct Selection {
  int limit = 50;
  std::size_t sort = 0;
  bool descending = false;
  std::optional<std::string> cursor{};
  bool count = false;
  std::optional<std::string> q{};
  /// For each filter its values as PostgreSQL's texts; none: not asked for.
  std::vector<std::optional<std::vector<std::string>>> values{};
};

/// In its SQL `{now}` is the program's time (clock_source), which tests move.
struct List {
  std::string_view name;  // "tenants"; names its statements and cursors
  std::string_view route;
  std::string_view summary, tag, scope;
  types::Type const* row;  // members by name are columns; of an object "member.part"
  std::string columns;     // of `page`, a row of the source, and of the joins
  std::string source;      // "tenants", its first table, with joins that decide what is listed
  std::string key;         // "tenants.id", a bigint
  std::string always{};    // a condition that always holds
  std::string joins{};     // what is shown besides, looked up for the rows of the page only
  std::vector<Sort> sorts;
  std::string_view order;  // unless told: "-created_at"
  std::vector<Filter> filters{};
  std::vector<Searched> search{};
  std::string_view search_doc{};
  std::vector<Given> given{};
  std::vector<ProblemType> problems{};
  /// Before anything is read: throws when what the path names is not there.
  std::function<void(http::Context&)> require{};
  std::optional<Batch> batch{};  // what can be done with many rows at once
};

/// How many rows match, counted up to 1000.
struct CappedCount {
  std::int64_t count;
  bool capped;
  static constexpr auto rules() {
    return ::rules(rule(&CappedCount::capped, {.doc = "There are more"}));
  }
};
inline constexpr int most_counted = 1000;

/// The whole of a list's doors: GET route, its `/facets` and its `/export`; `POST route/batch` and
/// what shows how far one is.
void add(http::Api& api, List list);

/// Every declared list of this program, for tests.
[[nodiscard]] std::vector<List const*> all();

enum class Takes { page, order, filters };

/// `values` are pairs of a key and its text, as in the URL, equal keys beside each other; complains
/// about unknown ones at `pointer` + key. Throws Problem{validation_failed}.
[[nodiscard]] Selection select(List const& list,
                               std::vector<std::pair<std::string, std::string>> const& values,
                               Takes takes, std::string_view pointer = "?");

}  // namespace list
