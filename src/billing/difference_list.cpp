// Differences as staff see them, and the two ways to end one.
#include <algorithm>

#include "billing/following.hpp"
#include "billing/walking.hpp"
#include "mirror/differences.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"

namespace billing {

namespace {
constexpr ProblemType difference_not_found{Kind::not_found, "difference_not_found",
                                           "There is no such difference, or it is resolved"};

enum class DifferenceState { open, resolved };
constexpr auto names_of(DifferenceState) {
  return std::array<std::string_view, 2>{"open", "resolved"};
}

struct Difference {
  mirror::DifferenceId id;
  std::string stripe_id, kind;
  mirror::Nature nature;
  std::optional<customers::CustomerId> customer_id;
  std::optional<std::string> company;
  RawJson members;
  Time found_at, last_seen;
  std::optional<Time> resolved_at;
  std::optional<mirror::Resolution> resolution;
  static constexpr auto rules() {
    return ::rules(
        rule(&Difference::kind, {.doc = "What it is at Stripe: invoice, subscription, charge …"}),
        rule(&Difference::nature, {.doc = "What is missing, or that members differ"}),
        rule(&Difference::members,
             {.doc = "Members by their paths, each with our value and Stripe's"}),
        rule(&Difference::last_seen, {.doc = "The comparison that met it last"}),
        rule(&Difference::resolution,
             {.doc = "gone: Stripe's word came after all, and nobody did anything"}));
  }
};

list::Codes const codes{"billing_differences",
                        {{"kind", "stripe_kind"},
                         {"nature", "difference_nature"},
                         {"state", "difference_state"},
                         {"resolution", "difference_resolution"}}};

list::List difference_list() {
  return {
      .name = "billing_differences",
      .route = "GET /api/billing/differences",
      .summary = "List where our mirror of Stripe and Stripe itself do not agree",
      .tag = "Billing",
      .scope = "billing:read",
      .row = &types::type_of<Difference>,
      .columns = R"sql(page.id, page.stripe_id, page.kind, page.nature, page.customer_id, c.company,
          page.members, page.found_at, page.last_seen, page.resolved_at, page.resolution)sql",
      .source = "mirror_differences AS d",
      .key = "d.id",
      .joins = "LEFT JOIN customers AS c ON c.id = page.customer_id",
      .sorts = {{"id", "d.id", "bigint"}},
      .order = "-id",
      .filters = {list::is<std::string>("kind", "d.kind = $",
                                        {.doc = "Only of this kind", .max_length = 40}),
                  list::choice<DifferenceState>(
                      "state", {"d.resolved_at IS NULL", "d.resolved_at IS NOT NULL"},
                      {.doc = "Open ones, or those that are over"})},
  };
}

struct KindCompared {
  std::string kind;
  std::int64_t compared, differing, not_ours;
  bool is_under_way;
  std::optional<Time> ended_at;
  static constexpr auto rules() {
    return ::rules(
        rule(&KindCompared::compared, {.doc = "Objects of ours that were met"}),
        rule(&KindCompared::not_ours, {.doc = "Of nobody whom we know: counted, never taken over"}),
        rule(&KindCompared::is_under_way, {.doc = "The numbers are of a walk that still goes on"}),
        rule(&KindCompared::ended_at, {.doc = "When all of this kind had been compared last"}));
  }
};
struct Comparison {
  std::vector<KindCompared> kinds;
  static constexpr auto rules() {
    return ::rules(rule(&Comparison::kinds, {.doc = "In the order in which they are compared"}));
  }
};
db::Query const walks{"billing.walks", R"sql(
  SELECT kind, compared, differing, not_ours, began_at IS NOT NULL AS is_under_way, ended_at
    FROM mirror_walks
)sql"};

Comparison comparison(http::Context& context, http::Nothing const&) {
  auto const known = context.tx.all<KindCompared>(walks);
  Comparison out;
  for (auto const& kind : kinds())
    if (auto const found = std::ranges::find(known, kind.name, &KindCompared::kind);
        found != known.end())
      out.kinds.push_back(*found);
  return out;
}

struct OneDifference {
  mirror::DifferenceId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneDifference::id, {.doc = "Id of the difference"}));
  }
};
/// What differed before it was done, and what does now.
struct Outcome {
  std::string stripe_id, kind;
  RawJson before, after;
  bool is_resolved;
  static constexpr auto rules() {
    return ::rules(
        rule(&Outcome::before, {.doc = "Members by their paths, each with our value and Stripe's"}),
        rule(&Outcome::after, {.doc = "The same afterwards; nothing: they agree"}));
  }
};

