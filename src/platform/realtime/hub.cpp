// Who listens to which topic. Pokes run under the lock, so that after leave() none can come.
#include "platform/realtime/hub.hpp"

namespace realtime {

namespace {
db::Query const notify{"realtime_announce", "SELECT pg_notify('onboarding', $1)"};
}

void announce(db::Tx& tx, std::string_view topic) { tx.exec(notify, topic); }

int Hub::join(std::string topic, Poke poke) {
  std::scoped_lock lock{mutex_};
  int const id = ++last_id_;
  by_id_[id] = by_topic_.emplace(std::move(topic), Subscriber{id, std::move(poke)});
  return id;
}

void Hub::leave(int id) {
  std::scoped_lock lock{mutex_};
  auto const known = by_id_.find(id);
  if (known == by_id_.end()) return;
  by_topic_.erase(known->second);
  by_id_.erase(known);
}

void Hub::deliver(std::string_view topic) {
  std::scoped_lock lock{mutex_};
  auto const [first, last] = by_topic_.equal_range(topic);
  for (auto at = first; at != last; ++at) at->second.poke(topic);
}

void Hub::deliver_everything() {
  std::scoped_lock lock{mutex_};
  for (auto const& [topic, subscriber] : by_topic_) subscriber.poke(topic);
}

}  // namespace realtime
