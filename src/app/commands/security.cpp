// `onboarding audit`, `incident` and `evidence`: what an owner can do on the machine itself, also
// when nobody can log in any more.
#include <arpa/inet.h>
#include <unistd.h>
#include <utmpx.h>

#include <cstdio>
#include <cstdlib>

#include "app/application.hpp"
#include "app/commands/commands.hpp"
#include "app/embedded.hpp"
#include "audit/anchors.hpp"
#include "identity/api_keys/api_keys.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/config/mistakes.hpp"
#include "security/evidence.hpp"
#include "security/incidents.hpp"

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

/// Needs a person's reason; the command line knows no person.
std::string require_reason(std::string const& reason) {
  if (reason.size() < 3)
    throw config::Mistake{"say why with --reason; it goes into the audit trail"};
  return reason;
}

/// Where whoever types this comes from, as far as it can be told: by SSH's variables, or, when sudo
/// has dropped them, by who is logged in on this terminal.
std::vector<std::string> own_addresses() {
  std::vector<std::string> out;
  for (auto const* name : {"SSH_CONNECTION", "SSH_CLIENT"})
    if (auto const* value = std::getenv(name)) {
      std::string_view const text{value};
      out.emplace_back(text.substr(0, text.find(' ')));
    }
  if (auto const* const terminal = ::ttyname(STDIN_FILENO)) {
    utmpx wanted{};
    std::string_view line{terminal};
    if (line.starts_with("/dev/")) line.remove_prefix(5);
    line.copy(wanted.ut_line, sizeof wanted.ut_line - 1);
    ::setutxent();
    if (auto const* const entry = ::getutxline(&wanted)) {
      auto const* const words = entry->ut_addr_v6;
      bool const is_v4 = words[1] == 0 && words[2] == 0 && words[3] == 0;
      char text[INET6_ADDRSTRLEN] = "";
      if (words[0] != 0 && inet_ntop(is_v4 ? AF_INET : AF_INET6, words, text, sizeof text))
        out.emplace_back(text);
    }
    ::endutxent();
  }
  return out;
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

struct IncidentStatus {
  static constexpr auto name = "status";
  static constexpr auto help = "Say whether read-only mode is on";
  bool as_json = false;

  void flags(CLI::App& command) { command.add_flag("--json", as_json, "As JSON"); }

  int run(config::Loaded loaded) {
    db::Connection connection{database_url(loaded.settings)};
    db::Tx tx{connection, db::Mode::autocommit};
    auto const state = security::read_only_switch(tx);
    if (as_json)
      print(json::text(state) + "\n");
    else if (state.on_since)
      print("read-only since " + clock_source::rfc3339(*state.on_since) + ": " +
            state.reason.value_or("") + "\n");
    else
      print("read-only mode is off\n");
    return 0;
  }
};

struct ReadOnly {
  static constexpr auto name = "read-only";
  static constexpr auto help =
      "Refuse writes but for log-ins and Stripe's events, or take them again";
  std::string position, reason;

  void flags(CLI::App& command) {
    command.add_option("position", position)->required()->check(CLI::IsMember({"on", "off"}));
    command.add_option("--reason", reason, "Why; goes into the audit trail");
  }

  int run(config::Loaded loaded) {
    bool const on = position == "on";
    db::Connection connection{database_url(loaded.settings)};
    db::transact(connection, [&](db::Tx& tx) {
      security::set_read_only(tx, on, require_reason(reason), {});
      identity::announce_change(tx);
      audit::write_by_system(tx, actor, "incident.read_only_changed", "read_only",
                             {on ? R"({"on":true})" : R"({"on":false})"}, reason);
    });
    print(on ? "read-only mode is on: writes are refused until `" +
                   config::command_line("incident read-only off") + "`\n"
             : "read-only mode is off\n");
    return 0;
  }
};

struct RevokeEverything {
  static constexpr auto name = "revoke-everything";
  static constexpr auto help = "End every session; everybody logs in again";
  bool keys_too = false;
  std::string reason;

  void flags(CLI::App& command) {
    command.add_flag("--api-keys", keys_too, "Revoke every API key as well");
    command.add_option("--reason", reason, "Why; goes into the audit trail");
  }

  int run(config::Loaded loaded) {
    db::Connection connection{database_url(loaded.settings)};
    std::int64_t sessions = 0, keys = 0;
    db::transact(connection, [&](db::Tx& tx) {
      require_reason(reason);
      sessions = identity::sessions::end_all(tx, "everything_revoked");
      keys = keys_too ? identity::api_keys::revoke_all(tx, actor) : 0;
      identity::announce_change(tx);
      audit::write_by_system(tx, actor, "incident.everything_revoked", "installation",
                             {R"({"sessions":)" + std::to_string(sessions) + R"(,"api_keys":)" +
                              std::to_string(keys) + "}"},
                             reason);
    });
    print(std::to_string(sessions) + " sessions were ended, " + std::to_string(keys) +
          " API keys revoked\n");
    return 0;
  }
};

struct BlockAddress {
  static constexpr auto name = "block-address";
  static constexpr auto help = "Keep an address or a block out";
  std::string address, reason;
  std::int64_t hours = 24;

  void flags(CLI::App& command) {
    command.add_option("address", address, "203.0.113.9 or 2001:db8::/32")->required();
    command.add_option("--hours", hours, "How long")->check(CLI::Range(1, 8760));
    command.add_option("--reason", reason, "Why; goes into the audit trail");
  }

  int run(config::Loaded loaded) {
    if (!http::Network::parse(address))
      throw config::Mistake{"\"" + address +
                            "\" is neither an address nor a block such as 203.0.113.0/24"};
    db::Connection connection{database_url(loaded.settings)};
    auto const until = clock_source::now() + std::chrono::hours{hours};
    std::vector<std::string> shut_out;
    try {
      db::transact(connection, [&](db::Tx& tx) {
        security::refuse_to_shut_out(tx, address, own_addresses());
        shut_out = security::people_within(tx, address);
        security::block(
            tx, {.address = address, .reason = require_reason(reason), .expires_at = until});
        identity::announce_change(tx);
        audit::write_by_system(tx, actor, "address.blocked", address, {}, reason);
      });
    } catch (Problem const& problem) {
      throw config::Mistake{address + " was not blocked. " + std::string{problem.type.title} +
                            (problem.detail.empty() ? "" : ": " + problem.detail)};
    }
    print(address + " is kept out until " + clock_source::rfc3339(until) + "\n");
    for (auto const& email : shut_out)
      print("logged in from there, and shut out now: " + email + "\n");
    print("undo it with `" + config::command_line("incident unblock-address ") + address + "`\n");
    return 0;
  }
};

struct BlockedAddresses {
  static constexpr auto name = "blocked-addresses";
  static constexpr auto help = "List the addresses that are kept out";
  bool as_json = false;

  void flags(CLI::App& command) { command.add_flag("--json", as_json, "As JSON"); }

  int run(config::Loaded loaded) {
    db::Connection connection{database_url(loaded.settings)};
    db::Tx tx{connection, db::Mode::autocommit};
    auto const blocks = security::blocks(tx);
    if (as_json) {
      print(json::text(blocks) + "\n");
      return 0;
    }
    for (auto const& block : blocks)
      print(block.address + " until " + clock_source::rfc3339(block.expires_at) + ", by " +
            block.blocked_by.value_or(std::string{actor}) + ": " + block.reason + "\n");
    if (blocks.empty()) print("no address is blocked\n");
    return 0;
  }
};

struct UnblockAddress {
  static constexpr auto name = "unblock-address";
  static constexpr auto help = "Let an address in again";
  std::string address, reason;

  void flags(CLI::App& command) {
    command.add_option("address", address, "As it was blocked")->required();
    command.add_option("--reason", reason, "Why; goes into the audit trail");
  }

  int run(config::Loaded loaded) {
    db::Connection connection{database_url(loaded.settings)};
    auto const removed = db::transact(connection, [&](db::Tx& tx) {
      auto const found = security::unblock(tx, address);
      if (!found) return found;
      identity::announce_change(tx);
      audit::write_by_system(tx, actor, "address.unblocked", *found, {}, reason);
      return found;
    });
    if (!removed)
      throw config::Mistake{"\"" + address + "\" is not blocked; `" +
                            config::command_line("incident blocked-addresses") + "` lists what is"};
    print(*removed + " is let in again\n");
    return 0;
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

void add_incident(CommandLine& line) {
  auto& incident = line.group(
      "incident",
      "Switches for an incident; docs/incidents.md says when to use which.\n\n"
      "Examples:\n"
      "  onboarding incident read-only on --reason 'looking into a stolen laptop'\n"
      "  onboarding incident revoke-everything --api-keys --reason 'token leak'\n"
      "  onboarding incident block-address 203.0.113.0/24 --hours 48 --reason 'password lists'\n"
      "  onboarding incident unblock-address 203.0.113.0/24");
  line.add<IncidentStatus>(incident);
  line.add<ReadOnly>(incident);
  line.add<RevokeEverything>(incident);
  line.add<BlockAddress>(incident);
  line.add<BlockedAddresses>(incident);
  line.add<UnblockAddress>(incident);
}

void add_evidence(CommandLine& line) { line.add<VerifyEvidence>(line.add<WriteEvidence>()); }

}  // namespace app::commands