struct Open {
  std::string stripe_id, kind;
};
db::Query const open_difference{"billing.open_difference", R"sql(
  SELECT stripe_id, kind FROM mirror_differences WHERE id = $1 AND resolved_at IS NULL
)sql"};

RawJson text_of(stripe::Object const& members) { return {boost::json::serialize(members)}; }

/// A person's turn at one object that differs.
class Attempt {
 public:
  Attempt(http::Context& context, mirror::DifferenceId id)
      : context_{context}, id_{id}, open_{found(context, id)}, kind_{*kind_named(open_.kind)} {
    context.audit_target = open_.stripe_id;
  }

  template <class Work>
  Outcome run(mirror::Resolution resolution, Work&& work) {
    try {
      db::SessionLock const turn{context_.worker.connection, turn_of(open_.stripe_id)};
      auto const before = differences();
      work(*this);
      auto const after = differences();
      if (after.empty())
        db::transact(context_.worker.connection,
                     [&](db::Tx& tx) { mirror::tell_resolution(tx, id_, resolution); });
      context_.audit_before = text_of(before);
      context_.audit_after = text_of(after);
      return {open_.stripe_id, open_.kind, text_of(before), text_of(after), after.empty()};
    } catch (stripe::Refused const& refused) {
      throw Problem{stripe_away, {}, refused.what()}.retry_after(10);
    } catch (stripe::Unavailable const& away) {
      throw Problem{stripe_away, {}, away.what()}.retry_after(10);
    }
  }

  /// Stripe's present word, written as it is.
  void apply() {
    db::transact(context_.worker.connection, [&](db::Tx& tx) {
      if (present_)
        kind_.apply(tx, *present_, {});
      else
        kind_.gone(tx, {.id = open_.stripe_id, .at = clock_source::now(), .was_deleted = true}, {});
    });
  }
  /// What events told of it, once more.
  void replay(Events& events) {
    auto& connection = context_.worker.connection;
    auto const ids =
        db::transact(connection, [&](db::Tx& tx) { return reopen_events_of(tx, open_.stripe_id); });
    for (auto const& event : ids)
      events.work_off(connection, event, [&](auto const& work) { db::transact(connection, work); });
  }

 private:
  static Open found(http::Context& context, mirror::DifferenceId id) {
    auto open = context.tx.maybe<Open>(open_difference, id);
    if (!open || !kind_named(open->kind)) throw Problem{difference_not_found};
    return std::move(*open);
  }

  stripe::Object differences() {
    auto& connection = context_.worker.connection;
    stripe::Client const client{context_.settings};
    present_ = read({connection, client}, kind_, open_.stripe_id);
    if (!present_) require_known_customer(connection, client, open_.stripe_id);
    db::Tx tx{connection, db::Mode::autocommit};
    return differences_of(tx, kind_, open_.stripe_id, present_);
  }

  http::Context& context_;
  mirror::DifferenceId id_;
  Open open_;
  ObjectKind const& kind_;
  std::optional<Reading> present_;
};

void add_way_out(http::Api& api, std::string_view route, std::string_view summary,
                 std::string_view audit,
                 std::function<Outcome(http::Context&, OneDifference const&)> handle) {
  api.add(http::Endpoint<OneDifference, Outcome>{
      .route = route,
      .summary = summary,
      .tag = "Billing",
      .scope = "billing:write",
      .audit = audit,
      .problems = {difference_not_found, stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = std::move(handle),
  });
}
}  // namespace

void add_difference_endpoints(http::Api& api, Events& events) {
  list::add(api, difference_list());
  api.add(http::Endpoint<http::Nothing, Comparison>{
      .route = "GET /api/billing/comparison",
      .summary = "Tell what the last comparison of our mirror with Stripe has met",
      .tag = "Billing",
      .scope = "billing:read",
      .handle = comparison,
  });
  add_way_out(api, "POST /api/billing/differences/{id}/apply",
              "Take over what Stripe says now of an object that differs", "mirror.applied",
              [](http::Context& context, OneDifference const& request) {
                return Attempt{context, request.id}.run(mirror::Resolution::applied,
                                                        [](Attempt& attempt) { attempt.apply(); });
              });
  add_way_out(api, "POST /api/billing/differences/{id}/replay",
              "Work off again what events told of an object that differs", "mirror.replayed",
              [&events](http::Context& context, OneDifference const& request) {
                return Attempt{context, request.id}.run(
                    mirror::Resolution::replayed,
                    [&](Attempt& attempt) { attempt.replay(events); });
              });
}

}  // namespace billing
