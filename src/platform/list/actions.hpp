#pragma once
// What can be done with many rows of a list at once, declared beside the list (`List::batch`). From
// it come the doors that start and preview a batch, the job, a result for each row, and its page.
#include "platform/db/db.hpp"
#include "platform/i18n/message.hpp"
#include "platform/json/read.hpp"
#include "platform/json/write.hpp"

namespace list {

enum class RowState { waiting, running, ok, skipped, failed };
constexpr auto names_of(RowState) {
  return std::array<std::string_view, 5>{"waiting", "running", "ok", "skipped", "failed"};
}

/// What came of one row.
struct Outcome {
  RowState state = RowState::ok;
  std::optional<i18n::Message> why{};
  RawJson mark{};  // of what goes on: what its end is told by
};
[[nodiscard]] inline Outcome skipped(i18n::Message why) {
  return {RowState::skipped, std::move(why)};
}
[[nodiscard]] inline Outcome under_way(RawJson mark = {}) {
  return {RowState::running, {}, std::move(mark)};
}

/// Why a row cannot be chosen, asked of the database: for a preview, and again under the row's lock
/// before anything is done with it.
struct Hindrance {
  std::string condition;  // of a row of the source; `{arguments}` is a jsonb
  std::string why;        // SQL of an i18n::Message
};

/// One thing that can be done, without its types.
struct Action {
  std::string_view name, doc;
  types::Type const* arguments = nullptr;
  std::vector<Hindrance> hindrances{};
  std::function<std::shared_ptr<void const>(boost::json::value const&, json::Errors&)> read;
  std::function<void(db::Tx&, void const* arguments, json::Errors&)> check;
  std::function<Outcome(db::Tx&, std::int64_t row, void const* arguments, std::string const& actor)>
      apply;
  std::string done{};
};

/// The same as it is declared. The transaction of `apply` holds the row's lock and commits with the
/// row's result; a Problem of a conflict that it throws skips the row, another one has failed.
template <class RowId, Described Arguments>
struct Doing {
  std::string_view name;
  std::string_view doc;
  std::vector<Hindrance> hindrances{};
  /// More than the arguments' rules say; pointers begin with "/arguments/".
  std::function<void(db::Tx&, Arguments const&, json::Errors&)> check{};
  std::function<Outcome(db::Tx&, RowId, Arguments const&, std::string const& actor)> apply;
  /// What became of rows under way: a SELECT of row_id, outcome (NULL: not yet) and why
  /// (SQL of an i18n::Message) from `running` (row_id, begun_at, mark, arguments, at: the present
  /// time). It is asked again and again; what has not ended a day later has failed.
  std::string done{};
};

template <class RowId, Described Arguments>
[[nodiscard]] Action action(Doing<RowId, Arguments> doing) {
  auto const of = [](void const* arguments) -> Arguments const& {
    return *static_cast<Arguments const*>(arguments);
  };
  Action out{
      .name = doing.name,
      .doc = doing.doc,
      .arguments = &types::type_of<Arguments>,
      .hindrances = std::move(doing.hindrances),
      .read =
          [](boost::json::value const& text, json::Errors& errors) {
            auto arguments = std::make_shared<Arguments>();
            json::decode_object(text, types::type_of<Arguments>, arguments.get(), "/arguments",
                                errors);
            return std::shared_ptr<void const>{std::move(arguments)};
          },
      .check = {},
      .apply =
          [of, apply = std::move(doing.apply)](db::Tx& tx, std::int64_t row, void const* arguments,
                                               std::string const& actor) {
            return apply(tx, RowId{row}, of(arguments), actor);
          },
      .done = std::move(doing.done)};
  if (doing.check)
    out.check = [of, check = std::move(doing.check)](db::Tx& tx, void const* arguments,
                                                     json::Errors& errors) {
      check(tx, of(arguments), errors);
    };
  return out;
}

/// The actions of one list. An argument called `reason` stands in the audit trail as such.
struct Batch {
  std::string_view scope;  // to start one; asked again before each row
  std::string_view audit;
  std::string_view label;  // SQL: what people call a row, also when it is gone
  std::vector<Action> actions;
};

}  // namespace list
