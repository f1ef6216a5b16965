// `onboarding admin`: people who may log in.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "app/commands/commands.hpp"
#include "audit/audit.hpp"
#include "identity/factors/second_factors.hpp"
#include "identity/people/accounts.hpp"
#include "platform/crypto/crypto.hpp"

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

struct CreateAdmin {
  static constexpr auto name = "create";
  static constexpr auto help = "Add a person; the password comes on standard input";
  std::string email, full_name, role = "owner";

  void flags(CLI::App& command) {
    command.add_option("e-mail", email)->required();
    command.add_option("--name", full_name);
    command.add_option("--role", role, "owner, admin, support, finance or auditor");
  }

  int run(config::Loaded loaded) {
    auto const [password, is_new] = password_from_input();
    db::Connection connection{database_url(loaded.settings)};
    db::transact(connection, [&, &secret = password](db::Tx& tx) {
      auto const id = identity::people::create_staff(
          tx, {email, full_name.empty() ? email : full_name, secret, role});
      audit::write_by_system(tx, actor, "staff.created", id.text());
    });
    print(email + " may log in" + (is_new ? " with the password " + password : "") + "\n");
    return 0;
  }
};

struct ResetPassword {
  static constexpr auto name = "reset-password";
  static constexpr auto help = "Set a password (standard input, or a new one) and end all sessions";
  std::string email;

  void flags(CLI::App& command) { command.add_option("e-mail", email)->required(); }

  int run(config::Loaded loaded) {
    auto const [password, is_new] = password_from_input();
    db::Connection connection{database_url(loaded.settings)};
    bool const found = db::transact(connection, [&, &secret = password](db::Tx& tx) {
      if (!identity::people::reset_password(tx, email, secret)) return false;
      audit::write_by_system(tx, actor, "staff.password_reset", email);
      return true;
    });
    if (!found) throw config::Mistake{"nobody has the e-mail " + email};
    print("the password of " + email + " is changed" + (is_new ? ": " + password : std::string{}) +
          "\n");
    return 0;
  }
};

struct ResetSecondFactors {
  static constexpr auto name = "reset-2fa";
  static constexpr auto help =
      "Remove all second factors of somebody who lost theirs, and end all sessions";
  std::string email;

  void flags(CLI::App& command) { command.add_option("e-mail", email)->required(); }

  int run(config::Loaded loaded) {
    auto& settings = loaded.settings;
    if (settings.public_url.empty())
      settings.public_url = "https://localhost:" + std::to_string(settings.http_port);
    db::Connection connection{database_url(settings)};
    bool const found = db::transact(connection, [&](db::Tx& tx) {
      if (!identity::factors::reset_second_factors(tx, settings, email)) return false;
      audit::write_by_system(tx, actor, "staff.second_factors_reset", email);
      return true;
    });
    if (!found) throw config::Mistake{"nobody has the e-mail " + email};
    print(email + " has no second factor any more and may log in with the password alone\n");
    return 0;
  }
};
}  // namespace

void add_admin(CommandLine& line) {
  auto& admin = line.group("admin", "People who may log in");
  line.add<CreateAdmin>(admin);
  line.add<ResetPassword>(admin);
  line.add<ResetSecondFactors>(admin);
}

}  // namespace app::commands
