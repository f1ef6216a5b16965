#pragma once
// The places of tenants on this machine: directories that are named by numbers, each its tenant's
// user's. Whatever is done in them is done by handles that lead nowhere else; where this process
// has no rights, its root helper does it.
#include "platform/files/foreign.hpp"

namespace rooms {

/// A tenant's own place, and those beside it for as long as something is saved or restored.
enum class Place { present, saving, restoring };
constexpr auto names_of(Place) {
  return std::array<std::string_view, 3>{"", ".saving", ".restoring"};
}

class Rooms {
 public:
  static constexpr std::int64_t most = 4'000'000;
  static constexpr std::size_t longest_configuration = 64 * 1024;

  /// Without a first user all are our own. `readers`: a group that may list them.
  Rooms(std::filesystem::path directory, std::optional<uid_t> first_user,
        std::optional<gid_t> readers = {})
      : directory_{std::move(directory)}, first_user_{first_user}, readers_{readers} {}

  [[nodiscard]] std::filesystem::path path(std::int64_t number, Place place = Place::present) const;
  /// Whom its files belong to; none when they are ours.
  [[nodiscard]] std::optional<files::Owner> owner(std::int64_t number) const;

  // All that follow throw std::runtime_error with what to do.

  /// Where all of them lie; ours.
  void make_directory() const;
  /// An empty one is there afterwards, or the one that was.
  void make(std::int64_t number, Place place) const;
  /// Everything in it becomes the tenant's, when the place itself is not yet: it was copied from
  /// elsewhere. The tenant must not run.
  void give(std::int64_t number) const;
  void write_configuration(std::int64_t number, std::string const& text) const;
  [[nodiscard]] std::optional<std::string> read_configuration(std::int64_t number) const;
  /// Bytes on the disk, also of files that have no name any more. Stops counting at `enough`.
  [[nodiscard]] std::int64_t disk_use(std::int64_t number, std::int64_t enough) const;
  /// With everything in it; fine when there is none.
  void remove(std::int64_t number, Place place) const;
  /// What was restored takes the place of the present one.
  void exchange(std::int64_t number) const;
  /// Every process of the tenant's user; nothing when that is our own.
  void end_processes(std::int64_t number) const;

 private:
  std::filesystem::path directory_;
  std::optional<uid_t> first_user_;
  std::optional<gid_t> readers_;
};

}  // namespace rooms
