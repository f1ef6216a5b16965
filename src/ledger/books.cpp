// Steps and movements: what should stand is compared with what stands.
#include "ledger/books.hpp"

#include <algorithm>

#include "analytics/rollups.hpp"
#include "platform/money/money.hpp"
#include "platform/retention/retention.hpp"

namespace ledger {

namespace {
using customers::CustomerId;

db::Query const lock_customer{"ledger.lock_customer",
                              "SELECT id FROM customers WHERE id = $1 FOR UPDATE"};

// Our own time only goes forward, also where a clock was set back.
db::Query const begin_run{"ledger.begin_run", R"sql(
  INSERT INTO ledger_runs (reason, event_id, code_version, believed_at, finished_at)
  SELECT $1, $2, $3, at, at
    FROM (SELECT greatest(clock_timestamp(), max(believed_at) + interval '1 microsecond') AS at
            FROM ledger_runs) AS moment
  RETURNING id
)sql"};

/// What a snapshot can change lies after `after` and not beyond `until`, and depends on what is
/// kept from `begins` to `ends`: see in_order().
struct Window {
  std::optional<Time> begins, after, until, ends;
};
db::Query const window_around{"ledger.window_around", R"sql(
  SELECT earlier[3] AS begins, CASE WHEN cardinality(earlier) = 3 THEN earlier[2] END AS after,
         CASE WHEN cardinality(later) = 3 THEN later[2] END AS until, later[3] AS ends
    FROM (SELECT array(SELECT DISTINCT created FROM subscription_snapshots
                        WHERE subscription_id = $1 AND created < $2 AND type <> ''
                        ORDER BY created DESC LIMIT 3) AS earlier,
                 array(SELECT DISTINCT created FROM subscription_snapshots
                        WHERE subscription_id = $1 AND created > $2 AND type <> ''
                        ORDER BY created LIMIT 3) AS later) AS neighbours
)sql"};

struct Kept {
  std::string subscription_id;
  Time at;
  std::string event_id, type, state;
  std::optional<std::string> before;
};
db::Query const snapshots_between{"ledger.snapshots_between", R"sql(
  SELECT subscription_id, created AS at, event_id, type, state::text, before::text
    FROM subscription_snapshots
   WHERE subscription_id = $1 AND created >= coalesce($2::timestamptz, '-infinity')
     AND created <= coalesce($3::timestamptz, 'infinity')
)sql"};
db::Query const snapshots_of_customer{"ledger.snapshots_of_customer", R"sql(
  SELECT subscription_id, created AS at, event_id, type, state::text, before::text
    FROM subscription_snapshots WHERE customer_id = $1 ORDER BY subscription_id
)sql"};

// What is taken away from a subscription is gone from its next snapshot; from a customer it is gone
// when its event says so.
db::Query const terms_of_customer{"ledger.terms_of_customer", R"sql(
  SELECT discount_id, subscription_id, item_id, coupon_id, duration,
         percent_off::text AS percent_off, amount_off, currency, starts,
         CASE WHEN subscription_id IS NULL AND item_id IS NULL THEN least(ends, deleted_at)
              ELSE ends END AS ends,
         is_of_invoice
    FROM discount_terms WHERE customer_id = $1
)sql"};

struct Standing {
  std::int64_t id;
  std::string item_id, price_id, currency;
  Policy policy;
  Time at;
  std::int64_t delta;
  auto place() const { return std::tie(item_id, price_id, currency, policy, at, delta); }
};
db::Query const standing_steps{"ledger.standing_steps", R"sql(
  SELECT id, item_id, price_id, currency, policy, at, delta FROM mrr_steps AS s
   WHERE subscription_id = $1 AND at > coalesce($2::timestamptz, '-infinity')
     AND at <= coalesce($3::timestamptz, 'infinity') AND undoes IS NULL
     AND NOT EXISTS (SELECT FROM mrr_steps AS u WHERE u.undoes = s.id)
   ORDER BY at, id
)sql"};

db::Query const undo_steps{"ledger.undo_steps", R"sql(
  INSERT INTO mrr_steps (customer_id, subscription_id, item_id, price_id, currency, policy, at,
                         delta, event_id, run_id, believed_at, undoes)
  SELECT customer_id, subscription_id, item_id, price_id, currency, policy, at, -delta, s.event_id,
         r.id, r.believed_at, s.id
    FROM mrr_steps AS s, ledger_runs AS r WHERE s.id = ANY ($1::bigint[]) AND r.id = $2
)sql"};
db::Query const insert_steps{"ledger.insert_steps", R"sql(
  INSERT INTO mrr_steps (customer_id, subscription_id, item_id, price_id, currency, policy, at,
                         delta, event_id, run_id, believed_at)
  SELECT $1, $2, item_id, price_id, currency, policy::mrr_policy, at, delta, step.event_id, r.id,
         r.believed_at
    FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::bigint[],
                $10::text[])
           AS step (item_id, price_id, currency, policy, at, delta, event_id),
         ledger_runs AS r WHERE r.id = $3
)sql"};

enum class Movement { new_business, expansion, contraction, churn, reactivation };
constexpr auto names_of(Movement) {
  return std::array<std::string_view, 5>{"new", "expansion", "contraction", "churn",
                                         "reactivation"};
}

/// A movement that stands and should not, with its id, or one that should and does not.
struct Netted {
  std::optional<std::int64_t> standing;
  std::int64_t customer_id;
  std::string currency;
  Policy policy;
  std::string day;
  Movement kind;
  std::int64_t mrr_before, mrr_after;
  std::optional<std::string> event_id;
};
db::Query const movement_differences{"ledger.movement_differences", R"sql(
  WITH start AS (
    SELECT coalesce(($2::timestamptz AT TIME ZONE $3)::date, '-infinity') AS day),
  standing AS (
    SELECT * FROM mrr_movements
     WHERE customer_id = ANY ($1::bigint[]) AND upper_inf(believed)
       AND day >= (SELECT day FROM start)),
  days AS (
    SELECT customer_id, currency, policy, (at AT TIME ZONE $3)::date AS day,
           sum(delta)::bigint AS delta,
           (array_agg(event_id ORDER BY at DESC, id DESC))[1] AS event_id
      FROM mrr_steps
     WHERE customer_id = ANY ($1::bigint[])
       AND at >= ((SELECT day FROM start)::timestamp AT TIME ZONE $3)
     GROUP BY 1, 2, 3, 4 HAVING sum(delta) <> 0),
  bases AS (
    SELECT line.*, last.mrr_after AS base
      FROM (SELECT DISTINCT customer_id, currency, policy FROM days) AS line
      LEFT JOIN LATERAL (SELECT mrr_after FROM mrr_movements AS m
                          WHERE m.customer_id = line.customer_id AND m.currency = line.currency
                            AND m.policy = line.policy AND upper_inf(m.believed)
                            AND m.day < (SELECT day FROM start)
                          ORDER BY m.day DESC LIMIT 1) AS last ON true),
  levels AS (
    SELECT days.*, base IS NULL AND row_number() OVER line = 1 AS is_first,
           (coalesce(base, 0) + sum(delta) OVER line)::bigint AS mrr_after
      FROM days JOIN bases USING (customer_id, currency, policy)
    WINDOW line AS (PARTITION BY customer_id, currency, policy ORDER BY day)),
  wanted AS (
    SELECT customer_id, currency, policy, day, event_id, mrr_after - delta AS mrr_before, mrr_after,
           (CASE WHEN is_first THEN 'new' WHEN mrr_after = delta THEN 'reactivation'
                 WHEN mrr_after = 0 THEN 'churn' WHEN delta > 0 THEN 'expansion'
                 ELSE 'contraction' END)::movement_kind AS kind
      FROM levels)
  SELECT s.id AS standing, coalesce(w.customer_id, s.customer_id) AS customer_id,
         coalesce(w.currency, s.currency) AS currency, coalesce(w.policy, s.policy) AS policy,
         coalesce(w.day, s.day)::text AS day, coalesce(w.kind, s.kind) AS kind,
         coalesce(w.mrr_before, s.mrr_before) AS mrr_before,
         coalesce(w.mrr_after, s.mrr_after) AS mrr_after, w.event_id
    FROM wanted AS w
    FULL JOIN standing AS s
           ON (s.customer_id, s.currency, s.policy, s.day, s.kind, s.mrr_before, s.mrr_after)
            = (w.customer_id, w.currency, w.policy, w.day, w.kind, w.mrr_before, w.mrr_after)
   WHERE s.id IS NULL OR w.customer_id IS NULL
   ORDER BY customer_id, currency, policy, day, standing
)sql"};
db::Query const end_movements{"ledger.end_movements", R"sql(
  UPDATE mrr_movements AS m
     SET believed = tstzrange(lower(m.believed), r.believed_at), ended_run = r.id
    FROM ledger_runs AS r WHERE m.id = ANY ($1::bigint[]) AND r.id = $2
)sql"};
db::Query const insert_movements{"ledger.insert_movements", R"sql(
  INSERT INTO mrr_movements (customer_id, currency, policy, day, kind, amount, mrr_before,
                             mrr_after, event_id, run_id, believed)
  SELECT customer_id, currency, policy::mrr_policy, day, kind::movement_kind,
         abs(mrr_after - mrr_before), mrr_before, mrr_after, netted.event_id, r.id,
         tstzrange(r.believed_at, NULL)
    FROM unnest($2::bigint[], $3::text[], $4::text[], $5::date[], $6::text[], $7::bigint[],
                $8::bigint[], $9::text[])
           AS netted (customer_id, currency, policy, day, kind, mrr_before, mrr_after, event_id),
         ledger_runs AS r WHERE r.id = $1
)sql"};

db::Query const zone_of_customer{"ledger.zone_of_customer", R"sql(
  SELECT coalesce(
    (SELECT zone FROM ledger_runs
      WHERE reason = 'settings' AND finished_at IS NULL AND next_customer > $1),
    (SELECT zone FROM ledger_runs WHERE zone IS NOT NULL AND finished_at IS NOT NULL
      ORDER BY id DESC LIMIT 1), 'UTC')
)sql"};

db::Query const mrr_of_subscription{"ledger.mrr_of_subscription", R"sql(
  SELECT coalesce(sum(delta), 0)::bigint FROM mrr_steps
   WHERE subscription_id = $1 AND policy = 'recurring' AND at <= $2
)sql"};

retention::Kept const kept_runs{"ledger_runs", "the books: when what was believed"};
retention::Kept const kept_steps{"mrr_steps", "the books: MRR is their sum"};
retention::Kept const kept_movements{"mrr_movements",
                                     "the books: what each day changed, as it was believed when"};

std::vector<Snapshot> snapshots_of(std::vector<Kept> const& rows) {
  std::vector<Snapshot> out;
  for (auto const& row : rows) {
    out.push_back({row.at, row.event_id, row.type, stripe::parse(row.state)});
    if (row.before) out.back().before = stripe::parse(*row.before);
  }
  return out;
}

TermsById terms_of(db::Tx& tx, CustomerId customer) {
  TermsById out;
  for (auto& terms : tx.all<Terms>(terms_of_customer, customer))
    out.emplace(terms.discount_id, std::move(terms));
  return out;
}

/// What was written before there were snapshots stands until the first of them, where it is
/// replaced: unless that is the very beginning.
constexpr std::string_view carried = "carried";
void keep_carried(std::vector<Standing>& standing, std::vector<Snapshot> const& snapshots,
                  std::vector<Step>& wanted) {
  if (std::ranges::none_of(standing, [](Standing const& s) { return s.item_id == carried; }))
    return;
  if (std::ranges::any_of(snapshots, [](Snapshot const& snapshot) {
        return snapshot.type == "customer.subscription.created";
      }))
    return;
  auto const& first = *std::ranges::min_element(snapshots, {}, &Snapshot::at);
  std::map<std::pair<std::string, Policy>, std::int64_t> levels;
  std::erase_if(standing, [&](Standing const& step) {
    if (step.item_id != carried || step.at >= first.at) return false;
    auto& level = levels[{step.currency, step.policy}];
    level = money::add(level, step.delta);
    return true;
  });
  for (auto const& [line, level] : levels)
    if (level != 0)
      wanted.push_back(
          {first.at, std::string{carried}, "", line.first, line.second, -level, first.event_id});
}

/// Writes how the steps within a window differ from what stands; the first instant of a difference.
std::optional<Time> write_steps(db::Tx& tx, Run& run, CustomerId customer,
                                std::string_view subscription_id,
                                std::vector<Snapshot> const& snapshots, TermsById const& terms,
                                Window const& window) {
  if (snapshots.empty()) return {};
  auto wanted = steps_of(snapshots, terms);
  std::erase_if(wanted, [&](Step const& step) {
    return (window.after && step.at <= *window.after) || (window.until && step.at > *window.until);
  });
  auto standing = tx.all<Standing>(standing_steps, subscription_id, window.after, window.until);
  if (!window.after) keep_carried(standing, snapshots, wanted);
  std::erase_if(wanted, [&](Step const& step) {
    auto const same = std::ranges::find_if(standing, [&](Standing const& known) {
      return known.place() ==
             std::tie(step.item_id, step.price_id, step.currency, step.policy, step.at, step.delta);
    });
    if (same == standing.end()) return false;
    standing.erase(same);
    return true;
  });
  if (wanted.empty() && standing.empty()) return {};

  auto first = Time::max();
  std::vector<std::int64_t> wrong, deltas;
  for (auto const& step : standing) {
    wrong.push_back(step.id);
    first = std::min(first, step.at);
  }
  std::vector<std::string> items, prices, currencies, events;
  std::vector<Policy> kinds;
  std::vector<Time> instants;
  for (auto const& step : wanted) {
    items.push_back(step.item_id);
    prices.push_back(step.price_id);
    currencies.push_back(step.currency);
    kinds.push_back(step.policy);
    instants.push_back(step.at);
    deltas.push_back(step.delta);
    events.push_back(step.event_id);
    first = std::min(first, step.at);
  }
  auto const written = run.id(tx);
  if (!wrong.empty()) tx.exec(undo_steps, wrong, written);
  if (!wanted.empty())
    tx.exec(insert_steps, customer, subscription_id, written, items, prices, currencies, kinds,
            instants, deltas, events);
  return first;
}

analytics::Metric metric_of(Movement movement) {
  using analytics::Metric;
  switch (movement) {
    case Movement::new_business:
      return Metric::mrr_new;
    case Movement::expansion:
      return Metric::mrr_expansion;
    case Movement::contraction:
      return Metric::mrr_contraction;
    case Movement::churn:
      return Metric::mrr_churn;
    case Movement::reactivation:
      return Metric::mrr_reactivation;
  }
  return Metric::mrr;
}
}  // namespace

