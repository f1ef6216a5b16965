#pragma once
// The key that seals the data keys: 32 bytes from a setting, a systemd credential or a file. Never
// in the database, never made a second time.
#include <filesystem>
#include <string>
#include <vector>

#include "platform/config/config.hpp"

namespace vault {

class MasterKey {
 public:
  /// A key that is just given, for tests and for whatever opens nothing.
  MasterKey(std::string bytes) : given_{std::move(bytes)} {}  // NOLINT: that is what it is
  /// The one that the settings name. Nothing is written: when there is no file in the data
  /// directory yet, a new key waits for keep(). Throws std::runtime_error with what to do.
  static MasterKey of(config::Settings const& settings);
  /// The one in a file of ours.
  static MasterKey in_file(std::filesystem::path file);

  /// Read anew each time: the present key, then one that a rotation has prepared and may have put
  /// into use before it could put it in place.
  [[nodiscard]] std::vector<std::string> candidates() const;

  [[nodiscard]] bool is_new() const { return is_new_; }
  /// Writes a new key down, durably and readable for us alone.
  void keep();

  // Rotation. A file of ours is replaced in two steps, so that a crash between them leaves both.
  [[nodiscard]] bool is_replaceable() const { return !file_.empty(); }
  [[nodiscard]] std::filesystem::path const& file() const { return file_; }
  void prepare(std::string const& next) const;  // beside the file
  void put_in_place() const;                    // over the file

  /// "the file /var/lib/onboarding/secrets/master_key", for people.
  [[nodiscard]] std::string origin() const;

 private:
  MasterKey() = default;
  [[nodiscard]] std::filesystem::path prepared() const;

  std::string given_;           // when not in a file of ours
  std::filesystem::path file_;  // of ours
  std::string origin_;
  bool is_new_ = false;
};

/// 32 raw bytes, 64 hexadecimal digits or 43 characters of URL-safe base64, which may end with a
/// line break. Throws std::runtime_error that names `what`.
[[nodiscard]] std::string read_key(std::string_view text, std::string const& what);

}  // namespace vault
