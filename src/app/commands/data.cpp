// Commands that look into or change an installation's database, and those about its settings.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "app/application.hpp"
#include "app/commands/commands.hpp"
#include "app/commands/demo.hpp"
#include "app/embedded.hpp"
#include "audit/audit.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/db/migrations.hpp"

namespace app::commands {

namespace {

void print(std::string const& text) { std::fputs(text.c_str(), stdout); }

/// From standard input when that is not a terminal, else a new one that is shown once.
std::pair<std::string, bool> password_from_input() {
  if (::isatty(STDIN_FILENO)) return {crypto::random_token(12), true};
  std::string line;
  std::getline(std::cin, line);
  if (line.empty()) return {crypto::random_token(12), true};
  return {line, false};
}

}  // namespace

std::string database_url(config::Settings const& settings) {
  if (!settings.database_url.empty()) return settings.database_url;
  auto const data = data_directory(settings);
  process::Supervisor supervisor;
  postgres::Cluster const cluster{{.data_dir = data, .run_as = settings.embedded_user}, supervisor};
  if (!cluster.answers())
    throw config::Mistake{"the private database in " + data +
                          " is not running: start `onboarding serve`, or set "
                          "ONBOARDING_DATABASE_URL"};
  return cluster.url();
}

int migrate(config::Loaded const& loaded) {
  db::Connection connection{database_url(loaded.settings)};
  int const applied = db::migrate(connection);
  print("schema version " + std::to_string(db::schema_version(connection)) + ", " +
        std::to_string(applied) + " migrations applied\n");
  return 0;
}

int show_config(config::Loaded const& loaded, bool with_origin, bool as_json) {
  print(config::show(loaded, with_origin, as_json));
  return 0;
}

int check_config(config::Loaded const& loaded) {
  print("the settings are valid" + (loaded.file.empty() ? "" : " (" + loaded.file + ")") + "\n");
  return 0;
}

int openapi(config::Loaded loaded) {
  if (loaded.settings.public_url.empty()) loaded.settings.public_url = "https://localhost:4443";
  // Declarations only: nothing of this connects or listens.
  process::Supervisor supervisor;
  Application application{loaded.settings, std::string(32, '0'), supervisor, nullptr};
  print(application.api().openapi() + "\n");
  return 0;
}

int replay_events(config::Loaded loaded, std::string const& event_id, bool dead) {
  if (event_id.empty() != dead)
    throw config::Mistake{"say which events: one id (evt_…), or --dead for all dead ones"};
  db::Connection connection{database_url(loaded.settings)};
  auto const count = db::transact(
      connection, [&](db::Tx& tx) { return billing::replay(tx, dead ? "" : event_id); });
  print(std::to_string(count) + " events will be worked off again\n");
  return count > 0 || dead ? 0 : 1;
}

int demo(config::Loaded loaded, bool purge) {
  db::Connection connection{database_url(loaded.settings)};
  bool const changed = purge ? purge_demo(connection) : load_demo(connection);
  if (purge)
    print(changed ? "the demo business is removed\n" : "there is no demo business\n");
  else
    print(changed ? "500 customers over 24 months are loaded; remove them with --purge\n"
                  : "the demo business is there already\n");
  return 0;
}

int verify_audit(config::Loaded loaded, bool as_json) {
  db::Connection connection{database_url(loaded.settings)};
  auto const found = audit::verify(connection);
  if (as_json)
    print(json::text(found) + "\n");
  else if (found.first_broken_id)
    print("the audit trail was changed: row " + std::to_string(*found.first_broken_id) +
          " does not fit the chain\n");
  else
    print("the audit trail is whole: " + std::to_string(found.rows) + " rows\n");
  return found.first_broken_id ? 1 : 0;
}

int create_admin(config::Loaded loaded, AdminArguments const& arguments) {
  auto const role = enum_from<identity::Role>(arguments.role);
  if (!role)
    throw config::Mistake{"--role is \"" + arguments.role + "\", it must be " +
                          json::one_of<identity::Role>()};
  auto const [password, is_new] = password_from_input();
  db::Connection connection{database_url(loaded.settings)};
  db::transact(connection, [&, &secret = password](db::Tx& tx) {
    auto const id = identity::create_staff(
        tx, {arguments.email, arguments.name.empty() ? arguments.email : arguments.name, secret,
             *role});
    audit::write_by_system(tx, "command line", "staff.created", id.text());
  });
  print(arguments.email + " may log in" + (is_new ? " with the password " + password : "") + "\n");
  return 0;
}

int reset_password(config::Loaded loaded, std::string const& email) {
  auto const [password, is_new] = password_from_input();
  db::Connection connection{database_url(loaded.settings)};
  bool const found = db::transact(connection, [&, &secret = password](db::Tx& tx) {
    if (!identity::reset_password(tx, email, secret)) return false;
    audit::write_by_system(tx, "command line", "staff.password_reset", email);
    return true;
  });
  if (!found) throw config::Mistake{"nobody has the e-mail " + email};
  print("the password of " + email + " is changed" + (is_new ? ": " + password : std::string{}) +
        "\n");
  return 0;
}

}  // namespace app::commands
