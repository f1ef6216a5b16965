#pragma once
// Log lines into the table system_logs: collected in memory, written in batches by COPY. Logging
// never waits for the database; what does not fit is dropped and the drop is itself a line.
#include <condition_variable>
#include <thread>

#include "platform/db/db.hpp"
#include "platform/log/log.hpp"

namespace logs {

class Writer {
 public:
  /// Takes every line of this process from now on.
  explicit Writer(std::string database_url);
  /// Writes what is left.
  ~Writer();
  Writer(Writer const&) = delete;
  Writer& operator=(Writer const&) = delete;

 private:
  void take(logging::Line const& line);
  void run();
  bool write(db::Connection& connection, std::string const& rows);

  std::string database_url_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string rows_;
  std::int64_t dropped_ = 0;
  bool stopping_ = false;
  Time partitions_checked_{};
  std::thread thread_;
};

}  // namespace logs
