// `onboarding keys`: which keys there are, and new ones in their place.
#include <cstdio>

#include "app/commands/commands.hpp"
#include "app/embedded.hpp"
#include "audit/audit.hpp"
#include "identity/keys/rotation.hpp"
#include "platform/config/mistakes.hpp"

namespace app::commands {

namespace {

/// The vault of an installation, checked: a wrong master key is refused before anything is written.
struct Opened {
  explicit Opened(config::Loaded& loaded)
      : connection{database_url(loaded.settings), "onboarding keys"} {
    loaded.settings.data_dir = data_directory(loaded.settings);
    auto key = vault::MasterKey::of(loaded.settings);
    db::Tx tx{connection, db::Mode::autocommit};
    if (key.is_new())
      throw config::Mistake{"the key " + key.origin() + " is missing: start `" +
                            config::command_line("serve") +
                            "` once, or say with --data-dir "
                            "where the installation lies"};
    vault.emplace(std::move(key));
    vault->check(tx);
  }
  identity::keys::Report report() {
    db::Tx tx{connection, db::Mode::autocommit};
    return identity::keys::report(tx, *vault);
  }
  db::Connection connection;
  std::optional<vault::Vault> vault;
};

void print(std::string const& text) { std::fputs(text.c_str(), stdout); }

std::string sentences(identity::keys::Report const& report) {
  std::string out;
  for (auto const& key : report.signing_keys)
    out += fmt::format("signing key  {}  made {}  {}\n", key.kid,
                       clock_source::rfc3339(key.created_at),
                       !key.retires_at ? "signs"
                       : *key.retires_at > clock_source::now()
                           ? "believed until " + clock_source::rfc3339(*key.retires_at)
                           : "retired");
  for (auto const& key : report.data_keys)
    out += fmt::format("data key     {}  made {}  seals {} values\n", key.id,
                       clock_source::rfc3339(key.created_at), key.values);
  return out + "master key   " + report.master_key + "\n";
}

struct Rotation {
  std::string part, done;
};
struct Rotations {
  bool dry_run;
  std::vector<Rotation> rotations;
};

Rotation rotate_signing(Opened& opened, bool dry_run) {
  if (!dry_run)
    db::transact(opened.connection, [&](db::Tx& tx) {
      identity::keys::rotate_signing_key(tx, *opened.vault);
      audit::write_by_system(tx, actor, "keys.rotated", "signing");
    });
  return {"signing", "a new key signs; tokens of the old one are believed for 17 minutes more"};
}

Rotation rotate_data(Opened& opened, bool dry_run) {
  std::int64_t values = 0;
  for (auto const& key : opened.report().data_keys) values += key.values;
  if (!dry_run)
    db::transact(opened.connection, [&](db::Tx& tx) {
      auto const id = identity::keys::rotate_data_key(tx, *opened.vault);
      audit::write_by_system(tx, actor, "keys.rotated", "data " + std::to_string(id));
    });
  return {"data", "a new key seals; the running program seals " + std::to_string(values) +
                      " values again (see `" + config::command_line("keys status") + "`)"};
}

Rotation rotate_master(Opened& opened, std::string const& target, bool dry_run) {
  auto const& present = opened.vault->master_key();
  if (!present.is_replaceable() && target.empty())
    throw config::Mistake{"the master key comes from " + present.origin() +
                          ", which this command cannot replace: say with --to FILE where the new "
                          "one is to be written"};
  if (!dry_run) {
    opened.vault->rotate_master_key(opened.connection, target);
    db::transact(opened.connection,
                 [&](db::Tx& tx) { audit::write_by_system(tx, actor, "keys.rotated", "master"); });
  }
  auto const keys =
      std::to_string(opened.report().data_keys.size()) + " data keys are sealed anew; ";
  return {"master", keys + (target.empty()
                                ? "copy " + present.origin() + " to the other nodes and the backups"
                                : "the new key is in " + target + ": put it in the place of " +
                                      present.origin() + " before the next start")};
}

struct ShowKeys {
  static constexpr auto name = "status";
  static constexpr auto help = "Say which keys there are and what they hold";
  bool as_json = false;

  void flags(CLI::App& command) { command.add_flag("--json", as_json, "As JSON"); }

  int run(config::Loaded loaded) {
    Opened opened{loaded};
    auto const report = opened.report();
    print(as_json ? json::text(report) + "\n" : sentences(report));
    return 0;
  }
};

struct RotateKeys {
  static constexpr auto name = "rotate";
  static constexpr auto help =
      "Replace keys while everything runs; nobody is logged out, nothing becomes unreadable.\n\n"
      "Examples:\n"
      "  onboarding keys rotate                    # all of them\n"
      "  onboarding keys rotate signing            # new access tokens get a new key\n"
      "  onboarding keys rotate data --dry-run     # how many values would be sealed again\n"
      "  onboarding keys rotate master             # replaces secrets/master_key\n"
      "  onboarding keys rotate master --to FILE   # when the key comes from a setting or "
      "credential";
  std::string chosen = "all";  // signing, data, master, all
  std::string target;          // file for a new master key that does not replace a file of ours
  bool dry_run = false, as_json = false;

  void flags(CLI::App& command) {
    command.add_option("part", chosen, "signing, data, master or all")
        ->check(CLI::IsMember({"signing", "data", "master", "all"}));
    command.add_option("--to", target, "Write the new master key here");
    command.add_flag("--dry-run", dry_run, "Only say what would be done");
    command.add_flag("--json", as_json, "As JSON");
  }

  int run(config::Loaded loaded) {
    Opened opened{loaded};
    auto const wants = [&](std::string_view part) { return chosen == part || chosen == "all"; };
    if (chosen == "all" && !opened.vault->master_key().is_replaceable())
      throw config::Mistake{
          "the master key comes from " + opened.vault->master_key().origin() +
          ": rotate signing, data and master one by one, and restart the nodes with "
          "the new master key before data is rotated again"};
    Rotations out{dry_run, {}};
    // First what may be refused; and a new data key is then made under the new master key.
    if (wants("master")) out.rotations.push_back(rotate_master(opened, target, dry_run));
    if (wants("data")) out.rotations.push_back(rotate_data(opened, dry_run));
    if (wants("signing")) out.rotations.push_back(rotate_signing(opened, dry_run));
    if (as_json) {
      print(json::text(out) + "\n");
      return 0;
    }
    for (auto const& rotation : out.rotations)
      print((dry_run ? "would rotate " : "rotated ") + rotation.part + ": " + rotation.done + "\n");
    return 0;
  }
};
}  // namespace

void add_keys(CommandLine& line) {
  auto& keys = line.group("keys", "The keys that sign and seal");
  line.add<ShowKeys>(keys);
  line.add<RotateKeys>(keys);
}

}  // namespace app::commands
