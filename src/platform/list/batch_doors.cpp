// The doors of batches: what one would do, start one, look at it, its rows.
#include "platform/list/batch.hpp"
#include "platform/list/doors.hpp"
#include "platform/list/words.hpp"

namespace list {

namespace {
constexpr std::size_t most_ids = 1000, most_ids_in_url = 500;
constexpr int most_reasons = 50, most_ids_of_a_reason = 100;

constexpr FieldCode ambiguous{"ambiguous", "must not stand beside a filter"};

struct NewBatch {
  std::string action;
  std::optional<RawJson> filter;
  std::optional<std::vector<std::string>> ids, exclude;
  std::int64_t expected_count;
  std::optional<RawJson> arguments;
  static constexpr auto rules() {
    return ::rules(
        rule(&NewBatch::action, {.max_length = 60}),
        rule(&NewBatch::ids, {.doc = "These rows, whatever the filter", .max_length = most_ids}),
        rule(&NewBatch::exclude, {.doc = "But not these", .max_length = most_ids}),
        rule(
            &NewBatch::expected_count,
            {.doc = "How many rows whoever asks has agreed to", .min = 1, .max = most_in_a_batch}));
  }
};

/// Rows that would be skipped, for one reason.
struct Skipped {
  i18n::Message why;
  std::int64_t count;
  std::vector<std::string> ids;
  static constexpr auto rules() {
    return ::rules(rule(&Skipped::ids, {.doc = "The first hundred of them"}));
  }
};
struct BatchPreview {
  std::int64_t matching, selectable;
  bool capped;
  std::vector<Skipped> skipped;
  static constexpr auto rules() {
    return ::rules(
        rule(&BatchPreview::matching, {.doc = "The expected_count of a batch"}),
        rule(&BatchPreview::selectable, {.doc = "Those that nothing is known to speak against"}),
        rule(&BatchPreview::capped, {.doc = "There are more than a batch may have: 100,000"}),
        rule(&BatchPreview::skipped, {.doc = "The others, the most frequent reason first"}));
  }
};

struct BatchRow {
  std::string id, label;
  RowState state;
  std::optional<i18n::Message> why;
  std::optional<Time> finished_at;
  static constexpr auto rules() {
    return ::rules(rule(&BatchRow::label, {.doc = "What it was called when the batch was started"}),
                   rule(&BatchRow::why, {.doc = "Why it was skipped or failed"}));
  }
};

struct OneBatch {
  BatchId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneBatch::id, {.doc = "Id of the batch", .example = "bat_1"}));
  }
};

using Values = std::vector<std::pair<std::string, std::string>>;
using Shared = std::shared_ptr<List const>;

/// "late payments"
std::string rows_of(List const& list) {
  std::string out{list.name};
  std::replace(out.begin(), out.end(), '_', ' ');
  return out;
}
std::string path_of(List const& list) { return std::string{list.route.substr(4)}; }
/// "/api/tenant-batches": beneath "/api/tenants" it could be taken for an id.
std::string batches_path(List const& list) {
  auto path = path_of(list);
  if (path.ends_with('s')) path.pop_back();
  return path + "-batches";
}

/// "ten": what stands before the keys of this list's rows.
std::string_view prefix_of(List const& list) {
  for (auto const& member : list.row->members())
    if (member.name == "id" && member.type->form == types::Form::id) return member.type->prefix;
  throw std::logic_error{"list " + std::string{list.name} + ": rows of a batch need an id"};
}

/// What a step complains about arguments that stand in a URL points there.
template <class Step>
void as_of_url(Step&& step) {
  json::Errors errors;
  step(errors);
  for (auto& error : errors) error.pointer.front() = '?';
  json::refuse(std::move(errors));
}

/// What a batch is about, checked as far as that goes without the database.
struct Asked {
  Order order;
  Chosen chosen;
};

/// Reads it; all complaints at once.
class Asking {
 public:
  explicit Asking(List const& list) : list_{list} {}

  /// Collects what a step complains about.
  template <class Step>
  void attempt(Step&& step) {
    try {
      step();
    } catch (Problem& problem) {
      if (problem.errors.empty()) throw;
      for (auto& error : problem.errors) errors_.push_back(std::move(error));
    }
  }
  void complain(FieldError error) { errors_.push_back(std::move(error)); }

