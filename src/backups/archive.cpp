// Measuring and listing archives, however large, in little memory.
#include "backups/archive.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <unistd.h>

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
        ::kill(-child.pid, SIGKILL);
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

Contents examine(std::filesystem::path const& archive) {
  auto contents = measure(archive);
  std::string last;
  auto const ending =
      read_lines({.executable = "/usr/bin/tar",
                  .arguments = {"--zstd", "--quoting-style=escape", "-tf", archive.string()}},
                 [&](std::string_view line) {
                   last = line;
                   ++contents.entries;
                   while (line.starts_with("./")) line.remove_prefix(2);
                   auto const top = line.substr(0, line.find('/'));
                   if (!top.empty() && contents.top.size() < most_names) contents.top.emplace(top);
                 });
  if (!ending.success())
    throw Hopeless{"archive_damaged", "the archive cannot be read: " + ending.text() + ": " + last};
  if (contents.entries == 0) throw Hopeless{"archive_damaged", "the archive holds nothing"};
  return contents;
}

void unpack(std::filesystem::path const& archive, std::filesystem::path const& directory) {
  auto const finished = process::run({.executable = "/usr/bin/tar",
                                      .arguments = {"--zstd", "--no-same-owner", "-xf",
                                                    archive.string(), "-C", directory.string()}},
                                     reading_patience);
  if (finished.ending.success()) return;
  if (finished.output.find("No space left on device") != std::string::npos)
    throw provisioning::NeedsPerson{"backup_disk_full", "tar: " + finished.output};
  throw Hopeless{"archive_damaged", "tar: " + finished.ending.text() + ": " + finished.output};
}

}  // namespace backups
