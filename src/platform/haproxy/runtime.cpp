// Text commands, as `socat` would send them.
#include "platform/haproxy/runtime.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <sstream>
#include <stdexcept>

#include "platform/files/files.hpp"

namespace haproxy {

namespace {
constexpr std::size_t largest_payload = 8'000;  // HAProxy takes a command of one 16 KiB buffer

/// A silent answer means done.
bool is_done(std::string const& answer) {
  return answer.find_first_not_of(" \n") == std::string::npos;
}

bool is_missing(std::string const& answer) { return answer.find("not found") != std::string::npos; }

[[noreturn]] void refused(std::string const& command, std::string const& answer) {
  throw std::runtime_error{"HAProxy refused `" + command.substr(0, 100) + "`: " + answer};
}
}  // namespace

std::optional<std::string> Runtime::command(std::string const& text) const {
  files::Descriptor const connection{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!connection || socket_.string().size() >= sizeof address.sun_path) return {};
  std::strcpy(address.sun_path, socket_.c_str());
  timeval const deadline{5, 0};
  ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  ::setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
  if (::connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return {};
  auto const line = text + '\n';
  if (::send(connection.get(), line.data(), line.size(), MSG_NOSIGNAL) != ssize_t(line.size()))
    return {};
  std::string answer;
  std::array<char, 16384> buffer;
  while (true) {
    auto const got = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
    if (got == 0) return answer;
    if (got < 0) {
      if (errno == EINTR) continue;
      return {};
    }
    answer.append(buffer.data(), std::size_t(got));
  }
}

std::optional<int> Runtime::worker() const {
  auto const info = command("show info");
  constexpr std::string_view word = "\nPid: ";
  auto const at = info ? info->find(word) : std::string::npos;
  int pid = 0;
  if (at == std::string::npos ||
      std::from_chars(info->data() + at + word.size(), info->data() + info->size(), pid).ec !=
          std::errc{})
    return {};
  return pid;
}

std::optional<Runtime::Map> Runtime::read_map(std::filesystem::path const& map) const {
  auto const answer = command("show map " + map.string());
  if (!answer) return {};
  Map entries;
  std::istringstream lines{*answer};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string identifier, key, value;
    if (words >> identifier >> key >> value && identifier.starts_with("0x"))
      entries.emplace(key, value);  // the first of two entries is the one that HAProxy uses
  }
  return entries;
}

bool Runtime::set(std::filesystem::path const& map, std::string const& key,
                  std::string const& value) const {
  auto const where = map.string() + ' ' + key + ' ' + value;
  auto answer = command("set map " + where);
  if (answer && is_missing(*answer)) answer = command("add map " + where);
  if (!answer) return false;
  if (!is_done(*answer)) refused("set map " + where, *answer);
  return true;
}

bool Runtime::remove(std::filesystem::path const& map, std::string const& key) const {
  auto const answer = command("del map " + map.string() + ' ' + key);
  if (!answer) return false;
  if (!is_done(*answer) && !is_missing(*answer)) refused("del map " + key, *answer);
  return true;
}

bool Runtime::replace(std::filesystem::path const& map, Map const& entries) const {
  auto const prepared = command("prepare map " + map.string());
  if (!prepared) return false;
  constexpr std::string_view word = "New version created: ";
  auto const at = prepared->find(word);
  if (at == std::string::npos) refused("prepare map", *prepared);
  auto const version =
      prepared->substr(at + word.size(), prepared->find('\n', at) - at - word.size());
  std::string payload;
  auto flush = [&] {
    if (payload.empty()) return true;
    auto const answer = command("add map @" + version + ' ' + map.string() + " <<\n" + payload);
    payload.clear();
    if (answer && !is_done(*answer)) refused("add map", *answer);
    return answer.has_value();
  };
  for (auto const& [key, value] : entries) {
    payload += key + ' ' + value + '\n';
    if (payload.size() > largest_payload && !flush()) return false;
  }
  if (!flush()) return false;
  auto const committed = command("commit map @" + version + ' ' + map.string());
  if (!committed) return false;
  if (!is_done(*committed)) refused("commit map", *committed);
  return true;
}

}  // namespace haproxy