  void read_action(std::string const& name, std::string const& pointer) {
    if (name.empty()) return;  // complained about already
    action_ = find_action(list_, name);
    if (action_) return;
    std::string names;
    for (auto const& action : list_.batch->actions)
      names += (names.empty() ? "" : ", ") + std::string{action.name};
    complain(wrong<faults::unknown_value>(pointer, names));
  }
  void read_arguments(boost::json::value const& text) {
    if (action_) arguments_ = action_->read(text, errors_);
  }
  /// The same out of a URL.
  void read_arguments(std::string const& text) {
    boost::json::value value;
    try {
      value = json::parse(text);
    } catch (Problem const&) {
      return complain(wrong<faults::wrong_type>("?arguments", "a JSON object"));
    }
    attempt([&] {
      as_of_url([&](json::Errors& errors) {
        if (action_) arguments_ = action_->read(value, errors);
      });
    });
  }
  void read_filter(Values values, std::string_view pointer) {
    std::sort(values.begin(), values.end());
    attempt([&] { chosen_.selection = select(list_, values, Takes::filters, pointer); });
  }
  std::vector<std::int64_t> read_ids(std::vector<std::string> const& texts, char const* pointer) {
    std::vector<std::int64_t> out;
    auto const prefix = prefix_of(list_);
    for (std::string_view text : texts) {
      auto const number = text.starts_with(prefix) ? id_number(text.substr(prefix.size()))
                                                   : std::optional<std::int64_t>{};
      if (number) {
        out.push_back(*number);
      } else {
        complain(wrong<faults::wrong_type>(pointer, "ids as the list gives them"));
        break;
      }
    }
    return out;
  }
  void choose(std::optional<std::vector<std::string>> const& ids,
              std::optional<std::vector<std::string>> const& exclude, std::string const& mark) {
    if (ids) {
      chosen_.ids = read_ids(*ids, (mark + "ids").c_str());
      chosen_.selection.values.resize(list_.filters.size());
    }
    if (exclude) chosen_.exclude = read_ids(*exclude, (mark + "exclude").c_str());
  }

  Asked finish() {
    json::refuse(std::move(errors_));
    return {{*action_, std::move(arguments_)}, std::move(chosen_)};
  }

 private:
  List const& list_;
  json::Errors errors_;
  Action const* action_ = nullptr;
  std::shared_ptr<void const> arguments_;
  Chosen chosen_;
};

/// A filter as it stands in a document: names and texts as in the list's URL.
Values pairs_of(boost::json::value const& filter, Asking& asking) {
  Values out;
  if (!filter.is_object()) {
    asking.complain(wrong<faults::wrong_type>("/filter", "an object"));
    return out;
  }
  for (auto const& [key, value] : filter.get_object())
    if (value.is_string())
      out.emplace_back(key, value.get_string());
    else
      asking.complain(wrong<faults::wrong_type>("/filter/" + std::string{key}, "a string"));
  return out;
}

Asked read_new(List const& list, http::Declared const& endpoint, http::Request const& request,
               NewBatch& batch) {
  Asking asking{list};
  asking.attempt([&] { http::detail::parse(endpoint, request, types::type_of<NewBatch>, &batch); });
  asking.read_action(batch.action, "/action");
  asking.read_arguments(json::parse(batch.arguments ? batch.arguments->text : "{}"));
  if (batch.ids && batch.filter)
    asking.complain(wrong<ambiguous>("/ids"));
  else if (!batch.ids && !batch.filter)
    asking.complain(wrong<faults::required>("/filter"));
  else if (batch.filter)
    asking.read_filter(pairs_of(json::parse(batch.filter->text), asking), "/filter/");
  asking.choose(batch.ids, batch.exclude, "/");
  return asking.finish();
}

void check(db::Tx& tx, Order const& order, json::Errors& errors) {
  if (order.action.check) order.action.check(tx, order.arguments.get(), errors);
}

/// What stands in the API's description: which actions, filters and arguments there are.
struct Documents {
  std::vector<std::string_view> actions;
  std::string filter = "As in the list's URL, a text for each; without ids:";
  std::string arguments = "What the action needs:";
  types::Type action{types::Form::enumeration};
  std::vector<types::Member> members;

