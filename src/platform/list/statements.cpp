// SQL of lists. Texts of requests only ever become parameters; what stands in a statement comes
// from declarations.
#include "platform/list/statements.hpp"

#include "platform/db/like.hpp"

namespace list {

namespace {

/// One statement that grows: conditions and the values that they speak of.
class Building {
 public:
  Building(List const& list, Selection const& selection, std::optional<Found> const& found)
      : list_{list}, selection_{selection}, found_{found} {}

  /// "$2"; equal values are not joined, since their types may differ.
  std::string value(std::optional<std::string> text) {
    values_.push_back(std::move(text));
    return "$" + std::to_string(values_.size());
  }

  /// All conditions but those of the filter `without`.
  std::string conditions(std::optional<std::size_t> without = {}) {
    std::string out;
    auto add = [&](std::string const& condition) {
      out += (out.empty() ? " WHERE " : " AND ") + condition;
    };
    if (!list_.always.empty()) add("(" + list_.always + ")");
    for (std::size_t i = 0; i < list_.filters.size(); ++i) {
      auto const& filter = list_.filters[i];
      if (i == without) continue;
      if (!selection_.values[i]) {
        if (!filter.unless_told.empty()) add("(" + std::string{filter.unless_told} + ")");
        continue;
      }
      std::string any;
      for (auto const& text : *selection_.values[i])
        any += (any.empty() ? "" : " OR ") + condition(filter, text);
      add("(" + (any.empty() ? "false" : any) + ")");
    }
    if (found_) add(searched());
    return out;
  }

  std::string condition(Filter const& filter, std::string const& text) {
    if (!filter.conditions.empty())
      return std::string{filter.conditions[label_index(filter, text)]};
    if (filter.of_one().form == types::Form::enumeration)
      return filled(filter.condition,
                    "'" + std::string{filter.of_one().labels[label_index(filter, text)]} + "'");
    // How many rows have a text, or are of a time, only the statistics tell: a plan for any would
    // go through the whole list in its order to find none.
    auto const form = filter.of_one().form;
    if (form == types::Form::text || form == types::Form::time) planned_anew_ = true;
    bool const prefix = !filter.when_prefix.empty() && text.ends_with('.');
    return filled(prefix ? filter.when_prefix : filter.condition, value(text));
  }

  /// Whether the text has what is searched for. One plan for all searches would take each for rare.
  std::string has_part(std::string_view text) {
    planned_anew_ = true;
    if (patterns_.empty())
      for (auto& pattern : db::like_patterns(*selection_.q))
        patterns_.push_back(value(std::move(pattern)));
    std::string any;
    for (auto const& pattern : patterns_)
      any += (any.empty() ? "(" : " OR ") + std::string{text} + " LIKE lower(" + pattern + ")";
    return any + ")";
  }

  Ready finish(std::string sql, RawJson const& arguments = {}) {
    replace(
        sql, "{now}", [] { return std::string{db::Parameter{clock_source::now()}.text()}; },
        "::timestamptz");
    replace(
        sql, "{arguments}", [&] { return arguments.text; }, "::jsonb");
    for (auto const& given : list_.given)
      replace(sql, "{" + std::string{given.name} + "}", given.value, "::text");
    std::string name;  // without one it is planned at each run
    if (!planned_anew_)
      name = fmt::format("{}.{:016x}", list_.name, std::hash<std::string_view>{}(sql));
    return {{std::move(name), std::move(sql)}, std::move(values_)};
  }

 private:
  void replace(std::string& sql, std::string const& name, std::function<std::string()> const& known,
               std::string const& type) {
    if (sql.find(name) == std::string::npos) return;
    auto const parameter = value(known()) + type;
    for (auto at = sql.find(name); at != std::string::npos; at = sql.find(name, at + 1))
      sql.replace(at, name.size(), parameter);
  }
  static std::string filled(std::string_view condition, std::string const& with) {
    std::string out;
    for (char c : condition)
      if (c == '$')
        out += with;
      else
        out += c;
    return out;
  }
  static std::size_t label_index(Filter const& filter, std::string const& text) {
    auto const labels = filter.of_one().labels;
    auto const at = std::find(labels.begin(), labels.end(), text);
    if (at == labels.end()) throw std::logic_error{"no label of " + std::string{filter.name}};
    return std::size_t(at - labels.begin());
  }
  std::string searched() {
    if (found_->keys) {
      std::string keys = "{";
      for (auto key : *found_->keys) keys += (keys.size() > 1 ? "," : "") + std::to_string(key);
      return list_.key + " = ANY (" + value(keys + "}") + "::bigint[])";
    }
    std::string any;
    for (auto const& searched : list_.search)
      any += (any.empty() ? "" : " OR ") + filled(searched.within, has_part(searched.text));
    return "(" + any + ")";
  }

