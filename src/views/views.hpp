#pragma once
// Saved views of lists: what somebody asks of a list again and again, as the URL's text, and what
// they changed about its columns. A view is judged against the list's declaration when it is
// written, and healed when it is read.
#include "platform/list/list.hpp"

namespace views {

using ViewId = Id<"view">;

enum class Visibility { private_view, shared };
constexpr auto names_of(Visibility) { return std::array<std::string_view, 2>{"private", "shared"}; }
enum class Density { comfortable, compact };
constexpr auto names_of(Density) {
  return std::array<std::string_view, 2>{"comfortable", "compact"};
}

/// Differences to the declaration only, so that a new column stands where the declaration puts it.
struct Columns {
  std::vector<std::string> hidden, shown, order;
  static constexpr auto rules() {
    return ::rules(
        rule(&Columns::hidden, {.doc = "Shown unless told, hidden here", .max_length = 100}),
        rule(&Columns::shown, {.doc = "Hidden unless told, shown here", .max_length = 100}),
        rule(&Columns::order, {.doc = "Those that were moved, in their order", .max_length = 100}));
  }
};

/// Names that the list no longer has: they are left out of the answer, not of what is stored.
struct Dropped {
  std::vector<std::string> filters, columns;
};

/// A view as one person sees it.
struct View {
  ViewId id;
  std::string list, name, query;
  Columns columns;
  std::optional<Density> density;
  std::optional<std::int64_t> page_size;
  Visibility visibility;
  std::string owner;
  bool own, pinned, is_default;
  Dropped dropped;
  std::int64_t version;
  Time created_at, changed_at;
  static constexpr auto rules() {
    return ::rules(rule(&View::list, {.doc = "The list that it is of", .example = "tenants"}),
                   rule(&View::query, {.doc = "Filters and order, as in the list's URL"}),
                   rule(&View::owner, {.doc = "The name of whoever made it"}),
                   rule(&View::own, {.doc = "Made by oneself"}),
                   rule(&View::pinned, {.doc = "By oneself"}),
                   rule(&View::is_default, {.doc = "What this list begins with, for oneself"}),
                   rule(&View::dropped, {.doc = "What the list no longer knows"}));
  }
};

/// The declared list of this name; nullptr when there is none.
[[nodiscard]] list::List const* find_list(std::string_view name);

/// What is wrong with a query and columns for this list; adds to `errors`.
void check(list::List const& list, std::string const& query, Columns const& columns,
           json::Errors& errors);
/// Leaves out what the list does not know, and names it in `dropped`.
void heal(View& view, list::List const& list);

void add_endpoints(http::Api& api);

}  // namespace views
