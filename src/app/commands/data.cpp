// Commands that look into or change an installation's database, and the API's description.
#include <algorithm>
#include <cstdio>
#include <deque>
#include <thread>

#include "app/application.hpp"
#include "app/commands/commands.hpp"
#include "app/commands/demo.hpp"
#include "app/embedded.hpp"
#include "ledger/rebuild.hpp"
#include "platform/config/mistakes.hpp"
#include "platform/db/migrations.hpp"

namespace app::commands {

namespace {

void print(std::string const& text) { std::fputs(text.c_str(), stdout); }

struct Migrate {
  static constexpr auto name = "migrate";
  static constexpr auto help = "Bring the database's schema up to date";

  int run(config::Loaded const& loaded) {
    db::Connection connection{database_url(loaded.settings)};
    int const applied = db::migrate(connection);
    print("schema version " + std::to_string(db::schema_version(connection)) + ", " +
          std::to_string(applied) + " migrations applied\n");
    return 0;
  }
};

struct Demo {
  static constexpr auto name = "demo";
  static constexpr auto help = "Load a demo business: 500 customers, 24 months";
  bool purge = false;

  void flags(CLI::App& command) { command.add_flag("--purge\n", purge, "Remove it again"); }

  int run(config::Loaded loaded) {
    db::Connection connection{database_url(loaded.settings)};
    bool const changed = purge ? purge_demo(connection) : load_demo(connection);
    if (purge)
      print(changed ? "the demo business is removed\n" : "there is no demo business\n");
    else
      print(changed ? "500 customers over 24 months are loaded; remove them with --purge\n"
                    : "the demo business is there already\n");
    return 0;
  }
};

struct OpenApi {
  static constexpr auto name = "openapi";
  static constexpr auto help = "Print the API's description";

  int run(config::Loaded loaded) {
    if (loaded.settings.public_url.empty()) loaded.settings.public_url = "https://localhost:4443";
    // Declarations only: nothing of this connects or listens.
    process::Supervisor supervisor;
    Application application{loaded.settings, std::string(32, '0'), supervisor, nullptr};
    print(application.api().openapi() + "\n");
    return 0;
  }
};

struct ReplayEvents {
  static constexpr auto name = "replay";
  static constexpr auto help = "Work stored events off again";
  std::string event_id;
  bool dead = false;

  void flags(CLI::App& command) {
    command.add_option("id", event_id, "evt_…");
    command.add_flag("--dead", dead, "All that were given up");
  }

  int run(config::Loaded loaded) {
    if (event_id.empty() != dead)
      throw config::Mistake{"say which events: one id (evt_…), or --dead for all dead ones"};
    db::Connection connection{database_url(loaded.settings)};
    auto const count = db::transact(
        connection, [&](db::Tx& tx) { return billing::replay(tx, dead ? "" : event_id); });
    print(std::to_string(count) + " events will be worked off again\n");
    return count > 0 || dead ? 0 : 1;
  }
};

struct RebuildLedger {
  static constexpr auto name = "rebuild";
  static constexpr auto help = "Make the books again from what is stored, and say what differs";

  int run(config::Loaded loaded) {
    auto const url = database_url(loaded.settings);
    auto const patience = db::Patience::long_work();
    db::Connection connection{url, "onboarding ledger", patience};
    // PostgreSQL works beside each of them; more than a few would leave others no connections.
    auto const more = std::clamp(std::thread::hardware_concurrency(), 2U, 8U) - 1;
    std::deque<db::Connection> others;
    std::vector<db::Connection*> helpers;
    for (unsigned i = 0; i < more; ++i)
      helpers.push_back(&others.emplace_back(url, "onboarding ledger", patience));
    std::int64_t differences = 0;
    auto const tell = [&](ledger::Difference const& difference) {
      ++differences;
      print(fmt::format("{} {} {} {}: {:+}\n", customers::CustomerId{difference.customer_id}.text(),
                        difference.day, difference.what, difference.currency, difference.amount));
    };
    auto const rebuilt = ledger::rebuild(connection, tell, helpers);
    db::transact(connection, [](db::Tx& tx) { billing::follow_mrr(tx, clock_source::earliest); });
    print(fmt::format("{} customers, {} snapshots that were missing, {} differences\n",
                      rebuilt.customers, rebuilt.snapshots, differences));
    return 0;
  }
};
}  // namespace

std::string database_url(config::Settings const& settings) {
  if (!settings.database_url.empty()) return settings.database_url;
  auto const data = data_directory(settings);
  process::Supervisor supervisor;
  postgres::Cluster const cluster{{.data_dir = data, .run_as = settings.embedded_user}, supervisor};
  if (!cluster.answers())
    throw config::Mistake{"the private database in " + data + " is not running: start `" +
                          config::command_line("serve") +
                          "`, or set "
                          "ONBOARDING_DATABASE_URL"};
  return cluster.url();
}

void add_migrate(CommandLine& line) { line.add<Migrate>(); }

void add_demo(CommandLine& line) { line.add<Demo>(); }

void add_openapi(CommandLine& line) { line.add<OpenApi>(); }

void add_events(CommandLine& line) {
  line.add<ReplayEvents>(line.group("events", "Stripe's events"));
}

void add_ledger(CommandLine& line) { line.add<RebuildLedger>(line.group("ledger", "The books")); }

}  // namespace app::commands
