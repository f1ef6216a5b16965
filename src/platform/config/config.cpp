// Reading settings from their four sources into one struct, and printing them.
#include "platform/config/config.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#define TOML_HEADER_ONLY 0  // a library of Debian's holds what takes the compiler seconds
#include <toml++/toml.h>

#include "platform/config/forms.hpp"
#include "platform/config/mistakes.hpp"
#include "platform/json/read.hpp"
#include "platform/json/write.hpp"

namespace config {

namespace {

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  for (auto const& member : types::members_of<Settings>()) names.emplace_back(member.name);
  return names;
}

std::string as_flag(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}
std::string as_variable(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return char(std::toupper(c)); });
  return "ONBOARDING_" + name;
}
std::string as_key(std::string const& name) {
  auto const cut = name.find('_');
  return cut == std::string::npos ? name : "[" + name.substr(0, cut) + "] " + name.substr(cut + 1);
}

std::string spelled(std::string const& name, Origin origin) {
  switch (origin) {
    case Origin::flag:
      return as_flag(name);
    case Origin::environment:
      return as_variable(name);
    case Origin::file:
      return as_key(name);
    case Origin::built_in:
      break;
  }
  return name;
}

/// The forms of texts whose type says too little. Here and not beside the members, because only the
/// reader of settings needs them.
struct Form {
  std::string_view name;
  FieldCode const* (*check)(std::string_view);
};
constexpr Form forms_of_texts[] = {
    {"data_dir", checks::one_line},
    {"http_bind", forms::address},
    {"http_listen", forms::socket},
    {"public_url", forms::origin},
    {"database_url", forms::database_url},
    {"embedded_user", forms::word},
    {"tenant_domain", forms::domain},
    {"blueprint", forms::word},
    {"stripe_api_base", forms::stripe_url},
    {"stripe_secret_key", forms::stripe_key},
    {"stripe_webhook_secret", forms::webhook_secrets},
    {"smtp_url", forms::smtp_url},
    {"mail_from", forms::mailbox},
    {"support_email", checks::account_email},
    {"slack_webhook_url", forms::https_url},
    {"incus_url", forms::incus_url},
    {"incus_project", forms::word},
    {"incus_storage_pool", forms::word},
    {"incus_network", forms::word},
    {"backup_s3_url", forms::bucket_url},
    {"backup_s3_region", forms::word},
    {"acme_directory_url", forms::https_url},
    {"acme_email", checks::account_email},
    {"domain_addresses", forms::addresses},
    {"dns_server", forms::address_and_port},
};

Rules with_form(Rules rules, std::string_view name) {
  for (auto const& form : forms_of_texts)
    if (form.name == name) rules.check = form.check;
  return rules;
}

/// Everything that is wrong, so that nobody repairs one mistake only to be told of the next.
using Mistakes = std::vector<std::string>;

void unknown(Mistakes& mistakes, std::string const& as_written, std::string const& name,
             Origin origin) {
  auto const near = suggestion(name, known_names());
  mistakes.push_back("unknown setting " + as_written +
                     (near.empty() ? "; `" + command_line("config show") + "` lists all of them"
                                   : ": did you mean " + spelled(near, origin) + "?"));
}

void set(Loaded& loaded, Mistakes& mistakes, std::string const& name, std::string const& text,
         Origin origin) {
  for (auto const& member : types::members_of<Settings>()) {
    if (member.name != name) continue;
    auto const subject = spelled(name, origin) + " is " +
                         (member.rules.secret ? "(hidden)" : json::text(text)) + ", it ";
    auto const before = loaded.settings;
    auto* const value = member.of(&loaded.settings);
    if (!json::from_text(text, *member.type, value)) {
      loaded.settings = before;
      mistakes.push_back(subject + "must be " + json::words_of(*member.type));
      return;
    }
    json::Errors errors;
    if (member.type->form == types::Form::integer)
      json::check_number(types::integer_of(*member.type, value), member.rules, "", errors);
    // Set to nothing is the same as not set.
    if (member.type->form == types::Form::text && !text.empty())
      json::check_text(text, with_form(member.rules, name), "", errors);
    if (!errors.empty()) mistakes.push_back(subject + errors.front().detail);
    loaded.origins[name] = origin;
    return;
  }
}

