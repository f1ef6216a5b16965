#pragma once
// The dashboard's figures: from roll-ups and small indexes, so their cost does not grow with the
// number of customers.
#include <atomic>

#include "monitoring/host.hpp"
#include "platform/http/endpoint.hpp"
#include "platform/settings/groups.hpp"

namespace monitoring {

class Dashboard {
 public:
  Dashboard(config::Settings const& settings, settings::Groups const& groups)
      : settings_{settings}, groups_{groups}, host_{settings.data_dir} {}
  void add_endpoints(http::Api& api);

 private:
  struct Reading {
    std::string text;
    std::chrono::steady_clock::time_point at;
  };
  /// A new document, which is then everybody's last one; the last one where PostgreSQL is busy.
  std::shared_ptr<Reading const> read(db::Connection& connection);
  /// For sockets: the last document where it is fresh or somebody reads a new one at this moment.
  std::shared_ptr<Reading const> follow(db::Connection& connection);
  /// For whoever asks once: a new document, unless the reading of one is held up at this moment.
  std::shared_ptr<Reading const> ask(db::Connection& connection);

  config::Settings const& settings_;
  settings::Groups const& groups_;
  HostProbe host_;
  std::mutex reading_;  // nobody ever waits for it: it says whether somebody reads
  std::atomic<std::shared_ptr<Reading const>> last_;
  std::atomic<std::chrono::steady_clock::time_point> reading_since_{};  // by who holds reading_
};

}  // namespace monitoring
