// Following the changes of who may do what.
#include "identity/directory.hpp"

#include "identity/signing_keys.hpp"
#include "platform/log/log.hpp"

namespace identity {

namespace {
constexpr auto topic = "identity";
constexpr std::chrono::minutes between_notes_of_use{1};

db::Query const note_uses{"identity.note_api_key_uses", R"sql(
  UPDATE api_keys SET last_used_at = used.at, last_used_address = used.address
    FROM unnest($1::bigint[], $2::timestamptz[], $3::text[]) AS used (id, at, address)
   WHERE api_keys.id = used.id AND (last_used_at IS NULL OR last_used_at < used.at)
)sql"};

}  // namespace

void announce_change(db::Tx& tx) { realtime::announce(tx, topic); }

Directory::Directory(std::string database_url, vault::Vault& vault, realtime::Hub& hub)
    : database_url_{std::move(database_url)},
      vault_{vault},
      hub_{hub},
      connection_{database_url_, "onboarding identity", db::Patience::request()} {}

Directory::~Directory() {
  if (!thread_.joinable()) return;
  hub_.leave(subscription_);
  {
    std::scoped_lock lock{mutex_};
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

void Directory::start(http::Scopes all_scopes) {
  all_scopes_ = std::move(all_scopes);
  {
    std::scoped_lock lock{reading_};
    db::transact(connection_, [&](db::Tx& tx) {
      require_signing_key(tx, vault_);
      (void)vault_.secret(tx, "identity/csrf");
      (void)vault_.secret(tx, "identity/refresh");
      (void)vault_.secret(tx, "identity/challenges");
    });
  }
  refresh();
  subscription_ = hub_.join(topic, [this](std::string_view) {
    std::scoped_lock lock{mutex_};
    stale_ = true;
    wake_.notify_one();
  });
  thread_ = std::thread{[this] { run(); }};
}

std::shared_ptr<Snapshot const> Directory::now() const {
  std::scoped_lock lock{mutex_};
  return snapshot_;
}

void Directory::refresh() {
  auto const ticket = ++asked_;
  std::scoped_lock lock{reading_};
  if (answered_ >= ticket) {
    if (failed_) throw db::Unavailable{"it could not be read a moment ago"};
    return;
  }
  answered_ = asked_;
  failed_ = true;
  read();
  failed_ = false;
}

void Directory::read() {
  db::Tx tx{connection_, db::Mode::autocommit};
  std::shared_ptr<Snapshot const> const fresh = read_snapshot(tx, vault_, all_scopes_);
  auto const before = now();
  {
    std::scoped_lock publishing{mutex_};
    snapshot_ = fresh;
  }
  // Not sooner: whoever looks again must see the new state.
  if (before && !may_the_same(*before, *fresh)) hub_.deliver(http::actors_changed);
}

void Directory::changed(http::Context& context) {
  announce_change(context.tx);
  context.after_commit.push_back([this] {
    try {
      refresh();
    } catch (std::exception const& error) {  // the announcement makes the thread try again
      logging::warning("identity", "the directory could not be read: {}", error.what());
    }
  });
}

void Directory::note_use(std::int64_t key_id, std::string const& address) {
  std::scoped_lock lock{mutex_};
  auto& use = uses_[key_id];
  use.at = clock_source::now();
  use.address = address;
  use.pending = true;
  if (use.at - use.written_at < between_notes_of_use) return;
  uses_due_ = true;
  wake_.notify_one();
}

void Directory::write_uses() {
  std::vector<std::int64_t> keys;
  std::vector<Time> times;
  std::vector<std::string> addresses;
  {
    std::scoped_lock lock{mutex_};
    auto const now = clock_source::now();
    for (auto& [key, use] : uses_) {
      if (!use.pending || (now - use.written_at < between_notes_of_use && !stopping_)) continue;
      use.pending = false;
      use.written_at = now;
      keys.push_back(key);
      times.push_back(use.at);
      addresses.push_back(use.address);
    }
  }
  if (keys.empty()) return;
  std::scoped_lock lock{reading_};
  db::Tx tx{connection_, db::Mode::autocommit};
  tx.exec(note_uses, keys, times, addresses);
}

void Directory::run() {
  auto const try_to = [this](void (Directory::*work)(), std::string_view what) {
    try {
      (this->*work)();
      return true;
    } catch (std::exception const& error) {
      logging::warning("identity", "{}: {}", what, error.what());
      return false;
    }
  };
  std::unique_lock lock{mutex_};
  bool fine = true;
  while (true) {
    bool const woken = wake_.wait_for(lock, std::chrono::seconds{fine ? 30 : 1},
                                      [this] { return stopping_ || stale_ || uses_due_; });
    bool const reads = stale_ || !woken, stops = stopping_;
    stale_ = uses_due_ = false;
    lock.unlock();
    try_to(&Directory::write_uses, "the last uses of keys could not be written");
    if (stops) return;
    if (reads) fine = try_to(&Directory::refresh, "the directory could not be read");
    lock.lock();
  }
}

}  // namespace identity