std::string read_secret_file(std::string const& variable, std::string const& path) {
  std::ifstream file{path};
  if (!file) throw Mistake{variable + " names " + path + ", which cannot be read"};
  std::stringstream text;
  text << file.rdbuf();
  auto value = text.str();
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  return value;
}

void load_file(Loaded& loaded, Mistakes& mistakes, std::string const& path) {
  toml::table table;
  try {
    table = toml::parse_file(path);
  } catch (toml::parse_error const& error) {
    std::ostringstream text;
    text << path << ", line " << error.source().begin.line << ": " << error.description();
    throw Mistake{text.str()};
  }
  auto const names = known_names();
  auto take = [&](std::string const& name, std::string const& as_written, toml::node const& node) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      return unknown(mistakes, as_written + " in " + path, name, Origin::file);
    std::string text;
    if (auto const* string = node.as_string())
      text = string->get();
    else if (auto const* integer = node.as_integer())
      text = std::to_string(integer->get());
    else if (auto const* boolean = node.as_boolean())
      text = boolean->get() ? "true" : "false";
    else
      return mistakes.push_back(as_written + " in " + path + " must be a string or an integer");
    set(loaded, mistakes, name, text, Origin::file);
  };
  for (auto const& [key, node] : table) {
    std::string const section{key.str()};
    if (auto const* inner = node.as_table()) {
      for (auto const& [inner_key, inner_node] : *inner)
        take(section + "_" + std::string{inner_key.str()},
             "[" + section + "] " + std::string{inner_key.str()}, inner_node);
    } else {
      take(section, section, node);
    }
  }
  loaded.file = path;
}

}  // namespace

std::string spelled(Loaded const& loaded, std::string const& name) {
  auto const found = loaded.origins.find(name);
  return spelled(name, found == loaded.origins.end() ? Origin::built_in : found->second);
}

void refuse(std::vector<std::string> const& mistakes) {
  if (mistakes.empty()) return;
  std::string text;
  for (auto const& mistake : mistakes) text += (text.empty() ? "" : "\n") + mistake;
  throw Mistake{text};
}

std::string command_line(std::string_view words) {
  std::error_code error;
  auto const program = std::filesystem::read_symlink("/proc/self/exe", error);
  auto const* path = std::getenv("PATH");
  std::istringstream places{path ? path : ""};
  for (std::string place; std::getline(places, place, ':');)
    if (std::filesystem::equivalent(std::filesystem::path{place} / "onboarding", program, error))
      return "onboarding " + std::string{words};
  auto name = program.string();
  if (name.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") !=
      std::string::npos)
    name = "'" + name + "'";
  return name + ' ' + std::string{words};
}

std::string suggestion(std::string_view wrong, std::vector<std::string> const& known) {
  std::string best;
  std::size_t best_distance = 4;  // further away is not a spelling mistake
  for (auto const& name : known) {
    std::vector<std::size_t> row(name.size() + 1);
    for (std::size_t i = 0; i <= name.size(); ++i) row[i] = i;
    for (std::size_t i = 1; i <= wrong.size(); ++i) {
      auto diagonal = std::exchange(row[0], i);
      for (std::size_t j = 1; j <= name.size(); ++j) {
        auto const cost = wrong[i - 1] == name[j - 1] ? 0u : 1u;
        auto const next = std::min({row[j] + 1, row[j - 1] + 1, diagonal + cost});
        diagonal = std::exchange(row[j], next);
      }
    }
    if (row[name.size()] < best_distance) {
      best_distance = row[name.size()];
      best = name;
    }
  }
  return best;
}

