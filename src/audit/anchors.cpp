// Writing anchors down, and holding the chain against them.
#include "audit/anchors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <sstream>

#include "platform/crypto/crypto.hpp"
#include "platform/crypto/signature.hpp"
#include "platform/files/files.hpp"
#include "platform/retention/retention.hpp"

namespace audit {

namespace {
constexpr auto key_name = "audit/signing";

db::Query const load_head{"audit.load_head", R"sql(
  SELECT id AS last_id, hash AS last_hash, (SELECT count(*) FROM audit_logs) AS rows,
         $1::timestamptz AS at, '' AS signature
    FROM audit_logs ORDER BY id DESC LIMIT 1
)sql"};
db::Query const insert_anchor{"audit.insert_anchor", R"sql(
  INSERT INTO audit_anchors (at, rows, last_id, last_hash, signature) VALUES ($1, $2, $3, $4, $5)
)sql"};
db::Query const last_anchor{"audit.last_anchor", R"sql(
  SELECT at, rows, last_id, last_hash, signature FROM audit_anchors ORDER BY id DESC LIMIT 1
)sql"};
db::Query const list_anchors{"audit.list_anchors", R"sql(
  SELECT at, rows, last_id, last_hash, signature FROM audit_anchors ORDER BY id
)sql"};
db::Query const first_unfitting{"audit.first_unfitting_anchor", R"sql(
  SELECT position FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS anchor (id, hash, position)
    LEFT JOIN audit_logs ON audit_logs.id = anchor.id
   WHERE audit_logs.hash IS DISTINCT FROM anchor.hash ORDER BY position LIMIT 1
)sql"};
db::Query const repeat_report{"audit.repeat_verification", R"sql(
  UPDATE audit_verifications SET at = $1
   WHERE id = (SELECT id FROM audit_verifications ORDER BY id DESC LIMIT 1)
     AND (finding, rows, anchors) = ($2, $3, $4)
     AND (first_broken_id, anchor_at) IS NOT DISTINCT FROM ($5::bigint, $6::timestamptz)
)sql"};
db::Query const insert_report{"audit.insert_verification", R"sql(
  INSERT INTO audit_verifications (at, finding, rows, anchors, first_broken_id, anchor_at)
  VALUES ($1, $2, $3, $4, $5, $6)
)sql"};
db::Query const load_report{"audit.last_verification", R"sql(
  SELECT at, finding, rows, anchors, first_broken_id, anchor_at
    FROM audit_verifications ORDER BY id DESC LIMIT 1
)sql"};

std::string signed_text(Anchor const& anchor) {
  return "onboarding audit anchor 1\n" + clock_source::rfc3339(anchor.at) + '\n' +
         std::to_string(anchor.rows) + '\n' + std::to_string(anchor.last_id) + '\n' +
         anchor.last_hash + '\n';
}

/// Added at the end and flushed to the disk: what stands before is never written again.
void append_line(std::filesystem::path const& file, std::string const& line) {
  files::make_directory(file.parent_path(), 0700);
  files::Descriptor const out{
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  if (!out || ::write(out.get(), line.data(), line.size()) != ssize_t(line.size()) ||
      ::fsync(out.get()) != 0)
    throw std::runtime_error{files::sentence("write", file, errno)};
}

/// Anchors as the file has them; a line that cannot be read is given with a bad signature.
std::vector<Anchor> anchors_in(std::filesystem::path const& file) {
  std::vector<Anchor> out;
  std::istringstream lines{files::read(file).value_or("")};
  for (std::string line; std::getline(lines, line);) {
    try {
      out.push_back(json::read<Anchor>(line));
    } catch (Problem const&) {
      out.push_back({.signature = "unreadable"});
    }
  }
  return out;
}

bool is_genuine(Anchor const& anchor, std::string_view key) {
  try {
    return crypto::is_signed_by(key, signed_text(anchor), crypto::from_base64url(anchor.signature));
  } catch (std::runtime_error const&) {
    return false;
  }
}

void compare_anchors(db::Tx& tx, std::vector<Anchor> const& kept,
                     std::vector<Anchor> const& in_file, std::optional<std::string> const& key,
                     Report& report) {
  auto const found = [&](Finding finding, Anchor const& anchor) {
    report.finding = finding;
    report.anchor_at = anchor.at;
  };
  std::set<std::string> known;
  for (auto const& anchor : kept) known.insert(signed_text(anchor));
  for (auto const* const list : {&kept, &in_file})
    for (auto const& anchor : *list)
      if ((key && !is_genuine(anchor, *key)) || anchor.signature == "unreadable")
        return found(Finding::anchor_is_forged, anchor);
  auto all = kept;
  for (auto const& anchor : in_file)
    if (!known.contains(signed_text(anchor))) all.push_back(anchor);
  std::vector<std::int64_t> ids;
  std::vector<std::string> hashes;
  for (auto const& anchor : all) {
    ids.push_back(anchor.last_id);
    hashes.push_back(anchor.last_hash);
  }
  report.anchors = std::int64_t(all.size());
  if (auto const position = tx.maybe<std::int64_t>(first_unfitting, ids, hashes))
    return found(Finding::anchor_does_not_fit, all[std::size_t(*position - 1)]);
  if (all.size() > kept.size()) found(Finding::anchor_is_missing, all[kept.size()]);
}

retention::Rule const old_verifications{{.table = "audit_verifications",
                                         .column = "at",
                                         .keep = std::chrono::days{90},
                                         .least = std::chrono::days{7},
                                         .why = "the last one tells how the trail is"}};
retention::Kept const kept_audit_anchors{
    "audit_anchors", "evidence: with the chain they show that nothing was taken out"};
}  // namespace

std::filesystem::path anchor_file(std::string const& data_dir) {
  return std::filesystem::path{data_dir} / "audit/anchors.jsonl";
}

std::string public_key(db::Tx& tx, vault::Vault& vault) {
  return crypto::public_key_of(vault.secret(tx, key_name));
}

std::string sign(db::Tx& tx, vault::Vault& vault, std::string_view text) {
  return crypto::sign(vault.secret(tx, key_name), text);
}

std::optional<Anchor> add_anchor(db::Connection& connection, vault::Vault& vault,
                                 std::filesystem::path const& file) {
  bool is_new = true;
  auto const anchor = db::transact(connection, [&](db::Tx& tx) {
    // Milliseconds, as the text that is signed says them.
    auto const now = std::chrono::time_point_cast<std::chrono::milliseconds>(clock_source::now());
    auto head = tx.maybe<Anchor>(load_head, Time{now});
    if (!head) return head;
    auto last = tx.maybe<Anchor>(last_anchor);
    is_new = !last || last->last_id != head->last_id || last->last_hash != head->last_hash;
    if (!is_new) return last;
    head->signature = crypto::base64url(sign(tx, vault, signed_text(*head)));
    tx.exec(insert_anchor, head->at, head->rows, head->last_id, head->last_hash, head->signature);
    return head;
  });
  if (anchor && is_new) append_line(file, json::text(*anchor) + '\n');
  return anchor;
}

Report check(db::Connection& connection, vault::Vault* vault, std::filesystem::path const& file) {
  Report report{.at = clock_source::now()};
  auto const in_file = anchors_in(file);
  db::Tx tx{connection, db::Mode::autocommit};
  // Read before the chain: what is anchored meanwhile would only be missing in it.
  auto const kept = tx.all<Anchor>(list_anchors);
  auto const chain = verify(connection);
  report.rows = chain.rows;
  report.first_broken_id = chain.first_broken_id;
  if (chain.first_broken_id) report.finding = Finding::row_does_not_fit;
  if (report.finding != Finding::whole) return report;
  std::optional<std::string> key;
  if (vault) key = public_key(tx, *vault);
  compare_anchors(tx, kept, in_file, key, report);
  return report;
}

std::optional<Report> last_report(db::Tx& tx) { return tx.maybe<Report>(load_report); }

void keep(db::Tx& tx, Report const& report) {
  for (auto const* query : {&repeat_report, &insert_report})
    if (tx.exec(*query, report.at, report.finding, report.rows, report.anchors,
                report.first_broken_id, report.anchor_at) == 1)
      return;
}

}  // namespace audit
