#pragma once
// The loopback ports of tenants that are processes. A port is a socket of ours that is handed over,
// so that nobody else answers there while the tenant's process is down.
#include <map>
#include <memory>
#include <mutex>

#include "platform/db/db.hpp"
#include "platform/files/files.hpp"
#include "tenants/tenants.hpp"

namespace provisioning {

class Ports {
 public:
  /// Writes a free one into the ledger. Throws NeedsPerson.
  void choose(db::Tx& tx, tenants::TenantId id) const;
  /// The socket of its port, ours as long as somebody holds it. A port that another program has
  /// taken meanwhile is exchanged for a free one.
  [[nodiscard]] std::shared_ptr<files::Descriptor const> hold(db::Connection& connection,
                                                              tenants::TenantId id);
  [[nodiscard]] std::string address(db::Connection& connection, tenants::TenantId id) const;
  /// It has no process: we hold what is held.
  void keep(tenants::TenantId id);
  /// Its process holds it from now on.
  void hand_over(tenants::TenantId id);
  void forget(tenants::TenantId id);

 private:
  struct Port {
    int port = 0;
    std::weak_ptr<files::Descriptor const> socket;    // its process is the holder
    std::shared_ptr<files::Descriptor const> kept{};  // while it has none
  };
  std::mutex mutex_;
  std::map<std::int64_t, Port> ports_;
};

}  // namespace provisioning
