// Who gets into a tenant, and its data in an archive and back: the blueprint's own scripts, run
// inside its container.
#include "platform/crypto/crypto.hpp"
#include "platform/files/files.hpp"
#include "provisioning/incus/driver.hpp"
#include "provisioning/incus/reading.hpp"
#include "tenants/access.hpp"
#include "tenants/addresses.hpp"

namespace provisioning {

namespace {
constexpr auto directory = "/var/lib/onboarding";
constexpr auto archive_inside = "/var/lib/onboarding/backup.tar.zst";
constexpr auto password_inside = "/var/lib/onboarding/owner_password";
constexpr auto take_password =
    "OWNER_PASSWORD=$(cat /var/lib/onboarding/owner_password)\n"
    "rm -f /var/lib/onboarding/owner_password\nexport OWNER_PASSWORD\n";
constexpr std::size_t most_words = 2'000;

/// What a script is run by, as its first line says.
std::string interpreter_of(std::string const& script) {
  auto const first = script.substr(0, script.find('\n'));
  return first.find("bash") == std::string::npos ? "/bin/sh" : "/bin/bash";
}

std::string end_of(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text.size() > most_words ? text.substr(text.size() - most_words) : text;
}

/// Runs `last` at the end, whatever happens; its own failure must not hide the first one.
template <class Work>
class Finally {
 public:
  explicit Finally(Work work) : work_{std::move(work)} {}
  ~Finally() {
    try {
      work_();
    } catch (StepFailure const&) {  // looked at again by the reconciler
    }
  }

 private:
  Work work_;
};
}  // namespace

std::map<std::string, std::string> IncusDriver::environment_of(Instance const& instance) const {
  auto const& tenant = instance.tenant;
  return {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
          {"TENANT_ID", tenant.id.text()},
          {"TENANT_URL", tenants::url_of(settings_, tenant.subdomain)},
          {"TENANT_HOST", tenant.subdomain + "." + settings_.tenant_domain},
          {"TENANT_COMPANY", instance.company},
          {"TENANT_COUNTRY", instance.country},
          {"TENANT_LOCALE", std::string{::name_of(instance.locale)}},
          {"OWNER_EMAIL", instance.owner_email},
          {"OWNER_NAME", instance.owner_name}};
}

std::string IncusDriver::run_script(std::string const& name, std::filesystem::path const& script,
                                    std::map<std::string, std::string> const& environment,
                                    std::string const& verb, tenants::FailureCode failed,
                                    std::string const& owner_password) {
  auto const what = "instance " + name + ": " + verb;
  auto text = files::read(script);
  if (!text)
    throw NeedsPerson{"blueprint_missing", what + ": " + script.string() + " is not there"};
  auto const interpreter = interpreter_of(*text);
  if (!owner_password.empty()) {
    // Incus shows a command's environment in the process list of the machine, so a secret goes in
    // as a file.
    client_.make_directory(name, directory, what);
    client_.push(name, password_inside, owner_password, what);
    text->insert(0, take_password);
  }
  auto const done = client_.execute(name, {interpreter, "-c", *text, verb}, environment, what);
  if (done.status == 0) return done.out;
  auto const words = end_of(done.error.empty() ? done.out : done.error);
  if (words.find("uota exceeded") != std::string::npos)
    throw NeedsPerson{"tenant_disk_full", what + ": " + words};
  if (words.find("No space left on device") != std::string::npos)
    throw NeedsPerson{"incus_disk_full", what + ": " + words};
  throw Transient{failed, what + ": exit status " + std::to_string(done.status) + ": " + words};
}

void IncusDriver::configure(db::Connection& connection, Instance const& instance) {
  auto const& script = blueprint_of(instance.tenant).configure;
  if (script.empty()) return;
  auto const name = name_of(connection, instance.tenant.id);
  with_room(name, [&] {
    (void)run_script(name, script, environment_of(instance), "configure", "configure_failed");
  });
}

std::string IncusDriver::owner_link(db::Connection& connection, Instance const& instance) {
  auto const& tenant = instance.tenant;
  auto const& blueprint = blueprint_of(tenant);
  auto const name = name_of(connection, tenant.id);
  if (blueprint.access == blueprints::Access::link) {
    auto const path = end_of(with_room(name, [&] {
      return run_script(name, blueprint.owner_access, environment_of(instance), "owner_access",
                        "owner_access_failed");
    }));
    if (!path.starts_with('/') || path.find_first_of(" \n") != std::string::npos)
      throw Transient{"owner_access_failed",
                      "instance " + name + ": the script printed no path (is its storage full?)"};
    return tenants::private_url_of(settings_, tenant.subdomain) + path;
  }
  auto const password = crypto::random_token(15);
  with_room(name, [&] {
    (void)run_script(name, blueprint.owner_access, environment_of(instance), "owner_access",
                     "owner_access_failed", password);
  });
  return db::transact(connection, [&](db::Tx& tx) {
    return tenants::make_access(tx, settings_, vault_, tenant.id, instance.owner_email, password);
  });
}

void IncusDriver::backup(db::Connection& connection, Instance const& instance,
                         std::filesystem::path const& archive) {
  auto const name = name_of(connection, instance.tenant.id);
  auto const what = "instance " + name + ": backup";
  bool const was_running = is_running(name);
  start_named(name);
  Finally const rest{[&] {
    if (!was_running) stop_named(name);
  }};
  auto environment = environment_of(instance);
  environment["ARCHIVE"] = archive_inside;
  with_room(name, [&] {
    Finally const clean{[&] { client_.remove_file(name, archive_inside, what); }};
    client_.make_directory(name, directory, what);
    (void)run_script(name, blueprint_of(instance.tenant).backup, environment, "backup",
                     "backup_failed");
    client_.pull_file(name, archive_inside, archive,
                      (4 * std::uint64_t(instance.tenant.storage_limit_mib) + 256) * 1024 * 1024,
                      what);
  });
}

void IncusDriver::restore(db::Connection& connection, Instance const& instance,
                          std::filesystem::path const& archive) {
  auto const name = name_of(connection, instance.tenant.id);
  auto const what = "instance " + name + ": restore";
  start_named(name);
  auto environment = environment_of(instance);
  environment["ARCHIVE"] = archive_inside;
  with_room(name, [&] {
    Finally const clean{[&] { client_.remove_file(name, archive_inside, what); }};
    client_.make_directory(name, directory, what);
    client_.push_file(name, archive_inside, archive, what);
    (void)run_script(name, blueprint_of(instance.tenant).restore, environment, "restore",
                     "restore_failed");
  });
}

}  // namespace provisioning
