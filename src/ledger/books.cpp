// Steps: what should stand is compared with what stands.
#include "ledger/books.hpp"

#include <algorithm>

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
  std::int64_t customer_id;
  std::string subscription_id;
  Time at;
  std::string event_id, type, state;
  std::optional<std::string> before;
};
db::Query const snapshots_between{"ledger.snapshots_between", R"sql(
  SELECT customer_id, subscription_id, created AS at, event_id, type, state::text, before::text
    FROM subscription_snapshots
   WHERE subscription_id = $1 AND created >= coalesce($2::timestamptz, '-infinity')
     AND created <= coalesce($3::timestamptz, 'infinity')
)sql"};
db::Query const snapshots_of_customers{"ledger.snapshots_of_customers", R"sql(
  SELECT customer_id, subscription_id, created AS at, event_id, type, state::text, before::text
    FROM subscription_snapshots WHERE customer_id = ANY ($1::bigint[])
)sql"};

struct Known {
  std::int64_t customer_id;
  Terms terms;
};
// What is taken away from a subscription is gone from its next snapshot; from a customer it is gone
// when its event says so.
db::Query const terms_of_customers{"ledger.terms_of_customers", R"sql(
  SELECT customer_id, discount_id AS "terms.discount_id",
         subscription_id AS "terms.subscription_id", item_id AS "terms.item_id",
         coupon_id AS "terms.coupon_id", duration AS "terms.duration",
         percent_off::text AS "terms.percent_off", amount_off AS "terms.amount_off",
         currency AS "terms.currency", starts AS "terms.starts",
         CASE WHEN subscription_id IS NULL AND item_id IS NULL THEN least(ends, deleted_at)
              ELSE ends END AS "terms.ends",
         is_of_invoice AS "terms.is_of_invoice"
    FROM discount_terms WHERE customer_id = ANY ($1::bigint[])
)sql"};

struct Standing {
  std::int64_t id;
  std::string subscription_id, item_id, price_id, currency;
  Policy policy;
  Time at;
  std::int64_t delta;
  auto place() const { return std::tie(item_id, price_id, currency, policy, at, delta); }
};
db::Query const standing_steps{"ledger.standing_steps", R"sql(
  SELECT id, subscription_id, item_id, price_id, currency, policy, at, delta FROM mrr_steps AS s
   WHERE subscription_id = $1 AND at > coalesce($2::timestamptz, '-infinity')
     AND at <= coalesce($3::timestamptz, 'infinity') AND undoes IS NULL
     AND NOT EXISTS (SELECT FROM mrr_steps AS u WHERE u.undoes = s.id)
   ORDER BY at, id
)sql"};

db::Query const standing_of_customers{"ledger.standing_steps_of_customers", R"sql(
  SELECT id, subscription_id, item_id, price_id, currency, policy, at, delta FROM mrr_steps AS s
   WHERE customer_id = ANY ($1::bigint[]) AND undoes IS NULL
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

db::Query const mrr_of_subscription{"ledger.mrr_of_subscription", R"sql(
  SELECT coalesce(sum(delta), 0)::bigint FROM mrr_steps
   WHERE subscription_id = $1 AND policy = 'recurring' AND at <= $2
)sql"};

retention::Kept const kept_runs{"ledger_runs", "the books: when what was believed"};
retention::Kept const kept_steps{"mrr_steps", "the books: MRR is their sum"};

std::vector<Snapshot> snapshots_of(std::vector<Kept> const& rows) {
  std::vector<Snapshot> out;
  for (auto const& row : rows) {
    out.push_back({row.at, row.event_id, row.type, stripe::parse(row.state)});
    if (row.before) out.back().before = stripe::parse(*row.before);
  }
  return out;
}

/// Of each of these customers.
std::map<std::int64_t, TermsById> terms_of(db::Tx& tx, std::vector<std::int64_t> const& customers) {
  std::map<std::int64_t, TermsById> out;
  for (auto& [customer, terms] : tx.all<Known>(terms_of_customers, customers)) {
    auto id = terms.discount_id;
    out[customer].emplace(std::move(id), std::move(terms));
  }
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

/// From the first to the last instant of a difference; `last` only where nothing is different
/// afterwards, either.
struct Span {
  Time first;
  std::optional<Time> last;
};
Span span_of(std::vector<Standing> const& wrong, std::vector<Step> const& missing) {
  auto first = Time::max(), last = Time::min();
  std::map<std::pair<std::string, Policy>, std::int64_t> changes;
  auto const add = [&](std::string const& currency, Policy policy, Time at, std::int64_t delta) {
    first = std::min(first, at);
    last = std::max(last, at);
    auto& change = changes[{currency, policy}];
    change = money::add(change, delta);
  };
  for (auto const& step : wrong)
    add(step.currency, step.policy, step.at, money::subtract(0, step.delta));
  for (auto const& step : missing) add(step.currency, step.policy, step.at, step.delta);
  bool const stays =
      std::ranges::any_of(changes, [](auto const& change) { return change.second != 0; });
  return {first, stays ? std::nullopt : std::optional{last}};
}

/// Writes how the steps within a window differ from what stands of it; where, if they do.
std::optional<Span> write_steps(db::Tx& tx, Run& run, CustomerId customer,
                                std::string_view subscription_id,
                                std::vector<Snapshot> const& snapshots, TermsById const& terms,
                                Window const& window, std::vector<Standing> standing) {
  if (snapshots.empty()) return {};
  auto wanted = steps_of(snapshots, terms);
  std::erase_if(wanted, [&](Step const& step) {
    return (window.after && step.at <= *window.after) || (window.until && step.at > *window.until);
  });
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

  std::vector<std::int64_t> wrong, deltas;
  for (auto const& step : standing) wrong.push_back(step.id);
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
  }
  auto const written = run.id(tx);
  if (!wrong.empty()) tx.exec(undo_steps, wrong, written);
  if (!wanted.empty())
    tx.exec(insert_steps, customer, subscription_id, written, items, prices, currencies, kinds,
            instants, deltas, events);
  return span_of(standing, wanted);
}

}  // namespace

