// Runs over all customers, some at a time.
#include "ledger/rebuild.hpp"

#include <mutex>
#include <set>
#include <thread>

#include "organisation/organisation.hpp"
#include "platform/db/session_lock.hpp"

namespace ledger {

namespace {
using customers::CustomerId;

struct Open {
  std::int64_t id, next_customer;
  std::optional<std::string> zone;
};
db::Query const open_run{"ledger.open_run", R"sql(
  SELECT id, next_customer, zone FROM ledger_runs WHERE reason = $1 AND finished_at IS NULL
)sql"};
db::Query const begin_over{"ledger.begin_over", R"sql(
  INSERT INTO ledger_runs (reason, code_version, zone, next_customer) VALUES ($1, $2, $3, 0)
  RETURNING id, next_customer, zone
)sql"};
// What is written now is believed from now on.
db::Query const go_on{"ledger.go_on", R"sql(
  UPDATE ledger_runs
     SET believed_at = (SELECT greatest(clock_timestamp(),
                                        max(believed_at) + interval '1 microsecond')
                          FROM ledger_runs)
   WHERE id = $1
)sql"};
db::Query const some_customers{"ledger.some_customers", R"sql(
  SELECT id FROM customers WHERE id >= $1 ORDER BY id LIMIT 50 FOR UPDATE
)sql"};
db::Query const next_customers{"ledger.next_customers", R"sql(
  SELECT id FROM customers WHERE id >= $1 ORDER BY id LIMIT 50
)sql"};
db::Query const lock_customers{"ledger.lock_customers", R"sql(
  SELECT id FROM customers WHERE id = ANY ($1::bigint[]) ORDER BY id FOR UPDATE
)sql"};
db::Query const come_to{"ledger.come_to", R"sql(
  UPDATE ledger_runs SET next_customer = $2, differences = differences + $3 WHERE id = $1
)sql"};
db::Query const end_run{"ledger.end_run", R"sql(
  UPDATE ledger_runs SET finished_at = clock_timestamp() WHERE id = $1
)sql"};

db::Query const fold_rollups{"ledger.fold_rollups", "SELECT fold_mrr_rollups()"};

struct Missing {
  std::string id, type, payload;
  Time created;
};
db::Query const missing_snapshots{"ledger.missing_snapshots", R"sql(
  SELECT id, type, payload, created FROM stripe_events AS e
   WHERE type LIKE 'customer.subscription.%' AND state = 'applied' AND id > $1
     AND NOT EXISTS (SELECT FROM subscription_snapshots AS s
                      WHERE s.subscription_id = e.object_id AND s.event_id = e.id
                        AND s.created = date_trunc('second', e.created))
   ORDER BY id LIMIT 200
)sql"};
db::Query const missing_terms{"ledger.missing_terms", R"sql(
  SELECT id, type, payload, created FROM stripe_events AS e
   WHERE type LIKE 'customer.discount.%' AND state IN ('applied', 'ignored') AND id > $1
     AND NOT EXISTS (SELECT FROM discount_terms AS t WHERE t.discount_id = e.object_id)
   ORDER BY id LIMIT 200
)sql"};

constexpr std::string_view turn = "ledger.rebuild";

/// Keeps what stored events carried; `keep` says whether one was anybody's.
template <class Keep>
std::int64_t keep_missing(db::Connection& connection, db::Query const& missing, Keep&& keep) {
  std::int64_t count = 0;
  for (std::string after;;) {
    auto const some = [&] {
      db::Tx tx{connection, db::Mode::autocommit};
      return tx.all<Missing>(missing, after);
    }();
    if (some.empty()) return count;
    for (auto const& [id, type, payload, created] : some) {
      auto const event = stripe::parse(payload);
      auto const* found = stripe::find(event, "data.object");
      if (!found || !found->is_object()) continue;
      auto const& object = found->get_object();
      count +=
          db::transact(connection, [&, &id = id, &type = type, &created = created](db::Tx& tx) {
            auto const customer =
                customers::find_by_stripe_id(tx, stripe::id_of(object, "customer"));
            if (!customer) return 0;
            keep(tx, *customer, Event{id, type, created}, object);
            return 1;
          });
    }
    after = some.back().id;
  }
}

/// Over all customers from where the run was, one after the other.
template <class Work>
void go_over(db::Connection& connection, Open run, Work&& work) {
  while (true) {
    auto const next = db::transact(connection, [&](db::Tx& tx) -> std::optional<std::int64_t> {
      auto const some = tx.all<std::int64_t>(some_customers, run.next_customer);
      if (some.empty()) {
        tx.exec(end_run, run.id);
        return {};
      }
      tx.exec(go_on, run.id);
      Run writing{run.id};
      std::size_t differences = 0;
      for (auto const customer : some) differences += work(tx, writing, CustomerId{customer});
      tx.exec(come_to, run.id, some.back() + 1, differences);
      return some.back() + 1;
    });
    if (!next) return;
    run.next_customer = *next;
  }
}

/// A rebuild by several at once. Each takes the next customers and writes them by a run of its own;
/// where all are done that came before, the rebuild goes on from when it is cut off.
class Rebuild {
 public:
  Rebuild(Open run, std::function<void(Difference const&)> const& tell)
      : run_{run}, next_{run.next_customer}, tell_{tell} {}

