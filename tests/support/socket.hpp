#pragma once
// A WebSocket as a browser or a script opens it.
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace support {

class Socket {
 public:
  /// `headers` are "Name: value"; a refusal shows in status() and nothing can be read.
  Socket(std::string const& host_and_port, std::string const& path,
         std::vector<std::string> const& headers);
  ~Socket();
  Socket(Socket const&) = delete;
  Socket& operator=(Socket const&) = delete;

  [[nodiscard]] int status() const;
  /// The next message; "closed <code>" when the server has closed, none after 30 s of silence.
  std::optional<std::string> next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace support
