// One line for each data directory: "<slot> <place> <directory>", under a lock
// of the file.
#include "provisioning/user_ids.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "platform/files/files.hpp"
#include "platform/installation/installation.hpp"
#include "provisioning/driver.hpp"

namespace provisioning {

namespace {
struct Range {
  int slot;
  std::string place, directory;
};

std::vector<Range> read_ranges(std::filesystem::path const& registry) {
  std::vector<Range> ranges;
  std::istringstream lines{files::read(registry).value_or("")};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    Range range{};
    if (words >> range.slot >> range.place && words.get() == ' ' &&
        std::getline(words, range.directory))
      ranges.push_back(std::move(range));
  }
  return ranges;
}

/// The directory is not there any more, or has become another place.
bool is_gone(Range const& range) {
  std::error_code error;
  if (!std::filesystem::exists(range.directory, error)) return !error;
  auto const present = installation::place_of(range.directory);
  return present && *present != range.place;
}

/// The slot for a new one: never used, or that of the longest known directory
/// that is gone.
int choose(std::vector<Range>& ranges) {
  for (int slot = 0; slot < places_of_a_machine; ++slot)
    if (std::ranges::none_of(ranges, [&](Range const& range) { return range.slot == slot; }))
      return slot;
  auto const gone = std::ranges::find_if(ranges, is_gone);
  if (gone == ranges.end())
    throw NeedsPerson{"no_user_ids", "this machine has no user ids left for tenants: " +
                                         std::to_string(places_of_a_machine) +
                                         " data directories have theirs"};
  auto const slot = gone->slot;
  ranges.erase(gone);
  return slot;
}
}  // namespace

uid_t first_user_of(std::string const& place, std::filesystem::path const& data_dir,
                    std::filesystem::path const& registry) {
  try {
    files::Descriptor const lock{
        ::open((registry.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!lock || ::flock(lock.get(), LOCK_EX) != 0)
      throw std::runtime_error{files::sentence("lock", registry, errno)};
    auto ranges = read_ranges(registry);
    auto const known =
        std::ranges::find_if(ranges, [&](Range const& range) { return range.place == place; });
    int slot = 0;
    if (known != ranges.end()) {
      if (known->directory == data_dir.string())
        return first_of_all + uid_t(known->slot) * users_of_a_place;
      slot = known->slot;  // it was moved
      ranges.erase(known);
    } else {
      slot = choose(ranges);
    }
    ranges.push_back({slot, place, data_dir.string()});
    std::string text;
    for (auto const& range : ranges)
      text += std::to_string(range.slot) + ' ' + range.place + ' ' + range.directory + '\n';
    files::write_atomically(registry, text, 0600);
    return first_of_all + uid_t(slot) * users_of_a_place;
  } catch (StepFailure const&) {
    throw;
  } catch (std::runtime_error const& error) {
    throw NeedsPerson{"no_user_ids", error.what()};
  }
}

}  // namespace provisioning
