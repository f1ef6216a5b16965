// Blueprints written for a moment: what is read from them, and what is said about their mistakes.
#include "blueprints/blueprints.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <fstream>

namespace {

namespace fs = std::filesystem;

/// A folder of blueprints that goes away again; a good one is in it, called "shop".
class Folder {
 public:
  Folder() {
    std::string place = (fs::temp_directory_path() / "blueprints-XXXXXX").string();
    path_ = ::mkdtemp(place.data());
    fs::create_directory(shop());
    describe(good);
    for (auto const* name : {"root", "prepare", "configure", "access", "backup", "restore"})
      script(std::string{name} + ".sh",
             "#!/bin/sh\necho \"$ROOT_TAR $ARCHIVE\"\nprintf %s \"$OWNER_PASSWORD\" | set_it\n");
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;

  fs::path const& path() const { return path_; }
  fs::path shop() const { return path_ / "shop"; }
  void describe(std::string const& text) const { std::ofstream{shop() / "blueprint.toml"} << text; }
  /// The good description with one part replaced.
  void describe_with(std::string const& part, std::string const& instead) const {
    std::string text = good;
    auto const at = text.find(part);
    REQUIRE(at != std::string::npos);
    describe(text.replace(at, part.size(), instead));
  }
  void script(std::string const& name, std::string const& text, bool executable = true) const {
    std::ofstream{shop() / name} << text;
    fs::permissions(shop() / name, executable ? fs::perms{0755} : fs::perms{0644});
  }

  static constexpr auto good = R"(name = "shop"
title = "Shop"
description = "Sells"
version = "2.1"
[image]
root = "root.sh"
prepare = "prepare.sh"
packages = ["mmdebstrap"]
[application]
port = 8080
version_command = "cat /version"
log_command = "tail /log"
[health]
path = "/alive"
status = 204
identifies = true
start_patience = 90
[scripts]
access = "password"
configure = "configure.sh"
owner_access = "access.sh"
backup = "backup.sh"
restore = "restore.sh"
[limits]
memory_mib = 256
storage_mib = 512
processes = 120
)";

 private:
  fs::path path_;
};

/// Every finding in one text, a line each.
std::string said(Folder const& folder) {
  std::string out;
  for (auto const& finding : blueprints::lint(folder.shop()))
    out += finding.file + ", " + finding.where + ": " + finding.problem + "\n";
  return out;
}

}  // namespace

TEST_CASE("a blueprint in order is read whole") {
  Folder const folder;
  CHECK(said(folder) == "");
  auto const shop = blueprints::load(folder.shop());
  CHECK(shop.name == "shop");
  CHECK(shop.image() == "shop-2.1");
  CHECK(shop.root_script == folder.shop() / "root.sh");
  CHECK(shop.owner_access == folder.shop() / "access.sh");
  CHECK(shop.upgrade.empty());
  CHECK(shop.image_packages == std::vector<std::string>{"mmdebstrap"});
  CHECK(shop.port == 8080);
  CHECK(shop.health.path == "/alive");
  CHECK(shop.health.status == 204);
  CHECK(shop.health.identifies);
  CHECK(shop.health.start_patience == std::chrono::seconds{90});
  CHECK(shop.access == blueprints::Access::password);
  CHECK(shop.minimum_memory_mib == 256);
  CHECK(shop.minimum_storage_mib == 512);
  CHECK(shop.processes == 120);
  CHECK_FALSE(shop.as_process);
  // However the folder is spelled.
  CHECK(blueprints::load(folder.shop() / "").name == "shop");
}