  explicit Documents(List const& list) {
    for (auto const& one : list.filters) filter.append(" ").append(one.name);
    if (!list.search.empty()) filter += " q";
    for (auto const& one : list.batch->actions) {
      actions.push_back(one.name);
      arguments.append("\n- ").append(one.name).append(": ").append(one.doc);
      for (auto const& member : one.arguments->members()) {
        arguments.append("; `").append(member.name).append("`");
        if (!member.is_optional()) arguments += " (required)";
        if (!member.rules.doc.empty()) arguments.append(" ").append(member.rules.doc);
      }
    }
    action.labels = actions;
    for (auto member : types::members_of<NewBatch>()) {
      if (member.name == "action") member.type = &action;
      if (member.name == "filter") {
        member.type = &types::type_of<std::optional<std::map<std::string, std::string>>>;
        member.rules.doc = filter;
      }
      if (member.name == "arguments") member.rules.doc = arguments;
      members.push_back(std::move(member));
    }
  }
  Documents(Documents const&) = delete;
  Documents& operator=(Documents const&) = delete;
};

void add_start(http::Api& api, Shared const& list) {
  auto const documents = std::make_shared<Documents const>(*list);
  http::Declared door{"POST " + path_of(*list) + "/batch"};
  door.summary = "Do something with many " + rows_of(*list);
  door.tag = list->tag;
  door.scope = list->batch->scope;
  door.audit = list->batch->audit;
  door.limit = http::per_minute(30);
  door.problems = {count_moved};
  door.status = 202;
  door.idempotent = true;
  for (auto const& member : documents->members) door.body.push_back(&member);
  door.answer = &types::type_of<BatchView>;
  door.prepare = [list, documents, door = std::make_shared<http::Declared const>(door)](
                     http::Request const& request) -> http::Declared::Call {
    auto batch = std::make_shared<NewBatch>();
    auto asked = std::make_shared<Asked const>(read_new(*list, *door, request, *batch));
    return [list, batch, asked](http::Context& context) {
      json::Errors errors;
      check(context.tx, asked->order, errors);
      json::refuse(std::move(errors));
      auto const out = start_batch(context.tx, *list, asked->order, asked->chosen,
                                   batch->expected_count, context.actor);
      context.audit_target = out.id.text();
      context.audit_after.text = json::text(*batch);
      auto const arguments = json::parse(asked->order.text().text);
      if (auto const* reason = arguments.as_object().if_contains("reason");
          reason && reason->is_string())
        context.audit_reason = std::string{reason->get_string()};
      context.response.headers.push_back({"Location", batches_path(*list) + "/" + out.id.text()});
      json::write(context.response.body, out);
    };
  };
  api.add(std::move(door));
}

BatchPreview preview(db::Tx& tx, List const& list, Asked const& asked) {
  auto rows = chosen_statement(
      list, asked.chosen, list.key + " AS row_id, " + hindrance_sql(asked.order.action) + " AS why",
      asked.order.text(), most_in_a_batch + 1);
  rows.statement.name.clear();  // its filters differ from one time to the next
  rows.statement.sql = fmt::format(R"sql(
        SELECT why, count(*), (array_agg(row_id ORDER BY row_id))[1:{}], sum(count(*)) OVER ()
          FROM ({}) AS chosen GROUP BY why ORDER BY why IS NOT NULL, count(*) DESC LIMIT {}
      )sql",
                                   most_ids_of_a_reason, rows.statement.sql, most_reasons + 1);
  auto const result = rows.run(tx);
  auto const number = [&](int row, int column) {
    std::int64_t value{};
    db::read_value(PQgetvalue(result.get(), row, column), types::type_of<std::int64_t>, &value);
    return value;
  };
  BatchPreview out{};
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    out.matching = std::min<std::int64_t>(number(row, 3), most_in_a_batch);
    out.capped = number(row, 3) > most_in_a_batch;
    if (PQgetisnull(result.get(), row, 0)) {
      out.selectable = number(row, 1);
      continue;
    }
    auto& skipped = out.skipped.emplace_back();
    db::read_value(PQgetvalue(result.get(), row, 0), types::type_of<i18n::Message>, &skipped.why);
    skipped.count = number(row, 1);
    for (auto const& id : db::read_array(PQgetvalue(result.get(), row, 2)))
      skipped.ids.push_back(std::string{prefix_of(list)} + "_" + id);
  }
  return out;
}