  List const& list_;
  Selection const& selection_;
  std::optional<Found> const& found_;
  std::vector<std::optional<std::string>> values_;
  std::vector<std::string> patterns_;
  bool planned_anew_ = false;
};

std::string table_of(List const& list) { return list.key.substr(0, list.key.find('.')); }
std::string key_name(List const& list) { return list.key.substr(list.key.find('.') + 1); }

/// The inner part of a page: one or several ordered, limited branches.
class Branches {
 public:
  Branches(List const& list, Selection const& selection, std::optional<Found> const& found,
           std::string limit)
      : list_{list},
        selection_{selection},
        sort_{list.sorts[selection.sort]},
        limit_{std::move(limit)},
        building_{list, selection, found} {
    // The filter of which several values are asked for gets a branch for each.
    for (std::size_t i = 0; i < list.filters.size() && !split_; ++i)
      if (selection.values[i] && selection.values[i]->size() > 1) split_ = i;
  }

  std::string sql(std::optional<Place> const& after) {
    std::vector<std::string> branches;
    auto const of_values = [&](std::string const& rest, bool by_value) {
      if (!split_) return branches.push_back(branch(rest, by_value));
      for (auto const& text : *selection_.values[*split_])
        branches.push_back(
            branch(" AND " + building_.condition(list_.filters[*split_], text) + rest, by_value));
    };
    if (!sort_.nullable) {
      of_values(after ? " AND " + beyond(*after) : "", true);
    } else {
      auto const expression = std::string{sort_.expression};
      if (!after || after->value)
        of_values(" AND " + expression + " IS NOT NULL" + (after ? " AND " + beyond(*after) : ""),
                  true);
      of_values(" AND " + expression + " IS NULL" +
                    (after && !after->value ? " AND " + beyond_key(*after) : ""),
                false);
    }
    if (branches.size() == 1) return branches.front();
    std::string out;
    for (auto const& one : branches) out += (out.empty() ? "(" : " UNION ALL (") + one + ")";
    // A union is ordered by its columns only, not by whether one of them is NULL.
    if (sort_.nullable) out = "SELECT * FROM (" + out + ") AS branches";
    return out + " ORDER BY " + order("sort_value", key_name(list_)) + limit_;
  }

  /// ORDER BY of rows whose value and key are these.
  [[nodiscard]] std::string order(std::string const& value, std::string const& key) const {
    auto const direction = selection_.descending ? std::string{" DESC"} : std::string{};
    return (sort_.nullable ? "(" + value + " IS NULL), " : "") + value + direction + ", " + key +
           direction;
  }
  Building& building() { return building_; }

 private:
  std::string branch(std::string const& more, bool by_value) {
    auto where = building_.conditions(split_);
    if (where.empty() && !more.empty()) where = " WHERE true";
    auto const direction = selection_.descending ? std::string{" DESC"} : std::string{};
    auto sql = "SELECT " + table_of(list_) + ".*, " + std::string{sort_.expression} +
               " AS sort_value FROM " + list_.source;
    sql += where + more + " ORDER BY ";
    if (by_value && sort_.expression != list_.key)
      sql += std::string{sort_.expression} + direction + ", ";
    return sql + list_.key + direction + limit_;
  }
  std::string beyond(Place const& after) {
    if (sort_.expression == list_.key) return beyond_key(after);
    return "(" + std::string{sort_.expression} + ", " + list_.key + ") " + sign() + " (" +
           building_.value(after.value) + "::" + std::string{sort_.type} + ", " +
           building_.value(std::to_string(after.key)) + "::bigint)";
  }
  std::string beyond_key(Place const& after) {
    return list_.key + " " + sign() + " " + building_.value(std::to_string(after.key)) + "::bigint";
  }
  [[nodiscard]] std::string sign() const { return selection_.descending ? "<" : ">"; }

