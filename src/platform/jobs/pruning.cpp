// A round of pruning: one batch of each rule after the other, until nothing is left or its time is
// over. Each batch commits by itself, so a round that is killed has lost nothing.
#include "platform/jobs/pruning.hpp"

#include "platform/log/log.hpp"

namespace jobs {

namespace {
// After a long pause of all nodes the first round is under way at once: nobody is told of that.
db::Query const has_pruned{"jobs.has_pruned", R"sql(
  SELECT coalesce(last_succeeded_at, added_at) > now() - interval '1 day'
         OR (last_outcome IS DISTINCT FROM 'failed' AND next_run_at > now() - interval '10 minutes')
    FROM job_schedules WHERE name = $1
)sql"};

class Round {
 public:
  Round(Context& job, retention::Periods const& periods, PruneBounds bounds)
      : job_{job}, periods_{periods}, bounds_{bounds} {}

  void run() {
    auto left = retention::Rule::all();
    auto const end = std::chrono::steady_clock::now() + bounds_.time;
    do {
      std::erase_if(left, [&](retention::Rule const* rule) { return is_done(*rule); });
    } while (!left.empty() && std::chrono::steady_clock::now() < end);
    if (!left.empty())
      logging::info("retention", "{} tables are left for the next round", left.size());
    std::string note;
    for (auto const& [name, count] : removed_)
      note += (note.empty() ? "" : ", ") + name + " " + std::to_string(count);
    if (!note.empty()) job_.note("removed: " + note);
    if (!failures_.empty()) throw std::runtime_error{failures_};
  }

 private:
  bool is_done(retention::Rule const& rule) {
    try {
      auto const count = job_.transact([&](db::Tx& tx) {
        auto const chosen = periods_ ? periods_(tx, rule) : std::nullopt;
        return retention::remove_some(tx, rule, chosen.value_or(rule.terms.keep), bounds_.rows);
      });
      if (count > 0) removed_[rule.name] += count;
      return count < bounds_.rows;
    } catch (retention::TooShort const& refused) {
      return fail(refused.what());
    } catch (db::Failure const& failure) {  // one table in trouble must not keep the others full
      return fail(rule.name + ": " + failure.what());
    } catch (db::Busy const& busy) {
      return fail(rule.name + ": " + busy.what());
    }
  }

  bool fail(std::string const& why) {
    failures_ += (failures_.empty() ? "" : "; ") + why;
    return true;
  }

  Context& job_;
  retention::Periods const& periods_;
  PruneBounds bounds_;
  std::map<std::string, std::int64_t> removed_;
  std::string failures_;
};
}  // namespace

void add_pruning(Engine& engine, retention::Periods periods, PruneBounds bounds) {
  engine.add(Worker<Prune>{.timeout = 2 * bounds.time,
                           .serialise = [](Prune const&) { return std::string{Prune::kind}; },
                           .run =
                               [periods = std::move(periods), bounds](Context& job, Prune const&) {
                                 Round{job, periods, bounds}.run();
                               }});
  engine.schedule<Prune>(std::chrono::hours{1});
}

bool is_pruned(db::Tx& tx) { return tx.maybe<bool>(has_pruned, Prune::kind).value_or(true); }

}  // namespace jobs
