#pragma once
// Another time than the machine's for a whole process and its children: a library of our own,
// loaded before all others, adds to every look at the time of day the seconds that a file says.
// Nothing else knows of it.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/files/files.hpp"

namespace process {

/// A file that says the machine's time, unless there is one, and the library beside it. `owner` is
/// who may move the time; both are read by all, and the library belongs to this process.
void prepare_shown_time(std::filesystem::path const& file, std::optional<files::Owner> owner);

/// The file that says which time this process is shown; empty: it sees the machine's.
[[nodiscard]] std::filesystem::path time_file();

/// What children need to be shown the same time; nothing where this process sees the machine's.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> variables_of_shown_time();

/// This program from its beginning with the same words, shown the time of `file`. Throws
/// std::runtime_error with what to do.
[[noreturn]] void start_anew_in_time_of(std::filesystem::path const& file);

/// From here on it is `moment` (Unix seconds) or later. Time never goes back: an earlier moment
/// changes nothing. Throws std::runtime_error where this process sees the machine's time.
void show_time(std::int64_t moment);

}  // namespace process
