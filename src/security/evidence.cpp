// The files of an archive, its manifest and its signature. tar does the packing.
#include "security/evidence.hpp"

#include "audit/anchors.hpp"
#include "identity/roles.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/crypto/signature.hpp"
#include "platform/files/temporary_directory.hpp"
#include "platform/process/run.hpp"
#include "platform/text/csv.hpp"

namespace security {

namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Each gives rows as JSON objects whose members become the columns; $1 and $2 are the period.
db::Query const access_review{"security.evidence_access_review", R"sql(
  SELECT row_to_json(person) FROM (
    SELECT 'usr_' || staff.id AS id, email, staff.name, role,
           CASE WHEN disabled_at IS NULL THEN 'active' ELSE 'disabled' END AS state,
           staff.created_at, disabled_at, removed_at, password_changed_at,
           EXISTS (SELECT 1 FROM totp_factors
                    WHERE staff_id = staff.id AND sealed_seed IS NOT NULL) AS totp,
           (SELECT count(*) FROM passkeys WHERE staff_id = staff.id) AS passkeys,
           (SELECT max(created_at) FROM sessions WHERE staff_id = staff.id) AS last_log_in,
           (SELECT count(*) FROM sessions WHERE staff_id = staff.id AND created_at >= $1::timestamptz
                AND created_at < $2::timestamptz) AS log_ins_in_period
      FROM staff WHERE staff.created_at < $2::timestamptz
       AND (removed_at IS NULL OR removed_at >= $1::timestamptz) ORDER BY staff.id) AS person
)sql"};
db::Query const role_rows{"security.evidence_roles", R"sql(
  SELECT row_to_json(role) FROM (
    SELECT name, title, built_in, second_factor_required, grace_days, scopes
      FROM roles WHERE created_at < $2::timestamptz AND $1::timestamptz IS NOT NULL ORDER BY name)
    AS role
)sql"};
db::Query const key_rows{"security.evidence_api_keys", R"sql(
  SELECT row_to_json(key) FROM (
    SELECT 'key_' || api_keys.id AS id, api_keys.name, prefix, array_to_string(scopes, ' ') AS scopes,
           array_to_string(addresses, ' ') AS addresses, email AS created_by, api_keys.created_at,
           expires_at, last_used_at, last_used_address, revoked_at, revoked_by
      FROM api_keys JOIN staff ON staff.id = created_by
     WHERE api_keys.created_at < $2::timestamptz
       AND (revoked_at IS NULL OR revoked_at >= $1::timestamptz) ORDER BY api_keys.id) AS key
)sql"};
db::Query const access_changes{"security.evidence_access_changes", R"sql(
  SELECT row_to_json(change) FROM (
    SELECT id, "timestamp", actor, actor_role, action, target, reason, address, request_id, before,
           after
      FROM audit_logs WHERE "timestamp" >= $1 AND "timestamp" < $2
       AND split_part(action, '.', 1) IN ('staff', 'role', 'invitation', 'api_key', 'second_factor',
                                          'passkey', 'totp', 'recovery_codes')
     ORDER BY id) AS change
)sql"};
db::Query const audit_rows{"security.evidence_audit", R"sql(
  SELECT row_to_json(entry) FROM (
    SELECT id, "timestamp", actor, actor_role, api_key_id, action, target, reason, address,
           request_id, before, after, hash_version, previous_hash, hash
      FROM audit_logs WHERE "timestamp" >= $1 AND "timestamp" < $2 ORDER BY id) AS entry
)sql"};
db::Query const anchors{"security.evidence_anchors", R"sql(
  SELECT row_to_json(anchor) FROM (
    SELECT at, rows, last_id, last_hash, signature FROM audit_anchors
     WHERE at >= $1 AND at < $2 ORDER BY id) AS anchor
)sql"};
db::Query const change_log{"security.evidence_change_log", R"sql(
  SELECT row_to_json(change) FROM (
    SELECT version, name, applied_at, applied_at >= $1 AND applied_at < $2 AS in_period
      FROM schema_migrations ORDER BY version) AS change
)sql"};
db::Query const event_rows{"security.evidence_security_events", R"sql(
  SELECT row_to_json(event) FROM (
    SELECT 'sec_' || event.id AS id, kind, severity, event.created_at, last_seen_at, occurrences,
           staff.email AS person, api_key_id, address, detail, closed_at, closer.email AS closed_by,
           outcome, close_reason
      FROM security_events AS event LEFT JOIN staff ON staff.id = staff_id
      LEFT JOIN staff AS closer ON closer.id = closed_by
     WHERE event.created_at < $2::timestamptz
       AND (closed_at IS NULL OR closed_at >= $1::timestamptz) ORDER BY event.id) AS event
)sql"};
db::Query const incident_rows{"security.evidence_incident_actions", R"sql(
  SELECT row_to_json(act) FROM (
    SELECT id, "timestamp", actor, action, target, reason, after FROM audit_logs
     WHERE "timestamp" >= $1 AND "timestamp" < $2
       AND (split_part(action, '.', 1) IN ('incident', 'address', 'security_event', 'keys',
                                           'security_settings')
            OR action IN ('staff.locked', 'staff.sessions_ended'))
     ORDER BY id) AS act
)sql"};
db::Query const log_ins{"security.evidence_log_ins", R"sql(
  SELECT row_to_json(per_day) FROM (
    SELECT (at AT TIME ZONE 'UTC')::date AS day, method, succeeded, count(*) AS attempts,
           count(DISTINCT account_hash) AS accounts, count(DISTINCT address) AS addresses
      FROM login_attempts WHERE at >= $1 AND at < $2 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3) AS per_day
)sql"};
// Each backup of the period with what was found when it was looked at and restored for a test;
// named here because no other folder may be asked.
db::Query const backup_rows{"security.evidence_backups", R"sql(
  SELECT row_to_json(proofs) FROM (
    SELECT id, tenant_id, reason, state, target, size_bytes, files, sha256, started_at, finished_at,
           verified_at, tested_at, test_result, expires_at, deleted_at, error_code
      FROM tenant_backups WHERE started_at >= $1 AND started_at < $2 ORDER BY id) AS proofs
)sql"};

std::string cell(boost::json::value const& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return std::string{value.get_string()};
  return boost::json::serialize(value);
}

std::string csv_of(std::vector<RawJson> const& rows) {
  std::string out;
  for (auto const& row : rows) {
    auto const object = boost::json::parse(row.text).as_object();
    if (out.empty()) {
      csv::Line head{out};
      for (auto const& [name, _] : object) head.add(name);
    }
    csv::Line line{out};
    for (auto const& [_, value] : object) line.add(cell(value));
  }
  return out;
}

/// The built-in roles' scopes are computed from what the endpoints declare, as for every request.
std::vector<RawJson> with_scopes(std::vector<RawJson> rows, http::Scopes const& all) {
  for (auto& row : rows) {
    auto object = boost::json::parse(row.text).as_object();
    std::string words;
    auto const role = enum_from<identity::Role>(std::string_view{object["name"].as_string()});
    if (object["built_in"].as_bool() && role) {
      for (auto const& scope : identity::scopes_of(*role, all)) words += scope + ' ';
    } else {
      for (auto const& scope : object["scopes"].as_array())
        words += std::string{scope.as_string()} + ' ';
    }
    if (!words.empty()) words.pop_back();
    object["scopes"] = words;
    row.text = boost::json::serialize(object);
  }
  return rows;
}

void run_tar(std::vector<std::string> arguments) {
  auto const done =
      process::run({.executable = "/bin/tar", .arguments = std::move(arguments)}, 300s);
  if (!done.ending.success())
    throw std::runtime_error{"tar failed (" + done.ending.text() + "): " + done.output};
}

Time day(int year, int month, int day) {
  return Time{std::chrono::sys_days{std::chrono::year{year} / month / day}};
}

std::optional<int> number(std::string_view text) { return json::from_text<int>(text); }

std::optional<Time> read_day(std::string_view text) {
  if (text.size() != 10) return {};
  return clock_source::parse(fmt::format("{}T00:00:00Z", text));
}
}  // namespace

