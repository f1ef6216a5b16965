// Bound before the process starts, without listening until it does.
#include "provisioning/ports.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <random>

#include "platform/process/helper.hpp"
#include "provisioning/driver.hpp"
#include "provisioning/ledger.hpp"

namespace provisioning {

namespace {
// Below the kernel's ephemeral range, so that no outgoing connection takes a stopped tenant's port.
constexpr int first_port = 20'000, last_port = 31'999;

/// A socket of ours on that port of the loopback, bound and not listening; none when it is taken.
files::Descriptor bind_to(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(std::uint16_t(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int const on = 1;
  if (process::may_change_user()) {
    // SO_REUSEPORT shares with every other program of our user's: first see that nobody has it.
    files::Descriptor const trial{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ::setsockopt(trial.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(trial.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  }
  files::Descriptor made{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  // What is left of former connections must not keep us from it. With SO_REUSEADDR anybody who sets
  // it too could take the port while its application is down; with SO_REUSEPORT only the same user.
  ::setsockopt(made.get(), SOL_SOCKET, process::may_change_user() ? SO_REUSEPORT : SO_REUSEADDR,
               &on, sizeof on);
  if (::bind(made.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) made.reset();
  return made;
}
}  // namespace

void Ports::choose(db::Tx& tx, tenants::TenantId id) const {
  static thread_local std::mt19937 generator{std::random_device{}()};
  std::uniform_int_distribution<int> any{first_port, last_port};
  for (int attempt = 0; attempt < 200; ++attempt) {
    int const port = any(generator);
    if (!bind_to(port)) continue;
    if (auto const taken = plan(tx, id, "port", std::to_string(port)))
      return mark_present(tx, taken->id);
  }
  throw NeedsPerson{"no_free_port", "no free port was found"};
}

std::shared_ptr<files::Descriptor const> Ports::hold(db::Connection& connection,
                                                     tenants::TenantId id) {
  std::scoped_lock const lock{mutex_};
  for (int attempt = 0; attempt < 20; ++attempt) {
    auto const ledger = [&] {
      db::Tx tx{connection, db::Mode::autocommit};
      return find(tx, id, "port");
    }();
    if (!ledger) throw Transient{"port_missing", "the tenant has no port yet"};
    auto const port = std::stoi(ledger->name);
    auto& held = ports_[id.value];
    if (auto socket = held.socket.lock(); socket && held.port == port) return socket;
    if (auto made = bind_to(port)) {
      auto socket = std::make_shared<files::Descriptor const>(std::move(made));
      held = {port, socket, {}};
      return socket;
    }
    // Another program has taken it meanwhile: it is exchanged for a free one.
    db::transact(connection, [&](db::Tx& tx) {
      mark_gone(tx, ledger->id);
      choose(tx, id);
    });
  }
  throw NeedsPerson{"no_free_port", "no free port was found"};
}

std::string Ports::address(db::Connection& connection, tenants::TenantId id) const {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const port = find(tx, id, "port");
  if (!port) throw Transient{"port_missing", "the tenant has no port yet"};
  return "127.0.0.1:" + port->name;
}

void Ports::keep(tenants::TenantId id) {
  std::scoped_lock const lock{mutex_};
  if (auto const held = ports_.find(id.value); held != ports_.end())
    held->second.kept = held->second.socket.lock();
}

void Ports::hand_over(tenants::TenantId id) {
  std::scoped_lock const lock{mutex_};
  ports_[id.value].kept.reset();
}

void Ports::forget(tenants::TenantId id) {
  std::scoped_lock const lock{mutex_};
  ports_.erase(id.value);
}

}  // namespace provisioning
