// A view against the declaration of its list, which may have changed since it was saved.
#include "platform/list/rows.hpp"
#include "views/views.hpp"

namespace views {

namespace {
using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Columns of a table are members of the row; those of a file are parts of such members, too.
std::set<std::string, std::less<>> known_columns(list::List const& list) {
  auto const parts = list::headings(*list.row);
  std::set<std::string, std::less<>> out{parts.begin(), parts.end()};
  for (auto const& member : list.row->members()) out.emplace(member.name);
  return out;
}

bool is_understood(list::List const& list, std::pair<std::string, std::string> const& pair) {
  try {
    static_cast<void>(list::select(list, {pair}, list::Takes::order));
    return true;
  } catch (Problem const&) {
    return false;
  }
}

bool speaks_for_the_path(std::string_view name) { return name.starts_with('{'); }
constexpr FieldCode not_a_query{"not_a_query", "must be the query of a URL"};
}  // namespace

list::List const* find_list(std::string_view name) {
  for (auto const* list : list::all())
    if (list->name == name) return list;
  return nullptr;
}

void check(list::List const& list, std::string const& query, Columns const& columns,
           json::Errors& errors) {
  auto pairs = http::parse_form(query);
  if (!pairs) return errors.push_back(wrong<not_a_query>("/query"));
  std::sort(pairs->begin(), pairs->end());
  std::string_view previous;
  for (auto const& pair : *pairs) {
    if (pair.first == previous && !previous.empty())
      errors.push_back(wrong<faults::repeated>("/query"));
    else if (speaks_for_the_path(pair.first) || !is_understood(list, pair))
      errors.push_back(wrong<faults::unknown_value>("/query", "filters and orders of this list"));
    previous = pair.first;
  }

  auto const known = known_columns(list);
  auto check_names = [&](std::vector<std::string> const& names, std::string const& pointer,
                         std::set<std::string>& seen) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      auto const at = pointer + "/" + std::to_string(i);
      if (!known.contains(names[i]))
        errors.push_back(wrong<faults::unknown_value>(at, "the columns of this list"));
      else if (!seen.insert(names[i]).second)
        errors.push_back(wrong<faults::repeated>(at));
    }
  };
  std::set<std::string> switched, moved;
  check_names(columns.hidden, "/columns/hidden", switched);
  check_names(columns.shown, "/columns/shown", switched);
  check_names(columns.order, "/columns/order", moved);
}

void heal(View& view, list::List const& list) {
  std::string query;
  auto const pairs = http::parse_form(view.query).value_or(Pairs{});
  for (auto const& pair : pairs) {
    if (is_understood(list, pair))
      query += (query.empty() ? "" : "&") + http::percent_encode(pair.first) + "=" +
               http::percent_encode(pair.second);
    else
      view.dropped.filters.push_back(pair.first);
  }
  if (!view.dropped.filters.empty()) view.query = query;

  auto const known = known_columns(list);
  std::set<std::string> gone;
  for (auto* names : {&view.columns.hidden, &view.columns.shown, &view.columns.order})
    std::erase_if(*names, [&](std::string const& name) {
      if (known.contains(name)) return false;
      gone.insert(name);
      return true;
    });
  view.dropped.columns.assign(gone.begin(), gone.end());
}

}  // namespace views
