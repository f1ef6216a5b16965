#pragma once
// Anchors: now and then the head of the audit chain is signed and written down, in a table that the
// application can only add to and in a file of the data directory. A chain that was cut off or
// computed anew as a whole fits in itself, but not to them.
#include <filesystem>

#include "audit/audit.hpp"
#include "platform/vault/vault.hpp"

namespace audit {

struct Anchor {
  Time at;
  std::int64_t rows, last_id;
  std::string last_hash, signature;  // ed25519 over all of it, base64url
  static constexpr auto fields() {
    return ::fields(field("at", &Anchor::at), field("rows", &Anchor::rows),
                    field("last_id", &Anchor::last_id), field("last_hash", &Anchor::last_hash),
                    field("signature", &Anchor::signature));
  }
};

/// Where the file lies.
[[nodiscard]] std::filesystem::path anchor_file(std::string const& data_dir);

/// Signs the present head and writes it down twice; nothing when the trail is empty.
std::optional<Anchor> add_anchor(db::Connection& connection, vault::Vault& vault,
                                 std::filesystem::path const& file);

/// The key that anchors and evidence are checked with; 32 bytes.
[[nodiscard]] std::string public_key(db::Tx& tx, vault::Vault& vault);
/// A signature of our own over any text.
[[nodiscard]] std::string sign(db::Tx& tx, vault::Vault& vault, std::string_view text);

/// What a look at the whole trail found.
enum class Finding {
  whole,
  row_does_not_fit,     // altered, removed or put in: first_broken_id
  anchor_does_not_fit,  // the chain was cut off or computed anew: anchor_at
  anchor_is_forged,     // its signature is wrong: anchor_at
  anchor_is_missing,    // the file knows one that the table has lost: anchor_at
};
constexpr auto names_of(Finding) {
  return std::array<std::string_view, 5>{"whole", "row_does_not_fit", "anchor_does_not_fit",
                                         "anchor_is_forged", "anchor_is_missing"};
}
struct Report {
  Time at;
  Finding finding = Finding::whole;
  std::int64_t rows = 0, anchors = 0;
  std::optional<std::int64_t> first_broken_id;
  std::optional<Time> anchor_at;
  static constexpr auto fields() {
    return ::fields(
        field("at", &Report::at, {.doc = "When the trail was last checked as a whole"}),
        field("finding", &Report::finding),
        field("rows", &Report::rows, {.doc = "Rows that were recomputed"}),
        field("anchors", &Report::anchors, {.doc = "Anchors that were compared"}),
        field("first_broken_id", &Report::first_broken_id,
              {.doc = "The first row that does not fit the chain"}),
        field("anchor_at", &Report::anchor_at, {.doc = "The first anchor that does not fit"}));
  }
};

/// Recomputes the chain and compares every anchor of table and file. Without a vault (the master
/// key is not at hand) signatures are not checked.
[[nodiscard]] Report check(db::Connection& connection, vault::Vault* vault,
                           std::filesystem::path const& file);

/// The result of the last scheduled check, and how it is kept.
[[nodiscard]] std::optional<Report> last_report(db::Tx& tx);
void keep(db::Tx& tx, Report const& report);
/// Forgets the results of checks before `oldest`.
void forget_reports(db::Tx& tx, Time oldest);

}  // namespace audit
