// The rounds of the checks, and their rows.
#include "platform/readiness/readiness.hpp"

#include "platform/json/write.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace readiness {

namespace {
using Steady = std::chrono::steady_clock;
// What closes the sign-up is looked at soon again; a mail server is not asked twelve times a
// minute.
constexpr std::chrono::seconds pause{60}, pause_while_closed{5}, look_pause{1};

// A node that was stopped says nothing any more, so its last words count for some minutes only.
db::Query const write_result{"readiness.write", R"sql(
  INSERT INTO readiness (node, name, setting, building, failed, code, parameters, detail, advice, since,
                         checked_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now())
  ON CONFLICT (node, name) DO UPDATE
  SET setting = excluded.setting, building = excluded.building, failed = excluded.failed,
      code = excluded.code, parameters = excluded.parameters, detail = excluded.detail, advice = excluded.advice, since = excluded.since,
      checked_at = excluded.checked_at
)sql"};
db::Query const remove_former{"readiness.remove_former", R"sql(
  DELETE FROM readiness WHERE node = $1 AND name <> ALL ($2::text[])
)sql"};
db::Query const load_failures{"readiness.failures", R"sql(
  SELECT DISTINCT ON (building, name) name, setting, building, 'failed' AS status, code,
         parameters, detail, advice, since, checked_at
    FROM readiness WHERE failed AND checked_at > now() - interval '3 minutes'
   ORDER BY building DESC, name, since
)sql"};
db::Query const some_node_builds{"readiness.some_node_builds", R"sql(
  SELECT coalesce(bool_or(works), true)
    FROM (SELECT bool_and(NOT failed) AS works FROM readiness
           WHERE building AND checked_at > now() - interval '3 minutes' GROUP BY node) AS nodes
)sql"};

Result unknown(Check const& check) {
  return {.name = std::string{check.name},
          .setting = std::string{check.setting},
          .building = check.building,
          .status = Status::unknown};
}

/// Words of another program are all that is known: pages show them as such.
Trouble told_by(std::exception const& error, Check const& check) {
  return {.code = std::string{check.name}, .detail = error.what()};
}

Result failed(Check const& check, Trouble const& trouble) {
  auto result = unknown(check);
  result.status = Status::failed;
  if (!trouble.setting.empty()) result.setting = trouble.setting;
  result.code = trouble.code;
  result.parameters.text = json::text(trouble.parameters);
  result.detail = trouble.detail;
  result.advice = trouble.advice.empty() ? std::string{check.advice} : trouble.advice;
  return result;
}

Result tried(Check const& check) {
  Result result;
  try {
    check.probe();
    result = unknown(check);
    result.status = Status::ok;
  } catch (Failed const& known) {
    result = failed(check, known.trouble);
  } catch (std::exception const& error) {
    result = failed(check, told_by(error, check));
  }
  result.checked_at = clock_source::now();
  return result;
}

Result late(Check const& check) {
  auto const seconds = std::to_string(check.limit / std::chrono::seconds{1});
  auto result = failed(check, {.code = "check_hangs",
                               .parameters = {{"seconds", seconds}},
                               .detail = "it did not come to an end within " + seconds + " s"});
  result.checked_at = clock_source::now();
  return result;
}

void tell(Result const& before, Result const& now) {
  if (now.status == Status::failed &&
      (before.status != Status::failed || before.setting != now.setting))
    logging::error("readiness", "{}: {}. {}{}", now.name, *now.detail, *now.advice,
                   now.setting.empty() ? "" : " (setting " + now.setting + ")");
  if (now.status == Status::ok && before.status == Status::failed)
    logging::info("readiness", "{} works again", now.name);
}

retention::Rule const gone_nodes{{.table = "readiness",
                                  .column = "checked_at",
                                  .keep = std::chrono::days{1},
                                  .why = "a node that was stopped says nothing any more"}};
}  // namespace

void Watch::add(Check check) {
  results_.push_back(unknown(check));
  trials_.emplace_back();
  checks_.push_back(std::move(check));
}

void Watch::start(std::string database_url, std::string node) {
  database_url_ = std::move(database_url);
  node_ = std::move(node);
  thread_ = std::thread{[this] { run(); }};
}

void Watch::ask_to_stop() {
  {
    std::scoped_lock const lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
}

void Watch::stop() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
}

void Watch::run() {
  db::Connection connection{database_url_, "onboarding readiness"};
  while (true) {
    std::set<std::size_t> news;
    {
      std::unique_lock lock{mutex_};
      begin_due();
      wake_.wait_for(lock, look_pause, [&] { return stopping_ || !news_.empty(); });
      if (stopping_) break;
      give_up_late();
      news = std::exchange(news_, {});
    }
    write(connection, news);
  }
  for (auto& trial : trials_)
    if (trial.thread.joinable()) trial.thread.join();
}

/// Side by side: what answers late, or never, must not hide what is known of the others.
void Watch::begin_due() {
  for (std::size_t i = 0; i < checks_.size(); ++i) {
    auto& trial = trials_[i];
    if (trial.is_under_way || trial.due > Steady::now()) continue;
    if (trial.thread.joinable()) trial.thread.join();  // it has ended
    trial.is_under_way = true;
    trial.is_late = false;
    trial.begun = Steady::now();
    trial.thread = std::thread{[this, i] {
      auto now = tried(checks_[i]);
      std::scoped_lock const lock{mutex_};
      bool const closes = now.building && now.status == Status::failed;
      keep(i, std::move(now));
      trials_[i].is_under_way = false;
      trials_[i].due = Steady::now() + (closes || checks_[i].often ? pause_while_closed : pause);
      wake_.notify_all();
    }};
  }
}

void Watch::give_up_late() {
  for (std::size_t i = 0; i < checks_.size(); ++i) {
    auto& trial = trials_[i];
    if (!trial.is_under_way || trial.is_late || Steady::now() < trial.begun + checks_[i].limit)
      continue;
    trial.is_late = true;
    keep(i, late(checks_[i]));
  }
}

void Watch::keep(std::size_t check, Result now) {
  auto& last = results_[check];
  now.since = last.status == now.status ? last.since : now.checked_at;
  tell(last, now);
  last = std::move(now);
  news_.insert(check);
}

void Watch::write(db::Connection& connection, std::set<std::size_t> const& which) {
  if (which.empty()) return;
  auto const present = results();
  std::vector<std::string> names;
  for (auto const& result : present) names.push_back(result.name);
  try {
    connection.drop_if_hung_up();
    db::transact(connection, [&](db::Tx& tx) {
      for (auto const i : which) {
        auto const& one = present[i];
        tx.exec(write_result, node_, one.name, one.setting, one.building,
                one.status == Status::failed, one.code.value_or(""), one.parameters,
                one.detail.value_or(""), one.advice.value_or(""), one.since);
      }
      tx.exec(remove_former, node_, names);
    });
  } catch (std::exception const& error) {
    // The database's own readiness is told by others; here it is only that nobody can read us.
    logging::debug("readiness", "not written: {}", error.what());
  }
}

std::vector<Result> Watch::try_all() {
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < checks_.size(); ++i)
      threads.emplace_back([this, i] {
        auto now = tried(checks_[i]);
        std::scoped_lock const lock{mutex_};
        keep(i, std::move(now));
      });
  }
  return results();
}

std::vector<Result> Watch::results() const {
  std::scoped_lock const lock{mutex_};
  return results_;
}

std::vector<Result> failures(db::Tx& tx) { return tx.all<Result>(load_failures); }

bool can_build(db::Tx& tx) { return tx.one<bool>(some_node_builds); }

}  // namespace readiness