void lock(db::Tx& tx, CustomerId customer) { tx.one<std::int64_t>(lock_customer, customer); }

std::int64_t Run::id(db::Tx& tx) {
  if (!id_) id_ = tx.one<std::int64_t>(begin_run, reason_, event_id_, code_version);
  return *id_;
}

std::vector<Difference> settle(db::Tx& tx, Run& run, CustomerId customer) {
  lock(tx, customer);
  auto const terms = terms_of(tx, customer);
  std::map<std::string, std::vector<Kept>> by_subscription;
  for (auto& row : tx.all<Kept>(snapshots_of_customer, customer))
    by_subscription[row.subscription_id].push_back(std::move(row));
  std::optional<Time> from;
  for (auto const& [subscription, rows] : by_subscription)
    if (auto const first =
            write_steps(tx, run, customer, subscription, snapshots_of(rows), terms, {}))
      from = std::min(from.value_or(Time::max()), *first);
  if (!from) return {};
  return net(tx, run, {customer.value}, from, zone_of(tx, customer));
}

void settle_around(db::Tx& tx, Run& run, CustomerId customer, std::string_view subscription_id,
                   Time at) {
  auto const window = tx.one<Window>(window_around, subscription_id, at);
  auto const rows = tx.all<Kept>(snapshots_between, subscription_id, window.begins, window.ends);
  auto const from = write_steps(tx, run, customer, subscription_id, snapshots_of(rows),
                                terms_of(tx, customer), window);
  if (from) net(tx, run, {customer.value}, from, zone_of(tx, customer));
}

