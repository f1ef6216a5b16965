#pragma once
// The dashboard's figures: from roll-ups and small indexes, so their cost does not grow with the
// number of customers.
#include "monitoring/host.hpp"
#include "platform/http/endpoint.hpp"

namespace monitoring {

class Dashboard {
 public:
  explicit Dashboard(config::Settings const& settings) : host_{settings.data_dir} {}
  void add_endpoints(http::Api& api);

 private:
  HostProbe host_;
  // All sockets share one reading.
  std::mutex mutex_;
  std::chrono::steady_clock::time_point read_at_{};
  std::string document_;
};

}  // namespace monitoring
