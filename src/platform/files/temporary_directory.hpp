#pragma once
// A directory under /tmp that disappears with its object; world-traversable (0711) so that children
// with other users can work below it.
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "onboarding-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error{"cannot create a directory like " + name};
    ::chmod(name.c_str(), 0711);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(TemporaryDirectory const&) = delete;
  TemporaryDirectory& operator=(TemporaryDirectory const&) = delete;

  std::filesystem::path const& path() const { return path_; }

 private:
  std::filesystem::path path_;
};
