// Reading blueprints: one walk over blueprint.toml fills the struct and notes what is wrong.
#include "blueprints/blueprints.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "blueprints/patterns.hpp"
#include "platform/config/config.hpp"
#define TOML_HEADER_ONLY 0
#include <toml++/toml.h>

namespace blueprints {

namespace {

namespace fs = std::filesystem;

constexpr auto description_file = "blueprint.toml";

/// What a key may hold, and what becomes of it.
class Reader {
 public:
  explicit Reader(fs::path folder) : folder_{std::move(folder)} {}

  Blueprint read() {
    blueprint_.folder = folder_;
    auto const file = folder_ / description_file;
    if (!fs::is_regular_file(file)) {
      note("", "there is no such file: a blueprint is a folder that holds it");
      return blueprint_;
    }
    try {
      table_ = toml::parse_file(file.string());
    } catch (toml::parse_error const& error) {
      note("line " + std::to_string(error.source().begin.line), std::string{error.description()});
      return blueprint_;
    }
    read_name();
    read_image();
    read_application();
    read_scripts();
    read_limits();
    look_for_unknown();
    judge_whole();
    return blueprint_;
  }

  std::vector<Finding> const& findings() const { return findings_; }

 private:
  /// "line 7, [application] port".
  static std::string spelled(std::string const& section, std::string const& key) {
    return section.empty() ? key : "[" + section + "] " + key;
  }
  static std::string place(std::string const& section, std::string const& key,
                           toml::node const* node) {
    auto const name = spelled(section, key);
    return node != nullptr ? "line " + std::to_string(node->source().begin.line) + ", " + name
                           : name;
  }
  void note(std::string where, std::string problem, std::string file = description_file) {
    findings_.push_back({std::move(file), std::move(where), std::move(problem)});
  }
  void blame(std::string const& section, std::string const& key, std::string problem) {
    note(place(section, key, find(section, key)), std::move(problem));
  }

  /// Remembers that the key is known, and gives its value when there is one.
  toml::node const* known(std::string const& section, std::string const& key) {
    known_[section].push_back(key);
    return find(section, key);
  }
  toml::node const* find(std::string const& section, std::string const& key) const {
    auto const* within = section.empty() ? &table_ : table_[section].as_table();
    return within != nullptr ? within->get(key) : nullptr;
  }

  std::string text(std::string const& section, std::string const& key) {
    auto const* node = known(section, key);
    if (node == nullptr) return "";
    if (auto const* value = node->as_string()) return value->get();
    blame(section, key, "must be a string in quotation marks");
    return "";
  }
  std::string required_text(std::string const& section, std::string const& key,
                            std::string const& meaning) {
    auto value = text(section, key);
    if (find(section, key) == nullptr) blame(section, key, "is missing: " + meaning);
    return value;
  }
  std::int64_t number(std::string const& section, std::string const& key, std::int64_t unset,
                      std::int64_t least, std::int64_t most) {
    auto const* node = known(section, key);
    if (node == nullptr) return unset;
    auto const* value = node->as_integer();
    if (value == nullptr || value->get() < least || value->get() > most) {
      blame(section, key,
            "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
      return unset;
    }
    return value->get();
  }
  bool truth(std::string const& section, std::string const& key) {
    auto const* node = known(section, key);
    if (node == nullptr) return false;
    if (auto const* value = node->as_boolean()) return value->get();
    blame(section, key, "must be true or false");
    return false;
  }

  /// A script of the folder: there, executable, with an interpreter; its text where it is sound.
  fs::path script(std::string const& section, std::string const& key,
                  std::string_view must_mention = "") {
    auto const name = text(section, key);
    if (name.empty()) return {};
    fs::path const relative{name};
    if (relative.is_absolute() ||
        std::find(relative.begin(), relative.end(), fs::path{".."}) != relative.end()) {
      blame(section, key, "\"" + name + "\" must lie inside the blueprint's folder");
      return {};
    }
    auto const path = folder_ / relative;
    if (!fs::is_regular_file(path)) {
      blame(section, key, "names " + name + ", which is not in the folder");
      return {};
    }
    check_script(name, path, must_mention, section == "scripts");
    return path;
  }
  void check_script(std::string const& name, fs::path const& path, std::string_view must_mention,
                    bool in_container) {
    if (::access(path.c_str(), X_OK) != 0)
      note("", "is not executable: chmod +x " + path.string(), name);
    std::ifstream file{path};
    std::string line, text;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
      auto const where = "line " + std::to_string(number);
      if (number == 1 && !line.starts_with("#!/"))
        note(where, "must name its interpreter, for example #!/bin/sh", name);
      if (number == 1 && in_container && line.starts_with("#!/") && !names_a_shell(line))
        note(where, "must be a shell script; call what is written in another language from it",
             name);
      if (number == 1 && line.ends_with('\r'))
        note(where, "ends in a carriage return: save the file with Unix line ends", name);
      if (writes_commands_down(line))
        note(where, "writes every command down, secrets included: leave -x out", name);
      text += line + '\n';
    }
    if (text.empty()) note("line 1", "is empty", name);
    if (!must_mention.empty() && !text.empty() && text.find(must_mention) == std::string::npos)
      note("", "never uses " + std::string{must_mention}, name);
  }

