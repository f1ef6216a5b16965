#pragma once
// A name server for tests: what it knows is set by the test; everything else does not exist.
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "platform/files/files.hpp"

namespace support {

class DnsServer {
 public:
  DnsServer();
  ~DnsServer();
  DnsServer(DnsServer const&) = delete;

  /// "127.0.0.1:port"
  [[nodiscard]] std::string address() const;
  /// `type`: A, AAAA, CNAME, or NONE for a name that exists and has nothing.
  void set(std::string const& name, std::string const& type, std::string const& value);
  void forget(std::string const& name);
  /// Questions are not answered any more, or again.
  void be_silent(bool silent);

 private:
  void serve();
  std::string answer(std::string const& question);

  files::Descriptor socket_;
  std::mutex mutex_;
  std::multimap<std::string, std::pair<std::string, std::string>> records_;
  bool silent_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace support