  void work(db::Connection& connection) {
    try {
      for (auto some = take(connection); !some.empty(); some = take(connection)) {
        auto const differences = db::transact(connection, [&](db::Tx& tx) {
          tx.all<std::int64_t>(lock_customers, some);
          Run writing{Reason::rebuild, {}};
          auto out = settle_all(tx, writing, some);
          for (auto& more : settle_documents(tx, writing, some)) out.push_back(std::move(more));
          return out;
        });
        end(connection, some, differences);
      }
    } catch (...) {
      std::scoped_lock const lock{mutex_};
      if (!failure_) failure_ = std::current_exception();
    }
  }
  /// How many customers there were; throws what somebody failed with.
  std::int64_t finish(db::Connection& connection) {
    if (failure_) std::rethrow_exception(failure_);
    db::transact(connection, [&](db::Tx& tx) { tx.exec(end_run, run_.id); });
    return count_;
  }

 private:
  std::vector<std::int64_t> take(db::Connection& connection) {
    std::scoped_lock const lock{mutex_};
    if (failure_) return {};
    db::Tx tx{connection, db::Mode::autocommit};
    auto some = tx.all<std::int64_t>(next_customers, next_);
    if (!some.empty()) {
      next_ = some.back() + 1;
      under_way_.insert(some.front());
    }
    return some;
  }

  void end(db::Connection& connection, std::vector<std::int64_t> const& customers,
           std::vector<Difference> const& differences) {
    std::scoped_lock const lock{mutex_};
    under_way_.erase(customers.front());
    count_ += std::int64_t(customers.size());
    {
      db::Tx tx{connection, db::Mode::autocommit};
      tx.exec(come_to, run_.id, under_way_.empty() ? next_ : *under_way_.begin(),
              differences.size());
    }
    for (auto const& difference : differences) tell_(difference);
  }

  Open run_;
  std::mutex mutex_;
  std::int64_t next_, count_ = 0;
  std::set<std::int64_t> under_way_;  // the first customer of each part
  std::exception_ptr failure_;
  std::function<void(Difference const&)> const& tell_;
};

void follow_zone(jobs::Context& job) {
  auto const open = job.transact([](db::Tx& tx) -> std::optional<Open> {
    if (auto known = tx.maybe<Open>(open_run, Reason::settings)) return known;
    auto const wanted =
        settings::read<organisation::Organisation>(tx, "organisation").reporting_zone;
    if (zone(tx) == wanted) return {};
    return tx.one<Open>(begin_over, Reason::settings, code_version, std::optional{wanted});
  });
  if (!open) return;
  go_over(job.connection, *open, [&](db::Tx& tx, Run& run, CustomerId customer) {
    return net(tx, run, {customer.value}, {}, {}, *open->zone).size();
  });
  job.note("movements are netted by the days of " + *open->zone);
}
}  // namespace

Rebuilt rebuild(db::Connection& connection, std::function<void(Difference const&)> const& tell,
                std::vector<db::Connection*> const& helpers) {
  db::SessionLock const alone{connection, std::string{turn}};
  Rebuilt out;
  out.snapshots = keep_missing(
      connection, missing_snapshots,
      [](db::Tx& tx, CustomerId customer, Event const&, stripe::Object const& subscription) {
        keep_stored(tx, customer, stripe::text(subscription, "id"));
      });
  keep_missing(
      connection, missing_terms,
      [](db::Tx& tx, CustomerId customer, Event const& event, stripe::Object const& discount) {
        keep_discount(tx, customer, event, discount, nullptr);
      });
  auto const run = db::transact(connection, [](db::Tx& tx) {
    if (auto known = tx.maybe<Open>(open_run, Reason::rebuild)) return *known;
    return tx.one<Open>(begin_over, Reason::rebuild, code_version, std::nullopt);
  });
  Rebuild rebuild{run, tell};
  {
    std::vector<std::jthread> threads;
    for (auto* const helper : helpers)
      threads.emplace_back([&rebuild, helper] { rebuild.work(*helper); });
    rebuild.work(connection);  // the others end with their block
  }
  out.customers = rebuild.finish(connection);
  return out;
}

void add_workers(jobs::Engine& engine) {
  engine.add(jobs::Worker<FollowZone>{
      .timeout = jobs::Seconds{3600},
      .serialise = [](FollowZone const&) { return std::string{turn}; },
      .run = [](jobs::Context& job, FollowZone const&) { follow_zone(job); }});
  engine.schedule<FollowZone>(jobs::Seconds{60});
  engine.add(jobs::Worker<FoldRollups>{.run = [](jobs::Context& job, FoldRollups const&) {
    while (job.transact([](db::Tx& tx) { return tx.one<std::int64_t>(fold_rollups); }) > 0) {
    }
  }});
  engine.schedule<FoldRollups>(jobs::Seconds{10});
}

}  // namespace ledger