Loaded load(std::map<std::string, std::string> const& flags, char const* const* environment) {
  Loaded loaded;
  Mistakes mistakes;
  if (!isatty(STDERR_FILENO)) loaded.settings.log_format = logging::Format::json;

  std::map<std::string, std::string> variables;
  for (auto const* entry = environment; entry && *entry; ++entry) {
    std::string_view const text{*entry};
    auto const equals = text.find('=');
    if (!text.starts_with("ONBOARDING_") || equals == std::string_view::npos) continue;
    std::string name{text.substr(11, equals - 11)};
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return char(std::tolower(c)); });
    variables[name] = text.substr(equals + 1);
  }

  auto const configured = flags.contains("config")       ? flags.at("config")
                          : variables.contains("config") ? variables.at("config")
                                                         : std::string{};
  if (!configured.empty()) {
    if (!std::filesystem::exists(configured))
      throw Mistake{"the configuration file " + configured + " does not exist"};
    load_file(loaded, mistakes, configured);
  } else {
    for (auto const* path : {"onboarding.toml", "/etc/onboarding/onboarding.toml"}) {
      if (!std::filesystem::exists(path)) continue;
      load_file(loaded, mistakes, path);
      break;
    }
  }

  auto const names = known_names();
  auto is_known = [&](std::string const& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (auto const& [name, value] : variables) {
    if (name == "config" || name.starts_with("test_") || name == "screenshots" ||
        name == "binary" || name == "chromium")
      continue;  // read by the test programs
    if (is_known(name)) {
      set(loaded, mistakes, name, value, Origin::environment);
    } else if (name.ends_with("_file") && is_known(name.substr(0, name.size() - 5))) {
      auto const base = name.substr(0, name.size() - 5);
      if (variables.contains(base))
        throw Mistake{as_variable(base) + " and " + as_variable(name) +
                      " are both set: keep one of them"};
      set(loaded, mistakes, base, read_secret_file(as_variable(name), value), Origin::environment);
    } else {
      unknown(mistakes, as_variable(name), name, Origin::environment);
    }
  }
  for (auto const& [name, value] : flags) {
    if (name == "config") continue;
    // Most likely a variable that was never set; what it would mean is another installation's data.
    if (name == "data_dir" && value.empty())
      mistakes.push_back("--data-dir is empty: say where the data lies, or leave the flag out");
    else if (is_known(name))
      set(loaded, mistakes, name, value, Origin::flag);
    else
      unknown(mistakes, as_flag(name), name, Origin::flag);
  }
  refuse(mistakes);
  return loaded;
}

namespace {
std::string as_text(types::Member const& member, Settings const& settings) {
  auto const* const value = member.of(&settings);
  if (member.type->form == types::Form::text) {
    auto const& text = *static_cast<std::string const*>(value);
    return member.rules.secret && !text.empty() ? "********" : text;
  }
  if (member.type->form == types::Form::enumeration)
    return std::string{types::label_of(*member.type, value)};
  std::string out;
  json::write(out, *member.type, value);
  return out;
}
}  // namespace

std::string show(Loaded const& loaded, bool with_origin, bool as_json) {
  std::string out = as_json ? "{" : "";
  for (auto const& member : types::members_of<Settings>()) {
    std::string const name{member.name};
    auto const value = as_text(member, loaded.settings);
    auto const found = loaded.origins.find(name);
    auto const origin = found == loaded.origins.end() ? Origin::built_in : found->second;
    if (as_json) {
      if (out.size() > 1) out += ',';
      json::write_string(out, name);
      out += ":{\"value\":";
      json::write_string(out, value);
      out += ",\"origin\":\"" + std::string{name_of(origin)} + "\"}";
    } else {
      out += name + " = " + value;
      if (with_origin) {
        out += "    # " + std::string{name_of(origin)};
        if (origin == Origin::file) out += " " + loaded.file;
        if (origin == Origin::environment) out += " " + as_variable(name);
      }
      out += '\n';
    }
  }
  if (as_json) out += "}\n";
  return out;
}

}  // namespace config