TEST_CASE("a mistake in the description is named with its line") {
  Folder const folder;
  struct Case {
    std::string part, instead, finding;
  };
  for (auto const& [part, instead, finding] : std::vector<Case>{
           {"port = 8080", "prot = 8080",
            "blueprint.toml, line 10, [application] prot: is unknown: did you mean port?"},
           {"[limits]", "[limit]", "line 24, limit: is unknown: did you mean limits?"},
           {"port = 8080", "port = 80800",
            "line 10, [application] port: must be a whole number from 1 to 65535"},
           {"port = 8080", "port = \"8080\"", "must be a whole number from 1 to 65535"},
           {"title = \"Shop\"\n", "", "title: is missing"},
           {"name = \"shop\"", "name = \"store\"",
            "line 1, name: is \"store\", the folder is called shop"},
           {"name = \"shop\"", "name = \"Shop 1\"", "must begin with a letter"},
           {"version = \"2.1\"", "version = 2", "line 4, version: must be a string"},
           {"version = \"2.1\"", "version = \"2/1\"", "line 4, version: must hold only"},
           {"path = \"/alive\"", "path = \"alive\"", "[health] path: must begin with /"},
           {"access = \"password\"", "access = \"key\"", "must be \"link\" or \"password\""},
           {"root = \"root.sh\"\n", "", "[image] root: is missing"},
           {"backup = \"backup.sh\"\n", "", "[scripts] backup: is missing"},
           {"log_command = \"tail /log\"\n", "", "[application] log_command: is missing"},
           {"backup = \"backup.sh\"", "backup = \"save.sh\"",
            "[scripts] backup: names save.sh, which is not in the folder"},
           {"backup = \"backup.sh\"", "backup = \"../other/backup.sh\"", "must lie inside"},
           {"backup = \"backup.sh\"", "backup = \"/bin/sh\"", "must lie inside"},
           {"packages = [\"mmdebstrap\"]", "packages = [\"a; rm\"]", "Debian packages' names"},
           {"[image]", "[image", "blueprint.toml, line 5: "},
           {"port = 8080", "port = 8080\nas_process = true", "is only for the sample"}}) {
    folder.describe_with(part, instead);
    auto const text = said(folder);
    CAPTURE(instead);
    CHECK_MESSAGE(text.find(finding) != std::string::npos, text);
  }
}

TEST_CASE("a script that could not run, or would leak, is named with its line") {
  Folder const folder;
  folder.script("configure.sh", "#!/bin/sh\necho\n", false);
  folder.script("prepare.sh", "echo\n");
  folder.script("backup.sh", "#!/bin/sh\nset -eux\ntar c / >\"$ARCHIVE\"\n");
  folder.script("restore.sh", "#!/bin/sh\necho done\n");
  folder.script("access.sh", "#!/bin/sh\r\necho \"$OWNER_PASSWORD\"\n");
  auto const text = said(folder);
  for (auto const* finding :
       {"configure.sh, : is not executable: chmod +x", "prepare.sh, line 1: must name its interp",
        "backup.sh, line 2: writes every command down", "restore.sh, : never uses ARCHIVE",
        "access.sh, line 1: ends in a carriage return"})
    CHECK_MESSAGE(text.find(finding) != std::string::npos, text);
  CHECK(std::count(text.begin(), text.end(), '\n') == 5);
}

TEST_CASE("in the container only a shell is sure to be there") {
  Folder const folder;
  folder.script("root.sh", "#!/usr/bin/perl\nprint $ENV{ROOT_TAR}\n");
  CHECK(said(folder) == "");
  folder.script("backup.sh", "#!/usr/bin/python3\nopen(ARCHIVE)\n");
  CHECK(said(folder).find("backup.sh, line 1: must be a shell script") == 0);
}

TEST_CASE("loading says every finding, and the catalogue refuses with them") {
  Folder const folder;
  folder.describe_with("port = 8080", "port = 0");
  fs::remove(folder.shop() / "backup.sh");
  for (bool const whole : {false, true}) {
    std::string text;
    try {
      if (whole)
        blueprints::Catalogue const catalogue{folder.path()};
      else
        (void)blueprints::load(folder.shop());
    } catch (std::runtime_error const& error) {
      text = error.what();
    }
    CHECK_MESSAGE(text.find("blueprint.toml, line 10, [application] port") != std::string::npos,
                  text);
    CHECK_MESSAGE(text.find("names backup.sh") != std::string::npos, text);
  }
}

TEST_CASE("the catalogue holds the folders that describe something, by name") {
  Folder const folder;
  fs::create_directory(folder.path() / "shared");
  blueprints::Catalogue const catalogue{folder.path()};
  CHECK(catalogue.names() == std::vector<std::string>{"shop"});
  CHECK(catalogue.at("shop").title == "Shop");
  CHECK_THROWS_WITH((void)catalogue.at("shopp"),
                    "there is no blueprint \"shopp\"; there are: shop");
  CHECK_THROWS_AS(blueprints::Catalogue{folder.path() / "nowhere"}, std::runtime_error);
}

TEST_CASE("the blueprints that come with the program are in order") {
  blueprints::Catalogue const catalogue{blueprints::default_directory()};
  CHECK(catalogue.names() == std::vector<std::string>{"odoo", "sample", "tryton"});
  CHECK(catalogue.at("sample").as_process);
  CHECK(catalogue.at("sample").access == blueprints::Access::link);
}
