#pragma once
// Another time than the machine's for a whole process and its children: libfaketime, loaded before
// all other libraries, adds to every look at the clock what a file says. Nothing else knows of it.
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace process {

/// Debian's package faketime, for programs with threads. Throws std::runtime_error with what to do.
[[nodiscard]] std::filesystem::path time_library();

/// The file that says which time this process is shown; empty: it sees the machine's.
[[nodiscard]] std::filesystem::path time_file();

/// What children need to be shown the same time; nothing where this process sees the machine's.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> variables_of_shown_time();

/// This program from its beginning with the same words, shown the time of `file`. Throws
/// std::runtime_error with what to do.
[[noreturn]] void start_anew_in_time_of(std::filesystem::path const& file);

/// The machine's time, for the first start.
void write_machine_time(std::filesystem::path const& file);

/// From here on it is `moment` (Unix seconds) or later. Time never goes back: an earlier moment
/// changes nothing. Throws std::runtime_error where this process sees the machine's time.
void show_time(std::int64_t moment);

}  // namespace process
