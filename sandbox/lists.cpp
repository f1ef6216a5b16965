// Pages of lists, as every list endpoint answers them.
#include "sandbox/api.hpp"

namespace sandbox {

namespace {
int limit_of(Object const& parameters) {
  auto const limit = number(parameters, "limit", 10);
  if (limit < 1 || limit > 100)
    throw invalid("This value must be between 1 and 100.", "limit", "parameter_invalid_integer");
  return int(limit);
}

Object list_answer(Call const& call, Array data, bool has_more) {
  return {{"object", "list"},
          {"data", std::move(data)},
          {"has_more", has_more},
          {"url", call.request.path}};
}
}  // namespace

Object answer_list(Call& call, std::string_view type, Object const& filter,
                   std::vector<std::string> const& types) {
  Page page{.limit = limit_of(call.parameters),
            .starting_after = call.given("starting_after"),
            .ending_before = call.given("ending_before")};
  if (!page.starting_after.empty() && !page.ending_before.empty())
    throw invalid("You may only specify one of these parameters: starting_after, ending_before.",
                  {}, "parameters_exclusive");
  if (auto const* created = call.parameters.if_contains("created")) {
    if (created->is_int64()) {
      page.created_from = created->get_int64();
      page.created_before = created->get_int64() + 1;
    } else if (created->is_object()) {
      for (auto const& [key, value] : created->get_object()) {
        auto const time = value.get_int64();
        if (key == "gte") page.created_from = time;
        if (key == "gt") page.created_from = time + 1;
        if (key == "lt") page.created_before = time;
        if (key == "lte") page.created_before = time + 1;
      }
    }
  }
  auto [rows, has_more] = call.store.page(type, filter, page, types);
  Array data;
  for (auto& row : rows) data.emplace_back(without_private(row));
  return list_answer(call, std::move(data), has_more);
}

Object answer_embedded(Call& call, Array const& all) {
  auto const limit = std::size_t(limit_of(call.parameters));
  auto const after = call.given("starting_after");
  std::size_t from = 0;
  if (!after.empty()) {
    while (from < all.size() && text(all[from].as_object(), "id") != after) ++from;
    if (from == all.size()) throw no_such("item", after, "starting_after");
    ++from;
  }
  Array data;
  for (auto i = from; i < all.size() && data.size() < limit; ++i) data.push_back(all[i]);
  bool const has_more = from + data.size() < all.size();
  return list_answer(call, std::move(data), has_more);
}

}  // namespace sandbox