std::optional<Period> read_period(std::string_view text) {
  if (auto const dots = text.find(".."); dots != std::string_view::npos) {
    auto const from = read_day(text.substr(0, dots)), last = read_day(text.substr(dots + 2));
    if (!from || !last || *last < *from) return {};
    return Period{*from, *last + std::chrono::days{1}};
  }
  auto const year = number(text.substr(0, std::min<std::size_t>(4, text.size())));
  if (!year || *year < 2000 || *year > 9998) return {};
  if (text.size() == 4) return Period{day(*year, 1, 1), day(*year + 1, 1, 1)};
  if (text.size() != 7 || text[4] != '-') return {};
  int first = 0, months = 1;
  if (text[5] == 'Q') {
    auto const quarter = number(text.substr(6));
    if (!quarter || *quarter < 1 || *quarter > 4) return {};
    first = *quarter * 3 - 2;
    months = 3;
  } else {
    auto const month = number(text.substr(5));
    if (!month || *month < 1 || *month > 12) return {};
    first = *month;
  }
  int const next = first + months;
  return Period{day(*year, first, 1),
                next > 12 ? day(*year + 1, next - 12, 1) : day(*year, next, 1)};
}

Manifest write_evidence(db::Connection& connection, vault::Vault& vault,
                        config::Settings const& settings, http::Scopes const& all_scopes,
                        Period const& period, fs::path const& archive) {
  TemporaryDirectory directory;
  fs::permissions(directory.path(), fs::perms::owner_all);
  Manifest manifest{.format = 1,
                    .installation = settings.public_url,
                    .version = ONBOARDING_VERSION,
                    .from = period.from,
                    .to = period.to,
                    .made_at = clock_source::now()};
  auto const add = [&](std::string const& name, std::string const& content) {
    files::write_atomically(directory.path() / name, content, 0600);
    manifest.files.push_back(
        {name, crypto::hex(crypto::sha256(content)), std::int64_t(content.size())});
  };
  {
    db::Tx tx{connection, db::Mode::autocommit};
    auto const rows = [&](db::Query const& query) {
      return tx.all<RawJson>(query, period.from, period.to);
    };
    add("access_review.csv", csv_of(rows(access_review)));
    add("roles.csv", csv_of(with_scopes(rows(role_rows), all_scopes)));
    add("api_keys.csv", csv_of(rows(key_rows)));
    add("access_changes.csv", csv_of(rows(access_changes)));
    add("audit.csv", csv_of(rows(audit_rows)));
    add("audit_anchors.csv", csv_of(rows(anchors)));
    add("change_log.csv", csv_of(rows(change_log)));
    add("security_events.csv", csv_of(rows(event_rows)));
    add("incident_actions.csv", csv_of(rows(incident_rows)));
    add("log_ins.csv", csv_of(rows(log_ins)));
    add("backups.csv", csv_of(rows(backup_rows)));
  }
  add("audit_verification.json",
      json::text(audit::check(connection, &vault, audit::anchor_file(settings.data_dir))) + "\n");
  auto const signature = db::transact(connection, [&](db::Tx& tx) {
    manifest.public_key = crypto::base64url(audit::public_key(tx, vault));
    return crypto::base64url(audit::sign(tx, vault, json::text(manifest)));
  });
  files::write_atomically(directory.path() / "manifest.json", json::text(manifest), 0600);
  files::write_atomically(directory.path() / "manifest.sig", signature + "\n", 0600);
  files::write_atomically(archive, "", 0600);  // tar keeps the mode of what it overwrites
  run_tar({"--create", "--gzip", "--sort=name", "--owner=root:0", "--group=root:0", "--file",
           fs::absolute(archive).string(), "--directory", directory.path().string(), "."});
  return manifest;
}

