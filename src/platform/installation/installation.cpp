// How a database that was copied or set back is told from the one that went on:
// by the database's own place in its server, and by a mark that lies in both
// and changes all the time.
#include "platform/installation/installation.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>

#include "platform/crypto/crypto.hpp"
#include "platform/db/url.hpp"
#include "platform/files/files.hpp"
#include "platform/json/read.hpp"
#include "platform/json/write.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace installation {

namespace {
/// Longer than any pause between two marks of a server that runs; a machine
/// that was set back as a whole shows only by this.
constexpr auto longest_pause = "1 day";

/// The file secrets/installation in the data directory.
struct Place {
  std::string installation, place, mark, directory, machine;
};

struct Row {
  std::string id, fingerprint;
  bool long_ago;
};
db::Query const load{"installation.load", std::string{R"sql(
  SELECT id, fingerprint, seen_at < now() - interval ')sql"} +
                                              longest_pause + "' AS long_ago FROM installation"};
db::Query const load_locked{"installation.load_locked", load.sql + " FOR UPDATE"};
db::Query const present_fingerprint{"installation.fingerprint", R"sql(
  SELECT system.system_identifier || '/' || d.oid || '/' || checkpoint.timeline_id
    FROM pg_control_system() AS system, pg_control_checkpoint() AS checkpoint, pg_database d
   WHERE d.datname = current_database()
)sql"};
db::Query const insert{"installation.insert", R"sql(
  INSERT INTO installation (id, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING
)sql"};
db::Query const begin_anew{"installation.begin_anew", R"sql(
  UPDATE installation SET id = $1, fingerprint = $2, known_since = now(), seen_at = now()
)sql"};
// What the one that was left had taken over is that one's.
db::Query const forget_takeovers{"installation.forget_takeovers", R"sql(
  UPDATE installation_predecessors SET taken_over_at = NULL, taken_over_by = NULL
)sql"};
db::Query const has_former_id{"installation.has_former_id", R"sql(
  SELECT EXISTS (SELECT 1 FROM kept_secrets WHERE name = 'installation')
)sql"};
db::Query const began_at{"installation.began_at", "SELECT min(applied_at) FROM schema_migrations"};
db::Query const see{"installation.see", "UPDATE installation SET seen_at = now()"};
db::Query const forget_knowledge{"installation.forget_knowledge",
                                 "UPDATE installation SET known_since = now(), seen_at = now()"};
db::Query const add_predecessor{"installation.add_predecessor", R"sql(
  INSERT INTO installation_predecessors (id) VALUES ($1)
  ON CONFLICT (id) DO UPDATE SET left_at = now(), taken_over_at = NULL, taken_over_by = NULL
)sql"};
// The directory may hold the mark before the last one: a crash came before it
// was written there.
db::Query const knows_mark{"installation.knows_mark", R"sql(
  SELECT EXISTS (SELECT 1 FROM installation_places WHERE id = $1 AND $2 IN (mark, mark_before))
)sql"};
db::Query const write_mark{"installation.write_mark", R"sql(
  INSERT INTO installation_places (id, mark, mark_before) VALUES ($1, $2, $3)
  ON CONFLICT (id) DO UPDATE SET mark = excluded.mark, mark_before = excluded.mark_before
)sql"};
db::Query const load_identity{"installation.identity", R"sql(
  SELECT id, known_since,
         ARRAY(SELECT p.id FROM installation_predecessors p WHERE taken_over_at IS NOT NULL
                ORDER BY p.id) AS taken_over
    FROM installation
)sql"};
db::Query const list_predecessors{"installation.predecessors", R"sql(
  SELECT id, left_at FROM installation_predecessors WHERE taken_over_at IS NULL ORDER BY left_at
)sql"};
// Without an id: backups of a time before installations had one.
db::Query const has_original{"installation.has_original", R"sql(
  SELECT EXISTS (SELECT 1 FROM installation_predecessors WHERE taken_over_at IS NULL AND id <> '')
)sql"};
db::Query const set_taken_over{"installation.take_over", R"sql(
  UPDATE installation_predecessors SET taken_over_at = now(), taken_over_by = $2 WHERE id = $1
)sql"};
// A tenant owns its database and may write its comment, but not that of its role.
db::Query const comment_of{"installation.comment_of", R"sql(
  SELECT coalesce(shobj_description(datdba, 'pg_authid'), shobj_description(oid, 'pg_database'), '')
    FROM pg_database WHERE $1 = 'DATABASE' AND datname = $2
  UNION ALL SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles
   WHERE $1 = 'ROLE' AND rolname = $2
)sql"};

std::filesystem::path file_in(std::filesystem::path const& data_dir) {
  return data_dir / "secrets" / "installation";
}

std::optional<Place> read_place(std::filesystem::path const& data_dir) {
  auto const text = files::read(file_in(data_dir));
  if (!text) return {};
  try {
    return json::read<Place>(*text);
  } catch (Problem const&) {
    logging::warning("installation", "{} cannot be read and is written anew",
                     file_in(data_dir).string());
    return {};
  }
}

std::string machine() {
  auto id = files::read("/etc/machine-id").value_or("");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  // The id itself is nobody's business: it identifies the machine to others.
  return id.empty() ? id : crypto::hex(crypto::sha256("onboarding " + id)).substr(0, 16);
}

/// Whether the file was written here, or the directory was moved here as a
/// whole. A copy beside the original, or one from another machine, is neither.
bool is_at_home(Place const& place, std::filesystem::path const& data_dir) {
  auto const here = machine();
  // A machine that has just got an id, or has lost it, is no other one for that.
  if (!place.machine.empty() && !here.empty() && place.machine != here) return false;
  if (place.directory == data_dir.string()) return true;
  std::error_code error;
  if (std::filesystem::equivalent(place.directory, data_dir, error)) return true;  // by a link
  // Earlier versions had it one level higher.
  for (auto const& file :
       {file_in(place.directory), std::filesystem::path{place.directory} / "installation"})
    if (std::filesystem::exists(file, error) || error) return false;
  return true;
}

/// Between a mark in the database and the same one in the file nobody else writes another.
files::Descriptor lock_place(std::filesystem::path const& data_dir) {
  auto const path = file_in(data_dir).string() + ".lock";
  files::Descriptor lock{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0)
    throw std::runtime_error{files::sentence("lock", path, errno)};
  return lock;
}

/// Containers carried this before the id had a table; a copy of the database has the same.
std::optional<std::string> former_id(db::Tx& tx, vault::Vault& vault) {
  if (!tx.one<bool>(has_former_id)) return {};
  return crypto::hex(crypto::sha256(vault.secret(tx, "installation"))).substr(0, 32);
}

/// No data directory of a copy is as old as the original's database. False where the file system
/// does not know.
bool has_seen_the_beginning(db::Tx& tx, std::filesystem::path const& data_dir) {
  struct statx seen {};
  if (::statx(AT_FDCWD, data_dir.c_str(), 0, STATX_BTIME, &seen) != 0 ||
      !(seen.stx_mask & STATX_BTIME))
    return false;
  auto const since_epoch = std::chrono::seconds{seen.stx_btime.tv_sec} +
                           std::chrono::nanoseconds{seen.stx_btime.tv_nsec};
  return Time{std::chrono::duration_cast<Time::duration>(since_epoch)} <= tx.one<Time>(began_at);
}

/// False when there is an id already.
bool insert_first(db::Tx& tx, vault::Vault& vault, std::string const& fingerprint) {
  if (tx.exec(insert, crypto::random_hex(16), fingerprint) == 0) return false;
  if (auto const former = former_id(tx, vault)) tx.exec(add_predecessor, *former);
  return true;
}

/// The next mark: in the database first, with the one that the directory holds
/// until then.
void write_place(db::Connection& connection, std::filesystem::path const& data_dir, Place place) {
  auto const before = place.mark;
  place.mark = crypto::random_hex(8);
  place.directory = data_dir.string();
  place.machine = machine();
  if (place.place.empty()) place.place = crypto::random_hex(8);
  db::transact(connection, [&](db::Tx& tx) {
    tx.exec(write_mark, place.place, place.mark, before);
    tx.exec(see);
  });
  files::write_atomically(file_in(data_dir), json::text(place) + "\n", 0600);
}

retention::Kept const kept_installation{"installation", "one row"};
retention::Kept const kept_installation_places{"installation_places", "one a data directory"};
retention::Kept const kept_installation_predecessors{"installation_predecessors", "one a copy"};
}  // namespace

bool Identity::owns(std::string_view owner) const {
  return owner == id || std::find(taken_over.begin(), taken_over.end(), owner) != taken_over.end();
}

Beginning establish(db::Connection& connection, vault::Vault& vault,
                    std::filesystem::path const& data_dir,
                    std::function<void(db::Tx&)> const& when_rows_may_lack) {
  auto const lock = lock_place(data_dir);
  auto place = read_place(data_dir);
  auto const beginning = db::transact(connection, [&](db::Tx& tx) {
    auto const fingerprint = tx.one<std::string>(present_fingerprint);
    if (insert_first(tx, vault, fingerprint)) {
      auto const former = former_id(tx, vault);
      if (former && !place && has_seen_the_beginning(tx, data_dir))
        take_over(tx, *former, "the data directory");
      place.reset();  // of a database that is gone
      return Beginning::fresh;
    }
    auto const row = tx.one<Row>(load_locked);
    bool const is_the_same = row.fingerprint == fingerprint;
    if (place && place->installation == row.id && is_at_home(*place, data_dir)) {
      bool const went_on =
          is_the_same && !row.long_ago && tx.one<bool>(knows_mark, place->place, place->mark);
      if (went_on) return Beginning::continued;
      tx.exec(begin_anew, row.id, fingerprint);
      when_rows_may_lack(tx);
      return Beginning::set_back;
    }
    if (is_the_same && !(place && place->installation == row.id)) {
      place.reset();  // one more data directory of this database, or a new one
                      // after a loss
      return Beginning::continued;
    }
    place.reset();
    tx.exec(forget_takeovers);
    tx.exec(add_predecessor, row.id);
    tx.exec(begin_anew, crypto::random_hex(16), fingerprint);
    when_rows_may_lack(tx);
    return Beginning::copied;
  });
  if (!place) place.emplace();
  {
    db::Tx tx{connection, db::Mode::autocommit};
    place->installation = present(tx).id;
  }
  write_place(connection, data_dir, *place);
  if (beginning == Beginning::set_back)
    logging::warning("installation",
                     "the database was set back or stood still "
                     "for long: what was made before "
                     "today and has no row is shown as a "
                     "finding and never removed by itself");
  if (beginning == Beginning::copied)
    logging::warning("installation",
                     "the database comes from another place and has got an id of its own: "
                     "what the "
                     "other one made is left alone until somebody takes it over (findings)");
  return beginning;
}

void renew(db::Connection& connection, std::filesystem::path const& data_dir) {
  if (!read_place(data_dir)) return;  // nothing was established here
  auto const lock = lock_place(data_dir);
  auto const place = read_place(data_dir);
  if (!place) return;
  db::transact(connection, [&](db::Tx& tx) {
    // The machine with everything on it was set back while it ran.
    if (auto const row = tx.maybe<Row>(load); row && row->long_ago) tx.exec(forget_knowledge);
  });
  write_place(connection, data_dir, *place);
}

Identity ensure(db::Connection& connection, vault::Vault& vault) {
  return db::transact(connection, [&](db::Tx& tx) {
    if (!tx.maybe<Row>(load))
      (void)insert_first(tx, vault, tx.one<std::string>(present_fingerprint));
    return present(tx);
  });
}

Identity present(db::Tx& tx) { return tx.one<Identity>(load_identity); }

std::optional<std::string> place_of(std::filesystem::path const& data_dir) {
  auto const place = read_place(data_dir);
  if (!place) return {};
  return place->place;
}

std::optional<std::string> id_in(std::filesystem::path const& data_dir) {
  auto const place = read_place(data_dir);
  if (!place) return {};
  return place->installation;
}

bool is_copy(db::Tx& tx) { return tx.one<bool>(has_original); }

std::vector<Predecessor> predecessors(db::Tx& tx) { return tx.all<Predecessor>(list_predecessors); }

void take_over(db::Tx& tx, std::string_view id, std::string_view who) {
  tx.exec(set_taken_over, id, who);
}

namespace {
constexpr std::string_view word = "onboarding ";
}

std::string label(Identity const& identity, std::string_view kind, std::string_view name,
                  std::string_view whose) {
  return "COMMENT ON " + std::string{kind} + " " + db::quoted_name(name) + " IS " +
         db::quoted_text(std::string{word} + identity.id + " " + std::string{whose});
}

Owner owner_of(db::Tx& tx, Identity const& identity, std::string_view kind, std::string_view name,
               std::string_view whose) {
  auto const comment = tx.maybe<std::string>(comment_of, kind, name);
  if (!comment) return Owner::nobody;
  std::string_view rest = *comment;
  if (!rest.starts_with(word)) return Owner::stranger;
  rest.remove_prefix(word.size());
  auto const space = rest.find(' ');
  if (space == std::string_view::npos || !identity.owns(rest.substr(0, space)))
    return Owner::stranger;
  return whose.empty() || rest.substr(space + 1) == whose ? Owner::ours : Owner::stranger;
}

}  // namespace installation