  void read_name() {
    blueprint_.name = required_text("", "name", "what the settings and the plans call it");
    auto const folder = folder_.filename().string();
    if (!blueprint_.name.empty() && !is_name(blueprint_.name))
      blame("", "name", "must begin with a letter and hold only a-z, 0-9 and hyphens");
    else if (!blueprint_.name.empty() && blueprint_.name != folder)
      blame("", "name", "is \"" + blueprint_.name + "\", the folder is called " + folder);
    blueprint_.title = required_text("", "title", "what people call it");
    blueprint_.description = text("", "description");
    blueprint_.version =
        required_text("", "version", "a new one makes a new image, for example \"1\"");
    if (!blueprint_.version.empty() && !is_version(blueprint_.version))
      blame("", "version", "must hold only a-z, 0-9, points and hyphens, at most 20 of them");
  }

  void read_image() {
    blueprint_.root_script = script("image", "root", "ROOT_TAR");
    blueprint_.prepare_script = script("image", "prepare");
    if (!blueprint_.prepare_script.empty() && find("image", "root") == nullptr)
      blame("image", "root", "is missing: without it nothing is there to prepare");
    auto const* packages = known("image", "packages");
    if (packages == nullptr) return;
    auto const* list = packages->as_array();
    if (list == nullptr) blame("image", "packages", "must be a list of strings");
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      auto const* name = (*list)[i].as_string();
      if (name == nullptr || !is_package(name->get()))
        blame("image", "packages", "must be a list of Debian packages' names");
      else
        blueprint_.image_packages.push_back(name->get());
    }
  }

  void read_application() {
    blueprint_.port = int(number("application", "port", blueprint_.port, 1, 65535));
    blueprint_.version_command = text("application", "version_command");
    blueprint_.log_command = text("application", "log_command");
    blueprint_.as_process = truth("application", "as_process");
    auto& health = blueprint_.health;
    if (known("health", "path") != nullptr) health.path = text("health", "path");
    if (!health.path.starts_with('/') || health.path.find_first_of(" \t\r\n") != std::string::npos)
      blame("health", "path", "must begin with / and hold no spaces");
    health.status = int(number("health", "status", health.status, 100, 599));
    health.identifies = truth("health", "identifies");
    health.start_patience = std::chrono::seconds{
        number("health", "start_patience", health.start_patience.count(), 1, 3600)};
  }

  void read_scripts() {
    auto const access = text("scripts", "access");
    if (access == "link") blueprint_.access = Access::link;
    if (find("scripts", "access") != nullptr && access != "link" && access != "password")
      blame("scripts", "access", "must be \"link\" or \"password\"");
    blueprint_.configure = script("scripts", "configure");
    blueprint_.owner_access = script("scripts", "owner_access",
                                     blueprint_.access == Access::password ? "OWNER_PASSWORD" : "");
    blueprint_.backup = script("scripts", "backup", "ARCHIVE");
    blueprint_.restore = script("scripts", "restore", "ARCHIVE");
    blueprint_.upgrade = script("scripts", "upgrade");
  }

