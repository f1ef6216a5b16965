// `onboarding incident`: what an owner can do on the machine itself, also when nobody can log in
// any more.
#include <arpa/inet.h>
#include <unistd.h>
#include <utmpx.h>

#include <cstdio>
#include <cstdlib>

#include "app/commands/commands.hpp"
#include "app/embedded.hpp"
#include "audit/audit.hpp"
#include "identity/api_keys/api_keys.hpp"
#include "identity/directory.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/config/mistakes.hpp"
#include "platform/http/network.hpp"
#include "security/incidents.hpp"

namespace app::commands {

namespace {

void print(std::string const& text) { std::fputs(text.c_str(), stdout); }

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
}  // namespace

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

}  // namespace app::commands
