#pragma once
// A mail server that takes nothing that the standards do not: seven bits, short lines ended by CR
// LF.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "platform/files/files.hpp"

namespace support {

struct Received {
  std::string sender, recipient;
  std::vector<std::string> lines;  // of the message, dots taken back
};

/// One client at a time. What it objects to is answered with 5xx and kept in `objections`. It can
/// be told to answer otherwise.
class StrictServer {
 public:
  StrictServer() : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(socket_.get(), 4) == 0);
    REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    url = "smtp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread{[this] {
      while (!stop_) {
        pollfd waiting{socket_.get(), POLLIN, 0};
        if (::poll(&waiting, 1, 10) == 1)
          talk(files::Descriptor{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)});
      }
    }};
  }
  ~StrictServer() {
    stop_ = true;
    thread_.join();
  }

  std::string url;
  /// What it says to a command ("RCPT", or "." at the end of a mail) from now on; empty: hangs up.
  void say_to(std::string const& command, std::string const& answer) {
    std::scoped_lock lock{mutex_};
    answers_[command] = answer;
  }
  void behave() {
    std::scoped_lock lock{mutex_};
    answers_.clear();
  }
  std::vector<Received> mails() {
    std::scoped_lock lock{mutex_};
    return mails_;
  }
  std::vector<std::string> objections() {
    std::scoped_lock lock{mutex_};
    return objections_;
  }

 private:
  struct Client {
    files::Descriptor const& socket;
    std::string buffer{};
    void say(std::string const& text) const {
      (void)!::send(socket.get(), (text + "\r\n").data(), text.size() + 2, MSG_NOSIGNAL);
    }
    /// A line as sent, with whatever ends it; empty when the client is gone.
    std::string line() {
      while (buffer.find('\n') == std::string::npos) {
        char bytes[4096];
        auto const got = ::recv(socket.get(), bytes, sizeof bytes, 0);
        if (got <= 0) return {};
        buffer.append(bytes, std::size_t(got));
      }
      auto out = buffer.substr(0, buffer.find('\n') + 1);
      buffer.erase(0, out.size());
      return out;
    }
  };

  /// Why a line cannot be taken; it loses its end.
  static std::string objection(std::string& line) {
    if (!line.ends_with("\r\n")) return "a bare LF";
    line.resize(line.size() - 2);
    if (line.find('\r') != std::string::npos) return "a bare CR";
    if (line.size() > 998) return "a line of " + std::to_string(line.size());
    for (char const c : line)
      if (c == '\0' || static_cast<unsigned char>(c) > 0x7E || (c < ' ' && c != '\t'))
        return "a byte that is not printable ASCII";
    return {};
  }

  std::optional<std::string> told(std::string const& command) {
    std::scoped_lock lock{mutex_};
    auto const found = answers_.find(command);
    return found == answers_.end() ? std::nullopt : std::optional{found->second};
  }

  void talk(files::Descriptor const& socket) {
    Client client{socket};
    Received mail;
    auto const greeting = told("connect");
    client.say(greeting.value_or("220 strict"));
    if (greeting) return;
    for (std::string line; !(line = client.line()).empty();) {
      if (auto const answer = told(line.substr(0, line.find_first_of(" \r")))) {
        if (answer->empty()) return;
        client.say(*answer);
      } else if (auto const why = objection(line); !why.empty()) {
        object(client, why);
      } else if (line.starts_with("EHLO ")) {
        client.say("250-strict");
        client.say("250 SIZE 1000000");
      } else if (line.starts_with("MAIL FROM:<")) {
        mail.sender = line.substr(10, line.find('>') - 9);
        line.ends_with('>') || line.find("> SIZE=") != std::string::npos
            ? client.say("250 fine")
            : object(client, "an extension that was not offered: " + line);
      } else if (line.starts_with("RCPT TO:<") && line.ends_with('>')) {
        mail.recipient = line.substr(8);
        client.say("250 fine");
      } else if (line == "DATA") {
        client.say("354 go on");
        if (take(client, mail)) {
          auto const end = told(".");
          if (end && end->empty()) return;
          client.say(end.value_or("250 2.0.0 taken"));
        }
        mail = {};
      } else if (line == "QUIT") {
        return client.say("221 bye");
      } else {
        object(client, "an unknown command: " + line);
      }
    }
  }

  bool take(Client& client, Received& mail) {
    std::string wrong;
    for (std::string line; !(line = client.line()).empty() && line != ".\r\n";) {
      if (auto const why = objection(line); !why.empty() && wrong.empty()) wrong = why;
      if (line.starts_with('.')) {
        if (!line.starts_with("..") && wrong.empty()) wrong = "a dot that was not doubled";
        line.erase(0, 1);
      }
      mail.lines.push_back(std::move(line));
    }
    if (!wrong.empty()) {
      object(client, wrong);
      return false;
    }
    std::scoped_lock lock{mutex_};
    mails_.push_back(mail);
    return true;
  }

  void object(Client const& client, std::string const& why) {
    client.say("554 " + why);
    std::scoped_lock lock{mutex_};
    objections_.push_back(why);
  }

  files::Descriptor socket_;
  std::thread thread_;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::vector<Received> mails_;
  std::vector<std::string> objections_;
  std::map<std::string, std::string> answers_;
};

}  // namespace support
