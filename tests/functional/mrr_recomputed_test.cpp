// Reports about recurring revenue, worked out a second time by tests/year/books from the same
// events.
#include <doctest/doctest.h>

#include <random>

#include "platform/files/files.hpp"
#include "platform/process/run.hpp"
#include "support/mrr_world.hpp"
#include "support/source.hpp"

using support::Json;

namespace {
using namespace support::mrr;

/// What was asked and answered, and of how many events the ledger knew.
class Answers {
 public:
  Answers(World& world, std::size_t const& known) : world_{world}, known_{known} {}

  void ask(std::string const& as_of = {}) {
    auto const until = as_of.empty() ? clock_source::now() : *clock_source::parse(as_of);
    auto const month = clock_source::rfc3339(until).substr(0, 7);
    auto const from = std::to_string(std::stoi(month.substr(0, 4)) - 1) + month.substr(4);
    for (auto const* zone : {"UTC", "Asia/Tokyo"})
      for (auto const* policy : {"recurring", "forever", "all"})
        for (auto const* currency : {"eur", "usd"}) {
          auto const common = std::string{"?from="} + from + "&to=" + month + "&timezone=" + zone +
                              "&policy=" + policy + "&currency=" + currency +
                              (as_of.empty() ? "" : "&as_of=" + as_of);
          object question{{"zone", zone},         {"policy", policy},
                          {"currency", currency}, {"until", clock_source::unix_seconds(until)},
                          {"from", from},         {"to", month}};
          add("cohorts", common, question);
          for (auto const* granularity : {"month", "quarter", "week"}) {
            question["granularity"] = granularity;
            add("revenue", common + "&granularity=" + granularity, question);
          }
        }
  }
  [[nodiscard]] array const& all() const { return all_; }

 private:
  void add(std::string const& door, std::string const& query, object const& question) {
    auto const reply = world_.get("/api/reports/" + door + query);
    all_.push_back(
        object{{"door", door}, {"known", known_}, {"question", question}, {"body", reply.json}});
  }

  World& world_;
  std::size_t const& known_;
  array all_;
};
}  // namespace

TEST_CASE("another program comes to the same figures, also as of what was known before") {
  World world{12};
  auto events = much(42, 12);
  std::mt19937 generator{42};
  std::shuffle(events.begin(), events.end(), generator);
  db::Connection connection{world.app.database.url()};
  std::size_t known = 0;
  auto const deliver = [&](std::size_t until) {
    for (; known < until; ++known) World::keep(connection, events[known]);
  };
  Answers answers{world, known};
  // Two thirds were known half a year and a month ago.
  std::vector<std::string> beliefs;
  for (int third = 1; third < 3; ++third) {
    deliver(events.size() * std::size_t(third) / 3);
    auto const days = third == 1 ? 180 : 30;
    world.app.run(
        "SET session_replication_role = replica; UPDATE mrr_steps SET believed_at = "
        "believed_at - interval '" +
        std::to_string(days) + " days' WHERE believed_at > now() - interval '20 days'");
    beliefs.push_back(world.app.value("SELECT to_char((now() - interval '" + std::to_string(days) +
                                      " days') AT TIME ZONE 'UTC', "
                                      "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"));
    answers.ask(beliefs.back());
  }
  deliver(events.size());
  answers.ask();
  world.app.run("SELECT pg_sleep(0.002)");
  answers.ask(now_text(world.app));

  array told;
  for (auto const& event : events) told.push_back(event.whole());
  auto const file = world.app.directory.path() / "answers.json";
  files::write_atomically(
      file, boost::json::serialize(object{{"events", told}, {"answers", answers.all()}}), 0600);
  auto const finished = process::run(
      {.executable = "/usr/bin/env",
       .arguments = {"node", support::source_directory() / "tests/year/books/compare.mjs", file}},
      std::chrono::seconds{120});
  CHECK_MESSAGE(finished.ending.success(), finished.output);
}
