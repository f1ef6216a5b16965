// `onboarding serve`: the whole system in one process and its children, until Ctrl-C.
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "app/commands/commands.hpp"
#include "app/commands/demo.hpp"
#include "app/commands/until_stopped.hpp"
#include "app/embedded.hpp"
#include "app/name_risks.hpp"
#include "app/sandbox_clock.hpp"
#include "identity/people/accounts.hpp"
#include "platform/config/mistakes.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/log/log.hpp"

namespace app::commands {

namespace {

enum class Jobs { run, leave };

struct Owner {
  std::string email, password;
  bool created = false;
};

/// The first owner, when there is none yet.
Owner ensure_owner(config::Settings const& settings) {
  db::Connection connection{settings.database_url, "onboarding start"};
  return db::transact(connection, [&](db::Tx& tx) -> Owner {
    if (identity::people::has_owner(tx)) return {};
    Owner owner{
        settings.owner_email.empty() ? "owner@localhost" : settings.owner_email,
        settings.owner_password.empty() ? crypto::random_token(12) : settings.owner_password, true};
    identity::people::create_staff(tx, {owner.email, "Owner", owner.password, "owner"});
    return owner;
  });
}

void print_box(Embedded const& embedded, Owner const& owner, bool password_was_given, Jobs jobs) {
  auto const& settings = embedded.settings();
  std::vector<std::pair<std::string, std::string>> lines{
      {"Sign up", settings.public_url + "/"},
      {"Console", settings.public_url + "/admin"},
      {"API", settings.public_url + "/docs"}};
  if (owner.created) {
    lines.emplace_back("E-mail", owner.email);
    lines.emplace_back("Password", password_was_given ? "(the one that you set)"
                                                      : owner.password + "   (shown only now)");
  } else {
    lines.emplace_back(
        "Log in", "as before; forgotten? " + config::command_line("admin reset-password E-MAIL"));
  }
  lines.emplace_back("Tenants", tenants::url_of(settings, "<name>"));
  if (embedded.has_sandbox())
    lines.emplace_back("Payments",
                       "Stripe sandbox, no real money: " + embedded.sandbox_url() + "/sandbox");
  if (settings.clock == config::Clock::sandbox)
    lines.emplace_back("Time", "moved by a test clock of the sandbox; it is now " +
                                   clock_source::rfc3339(clock_source::now()));
  if (jobs == Jobs::leave)
    lines.emplace_back("Jobs", "none here, and no tenants: other nodes work them off");
  lines.emplace_back("Data", settings.data_dir);
  lines.emplace_back("Certificate", embedded.certificate_authority().string());
  lines.emplace_back("Stop", "Ctrl-C; everything is still there the next time");

  std::size_t width = 0;
  for (auto const& [label, text] : lines) width = std::max(width, text.size());
  std::string const rule(width + 17, '-');
  std::string box = "\n+" + rule + "+\n";
  for (auto const& [label, text] : lines)
    box += fmt::format("|  {:<12} {:<{}}  |\n", label, text, width);
  box += "+" + rule + "+\n\n";
  std::fputs(box.c_str(), stdout);
  std::fflush(stdout);
}

struct Serve {
  static constexpr auto name = "serve";
  static constexpr auto help = "Run everything until Ctrl-C";
  bool with_demo = false, without_jobs = false;

  void flags(CLI::App& command) {
    command.add_flag("--demo", with_demo, "Also load the demo business");
    command.add_flag("--no-jobs", without_jobs,
                     "Answer requests only: jobs and tenants are left to other nodes");
  }

  int run(config::Loaded loaded) {
    auto const jobs = without_jobs ? Jobs::leave : Jobs::run;
    UntilStopped until_stopped;
    auto const& settings = loaded.settings;
    logging::configure(settings.log_format, settings.log_level);
    require_usable(loaded);
    begin_sandbox_clock(settings);
    Embedded embedded{loaded, [](std::string_view what) { logging::info("start", "{}", what); },
                      jobs == Jobs::run};
    Application application{settings, embedded.master_key(), embedded.supervisor(),
                            jobs == Jobs::run ? &embedded.front_door() : nullptr};
    application.require_master_key();
    if (jobs == Jobs::run) application.hold_tenants([] { ::kill(::getpid(), SIGTERM); });
    auto const owner = ensure_owner(settings);
    if (with_demo) {
      logging::info("start", "loading the demo business");
      db::Connection connection{settings.database_url, "onboarding demo"};
      load_demo(connection);
    }
    {
      db::Connection connection{settings.database_url, "onboarding start"};
      db::Tx tx{connection, db::Mode::autocommit};
      for (auto const& risk : name_risks(tx, settings)) logging::warning("start", "{}", risk);
    }
    logging::info("start", "starting the front door");
    if (jobs == Jobs::run) {
      db::Connection connection{settings.database_url, "onboarding start"};
      provisioning::start_up(application.world(), connection);
      application.domains().start_up(connection);
    }
    application.start({.listen = settings.http_listen,
                       .behind_proxy = settings.http_listen.starts_with('/'),
                       .front_door_key = embedded.front_door_key(),
                       .database_url = settings.database_url,
                       .standard_workers = int(settings.database_workers),
                       .unix_socket_mode = 0666},
                      jobs == Jobs::run ? Application::Jobs::run : Application::Jobs::leave);
    embedded.open_front_door();
    // The doors are open: whoever comes meanwhile reads that a tenant is starting.
    if (jobs == Jobs::run) {
      logging::info("start", "starting tenants");
      provisioning::start_tenants(application.world());
    }
    application.start_checks();
    print_box(embedded, owner, !settings.owner_password.empty(), jobs);

    auto const reason = until_stopped.wait([&] { embedded.look_after(); });
    logging::info("start", "stopping: requests under way are finished first");
    bool const all_ended = application.stop();
    embedded.stop();
    logging::info("start", "stopped");
    int const status = reason == UntilStopped::Reason::asked ? 0 : 1;
    if (!all_ended) std::_Exit(status);  // what still runs was handed over and would be waited for
    return status;
  }
};
}  // namespace

void add_serve(CommandLine& line) { line.add<Serve>(); }

}  // namespace app::commands
