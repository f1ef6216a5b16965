#pragma once
// Files beneath a directory that somebody else owns and may change at any moment: every name is
// opened beneath it by the kernel (openat2), no link leads out of it, and nothing that is no
// regular file is waited for. What needs more than this is done by a child with that user's own
// identity.
#include "platform/files/files.hpp"

namespace files {

class ForeignDirectory {
 public:
  /// None when there is nothing. The directories on the way to it must be ours; it may itself be no
  /// link. Throws std::runtime_error with what to do.
  [[nodiscard]] static std::optional<ForeignDirectory> open(std::filesystem::path const& path);

  /// The content of a regular file of at most `most` bytes; none when there is no such name. Throws
  /// std::runtime_error for anything else: "DIR/NAME is no regular file".
  [[nodiscard]] std::optional<std::string> read(std::string const& name, std::size_t most) const;
  /// Like write_atomically(). Takes the place of a regular file only.
  void write(std::string const& name, std::string_view content, mode_t mode,
             std::optional<Owner> owner = {}) const;
  /// Bytes that it takes on the disk, where each name counts as a block at least. Stops counting at
  /// `enough`, which is also what directories count that are nested deeper than anybody needs.
  [[nodiscard]] std::int64_t disk_use(std::int64_t enough) const;
  /// Everything in it, and then itself, becomes that owner's.
  void give_to(Owner owner) const;
  /// Removes everything in it, however deep.
  void empty() const;

 private:
  ForeignDirectory(std::filesystem::path path, Descriptor handle)
      : path_{std::move(path)}, handle_{std::move(handle)} {}

  std::filesystem::path path_;
  Descriptor handle_;
};

/// Removes the directory with everything in it; fine when there is none.
void remove_foreign(std::filesystem::path const& path);

}  // namespace files