  void read_limits() {
    constexpr std::int64_t most = 1'048'576;  // a TiB
    blueprint_.minimum_memory_mib =
        number("limits", "memory_mib", blueprint_.minimum_memory_mib, 1, most);
    blueprint_.minimum_storage_mib =
        number("limits", "storage_mib", blueprint_.minimum_storage_mib, 1, most);
    blueprint_.processes = number("limits", "processes", blueprint_.processes, 1, 100'000);
  }

  void look_for_unknown() {
    auto unknown = [&](std::string const& section, std::string const& key,
                       std::vector<std::string> const& choices, toml::node const& node) {
      auto const near = config::suggestion(key, choices);
      note(place(section, key, &node), near.empty() ? "is unknown; there are: " + joined(choices)
                                                    : "is unknown: did you mean " + near + "?");
    };
    std::vector<std::string> top = known_[""];
    for (auto const& [section, keys] : known_)
      if (!section.empty()) top.push_back(section);
    for (auto const& [key, node] : table_) {
      std::string const name{key.str()};
      bool const is_section = !name.empty() && known_.contains(name);
      if (!is_section) {
        if (std::find(top.begin(), top.end(), name) == top.end()) unknown("", name, top, node);
        continue;
      }
      auto const* section = node.as_table();
      if (section == nullptr) {
        blame("", name, "must be a section: [" + name + "]");
        continue;
      }
      auto const& keys = known_[name];
      for (auto const& [inner, value] : *section)
        if (std::find(keys.begin(), keys.end(), inner.str()) == keys.end())
          unknown(name, std::string{inner.str()}, keys, value);
    }
  }

  /// What no key shows alone.
  void judge_whole() {
    bool const has_image = find("image", "root") != nullptr;
    if (!has_image && !blueprint_.as_process)
      blame("image", "root", "is missing: nothing would run inside a tenant");
    if (blueprint_.as_process && blueprint_.name != "sample")
      blame("application", "as_process", "is only for the sample, which the program brings along");
    if (!has_image) return;
    for (auto const* key : {"configure", "owner_access", "backup", "restore"})
      if (find("scripts", key) == nullptr)
        blame("scripts", key, "is missing: a tenant in a container cannot do without");
    for (auto const* key : {"version_command", "log_command"})
      if (find("application", key) == nullptr)
        blame("application", key, "is missing: it is run in the container");
  }

  static std::string joined(std::vector<std::string> const& words) {
    std::string out;
    for (auto const& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
  }

  fs::path folder_;
  toml::table table_;
  Blueprint blueprint_;
  std::vector<Finding> findings_;
  std::map<std::string, std::vector<std::string>> known_;  // section → keys
};

/// The folder as its own name would be spelled: "blueprints/odoo/" is odoo.
fs::path tidy(fs::path const& folder) {
  auto path = fs::absolute(folder).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

std::string sentences(fs::path const& folder, std::vector<Finding> const& findings) {
  std::string out;
  for (auto const& finding : findings)
    out += (out.empty() ? "" : "\n") + (folder / finding.file).string() +
           (finding.where.empty() ? "" : ", " + finding.where) + ": " + finding.problem;
  return out;
}

}  // namespace

Blueprint load(std::filesystem::path const& folder) {
  auto const path = tidy(folder);
  Reader reader{path};
  auto blueprint = reader.read();
  if (!reader.findings().empty()) throw std::runtime_error{sentences(path, reader.findings())};
  return blueprint;
}

std::vector<Finding> lint(std::filesystem::path const& folder) {
  Reader reader{tidy(folder)};
  (void)reader.read();
  return reader.findings();
}

Catalogue::Catalogue(std::filesystem::path const& directory) {
  if (!fs::is_directory(directory))
    throw std::runtime_error{"there are no blueprints: " + directory.string() +
                             " is not a directory; the setting blueprints_dir names another"};
  std::string wrong;
  for (auto const& entry : fs::directory_iterator{directory}) {
    if (!fs::exists(entry.path() / description_file)) continue;
    try {
      auto blueprint = load(entry.path());
      auto name = blueprint.name;
      blueprints_.emplace(std::move(name), std::move(blueprint));
    } catch (std::runtime_error const& error) {
      wrong += (wrong.empty() ? "" : "\n") + std::string{error.what()};
    }
  }
  if (!wrong.empty()) throw std::runtime_error{wrong};
}

Blueprint const& Catalogue::at(std::string_view name) const {
  if (auto const found = blueprints_.find(name); found != blueprints_.end()) return found->second;
  std::string choices;
  for (auto const& [known, blueprint] : blueprints_)
    choices += (choices.empty() ? "" : ", ") + known;
  throw std::runtime_error{"there is no blueprint \"" + std::string{name} +
                           "\"; there are: " + (choices.empty() ? "none" : choices)};
}

std::vector<std::string> Catalogue::names() const {
  std::vector<std::string> names;
  for (auto const& [name, blueprint] : blueprints_) names.push_back(name);
  return names;
}

std::filesystem::path default_directory() {
  fs::path const with_sources{ONBOARDING_BLUEPRINTS};
  std::error_code ignored;
  return fs::is_directory(with_sources, ignored) ? with_sources
                                                 : fs::path{"/usr/share/onboarding/blueprints"};
}

}  // namespace blueprints