/// What a preview's URL asks for: the filters of the list, and beside them what a batch says.
Asked read_preview(List const& list, http::Request const& request) {
  Asking asking{list};
  Values filter;
  std::map<std::string, std::string> said;
  for (auto const& [name, value] : values_of(request)) {
    bool const is_filter =
        name != "action" && name != "arguments" && name != "ids" && name != "exclude";
    if (is_filter)
      filter.emplace_back(name, value);
    else if (!said.emplace(name, value).second)
      asking.complain(wrong<faults::repeated>("?" + name));
  }
  auto const ids_in = [&](std::string const& name) -> std::optional<std::vector<std::string>> {
    auto const given = said.find(name);
    if (given == said.end()) return {};
    auto ids = *json::from_text<std::vector<std::string>>(given->second);
    if (ids.size() <= most_ids_in_url) return ids;
    asking.complain(wrong<faults::too_many>("?" + name, most_ids_in_url));
    return {};
  };
  if (said["action"].empty()) asking.complain(wrong<faults::required>("?action"));
  asking.read_action(said["action"], "?action");
  auto const& arguments = said["arguments"];
  asking.read_arguments(arguments.empty() ? std::string{"{}"} : arguments);
  if (said.contains("ids") && !filter.empty()) asking.complain(wrong<ambiguous>("?ids"));
  asking.read_filter(filter, "?");
  asking.choose(ids_in("ids"), ids_in("exclude"), "?");
  return asking.finish();
}

void add_preview(http::Api& api, Shared const& list) {
  auto const documents = std::make_shared<Documents const>(*list);
  auto preview_door =
      door(*list, "/batch/preview", "Tell what a batch of " + rows_of(*list) + " would do");
  preview_door.scope = list->batch->scope;
  auto const add = [&](std::string name, types::Type const& type, Rules rules) {
    preview_door.parameters.push_back({std::move(name), "query", &type, rules});
  };
  using Texts = std::optional<std::vector<std::string>>;
  add("action", documents->action, {.doc = "What would be done"});
  add("arguments", types::type_of<std::optional<std::string>>,
      {.doc = "A JSON object, as the batch takes it"});
  add("ids", types::type_of<Texts>,
      {.doc = "These rows instead of filters", .max_length = most_ids_in_url});
  add("exclude", types::type_of<Texts>, {.doc = "But not these", .max_length = most_ids_in_url});
  preview_door.answer = &types::type_of<BatchPreview>;
  preview_door.prepare = [list, documents](http::Request const& request) -> http::Declared::Call {
    auto asked = std::make_shared<Asked const>(read_preview(*list, request));
    return [list, asked](http::Context& context) {
      as_of_url([&](json::Errors& errors) { check(context.tx, asked->order, errors); });
      json::write(context.response.body, preview(context.tx, *list, *asked));
    };
  };
  api.add(std::move(preview_door));
}

/// What a list of rows is called; they live as long as it does.
struct RowWords {
  std::string name, route, summary;
  Codes codes{name, {{"state", "batch_row_state"}}};
  explicit RowWords(List const& list)
      : name{std::string{list.name} + "_batch_rows"},
        route{"GET " + batches_path(list) + "/{id}/rows"},
        summary{"List what came of a batch of " + rows_of(list)} {}
};

list::List row_list(Shared const& list) {
  auto const words = std::make_shared<RowWords const>(*list);
  return {
      .name = words->name,
      .route = words->route,
      .summary = words->summary,
      .tag = list->tag,
      .scope = list->scope,
      .row = &types::type_of<BatchRow>,
      .columns = "'" + std::string{prefix_of(*list)} +
                 "_' || page.row_id AS id, page.label, page.state, page.why, page.finished_at",
      .source = "list_batch_rows",
      .key = "list_batch_rows.row_id",
      .sorts = {{"id", "list_batch_rows.row_id", "bigint"}},
      .order = "id",
      .filters = {list::within<BatchId>("id", "list_batch_rows.batch_id = $",
                                        {.doc = "Id of the batch"}),
                  list::any_of<RowState>("state", "list_batch_rows.state = $")},
      .problems = {batch_not_found},
      .require =
          [list, words](http::Context& context) {
            auto const id = BatchId::parse(context.request.path_parameter("id"));
            if (!id) throw Problem{batch_not_found};
            require_batch(context.tx, *list, *id);
          },
  };
}
}  // namespace

void add_batch_doors(http::Api& api, Shared const& list) {
  add_start(api, list);
  add_preview(api, list);
  auto const one = "GET " + batches_path(*list) + "/{id}";
  auto const summary = "Show how far a batch of " + rows_of(*list) + " is";
  api.add(http::Endpoint<OneBatch, BatchView>{
      .route = one,
      .summary = summary,
      .tag = list->tag,
      .scope = list->scope,
      .problems = {batch_not_found},
      .handle = [list](http::Context& context,
                       OneBatch const& request) { return batch(context.tx, *list, request.id); },
  });
  list::add(api, row_list(list));
}

}  // namespace list
