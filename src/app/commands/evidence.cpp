// `onboarding audit` and `evidence`: whether the trail is whole, and what an auditor asks for.
#include <cstdio>

#include "app/application.hpp"
#include "app/commands/commands.hpp"
#include "app/embedded.hpp"
#include "audit/anchors.hpp"
#include "platform/config/mistakes.hpp"
#include "security/evidence.hpp"

namespace app::commands {

namespace {

void print(std::string const& text) { std::fputs(text.c_str(), stdout); }

std::string sentence(audit::Report const& report) {
  using audit::Finding;
  auto const at = report.anchor_at ? clock_source::rfc3339(*report.anchor_at) : std::string{};
  switch (report.finding) {
    case Finding::whole:
      return "the audit trail is whole: " + std::to_string(report.rows) + " rows, " +
             std::to_string(report.anchors) + " anchors";
    case Finding::row_does_not_fit:
      return "the audit trail was changed: row " +
             std::to_string(report.first_broken_id.value_or(0)) + " does not fit the chain";
    case Finding::anchor_does_not_fit:
      return "the audit trail was cut off or written anew: it does not fit the anchor of " + at;
    case Finding::anchor_is_forged:
      return "an anchor was changed: the signature of the one of " + at + " is wrong";
    case Finding::anchor_is_missing:
      return "an anchor was removed from the database: the file has one of " + at;
  }
  return {};
}

/// What endpoints declare; nothing of this connects or listens.
http::Scopes declared_scopes(config::Settings const& settings) {
  process::Supervisor supervisor;
  Application application{settings, vault::MasterKey{std::string(32, '0')}, supervisor, nullptr};
  return identity::declared_scopes(application.api());
}

struct VerifyAudit {
  static constexpr auto name = "verify";
  static constexpr auto help = "Find any change to the audit trail";
  bool as_json = false;

  void flags(CLI::App& command) { command.add_flag("--json", as_json, "As JSON"); }

  int run(config::Loaded loaded) {
    db::Connection connection{database_url(loaded.settings)};
    loaded.settings.data_dir = data_directory(loaded.settings);
    std::optional<vault::Vault> vault;
    if (auto key = vault::MasterKey::of(loaded.settings); !key.is_new())
      vault.emplace(std::move(key));
    auto const report = audit::check(connection, vault ? &*vault : nullptr,
                                     audit::anchor_file(loaded.settings.data_dir));
    if (as_json) {
      print(json::text(report) + "\n");
    } else {
      print(sentence(report) + "\n");
      if (!vault) print("the signatures of anchors were not checked: the master key is not here\n");
    }
    return report.finding == audit::Finding::whole ? 0 : 1;
  }
};

struct WriteEvidence {
  static constexpr auto name = "evidence";
  static constexpr auto help =
      "What an auditor asks for, as a signed archive.\n\n"
      "Examples:\n"
      "  onboarding evidence --period 2026-Q4 --output evidence-2026-Q4.tar.gz\n"
      "  onboarding evidence --period 2026-11-01..2026-11-15 --output november.tar.gz\n"
      "  onboarding evidence verify evidence-2026-Q4.tar.gz";
  std::string period, output;
  bool as_json = false;

  void flags(CLI::App& command) {
    command.require_subcommand(0, 1);
    command.add_option("--period", period, "2026-Q4, 2026-11, 2026 or FROM..TO (days)");
    command.add_option("--output", output, "The archive to write, .tar.gz");
    command.add_flag("--json", as_json, "The manifest as JSON");
  }

  int run(config::Loaded loaded) {
    if (period.empty() || output.empty())
      throw config::Mistake{"say --period and --output, or `evidence verify FILE`"};
    auto const range = security::read_period(period);
    if (!range)
      throw config::Mistake{
          "\"" + period + "\" is no period: say 2026-Q4, 2026-11, 2026 or 2026-11-01..2026-11-15"};
    db::Connection connection{database_url(loaded.settings)};
    loaded.settings.data_dir = data_directory(loaded.settings);
    if (loaded.settings.public_url.empty())
      loaded.settings.public_url = "https://localhost:" + std::to_string(loaded.settings.http_port);
    auto key = vault::MasterKey::of(loaded.settings);
    if (key.is_new())
      throw config::Mistake{"the master key (" + key.origin() +
                            ") is missing: say with --data-dir where the installation lies"};
    vault::Vault vault{std::move(key)};
    auto const manifest = security::write_evidence(
        connection, vault, loaded.settings, declared_scopes(loaded.settings), *range, output);
    db::transact(connection, [&](db::Tx& tx) {
      audit::write_by_system(tx, actor, "evidence.exported", period);
    });
    if (as_json)
      print(json::text(manifest) + "\n");
    else
      print(output + ": " + std::to_string(manifest.files.size()) + " files, signed with " +
            manifest.public_key + "\ncheck it with `" + config::command_line("evidence verify ") +
            output + "`\n");
    return 0;
  }
};

struct VerifyEvidence {
  static constexpr auto name = "verify";
  static constexpr auto help = "Check an archive; needs no installation";
  std::string archive, public_key;
  bool as_json = false;

  void flags(CLI::App& command) {
    command.add_option("file", archive)->required();
    command.add_option("--public-key", public_key, "It must be signed with this key");
    command.add_flag("--json", as_json, "The manifest as JSON");
  }

  int run() {
    auto const manifest = security::check_evidence(archive);
    if (!public_key.empty() && manifest.public_key != public_key)
      throw std::runtime_error{"it was signed with another key: " + manifest.public_key};
    if (as_json) {
      print(json::text(manifest) + "\n");
      return 0;
    }
    print("whole: " + std::to_string(manifest.files.size()) + " files of " + manifest.installation +
          ", " + clock_source::rfc3339(manifest.from) + " to " +
          clock_source::rfc3339(manifest.to) + "\nsigned with " + manifest.public_key +
          (public_key.empty() ? ": compare it with the one on the page /admin/settings/security\n"
                              : ", as expected\n"));
    return 0;
  }
};
}  // namespace

void add_audit(CommandLine& line) { line.add<VerifyAudit>(line.group("audit", "The audit trail")); }

void add_evidence(CommandLine& line) { line.add<VerifyEvidence>(line.add<WriteEvidence>()); }

}  // namespace app::commands