std::vector<Difference> net(db::Tx& tx, Run& run, std::vector<std::int64_t> const& customers,
                            std::optional<Time> from, std::string const& zone) {
  auto const rows = tx.all<Netted>(movement_differences, customers, from, zone);
  if (rows.empty()) return {};
  std::vector<std::int64_t> ended, whose, before, after;
  std::vector<std::string> currencies, days;
  std::vector<Policy> kept_policies;
  std::vector<Movement> kinds;
  std::vector<std::optional<std::string>> events;
  std::vector<analytics::DayDelta> counted;
  std::vector<Difference> out;
  for (auto const& row : rows) {
    auto const change = money::subtract(row.mrr_after, row.mrr_before);
    auto const amount = row.standing ? -change : change;
    if (row.standing) {
      ended.push_back(*row.standing);
    } else {
      whose.push_back(row.customer_id);
      currencies.push_back(row.currency);
      kept_policies.push_back(row.policy);
      days.push_back(row.day);
      kinds.push_back(row.kind);
      before.push_back(row.mrr_before);
      after.push_back(row.mrr_after);
      events.push_back(row.event_id);
    }
    if (row.policy == Policy::recurring)
      for (auto const metric : {analytics::Metric::mrr, metric_of(row.kind)})
        counted.push_back({metric, row.currency, row.day, amount});
    out.push_back(
        {row.customer_id, row.currency, std::string{name_of(row.policy)}, row.day, amount});
  }
  auto const written = run.id(tx);
  if (!ended.empty()) tx.exec(end_movements, ended, written);
  if (!whose.empty())
    tx.exec(insert_movements, written, whose, currencies, kept_policies, days, kinds, before, after,
            events);
  analytics::add(tx, counted);
  return out;
}

std::string zone_of(db::Tx& tx, CustomerId customer) {
  return tx.one<std::string>(zone_of_customer, customer);
}

std::string zone(db::Tx& tx) {
  return zone_of(tx, CustomerId{std::numeric_limits<std::int64_t>::max()});
}

std::int64_t mrr_at(db::Tx& tx, std::string_view subscription_id, Time at) {
  return tx.one<std::int64_t>(mrr_of_subscription, subscription_id, at);
}

}  // namespace ledger