Manifest check_evidence(fs::path const& archive) {
  TemporaryDirectory directory;
  fs::permissions(directory.path(), fs::perms::owner_all);
  run_tar({"--extract", "--gzip", "--no-same-owner", "--no-same-permissions", "--file",
           fs::absolute(archive).string(), "--directory", directory.path().string()});
  auto const content = [&](std::string const& name) {
    auto const path = directory.path() / name;
    // Names come from the archive: only plain files beside the manifest are looked at.
    if (name.find('/') != std::string::npos || !fs::is_regular_file(fs::symlink_status(path)))
      throw std::runtime_error{"the archive lacks the file " + name};
    return files::read(path).value_or("");
  };
  auto const text = content("manifest.json");
  auto signature = content("manifest.sig");
  while (signature.ends_with('\n')) signature.pop_back();
  Manifest manifest;
  try {
    manifest = json::read<Manifest>(text);
  } catch (Problem const&) {
    throw std::runtime_error{"the manifest cannot be read"};
  }
  if (!crypto::is_signed_by(crypto::from_base64url(manifest.public_key), text,
                            crypto::from_base64url(signature)))
    throw std::runtime_error{"the signature of the manifest is wrong"};
  std::set<std::string> named{"manifest.json", "manifest.sig"};
  for (auto const& file : manifest.files) {
    named.insert(file.name);
    if (crypto::hex(crypto::sha256(content(file.name))) != file.sha256)
      throw std::runtime_error{"the file " + file.name + " was altered"};
  }
  for (auto const& entry : fs::directory_iterator{directory.path()})
    if (!named.contains(entry.path().filename().string()))
      throw std::runtime_error{"the file " + entry.path().filename().string() +
                               " does not belong to the archive"};
  return manifest;
}

}  // namespace security
