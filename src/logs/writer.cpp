// The batch writer and its one thread.
#include "logs/writer.hpp"

#include "platform/retention/retention.hpp"

namespace logs {

namespace {
using namespace std::chrono_literals;
constexpr std::size_t memory_limit = 4 * 1024 * 1024;  // bytes of lines that wait
constexpr auto batch_pause = 150ms;
constexpr int days_ahead = 2, days_kept = 30;

db::Query const keep_partitions{"logs.keep_partitions", "SELECT keep_log_partitions($1, $2)"};

constexpr auto copy_lines =
    "COPY system_logs (\"timestamp\", level, message, source, request_id, tenant_id, job_id) FROM "
    "STDIN";

std::optional<std::string> or_null(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional<std::string>{text};
}

retention::Kept const kept_system_logs{"system_logs",
                                       "partitions of a day, dropped by keep_log_partitions"};
}  // namespace

Writer::Writer(std::string database_url) : database_url_{std::move(database_url)} {
  thread_ = std::thread{[this] { run(); }};
  logging::on_line([this](logging::Line const& line) { take(line); });
}

Writer::~Writer() {
  logging::on_line({});
  {
    std::scoped_lock lock{mutex_};
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

void Writer::take(logging::Line const& line) {
  std::scoped_lock lock{mutex_};
  if (rows_.size() > memory_limit) {
    ++dropped_;
    return;
  }
  db::copy_line(rows_, line.time, name_of(line.level), std::string{line.message},
                std::string{line.source}, or_null(line.ids.request), or_null(line.ids.tenant),
                or_null(line.ids.job));
}

bool Writer::write(db::Connection& connection, std::string const& rows) {
  try {
    db::transact(connection, [&](db::Tx& tx) {
      auto const now = clock_source::now();
      if (now - partitions_checked_ > 1h) {
        tx.one<std::int64_t>(keep_partitions, days_ahead, days_kept);
        partitions_checked_ = now;
      }
      tx.copy_in(copy_lines, rows);
    });
    return true;
  } catch (std::exception const&) {
    // Said once by whoever needs the database for its work; a line about every batch that waits
    // would only fill the memory faster.
    partitions_checked_ = {};
    return false;
  }
}

void Writer::run() {
  db::Connection connection{database_url_, "onboarding logs"};
  std::string waiting;
  std::unique_lock lock{mutex_};
  while (true) {
    wake_.wait_for(lock, batch_pause, [this] { return stopping_; });
    bool const last = stopping_;
    if (dropped_ > 0 && rows_.size() < memory_limit / 2)
      db::copy_line(rows_, clock_source::now(), "warning",
                    std::to_string(std::exchange(dropped_, 0)) + " log lines were dropped", "logs",
                    or_null(""), or_null(""), or_null(""));
    if (waiting.empty()) waiting = std::exchange(rows_, {});
    lock.unlock();
    if (!waiting.empty() && write(connection, waiting)) waiting.clear();
    lock.lock();
    if (last) return;
  }
}

}  // namespace logs
