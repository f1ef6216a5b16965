// Commands that look into or change an installation's database, and those about its settings.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "app/application.hpp"
#include "app/checks.hpp"
#include "app/commands/commands.hpp"
#include "app/commands/demo.hpp"
#include "app/embedded.hpp"
#include "audit/audit.hpp"
#include "platform/config/mistakes.hpp"
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

/// What `serve` would make of empty settings, as far as it can be had without starting anything.
void complete_for_looking(config::Settings& settings) {
  if (settings.public_url.empty())
    settings.public_url = "https://localhost:" + std::to_string(settings.http_port);
  while (settings.public_url.ends_with('/')) settings.public_url.pop_back();
  while (settings.stripe_api_base.ends_with('/')) settings.stripe_api_base.pop_back();
  try {
    settings.database_url = database_url(settings);
  } catch (config::Mistake const& mistake) {
    print("skipped database (database_url): " + std::string{mistake.what()} + "\n");
  }
  if (!settings.stripe_api_base.empty()) return;
  settings.stripe_api_base = "http://localhost:" + std::to_string(settings.sandbox_port);
  auto const key = std::filesystem::path{settings.data_dir} / "secrets/sandbox_secret_key";
  if (settings.stripe_secret_key.empty())
    settings.stripe_secret_key = files::read(key).value_or("");
}

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

int check_config(config::Loaded loaded, bool connect) {
  require_usable(loaded);
  print("the settings are valid" + (loaded.file.empty() ? "" : " (" + loaded.file + ")") + "\n");
  if (!connect) return 0;
  auto& settings = loaded.settings;
  settings.data_dir = data_directory(settings);
  complete_for_looking(settings);
  process::Supervisor supervisor;
  Application application{settings, std::string(32, '0'), supervisor, nullptr};
  readiness::Watch watch;
  add_checks(watch, {settings, application.world().driver, application.backups(), true, true});
  int status = 0;
  for (auto const& result : watch.try_all()) {
    bool const failed = result.status == readiness::Status::failed;
    if (failed) status = 1;
    print((failed ? "failed  " : "ok      ") + result.name + " (" + result.setting + ")" +
          (failed ? ": " + *result.detail + ". " + *result.advice : "") + "\n");
  }
  return status;
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

int create_admin(config::Loaded loaded, AdminArguments const& arguments) {
  auto const [password, is_new] = password_from_input();
  db::Connection connection{database_url(loaded.settings)};
  db::transact(connection, [&, &secret = password](db::Tx& tx) {
    auto const id = identity::create_staff(
        tx, {arguments.email, arguments.name.empty() ? arguments.email : arguments.name, secret,
             arguments.role});
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

int reset_second_factors(config::Loaded loaded, std::string const& email) {
  auto& settings = loaded.settings;
  if (settings.public_url.empty())
    settings.public_url = "https://localhost:" + std::to_string(settings.http_port);
  db::Connection connection{database_url(settings)};
  bool const found = db::transact(connection, [&](db::Tx& tx) {
    if (!identity::reset_second_factors(tx, settings, email)) return false;
    audit::write_by_system(tx, "command line", "staff.second_factors_reset", email);
    return true;
  });
  if (!found) throw config::Mistake{"nobody has the e-mail " + email};
  print(email + " has no second factor any more and may log in with the password alone\n");
  return 0;
}

}  // namespace app::commands
