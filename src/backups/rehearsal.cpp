// Whether a backup can be brought back is known only by doing it: once a week one of them, chosen
// by lot, is read into a database of its own that is dropped afterwards.
#include "backups/backups.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/db/databases.hpp"
#include "platform/db/url.hpp"
#include "platform/files/files.hpp"
#include "platform/installation/installation.hpp"
#include "platform/log/log.hpp"
#include "platform/postgres/programs.hpp"
#include "platform/process/run.hpp"

namespace backups {

namespace {
using namespace std::chrono_literals;
namespace fs = std::filesystem;
using provisioning::Hopeless;
using provisioning::NeedsPerson;

constexpr auto installations = "/usr/lib/postgresql";
constexpr auto reading_patience = 60min;
constexpr auto dump_name = "database.dump";

db::Query const own_database{"backups.own_database", "SELECT current_database()"};
db::Query const choose_by_lot{"backups.choose_by_lot", R"sql(
  SELECT id FROM tenant_backups
   WHERE state = 'verified'
     AND NOT EXISTS (SELECT 1 FROM tenant_backups WHERE tested_at > $1)
   ORDER BY random() LIMIT 1
)sql"};

constexpr auto count_tables =
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')";
constexpr auto count_rows =
    "SELECT coalesce(sum((xpath('/row/n/text()', query_to_xml(format("
    "'SELECT count(*) AS n FROM %I.%I', n.nspname, c.relname), false, true, '')))[1]::text::bigint)"
    ", 0) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')";

struct TestResult {
  bool restored = false;
  std::int64_t entries = 0, bytes = 0;  // unpacked
  std::optional<std::int64_t> tables, rows;
  double seconds = 0;
  std::optional<std::string> problem;
};

/// A database and a role that may do nothing outside of it: what a tenant has put into its dump
/// runs with the rights of whoever restores it.
class ScratchDatabase {
 public:
  ScratchDatabase(db::Connection& connection, std::string const& server)
      : connection_{connection}, identity_{[&] {
          db::Tx tx{connection, db::Mode::autocommit};
          return installation::present(tx);
        }()} {
    {
      // Others on the same server may have a database whose name begins as ours does.
      db::Tx tx{connection, db::Mode::autocommit};
      name_ = tx.one<std::string>(own_database).substr(0, 30) + "_" + identity_.id.substr(0, 8) +
              "_rehearsal";
    }
    remove();
    auto const password = crypto::random_token();
    auto const quoted = db::quoted_name(name_);
    connection_.execute("CREATE ROLE " + quoted +
                        " LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 4 PASSWORD " +
                        db::quoted_text(db::scram_verifier(connection.raw(), name_, password)) +
                        "; " + installation::label(identity_, "ROLE", name_, whose));
    connection_.execute("GRANT " + quoted + " TO CURRENT_USER");
    connection_.execute("CREATE DATABASE " + quoted + " OWNER " + quoted +
                        " TEMPLATE template0 STRATEGY wal_log");
    connection_.execute(installation::label(identity_, "DATABASE", name_, whose));
    connection_.execute("REVOKE CONNECT, TEMPORARY ON DATABASE " + quoted + " FROM PUBLIC");
    url_ = db::with_role(server, name_, name_, password);
  }
  ~ScratchDatabase() {
    try {
      remove();
    } catch (std::exception const& error) {
      logging::warning("backups", "{} is left until the next test: {}", name_, error.what());
    }
  }
  ScratchDatabase(ScratchDatabase const&) = delete;
  ScratchDatabase& operator=(ScratchDatabase const&) = delete;
  std::string const& url() const { return url_; }
  std::string const& name() const { return name_; }

 private:
  void remove() {
    if (is_there("DATABASE")) db::drop_database(connection_, name_);
    if (is_there("ROLE")) connection_.execute("DROP ROLE IF EXISTS " + db::quoted_name(name_));
  }
  bool is_there(std::string const& kind) {
    db::Tx tx{connection_, db::Mode::autocommit};
    auto const owner = installation::owner_of(tx, identity_, kind, name_, whose);
    if (owner == installation::Owner::stranger)
      throw NeedsPerson{"name_taken", name_ + " is not ours and is left alone: rename it"};
    return owner == installation::Owner::ours;
  }
  static constexpr auto whose = "rehearsal";
  db::Connection& connection_;
  installation::Identity identity_;
  std::string name_, url_;
};

std::int64_t number(db::Connection& connection, char const* sql) {
  return std::stoll(PQgetvalue(connection.execute(sql).get(), 0, 0));
}

void restore_dump(db::Connection& connection, std::string const& server,
                  files::Descriptor const& dump, TestResult& result) {
  auto const programs = postgres::installed_programs(installations);
  if (programs.empty())
    throw NeedsPerson{"postgresql_programs_missing",
                      std::string{"no programs of PostgreSQL lie below "} + installations +
                          ": run `apt install postgresql-client`"};
  ScratchDatabase const scratch{connection, server};
  auto const finished =
      process::run({.executable = (programs.rbegin()->second / "pg_restore").string(),
                    .arguments = {"--no-owner", "--no-privileges", "--exit-on-error", "--dbname",
                                  scratch.name()},
                    .environment = db::environment_of(scratch.url()),
                    .run_as = reader(),
                    .input = dump.get()},
                   reading_patience);
  if (!finished.ending.success())
    throw Hopeless{"restore_failed",
                   "pg_restore: " + finished.ending.text() + ": " + finished.output};
  db::Connection restored{scratch.url()};
  result.tables = number(restored, count_tables);
  result.rows = number(restored, count_rows);
}
}  // namespace

RawJson Backups::restore_for_test(db::Connection& connection, fs::path const& archive) {
  auto const begun = std::chrono::steady_clock::now();
  TestResult result;
  try {
    auto const contents = examine(archive);
    result.entries = contents.entries;
    result.bytes = contents.unpacked;
    if (contents.top.contains(dump_name))
      restore_dump(connection, settings_.database_url, extract(archive, dump_name), result);
    result.restored = true;
  } catch (Hopeless const& failure) {
    result.problem = failure.code.text() + ": " + failure.what();
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return {json::text(result)};
}

void Backups::run_verify(jobs::Context& job, Verify const& wanted) {
  auto const backup =
      job.transact([&](db::Tx& tx) { return find(tx, BackupId{wanted.backup_id}); });
  if (!backup || !(backup->is_usable() || backup->state == State::damaged)) return;
  try {
    verify(job, *backup);
  } catch (Hopeless const& failure) {
    logging::error("backups", "{} is damaged: {}", backup->id.text(), failure.what());
    return;  // the row says so
  }
  if (!wanted.restore) return;
  Scratch const archive{work_file(backup->id.text() + ".test")};
  fetch(job.connection, *backup, archive.path());
  auto const result = restore_for_test(job.connection, archive.path());
  job.transact([&](db::Tx& tx) {
    mark_tested(tx, backup->id, result);
    tenants::note(tx, backup->tenant_id, "backups", activity::BackupTested{backup->id.text()});
    job.finish(tx);
  });
}

void Backups::rehearse(jobs::Context& job) {
  job.transact([&](db::Tx& tx) {
    auto const chosen =
        tx.maybe<BackupId>(choose_by_lot, clock_source::now() - std::chrono::days{7});
    if (chosen)
      jobs::enqueue(tx, Verify{chosen->value, true},
                    {.dedupe_key = chosen->text() + "/restore", .max_attempts = 3});
  });
}

}  // namespace backups
