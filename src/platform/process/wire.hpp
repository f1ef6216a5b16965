#pragma once
// What the program and its root helper say to each other: one message at a time, bounded, made of
// numbers and texts, with open files beside it.
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "platform/files/files.hpp"

namespace process {

/// It says something else than was agreed.
struct Garbled : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Message {
 public:
  static constexpr std::size_t most_bytes = 128 * 1024;
  static constexpr std::size_t most_files = 4;

  void add(std::int64_t number);
  void add(std::string_view text);
  void add(files::Descriptor file) { files_.push_back(std::move(file)); }
  void append(Message other);

  /// What was added, in the same order. They throw Garbled.
  [[nodiscard]] std::int64_t number(std::int64_t least, std::int64_t most);
  [[nodiscard]] std::string text(std::size_t most);
  [[nodiscard]] files::Descriptor file();
  /// Nothing more is in it.
  void require_end() const;

 private:
  friend bool send(int socket, Message const& message);
  friend std::optional<Message> receive(int socket);

  std::string bytes_;
  std::vector<files::Descriptor> files_;
  std::size_t read_ = 0, files_read_ = 0;
};

/// Both work on a SOCK_SEQPACKET. False when the other side is gone; throws std::runtime_error when
/// the message is too large.
bool send(int socket, Message const& message);
/// None when the other side is gone; throws Garbled for what is too large.
[[nodiscard]] std::optional<Message> receive(int socket);

}  // namespace process
