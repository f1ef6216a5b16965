#pragma once
// Tenants are changed by other nodes too. Where a front door is, this notices whose addresses lead
// elsewhere now.
#include <condition_variable>
#include <functional>
#include <map>
#include <thread>

#include "platform/realtime/hub.hpp"
#include "tenants/tenants.hpp"

namespace provisioning {

/// Every front door looks at the tenant's row again, after the commit.
void announce_routes(db::Tx& tx, tenants::TenantId id);

class Follower {
 public:
  using Show = std::function<void(db::Connection&, tenants::TenantId)>;
  /// `show` makes the front door lead where the tenant's row says; it may be called again in vain.
  Follower(std::string database_url, realtime::Hub& hub, Show show);
  ~Follower();
  Follower(Follower const&) = delete;
  Follower& operator=(Follower const&) = delete;

 private:
  void run();
  void look(db::Connection& connection);

  std::string database_url_;
  realtime::Hub& hub_;
  Show show_;
  std::map<std::int64_t, Time> seen_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool poked_ = false, stopping_ = false;
  int subscription_;
  std::thread thread_;
};

}  // namespace provisioning
