// `onboarding image` and `onboarding blueprint`: golden images are built and listed, blueprints
// checked.
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>

#include "app/commands/commands.hpp"
#include "app/embedded.hpp"
#include "blueprints/blueprints.hpp"
#include "platform/config/mistakes.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/files/files.hpp"
#include "platform/installation/installation.hpp"
#include "platform/process/run.hpp"
#include "provisioning/incus/images.hpp"

namespace app::commands {

namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;
using provisioning::incus::Image;

fs::path directory_of(config::Settings const& settings) {
  return settings.blueprints_dir.empty() ? blueprints::default_directory()
                                         : fs::path{settings.blueprints_dir};
}

void say(std::string const& sentence) { std::fprintf(stderr, "==> %s\n", sentence.c_str()); }

std::string mebibytes(std::int64_t bytes) {
  return std::to_string((bytes + 524'288) >> 20) + " MiB";
}

bj::object as_object(Image const& image) {
  return {{"alias", image.alias},           {"blueprint", image.blueprint},
          {"version", image.version},       {"fingerprint", image.fingerprint},
          {"created_at", image.created_at}, {"size_bytes", image.bytes}};
}

/// Ctrl-C ends the step that is under way and then cleans up, instead of leaving things behind.
class Interruptible {
 public:
  Interruptible() {
    sigemptyset(&signals_);
    for (int number : {SIGINT, SIGTERM}) sigaddset(&signals_, number);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  ~Interruptible() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Interruptible(Interruptible const&) = delete;
  Interruptible& operator=(Interruptible const&) = delete;
  [[nodiscard]] bool asked_to_stop() const {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
  }
  void check() const {
    if (asked_to_stop()) throw std::runtime_error{"stopped as asked; nothing was left behind"};
  }

 private:
  sigset_t signals_{}, before_{};
};

void require_packages(blueprints::Blueprint const& blueprint) {
  std::string missing;
  for (auto const& package : blueprint.image_packages) {
    auto const done = process::run({.executable = "/usr/bin/dpkg-query",
                                    .arguments = {"-W", "-f", "${db:Status-Status}", package}},
                                   std::chrono::seconds{20});
    if (!done.ending.success() || done.output != "installed") missing += " " + package;
  }
  if (!missing.empty())
    throw std::runtime_error{"building " + blueprint.name +
                             " needs packages that are not installed; as root, type:\n"
                             "  apt-get install --no-install-recommends" +
                             missing};
}

/// What the root file system is made from: the scripts that run in containers may change without
/// it being built anew.
std::string hash_of_root(blueprints::Blueprint const& blueprint) {
  std::map<std::string, std::string> files;
  auto add = [&](fs::path const& directory, std::string const& prefix) {
    if (!fs::is_directory(directory)) return;
    for (auto const& entry : fs::recursive_directory_iterator{directory})
      if (entry.is_regular_file())
        files[prefix + fs::relative(entry.path(), directory).string()] =
            files::read(entry.path()).value_or("");
  };
  files["root"] = files::read(blueprint.root_script).value_or("");
  for (auto const& entry : fs::directory_iterator{blueprint.folder})
    if (entry.is_directory()) add(entry.path(), entry.path().filename().string() + "/");
  files["shared/debian.sh"] =
      files::read(blueprint.folder.parent_path() / "shared/debian.sh").value_or("");
  std::string text = blueprint.version;
  for (auto const& [name, content] : files)
    text += "\n" + name + " " + crypto::hex(crypto::sha256(content));
  return crypto::hex(crypto::sha256(text)).substr(0, 16);
}

/// Runs root.sh, its words going to the person as they come.
void run_root_script(blueprints::Blueprint const& blueprint, fs::path const& work,
                     Interruptible const& interruptible) {
  process::Launch launch{.executable = blueprint.root_script.string(),
                         .environment = {{"BLUEPRINT", blueprint.folder.string()},
                                         {"ROOT_TAR", (work / "root.tar").string()},
                                         {"TMPDIR", work.string()},
                                         {"HOME", "/root"}},
                         .directory = blueprint.folder.string(),
                         .death_signal = SIGTERM};
  for (auto const* name : {"http_proxy", "https_proxy", "no_proxy"})
    if (auto const* value = ::getenv(name)) launch.environment[name] = value;
  auto const child = process::launch(launch, process::confine_by_rlimits({}));
  auto pass_on = [&] {
    std::array<char, 16'384> buffer;
    for (;;) {
      auto const got = ::read(child.output.get(), buffer.data(), buffer.size());
      if (got <= 0) return got == 0;
      std::fwrite(buffer.data(), 1, std::size_t(got), stderr);
    }
  };
  for (bool silent = false, asked = false;;) {
    std::array<pollfd, 2> waiting{pollfd{child.handle.get(), POLLIN, 0},
                                  pollfd{silent ? -1 : child.output.get(), POLLIN, 0}};
    ::poll(waiting.data(), waiting.size(), 500);
    if (waiting[1].revents) silent = pass_on();
    if (waiting[0].revents) break;
    if (!asked && interruptible.asked_to_stop()) {
      asked = true;
      ::kill(-child.pid, SIGTERM);  // mmdebstrap removes what it has made so far
    }
  }
  (void)pass_on();
  auto const ending = process::reap(child);
  interruptible.check();
  if (!ending.success())
    throw std::runtime_error{blueprint.root_script.string() + ": " + ending.text()};
  if (!fs::is_regular_file(work / "root.tar"))
    throw std::runtime_error{blueprint.root_script.string() + " wrote no $ROOT_TAR"};
}

/// The upload of this blueprint, made now unless it was made before from the same files.
fs::path upload_for(blueprints::Blueprint const& blueprint, fs::path const& cache, bool rebuild,
                    Interruptible const& interruptible) {
  auto const upload = cache / (blueprint.image() + "-" + hash_of_root(blueprint) + ".upload");
  if (fs::is_regular_file(upload) && !rebuild) {
    say("its root file system was made before: " + upload.string());
    return upload;
  }
  if (::geteuid() != 0)
    throw std::runtime_error{"making a root file system needs root: sudo " +
                             config::command_line("image build ") + blueprint.name};
  require_packages(blueprint);
  say("making the root file system of " + blueprint.image() + " (root.sh)");
  auto const work = cache / ("work-" + blueprint.name);
  fs::remove_all(work);
  files::make_directory(work, 0755);  // mmdebstrap's own users look into it
  try {
    run_root_script(blueprint, work, interruptible);
    provisioning::incus::write_upload(blueprint, work / "root.tar", work / "upload");
    // Older ones of this blueprint are not asked for again.
    for (auto const& entry : fs::directory_iterator{cache})
      if (entry.path().extension() == ".upload" &&
          entry.path().filename().string().starts_with(blueprint.name + "-"))
        fs::remove(entry.path());
    fs::rename(work / "upload", upload);
  } catch (...) {
    fs::remove_all(work);
    throw;
  }
  fs::remove_all(work);
  return upload;
}

/// One build at a time, because they share the cache and the builder's name.
files::Descriptor only_builder(fs::path const& cache) {
  files::Descriptor lock{::open((cache / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    throw std::runtime_error{"another image is being built; wait for it, then try again"};
  return lock;
}

// Root file systems take minutes to make: all installations of this machine share them.
fs::path const image_cache{"/var/cache/onboarding/images"};

struct BuildImage {
  static constexpr auto name = "build";
  static constexpr auto help =
      "Make the golden image of a blueprint and give it to Incus.\n\n"
      "Examples:\n"
      "  onboarding image build odoo\n"
      "  onboarding image build odoo --rebuild     # also the root file system that was kept";
  std::string wanted;
  bool rebuild = false, if_missing = false, as_json = false;

  void flags(CLI::App& command) {
    command.add_option("blueprint", wanted)->required();
    command.add_flag("--rebuild", rebuild, "Do not use what an earlier build has kept");
    command.add_flag("--if-missing", if_missing, "Do nothing when Incus has it already");
    command.add_flag("--json", as_json, "As JSON");
  }

  int run(config::Loaded loaded) {
    auto& settings = loaded.settings;
    settings.data_dir = data_directory(settings);
    auto const began = std::chrono::steady_clock::now();
    auto const blueprint = blueprints::load(directory_of(settings) / wanted);
    if (blueprint.root_script.empty())
      throw config::Mistake{"the blueprint " + blueprint.name +
                            " has no [image]: nothing to build"};
    auto const& cache = image_cache;
    files::make_directory(cache, 0755);
    Interruptible const interruptible;
    provisioning::incus::Client client{settings};
    auto const owner = installation::id_in(settings.data_dir).value_or("");
    provisioning::incus::Images images{settings, client, owner, [&](std::string const& sentence) {
                                         interruptible.check();
                                         say(sentence);
                                       }};
    if (if_missing) {
      auto const known = images.list();
      if (std::any_of(known.begin(), known.end(),
                      [&](auto const& one) { return one.alias == blueprint.image(); }))
        return 0;
    }
    auto const lock = only_builder(cache);
    auto const upload = upload_for(blueprint, cache, rebuild, interruptible);
    auto const image = images.build(blueprint, upload);
    auto const seconds =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began)
            .count();
    if (as_json) {
      auto object = as_object(image);
      object["seconds"] = seconds;
      std::puts(bj::serialize(object).c_str());
    } else {
      std::printf("%s  %s  built in %lld s\n", image.alias.c_str(), mebibytes(image.bytes).c_str(),
                  static_cast<long long>(seconds));
    }
    return 0;
  }
};

struct ListImages {
  static constexpr auto name = "list";
  static constexpr auto help = "Say which images Incus has";
  bool as_json = false;

  void flags(CLI::App& command) { command.add_flag("--json", as_json, "As JSON"); }

  int run(config::Loaded loaded) {
    auto& settings = loaded.settings;
    settings.data_dir = data_directory(settings);
    provisioning::incus::Client client{settings};
    provisioning::incus::Images images{settings, client, {}, say};
    auto const there = images.list();
    blueprints::Catalogue const catalogue{directory_of(settings)};
    std::vector<std::string> missing;
    for (auto const& name : catalogue.names()) {
      auto const& blueprint = catalogue.at(name);
      if (!blueprint.root_script.empty() &&
          std::none_of(there.begin(), there.end(),
                       [&](Image const& image) { return image.alias == blueprint.image(); }))
        missing.push_back(blueprint.image());
    }
    if (as_json) {
      bj::array list, unbuilt;
      for (auto const& image : there) list.push_back(as_object(image));
      for (auto const& alias : missing) unbuilt.emplace_back(alias);
      std::puts(bj::serialize(bj::object{{"images", list}, {"not_built", unbuilt}}).c_str());
      return 0;
    }
    for (auto const& image : there)
      std::printf("%-20s %10s  %s\n", image.alias.c_str(), mebibytes(image.bytes).c_str(),
                  image.created_at.substr(0, 19).c_str());
    for (auto const& alias : missing) std::printf("%-20s  not built\n", alias.c_str());
    return 0;
  }
};

struct CheckBlueprints {
  static constexpr auto name = "check";
  static constexpr auto help = "Find mistakes in a blueprint's folder";
  std::string which = "all";
  bool as_json = false;

  void flags(CLI::App& command) {
    command.add_option("folder", which, "A folder, a name, or all");
    command.add_flag("--json", as_json, "As JSON");
  }

  int run(config::Loaded const& loaded) {
    std::vector<fs::path> folders;
    auto const directory = directory_of(loaded.settings);
    if (which == "all") {
      if (!fs::is_directory(directory))
        throw config::Mistake{"there are no blueprints: " + directory.string() +
                              " is not a directory"};
      for (auto const& entry : fs::directory_iterator{directory})
        if (fs::exists(entry.path() / "blueprint.toml")) folders.push_back(entry.path());
      std::sort(folders.begin(), folders.end());
    } else {
      // A folder, or the name of one among ours.
      folders.push_back(fs::is_directory(which) ? fs::path{which} : directory / which);
    }
    bj::array found;
    std::string text;
    for (auto const& folder : folders)
      for (auto const& finding : blueprints::lint(folder)) {
        auto const file = (folder / finding.file).lexically_normal().string();
        text += file + (finding.where.empty() ? "" : ", " + finding.where) + ": " +
                finding.problem + "\n";
        found.push_back(
            bj::object{{"file", file}, {"where", finding.where}, {"problem", finding.problem}});
      }
    auto const status = found.empty() ? 0 : 1;
    if (as_json)
      std::puts(
          bj::serialize(bj::object{{"checked", folders.size()}, {"findings", found}}).c_str());
    else if (status == 0)
      std::printf("%zu in order\n", folders.size());
    else
      std::fputs(text.c_str(), stderr);
    return status;
  }
};
}  // namespace

void add_image(CommandLine& line) {
  auto& image = line.group("image", "Images that containers are made from");
  line.add<BuildImage>(image);
  line.add<ListImages>(image);
}

void add_blueprint(CommandLine& line) {
  line.add<CheckBlueprints>(line.group("blueprint", "What runs inside tenants"));
}

}  // namespace app::commands
