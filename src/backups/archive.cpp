// Measuring and listing archives, however large, in little memory.
#include "backups/archive.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <chrono>

#include "platform/crypto/crypto.hpp"
#include "platform/process/run.hpp"
#include "provisioning/driver.hpp"

namespace backups {

namespace {
using namespace std::chrono_literals;
using provisioning::Hopeless;
using provisioning::Transient;

constexpr auto reading_patience = 60min;
constexpr std::size_t piece = 256 * 1024;
constexpr std::size_t most_names = 100;

/// Fed piece by piece. A kind that this OpenSSL does not offer ends as an empty text.
class Digest {
 public:
  explicit Digest(EVP_MD const* kind) : context_{EVP_MD_CTX_new(), EVP_MD_CTX_free} {
    offered_ = kind && EVP_DigestInit_ex(context_.get(), kind, nullptr) == 1;
  }
  void add(std::string_view bytes) {
    if (offered_) EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  }
  std::string end() {
    if (!offered_) return {};
    std::string raw(EVP_MAX_MD_SIZE, '\0');
    unsigned length = 0;
    EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(raw.data()), &length);
    return crypto::hex(raw.substr(0, length));
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
  bool offered_ = false;
};

files::Descriptor open_file(std::filesystem::path const& path) {
  files::Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) throw Transient{"backup_target_failed", files::sentence("read", path, errno)};
  return file;
}

/// Hands every line that the command prints to `each`; throws what `failed` makes of its end.
template <class Each>
process::Ending read_lines(process::Launch const& launch, Each&& each) {
  auto const child = process::launch(launch, process::confine_by_rlimits({}));
  auto const end = std::chrono::steady_clock::now() + reading_patience;
  std::string pending, buffer(piece, '\0');
  while (true) {
    auto const count = ::read(child.output.get(), buffer.data(), buffer.size());
    if (count == 0) break;
    if (count < 0 && errno != EAGAIN && errno != EINTR) break;
    if (count < 0) {
      if (std::chrono::steady_clock::now() > end) {
        process::signal(child, SIGKILL, process::To::group);
        break;
      }
      pollfd waiting{child.output.get(), POLLIN, 0};
      ::poll(&waiting, 1, 1000);
      continue;
    }
    pending.append(buffer.data(), std::size_t(count));
    std::size_t from = 0;
    for (auto line = pending.find('\n'); line != std::string::npos;
         from = line + 1, line = pending.find('\n', from))
      each(std::string_view{pending}.substr(from, line - from));
    pending.erase(0, from);
  }
  return process::reap(child);
}
}  // namespace

Contents measure(std::filesystem::path const& archive) {
  auto const file = open_file(archive);
  Digest sha256{EVP_sha256()}, md5{EVP_md5()};
  Contents contents;
  std::string buffer(piece, '\0');
  while (true) {
    auto const count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Transient{"backup_target_failed", files::sentence("read", archive, errno)};
    if (count == 0) break;
    std::string_view const read{buffer.data(), std::size_t(count)};
    sha256.add(read);
    md5.add(read);
    contents.size += count;
  }
  contents.sha256 = sha256.end();
  contents.md5 = md5.end();
  return contents;
}

namespace {
/// tar over an archive that it cannot open itself.
process::Launch tar_of(files::Descriptor const& archive, std::vector<std::string> arguments) {
  process::Launch launch{.executable = "/usr/bin/tar", .arguments = std::move(arguments)};
  launch.run_as = reader();
  launch.input = archive.get();
  return launch;
}

/// The size in a line of `tar -tv`: "-rw------- user/group 123 2026-01-01 00:00 name".
std::int64_t size_in(std::string_view line) {
  if (!line.starts_with('-')) return 0;
  std::int64_t size = 0;
  auto const owner = line.find(' ');
  auto const at = line.find_first_not_of(' ', std::min(line.find(' ', owner + 1), line.size()));
  if (at != std::string_view::npos)
    std::from_chars(line.data() + at, line.data() + line.size(), size);
  return size;
}

/// Its name, which is after the fifth blank space.
std::string_view name_in(std::string_view line) {
  for (int word = 0; word < 5; ++word) {
    line.remove_prefix(std::min(line.find(' '), line.size()));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  }
  return line;
}
}  // namespace

std::optional<process::Identity> reader() { return process::service_user("nobody", "nobody"); }

Contents examine(std::filesystem::path const& archive) {
  auto contents = measure(archive);
  auto const file = open_file(archive);
  std::string last;
  auto const ending = read_lines(tar_of(file, {"--zstd", "--quoting-style=escape",
                                               "--numeric-owner", "--full-time", "-tvf", "-"}),
                                 [&](std::string_view line) {
                                   last = line;
                                   ++contents.entries;
                                   contents.unpacked += size_in(line);
                                   auto name = name_in(line);
                                   while (name.starts_with("./")) name.remove_prefix(2);
                                   auto const top = name.substr(0, name.find('/'));
                                   if (!top.empty() && contents.top.size() < most_names)
                                     contents.top.emplace(top);
                                 });
  if (!ending.success())
    throw Hopeless{"archive_damaged", "the archive cannot be read: " + ending.text() + ": " + last};
  if (contents.entries == 0) throw Hopeless{"archive_damaged", "the archive holds nothing"};
  return contents;
}

files::Descriptor extract(std::filesystem::path const& archive, std::string const& name) {
  auto const file = open_file(archive);
  auto const beside = archive.string() + ".extracted";
  files::Descriptor made{::open(beside.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!made) throw Transient{"backup_target_failed", files::sentence("write", beside, errno)};
  ::unlink(beside.c_str());
  auto tar = tar_of(file, {"--zstd", "--to-stdout", "-xf", "-", name});
  tar.output = made.get();
  auto const finished = process::run(tar, reading_patience);
  if (finished.output.find("No space left on device") != std::string::npos)
    throw provisioning::NeedsPerson{"backup_disk_full", "tar: " + finished.output};
  if (!finished.ending.success())
    throw Hopeless{"archive_damaged", "tar: " + finished.ending.text() + ": " + finished.output};
  ::lseek(made.get(), 0, SEEK_SET);
  return made;
}

}  // namespace backups
