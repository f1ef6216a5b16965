// How many jobs a second the engine works off when each does nothing: put in first, then claimed,
// run and ended one by one, each end a commit of its own.
#include <sys/resource.h>

#include <atomic>
#include <cstdio>

#include "platform/jobs/jobs.hpp"
#include "platform/log/log.hpp"

namespace {

struct Empty {
  static constexpr std::string_view kind = "bench.empty";
  std::int64_t number;
  static constexpr auto fields() { return ::fields(field("number", &Empty::number)); }
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto const seconds = [](timeval time) {
    return double(time.tv_sec) + double(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: bench_jobs DATABASE_URL\n", stderr);
    return 2;
  }
  constexpr int count = 4000;
  logging::configure(logging::Format::text, logging::Level::warning);
  std::string const url = argv[1];
  db::Connection connection{url};
  db::transact(connection, [](db::Tx& tx) {
    for (int i = 0; i < count; ++i) jobs::enqueue(tx, Empty{i});
  });

  realtime::Hub hub;
  jobs::Engine engine{url, "bench", hub};
  std::atomic<int> left = count;
  engine.add(jobs::Worker<Empty>{.run = [&](jobs::Context&, Empty const&) { --left; }});
  auto const cpu_before = cpu_seconds();
  auto const started = std::chrono::steady_clock::now();
  engine.start();
  while (left > 0) std::this_thread::sleep_for(std::chrono::milliseconds{2});
  auto const seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  auto const cpu = cpu_seconds() - cpu_before;
  engine.stop();
  std::printf("{\"per_second\": %.0f, \"cpu_microseconds\": %.1f}\n", count / seconds,
              cpu / count * 1e6);
}
