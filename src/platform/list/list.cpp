// The doors of a list, and what a request asks of it.
#include "platform/list/list.hpp"

#include "platform/list/batch.hpp"
#include "platform/list/cursor.hpp"
#include "platform/list/doors.hpp"
#include "platform/list/export.hpp"
#include "platform/list/find.hpp"
#include "platform/list/rows.hpp"
#include "platform/text/utf8.hpp"

namespace list {

namespace {
constexpr std::int64_t longest_search = 100;  // characters

struct Registered;
std::mutex registry_mutex;
std::vector<Registered*>& registry() {
  static std::vector<Registered*> lists;
  return lists;
}

/// A list that its doors share, known to all() as long as one of them lives.
struct Registered : std::enable_shared_from_this<Registered> {
  Registered(http::Api const& of, List declared) : api{of}, list{std::move(declared)} {
    std::scoped_lock lock{registry_mutex};
    registry().push_back(this);
  }
  ~Registered() {
    std::scoped_lock lock{registry_mutex};
    std::erase(registry(), this);
  }
  Registered(Registered const&) = delete;
  Registered& operator=(Registered const&) = delete;
  http::Api const& api;
  List const list;
};

using Values = std::vector<std::pair<std::string, std::string>>;

/// Reads what a request says into a Selection; all complaints at once.
class Selecting {
 public:
  Selecting(List const& list, Takes takes, std::string_view pointer)
      : list_{list}, takes_{takes}, pointer_{pointer} {
    out_.values.resize(list.filters.size());
    set_order(list.order);
  }

  Selection read(Values const& values) {
    std::string_view previous;
    for (auto const& [name, text] : values) {
      if (name == previous)
        errors_.push_back(wrong<faults::repeated>(at(name)));
      else
        read(name, text);
      previous = name;
    }
    json::refuse(std::move(errors_));
    return std::move(out_);
  }

 private:
  void read(std::string const& name, std::string const& text) {
    if (name.starts_with('{')) return read_path(name.substr(1, name.size() - 2), text);
    if (takes_ == Takes::page && read_paging(name, text)) return;
    if (takes_ != Takes::filters && name == "sort") {
      if (!set_order(text)) errors_.push_back(wrong<faults::unknown_value>(at(name), orders()));
    } else if (name == "q" && !list_.search.empty()) {
      auto const part = utf8::trimmed(text);
      json::check_text(part, Rules{.max_length = longest_search}, at("q"), errors_);
      if (!part.empty()) out_.q = part;
    } else if (auto const filter = find(name)) {
      read_filter(*filter, name, text);
    } else {
      errors_.push_back(wrong<faults::unknown_field>(at(name)));
    }
  }
  bool read_paging(std::string const& name, std::string const& text) {
    if (name == "limit")
      read_limit(text);
    else if (name == "cursor")
      out_.cursor = text;
    else if (name != "count")
      return false;
    else if (!json::from_text(text, types::type_of<bool>, &out_.count))
      json::not_of_type(errors_, at(name), types::type_of<bool>);
    return true;
  }
  void read_limit(std::string const& text) {
    std::int64_t limit{};
    if (!json::from_text(text, types::type_of<std::int64_t>, &limit))
      return json::not_of_type(errors_, at("limit"), types::type_of<std::int64_t>);
    json::check_number(limit, Rules{.min = 1, .max = page_sizes.back()}, at("limit"), errors_);
    out_.limit = int(limit);
  }
  void read_path(std::string const& name, std::string const& text) {
    for (std::size_t i = 0; i < list_.filters.size(); ++i)
      if (list_.filters[i].in_path && list_.filters[i].name == name)
        if (auto value = database_text(list_.filters[i].of_one(), text))
          out_.values[i] = {std::move(*value)};
    if (errors_.empty() && !is_set(name))
      errors_.push_back(wrong<faults::wrong_type>("{" + name + "}", "an id as the API gives it"));
  }
  [[nodiscard]] bool is_set(std::string_view name) const {
    for (std::size_t i = 0; i < list_.filters.size(); ++i)
      if (list_.filters[i].name == name) return out_.values[i].has_value();
    return false;
  }
  void read_filter(std::size_t index, std::string const& name, std::string const& text) {
    auto const& filter = list_.filters[index];
    std::vector<std::string> values;
    std::string_view rest = text;
    do {
      auto const comma = filter.takes_many() ? rest.find(',') : std::string_view::npos;
      auto const one = rest.substr(0, comma);
      auto value = database_text(filter.of_one(), one);
      if (!value) return json::not_of_type(errors_, at(name), filter.of_one());
      json::check_text(one, filter.rules, at(name), errors_);
      if (std::find(values.begin(), values.end(), *value) == values.end())
        values.push_back(std::move(*value));
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    } while (!rest.empty());
    out_.values[index] = std::move(values);
  }
  /// A value as PostgreSQL reads it; none when it is not of this type.
  static std::optional<std::string> database_text(types::Type const& type, std::string_view text) {
    switch (type.form) {
      case types::Form::text:
        return std::string{text};
      case types::Form::id:
        if (!text.starts_with(type.prefix)) return {};
        text.remove_prefix(type.prefix.size());
        if (auto const number = id_number(text)) return std::to_string(*number);
        return {};
      case types::Form::enumeration:
        if (std::find(type.labels.begin(), type.labels.end(), text) == type.labels.end()) return {};
        return std::string{text};
      case types::Form::time:
        if (auto const time = clock_source::parse(text)) return db::Parameter{*time}.text();
        return {};
      case types::Form::boolean: {
        bool value{};
        if (!json::from_text(text, type, &value)) return {};
        return std::string{text};
      }
      case types::Form::integer: {
        std::int64_t value{};
        if (!json::from_text(text, types::type_of<std::int64_t>, &value)) return {};
        return std::to_string(value);
      }
      default:
        throw std::logic_error{"no filter can have this type"};
    }
  }
  bool set_order(std::string_view text) {
    bool const down = text.starts_with('-');
    for (std::size_t i = 0; i < list_.sorts.size(); ++i) {
      if (list_.sorts[i].name != text.substr(down)) continue;
      out_.sort = i;
      out_.descending = down;
      return true;
    }
    return false;
  }
  [[nodiscard]] std::string orders() const {
    std::string out;
    for (auto const& sort : list_.sorts)
      out += (out.empty() ? "" : ", ") + std::string{sort.name} + ", -" + std::string{sort.name};
    return out;
  }
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const {
    for (std::size_t i = 0; i < list_.filters.size(); ++i)
      if (list_.filters[i].name == name && !list_.filters[i].in_path) return i;
    return {};
  }
  [[nodiscard]] std::string at(std::string_view name) const {
    return pointer_ + std::string{utf8::first(name, 80)};
  }

