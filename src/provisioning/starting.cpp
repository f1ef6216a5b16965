// The queue of tenants to start.
#include "provisioning/starting.hpp"

namespace provisioning {

void Starting::plan(std::vector<tenants::TenantId> const& ids) {
  std::scoped_lock const lock{mutex_};
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    waiting_.push_back(id->value);
    unfinished_.insert(id->value);
  }
}

std::optional<tenants::TenantId> Starting::next() {
  std::scoped_lock const lock{mutex_};
  if (waiting_.empty()) return {};
  tenants::TenantId const id{waiting_.back()};
  waiting_.pop_back();
  return id;
}

void Starting::done(tenants::TenantId id) {
  std::scoped_lock const lock{mutex_};
  unfinished_.erase(id.value);
}

bool Starting::contains(tenants::TenantId id) {
  std::scoped_lock const lock{mutex_};
  return unfinished_.contains(id.value);
}

void Starting::wait() {
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Starting::stop() {
  {
    std::scoped_lock const lock{mutex_};
    waiting_.clear();
  }
  wait();
}

}  // namespace provisioning
