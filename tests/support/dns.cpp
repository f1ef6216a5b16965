// RFC 1035, as little of it as resolvers need.
#include "support/dns.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>

namespace support {

namespace {
constexpr int type_a = 1, type_cname = 5, type_aaaa = 28;

int number_of(std::string const& type) {
  return type == "A" ? type_a : type == "AAAA" ? type_aaaa : type == "CNAME" ? type_cname : 0;
}

std::string encoded(std::string const& name) {
  std::string out;
  for (std::size_t begin = 0; begin < name.size();) {
    auto const end = std::min(name.find('.', begin), name.size());
    out += char(end - begin);
    out += name.substr(begin, end - begin);
    begin = end + 1;
  }
  return out + '\0';
}

void put16(std::string& out, int value) {
  out += char(value >> 8);
  out += char(value & 0xff);
}

std::string data_of(std::string const& type, std::string const& value) {
  if (type == "CNAME") return encoded(value);
  std::array<char, 16> bytes{};
  inet_pton(type == "A" ? AF_INET : AF_INET6, value.c_str(), bytes.data());
  return {bytes.data(), type == "A" ? 4u : 16u};
}

std::string record(std::string const& name, std::string const& type, std::string const& value) {
  auto out = encoded(name);
  put16(out, number_of(type));
  put16(out, 1);
  out += std::string(4, '\0');  // kept by nobody
  auto const data = data_of(type, value);
  put16(out, int(data.size()));
  return out + data;
}
}  // namespace

DnsServer::DnsServer() : socket_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error{"the name server of the test cannot listen"};
  thread_ = std::thread{[this] { serve(); }};
}

DnsServer::~DnsServer() {
  {
    std::scoped_lock const lock{mutex_};
    stopping_ = true;
  }
  thread_.join();
}

std::string DnsServer::address() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

void DnsServer::set(std::string const& name, std::string const& type, std::string const& value) {
  std::scoped_lock const lock{mutex_};
  records_.emplace(name, std::pair{type, value});
}

void DnsServer::forget(std::string const& name) {
  std::scoped_lock const lock{mutex_};
  records_.erase(name);
}

void DnsServer::be_silent(bool silent) {
  std::scoped_lock const lock{mutex_};
  silent_ = silent;
}

void DnsServer::serve() {
  while (true) {
    {
      std::scoped_lock const lock{mutex_};
      if (stopping_) return;
    }
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 20) != 1) continue;
    std::array<char, 1500> buffer{};
    sockaddr_in from{};
    socklen_t size = sizeof from;
    auto const got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 17) continue;
    auto const text = answer({buffer.data(), std::size_t(got)});
    if (!text.empty())
      ::sendto(socket_.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&from),
               size);
  }
}

std::string DnsServer::answer(std::string const& question) {
  std::string name;
  std::size_t at = 12;
  while (at < question.size() && question[at] != 0) {
    auto const length = std::size_t(question[at]);
    if (!name.empty()) name += '.';
    for (std::size_t i = 1; i <= length && at + i < question.size(); ++i)
      name += char(std::tolower(question[at + i]));
    at += length + 1;
  }
  if (at + 5 > question.size()) return {};
  int const type = (question[at + 1] << 8) | (question[at + 2] & 0xff);

  std::scoped_lock const lock{mutex_};
  if (silent_) return {};
  std::string answers;
  int count = 0;
  bool exists = records_.contains(name);
  auto present = name;
  for (int depth = 0; depth < 8; ++depth) {
    std::string next;
    for (auto [entry, end] = records_.equal_range(present); entry != end; ++entry) {
      auto const& [kind, value] = entry->second;
      bool const is_alias = kind == "CNAME";
      if (!is_alias && number_of(kind) != type) continue;
      answers += record(present, kind, value);
      ++count;
      if (is_alias) next = value;
    }
    if (next.empty()) break;
    present = next;
    exists = records_.contains(present);
  }
  std::string out = question.substr(0, 2);
  out += char(0x85);                     // an answer, authoritative, as asked for
  out += char(0x80 | (exists ? 0 : 3));  // 3: there is no such name
  put16(out, 1);
  put16(out, count);
  put16(out, 0);
  put16(out, 0);
  return out + question.substr(12, at + 5 - 12) + answers;
}

}  // namespace support