  List const& list_;
  Selection const& selection_;
  Sort const& sort_;
  std::string limit_;
  std::optional<std::size_t> split_;
  Building building_;
};

Ready shown(List const& list, Selection const& selection, std::optional<Found> const& found,
            std::optional<Place> const& after, std::string const& limit) {
  Branches branches{list, selection, found, limit};
  auto const inner = branches.sql(after);
  auto const key = "page." + key_name(list);
  return branches.building().finish("SELECT " + list.columns +
                                    R"(, page.sort_value::text AS "sort value", )" + key +
                                    R"( AS "sort key" FROM ()" + inner + ") AS page " + list.joins +
                                    " ORDER BY " + branches.order("page.sort_value", key));
}

}  // namespace

db::Result Ready::run(db::Tx& tx) const {
  std::vector<char const*> texts;
  texts.reserve(values.size());
  for (auto const& value : values) texts.push_back(value ? value->c_str() : nullptr);
  return tx.result_of(statement, texts);
}

Ready search_statement(List const& list, Selection const& selection) {
  std::optional<Found> const nothing_yet;
  Building building{list, selection, nothing_yet};
  std::string sql;
  for (auto const& searched : list.search) {
    // An index of few rows is found by what makes them few.
    auto const ids = searched.is_indexed
                         ? "SELECT " + list.key + " FROM " + list.source + " WHERE " +
                               (list.always.empty() ? "" : "(" + list.always + ") AND ")
                         : std::string{searched.ids} + " WHERE ";
    sql += (sql.empty() ? "(" : " UNION ALL (") + ids + building.has_part(searched.text) +
           " LIMIT " + std::to_string(most_found + 1) + ")";
  }
  return building.finish("SELECT id FROM (" + sql + ") AS found (id)");
}

std::optional<Found> search(db::Tx& tx, List const& list, Selection const& selection) {
  if (!selection.q) return {};
  // Where no index helps, going through the rows in order at least ends with the page.
  for (auto const& searched : list.search)
    if (searched.ids.empty() && !searched.is_indexed) return Found{};
  auto asked = search_statement(list, selection);
  // Planned for this text: how many rows have it is what decides between the indexes, and a plan
  // for any text cannot know that.
  asked.statement.name.clear();
  auto const result = asked.run(tx);
  int const rows = PQntuples(result.get());
  if (rows > most_found) return Found{};
  std::vector<std::int64_t> keys(static_cast<std::size_t>(rows));
  for (int i = 0; i < rows; ++i)
    db::read_value(PQgetvalue(result.get(), i, 0), types::type_of<std::int64_t>,
                   &keys[std::size_t(i)]);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return Found{std::move(keys)};
}

Ready page_statement(List const& list, Selection const& selection,
                     std::optional<Found> const& found, std::optional<Place> const& after) {
  auto const size = *std::find_if(page_sizes.begin(), page_sizes.end(),
                                  [&](int rows) { return rows >= selection.limit; });
  return shown(list, selection, found, after, " LIMIT " + std::to_string(size + 1));
}

Ready whole_statement(List const& list, Selection const& selection) {
  return shown(list, selection, selection.q ? std::optional{Found{}} : std::nullopt, {}, "");
}

Ready count_statement(List const& list, Selection const& selection,
                      std::optional<Found> const& found, int most) {
  Building building{list, selection, found};
  auto const where = building.conditions();
  return building.finish("SELECT count(*) FROM (SELECT 1 FROM " + list.source + where + " LIMIT " +
                         std::to_string(most + 1) + ") AS matching");
}

Ready chosen_statement(List const& list, Chosen const& chosen, std::string const& columns,
                       RawJson const& arguments, int most) {
  std::optional<Found> const found = chosen.selection.q ? std::optional{Found{}} : std::nullopt;
  Building building{list, chosen.selection, found};
  auto where = building.conditions();
  auto const add = [&](char const* comparison, std::vector<std::int64_t> const& keys) {
    where += (where.empty() ? " WHERE " : " AND ") + list.key + comparison + "(" +
             building.value(db::Parameter{keys}.text()) + "::bigint[])";
  };
  if (chosen.ids) add(" = ANY ", *chosen.ids);
  if (!chosen.exclude.empty()) add(" <> ALL ", chosen.exclude);
  return building.finish("SELECT " + columns + " FROM " + list.source + where + " ORDER BY " +
                             list.key + " LIMIT " + std::to_string(most),
                         arguments);
}

Ready facet_statement(List const& list, Selection const& selection,
                      std::optional<Found> const& found, std::size_t filter) {
  Building building{list, selection, found};
  auto const where = building.conditions(filter);
  std::string sql;
  for (auto label : list.filters[filter].of_one().labels) {
    auto const condition = building.condition(list.filters[filter], std::string{label});
    sql += (sql.empty() ? "SELECT '" : " UNION ALL SELECT '") + std::string{label} +
           "', count(*) FROM (SELECT 1 FROM " + list.source + where +
           (where.empty() ? " WHERE (" : " AND (") + condition + ") LIMIT " +
           std::to_string(most_counted + 1) + ") AS matching";
  }
  return building.finish(std::move(sql));
}

}  // namespace list