  List const& list_;
  Takes takes_;
  std::string pointer_;
  json::Errors errors_;
  Selection out_;
};

CappedCount capped(char const* number_text) {
  std::int64_t number{};
  db::read_value(number_text, types::type_of<std::int64_t>, &number);
  return {std::min<std::int64_t>(number, most_counted), number > most_counted};
}

/// One page: `{"data":[…],"next_cursor":…,"has_more":…}`, with total_capped when it is asked for.
void answer_page(http::Api const& api, List const& list, http::Context& context,
                 Selection const& selection, std::optional<Place> const& after) {
  auto const found = search(context.tx, list, selection);
  auto const result = page_statement(list, selection, found, after).run(context.tx);
  int const rows = PQntuples(result.get());
  bool const has_more = rows > selection.limit;
  int const shown = std::min(rows, selection.limit);
  db::Columns const columns{result.get(), *list.row, list.name};
  auto& out = context.response.body;
  out.reserve(4096);
  out += "{\"data\":[";
  for (int i = 0; i < shown; ++i) {
    if (i) out += ',';
    write_json(out, columns, *list.row, i);
  }
  out += "],\"next_cursor\":";
  if (has_more) {
    Place last{{}, 0};
    if (auto const value = columns.cell(shown - 1, PQfnumber(result.get(), "\"sort value\"")))
      last.value = std::string{*value};
    db::read_value(*columns.cell(shown - 1, PQfnumber(result.get(), "\"sort key\"")),
                   types::type_of<std::int64_t>, &last.key);
    auto const cursor = cursor_text(api, list, selection, last);
    json::write_string(out, cursor);
    http::add_next_link(context, cursor);
  } else {
    out += "null";
  }
  out += has_more ? ",\"has_more\":true" : ",\"has_more\":false";
  if (selection.count) {
    auto const counted = count_statement(list, selection, found).run(context.tx);
    out += ",\"total_capped\":";
    json::write(out, capped(PQgetvalue(counted.get(), 0, 0)));
  }
  out += '}';
}

/// How often one value of a filter occurs under the other filters.
struct FacetValue {
  std::string filter, value;
  std::int64_t count;
  bool capped;
  static constexpr auto rules() {
    return ::rules(rule(&FacetValue::count, {.doc = "Rows with this value, counted up to 1000"}),
                   rule(&FacetValue::capped, {.doc = "There are more"}));
  }
};
struct Facets {
  std::vector<FacetValue> data;
};

bool is_facet(Filter const& filter) {
  return !filter.in_path && filter.is_counted && filter.of_one().form == types::Form::enumeration;
}

Facets facets(db::Tx& tx, List const& list, Selection const& selection) {
  Facets out;
  auto const found = search(tx, list, selection);
  for (std::size_t i = 0; i < list.filters.size(); ++i) {
    if (!is_facet(list.filters[i])) continue;
    auto const result = facet_statement(list, selection, found, i).run(tx);
    for (int row = 0; row < PQntuples(result.get()); ++row) {
      auto const [count, more] = capped(PQgetvalue(result.get(), row, 1));
      out.data.push_back(
          {std::string{list.filters[i].name}, PQgetvalue(result.get(), row, 0), count, more});
    }
  }
  return out;
}

void add_paging(http::Declared& declared, List const& list) {
  auto add = [&](std::string name, types::Type const& type, Rules rules) {
    declared.parameters.push_back({std::move(name), "query", &type, rules});
  };
  add("limit", types::type_of<std::optional<std::int64_t>>,
      {.doc = "Rows per page, 50 unless told", .min = 1, .max = page_sizes.back()});
  add("cursor", types::type_of<std::optional<std::string>>,
      {.doc = "next_cursor of the page before"});
  add("sort", types::type_of<std::optional<std::string>>,
      {.doc = "The order; with a minus in front downwards", .example = list.order});
  add("count", types::type_of<std::optional<bool>>,
      {.doc = "Also count the matching rows, up to 1000: total_capped"});
}

/// The order of the doors is that of their names, so that "/facets" is no id.
void check(List const& list) {
  auto const refuse = [&](std::string const& why) {
    throw std::logic_error{"list " + std::string{list.name} + ": " + why};
  };
  if (list.key.find('.') == std::string::npos) refuse("its key needs its table");
  if (list.sorts.empty()) refuse("it has no order");
  for (auto const& filter : list.filters)
    if (!filter.conditions.empty() && filter.conditions.size() != filter.of_one().labels.size())
      refuse("a condition for each label of " + std::string{filter.name});
  if (list.batch && list.route.find('{') != std::string_view::npos)
    refuse("a batch is about a list that stands beneath nothing");
}
}  // namespace

Values values_of(http::Request const& request) {
  auto out = http::query_of(request);
  // In braces stands a part of the path, which no query may speak for.
  for (auto const& [name, _] : out)
    if (name.starts_with('{'))
      json::refuse({wrong<faults::unknown_field>("?" + std::string{utf8::first(name, 80)})});
  for (auto const& [name, value] : request.path_parameters)
    out.emplace_back("{" + std::string{name} + "}", value);
  return out;
}

http::Declared door(List const& list, std::string_view beneath, std::string summary) {
  http::Declared declared{std::string{list.route} + std::string{beneath}};
  declared.summary = std::move(summary);
  declared.tag = list.tag;
  declared.scope = list.scope;
  declared.problems = list.problems;
  for (auto const& filter : list.filters)
    declared.parameters.push_back(
        {std::string{filter.name}, filter.in_path ? "path" : "query", filter.type, filter.rules});
  if (!list.search.empty())
    declared.parameters.push_back({"q", "query", &types::type_of<std::optional<std::string>>,
                                   Rules{.doc = list.search_doc, .max_length = longest_search}});
  return declared;
}

std::vector<List const*> all() {
  std::scoped_lock lock{registry_mutex};
  std::vector<List const*> out;
  for (auto const* one : registry()) out.push_back(&one->list);
  return out;
}

std::shared_ptr<List const> find(http::Api const& api, std::string_view name) {
  std::scoped_lock lock{registry_mutex};
  for (auto* one : registry())
    if (&one->api == &api && one->list.name == name)
      if (auto const shared = one->weak_from_this().lock()) return {shared, &shared->list};
  return {};
}

Selection select(List const& list, Values const& values, Takes takes, std::string_view pointer) {
  return Selecting{list, takes, pointer}.read(values);
}

void add(http::Api& api, List declared_list) {
  check(declared_list);
  // Three doors speak of one declaration, for as long as the API lives.
  auto const shared = std::make_shared<Registered>(api, std::move(declared_list));
  auto const& list = shared->list;
  auto page = door(list, "", std::string{list.summary});
  add_paging(page, list);
  page.answer = list.row;
  page.is_page = true;
  page.prepare = [&api, shared](http::Request const& request) -> http::Declared::Call {
    auto selection = select(shared->list, values_of(request), Takes::page);
    std::optional<Place> after;
    if (selection.cursor) after = read_cursor(api, shared->list, selection);
    return [&api, shared, selection = std::move(selection),
            after = std::move(after)](http::Context& context) {
      if (shared->list.require) shared->list.require(context);
      answer_page(api, shared->list, context, selection, after);
    };
  };
  api.add(std::move(page));

  if (std::any_of(list.filters.begin(), list.filters.end(), is_facet)) {
    auto counts = door(list, "/facets", "Count the rows for each value of each filter");
    counts.answer = &types::type_of<Facets>;
    counts.prepare = [shared](http::Request const& request) -> http::Declared::Call {
      auto selection = select(shared->list, values_of(request), Takes::filters);
      return [shared, selection = std::move(selection)](http::Context& context) {
        if (shared->list.require) shared->list.require(context);
        json::write(context.response.body, facets(context.tx, shared->list, selection));
      };
    };
    api.add(std::move(counts));
  }
  auto file = door(list, "/export", "Export what matches: " + std::string{list.summary});
  file.audit = std::string{list.name} + ".exported";
  add_export_parameters(file);
  file.prepare = [shared](http::Request const& request) -> http::Declared::Call {
    auto wish = read_wish(shared->list, values_of(request));
    return [shared, wish = std::move(wish)](http::Context& context) {
      if (shared->list.require) shared->list.require(context);
      http::answer_with(context, exported(context, shared->list, wish));
    };
  };
  api.add(std::move(file));
  if (list.batch) add_batch_doors(api, {shared, &list});
}

}  // namespace list
