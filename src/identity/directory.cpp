// Reading the snapshot and following its changes.
#include "identity/directory.hpp"

#include "identity/admission.hpp"
#include "identity/api_keys.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace identity {

namespace {
constexpr auto topic = "identity";
constexpr std::chrono::minutes between_notes_of_use{1};

struct RoleRow {
  std::string name;
  bool built_in;
  std::vector<std::string> scopes;
  static constexpr auto fields() {
    return ::fields(field("name", &RoleRow::name), field("built_in", &RoleRow::built_in),
                    field("scopes", &RoleRow::scopes));
  }
};

struct KeyRow {
  std::string kid, sealed_key;
  static constexpr auto fields() {
    return ::fields(field("kid", &KeyRow::kid), field("sealed_key", &KeyRow::sealed_key));
  }
};

db::Query const list_people{"identity.list_people", R"sql(
  SELECT staff.id, email, staff.name, role, disabled_at IS NOT NULL AS disabled,
         has_second_factor(staff.id) AS has_second_factor,
         second_factor_due(staff, roles) AS second_factor_due
    FROM staff JOIN roles ON roles.name = role
)sql"};
db::Query const list_roles{"identity.list_roles", "SELECT name, built_in, scopes FROM roles"};
db::Query const list_ended_sessions{"identity.list_ended_sessions", R"sql(
  SELECT id FROM sessions WHERE revoked_at IS NOT NULL AND expires_at > now()
)sql"};
db::Query const list_signing_keys{"identity.list_signing_keys", R"sql(
  SELECT kid, sealed_key FROM signing_keys WHERE retires_at IS NULL OR retires_at > now()
   ORDER BY retires_at IS NOT NULL, created_at DESC
)sql"};
db::Query const take_turn{"identity.take_turn_signing_keys",
                          "SELECT pg_advisory_xact_lock(hashtext('signing_keys'))::text"};
db::Query const insert_signing_key{"identity.insert_signing_key",
                                   "INSERT INTO signing_keys (kid, sealed_key) VALUES ($1, $2)"};
db::Query const retire_signing_keys{"identity.retire_signing_keys", R"sql(
  UPDATE signing_keys SET retires_at = $1 WHERE retires_at IS NULL
)sql"};

bool is_still_good(ApiKey const& key, Snapshot const& snapshot, std::string const& hash) {
  auto const found = snapshot.api_keys.find(hash);
  return found != snapshot.api_keys.end() && *found->second->scopes == *key.scopes &&
         found->second->maker_is_gone == key.maker_is_gone;
}

bool may_the_same(Snapshot const& before, Snapshot const& after) {
  return before.ended_sessions == after.ended_sessions && before.people == after.people &&
         before.roles.size() == after.roles.size() &&
         std::all_of(
             before.api_keys.begin(), before.api_keys.end(),
             [&](auto const& key) { return is_still_good(*key.second, after, key.first); }) &&
         std::all_of(before.roles.begin(), before.roles.end(), [&](auto const& role) {
           auto const found = after.roles.find(role.first);
           return found != after.roles.end() && *found->second == *role.second;
         });
}

db::Query const note_uses{"identity.note_api_key_uses", R"sql(
  UPDATE api_keys SET last_used_at = used.at, last_used_address = used.address
    FROM unnest($1::bigint[], $2::timestamptz[], $3::text[]) AS used (id, at, address)
   WHERE api_keys.id = used.id AND (last_used_at IS NULL OR last_used_at < used.at)
)sql"};

std::string context_of(std::string_view kid) { return "signing_keys/" + std::string{kid}; }

std::vector<SigningKey> signing_keys(db::Tx& tx, vault::Vault& vault) {
  std::vector<SigningKey> keys;
  for (auto const& row : tx.all<KeyRow>(list_signing_keys))
    keys.push_back(signing_key(row.kid, vault.open(tx, row.sealed_key, context_of(row.kid))));
  return keys;
}

void add_signing_key(db::Tx& tx, vault::Vault& vault) {
  auto const kid = crypto::random_hex(6);
  tx.exec(insert_signing_key, kid,
          vault.seal(tx, crypto::from_base64url(crypto::random_token(32)), context_of(kid)));
}

retention::Rule const retired_keys{{.table = "signing_keys",
                                    .column = "retires_at",
                                    .keep = std::chrono::days{90},
                                    .least = std::chrono::days{1},
                                    .why = "tokens that it signed have ended before it retires"}};
}  // namespace

std::string Snapshot::csrf_token(std::string_view session_id) const {
  return crypto::base64url(crypto::hmac_sha256(csrf_key, session_id));
}

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
      tx.exec(take_turn);
      if (signing_keys(tx, vault_).empty()) add_signing_key(tx, vault_);
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
  auto fresh = std::make_shared<Snapshot>();
  db::Tx tx{connection_, db::Mode::autocommit};
  fresh->all_scopes = all_scopes_;
  fresh->signing_keys = signing_keys(tx, vault_);
  fresh->csrf_key = vault_.secret(tx, "identity/csrf");
  fresh->refresh_key = vault_.secret(tx, "identity/refresh");
  fresh->challenge_key = vault_.secret(tx, "identity/challenges");
  for (auto& person : tx.all<Person>(list_people)) fresh->people.emplace(person.id.value, person);
  for (auto const& row : tx.all<RoleRow>(list_roles)) {
    auto scopes = row.built_in ? scopes_of(*enum_from<Role>(row.name), all_scopes_)
                               : http::Scopes{row.scopes.begin(), row.scopes.end()};
    scopes.insert(std::string{http::own_scope});
    fresh->roles[row.name] = std::make_shared<http::Scopes const>(std::move(scopes));
  }
  fresh->only_self =
      std::make_shared<http::Scopes const>(http::Scopes{std::string{http::own_scope}});
  for (auto& id : tx.all<std::string>(list_ended_sessions)) fresh->ended_sessions.insert(id);
  fresh->blocked = blocked_networks(tx);
  fresh->read_only = is_read_only(tx);
  fresh->api_keys = usable_api_keys(tx, *fresh);
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

void rotate_signing_key(db::Tx& tx, vault::Vault& vault, Time old_retires_at) {
  tx.exec(take_turn);
  tx.exec(retire_signing_keys, old_retires_at);
  add_signing_key(tx, vault);
  announce_change(tx);
}

}  // namespace identity