void lock(db::Tx& tx, CustomerId customer) { tx.one<std::int64_t>(lock_customer, customer); }

std::int64_t Run::id(db::Tx& tx) {
  if (!id_) id_ = tx.one<std::int64_t>(begin_run, reason_, event_id_, code_version);
  return *id_;
}

void settle(db::Tx& tx, Run& run, CustomerId customer) {
  lock(tx, customer);
  settle_all(tx, run, {customer.value});
}

std::vector<Difference> settle_all(db::Tx& tx, Run& run,
                                   std::vector<std::int64_t> const& customers) {
  auto terms = terms_of(tx, customers);
  std::map<std::string, std::vector<Standing>> standing;
  for (auto& step : tx.all<Standing>(standing_of_customers, customers))
    standing[step.subscription_id].push_back(std::move(step));
  struct Told {
    std::int64_t customer;
    std::vector<Kept> rows{};
  };
  std::map<std::string, Told> subscriptions;
  for (auto& row : tx.all<Kept>(snapshots_of_customers, customers)) {
    auto& told = subscriptions[row.subscription_id];
    told.customer = row.customer_id;
    told.rows.push_back(std::move(row));
  }
  for (auto& [id, told] : subscriptions)
    write_steps(tx, run, CustomerId{told.customer}, id, snapshots_of(told.rows),
                terms[told.customer], {}, std::move(standing[id]));
  // Also what no step has changed: a movement that is not what steps say.
  std::vector<Difference> out;
  std::map<std::string, std::vector<std::int64_t>> by_zone;
  for (auto const customer : customers)
    by_zone[zone_of(tx, CustomerId{customer})].push_back(customer);
  for (auto const& [zone, some] : by_zone) {
    auto more = net(tx, run, some, {}, {}, zone);
    std::ranges::move(more, std::back_inserter(out));
  }
  return out;
}

void settle_around(db::Tx& tx, Run& run, CustomerId customer, std::string_view subscription_id,
                   Time at) {
  auto const window = tx.one<Window>(window_around, subscription_id, at);
  auto const rows = tx.all<Kept>(snapshots_between, subscription_id, window.begins, window.ends);
  auto const span =
      write_steps(tx, run, customer, subscription_id, snapshots_of(rows),
                  terms_of(tx, {customer.value})[customer.value], window,
                  tx.all<Standing>(standing_steps, subscription_id, window.after, window.until));
  if (span) net(tx, run, {customer.value}, span->first, span->last, zone_of(tx, customer));
}

std::int64_t mrr_at(db::Tx& tx, std::string_view subscription_id, Time at) {
  return tx.one<std::int64_t>(mrr_of_subscription, subscription_id, at);
}

}  // namespace ledger
