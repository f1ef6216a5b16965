#pragma once
// What an auditor asks for, of one period, as a signed archive: who had access, who changed that,
// what was done, what happened, with which version. Checked without the installation.
#include <filesystem>

#include "platform/http/endpoint.hpp"
#include "platform/vault/vault.hpp"

namespace security {

struct Period {
  Time from{}, to{};  // `to` is excluded
};
/// "2026-Q4", "2026-11", "2026" or "2026-11-01..2026-11-15" (the last day included); none when it
/// is nothing of that.
[[nodiscard]] std::optional<Period> read_period(std::string_view text);

struct EvidenceFile {
  std::string name, sha256;
  std::int64_t bytes;
};
struct Manifest {
  std::int64_t format;
  std::string installation, version;
  Time from, to, made_at;
  std::string public_key;           // ed25519, base64url
  std::vector<std::string> absent;  // what this installation has no records of
  std::vector<EvidenceFile> files;
  static constexpr auto fields() {
    using M = Manifest;
    return ::fields(field("format", &M::format), field("installation", &M::installation),
                    field("version", &M::version), field("from", &M::from), field("to", &M::to),
                    field("made_at", &M::made_at), field("public_key", &M::public_key),
                    field("absent", &M::absent), field("files", &M::files));
  }
};

/// Writes the archive (.tar.gz). Throws std::runtime_error with what to do.
Manifest write_evidence(db::Connection& connection, vault::Vault& vault,
                        config::Settings const& settings, http::Scopes const& all_scopes,
                        Period const& period, std::filesystem::path const& archive);

/// Reads an archive and checks every digest and the signature. Throws std::runtime_error that says
/// what is wrong with it. Whose key it is must be compared by whoever trusts it.
[[nodiscard]] Manifest check_evidence(std::filesystem::path const& archive);

}  // namespace security
