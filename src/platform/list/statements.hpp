#pragma once
// From what is asked for to SQL that a planner understands: a literal for each value of an
// enumeration, several of them as branches that are limited each, keys that a search has found
// first.
#include "platform/list/list.hpp"

namespace list {

/// A statement and the values that stand in it, as PostgreSQL's texts; none is NULL.
struct Ready {
  db::Statement statement;
  std::vector<std::optional<std::string>> values;

  [[nodiscard]] db::Result run(db::Tx& tx) const;
};

/// The last row of a page, after which the next one begins.
struct Place {
  std::optional<std::string> value;  // PostgreSQL's own text; none: it has none
  std::int64_t key;
};

/// What a search has found: few keys, or so many that going through the rows in order is quicker.
struct Found {
  std::optional<std::vector<std::int64_t>> keys;
};
inline constexpr int most_found = 1000;

/// Of pages there are statements for these numbers of rows only; each has one more, which tells
/// whether there is a next page.
inline constexpr std::array<int, 4> page_sizes{10, 25, 50, 100};

/// The keys that each searched text finds by an index of its own, at most 1001 by each.
[[nodiscard]] Ready search_statement(List const& list, Selection const& selection);
[[nodiscard]] std::optional<Found> search(db::Tx& tx, List const& list, Selection const& selection);

[[nodiscard]] Ready page_statement(List const& list, Selection const& selection,
                                   std::optional<Found> const& found,
                                   std::optional<Place> const& after);
/// Without a limit, for a cursor of PostgreSQL's.
[[nodiscard]] Ready whole_statement(List const& list, Selection const& selection);
/// Counted up to one more than `most`.
[[nodiscard]] Ready count_statement(List const& list, Selection const& selection,
                                    std::optional<Found> const& found, int most = most_counted);

/// Which rows are meant: all that match, or those of `ids`; without `exclude`.
struct Chosen {
  Selection selection;
  std::optional<std::vector<std::int64_t>> ids{};
  std::vector<std::int64_t> exclude{};
};
/// `columns` of those rows in the order of their keys, at most `most` of them. In the columns
/// `{arguments}` is a jsonb.
[[nodiscard]] Ready chosen_statement(List const& list, Chosen const& chosen,
                                     std::string const& columns, RawJson const& arguments,
                                     int most);
/// Rows (value, count up to 1001) for each value that this filter may have, whatever is asked of
/// it; the other filters hold.
[[nodiscard]] Ready facet_statement(List const& list, Selection const& selection,
                                    std::optional<Found> const& found, std::size_t filter);

}  // namespace list
