// A number is eight bytes as this machine has them, a text its length and its bytes.
#include "platform/process/wire.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace process {

void Message::add(std::int64_t number) {
  bytes_.append(reinterpret_cast<char const*>(&number), sizeof number);
}

void Message::add(std::string_view text) {
  add(std::int64_t(text.size()));
  bytes_.append(text);
}

void Message::append(Message other) {
  bytes_ += other.bytes_;
  for (auto& file : other.files_) files_.push_back(std::move(file));
}

std::int64_t Message::number(std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  if (bytes_.size() - read_ < sizeof number) throw Garbled{"a number is missing"};
  std::memcpy(&number, bytes_.data() + read_, sizeof number);
  read_ += sizeof number;
  if (number < least || number > most)
    throw Garbled{std::to_string(number) + " is not between " + std::to_string(least) + " and " +
                  std::to_string(most)};
  return number;
}

std::string Message::text(std::size_t most) {
  auto const size = std::size_t(number(0, std::int64_t(most)));
  if (bytes_.size() - read_ < size) throw Garbled{"the end of a text is missing"};
  read_ += size;
  return bytes_.substr(read_ - size, size);
}

files::Descriptor Message::file() {
  if (files_read_ == files_.size()) throw Garbled{"an open file is missing"};
  return std::move(files_[files_read_++]);
}

void Message::require_end() const {
  if (read_ != bytes_.size() || files_read_ != files_.size())
    throw Garbled{"there is more than was asked for"};
}

namespace {
/// Room for the descriptors of one message, aligned as the kernel wants it.
union Control {
  cmsghdr align;
  std::array<char, CMSG_SPACE(sizeof(int) * Message::most_files)> bytes;
};
}  // namespace

bool send(int socket, Message const& message) {
  if (message.bytes_.size() > Message::most_bytes || message.files_.size() > Message::most_files)
    throw std::runtime_error{"the message to the root helper is too large"};
  iovec part{const_cast<char*>(message.bytes_.data()), message.bytes_.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  Control control{};
  if (auto const count = message.files_.size(); count > 0) {
    header.msg_control = control.bytes.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    auto* const files = CMSG_FIRSTHDR(&header);
    files->cmsg_level = SOL_SOCKET;
    files->cmsg_type = SCM_RIGHTS;
    files->cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (std::size_t i = 0; i < count; ++i) {
      int const number = message.files_[i].get();
      std::memcpy(CMSG_DATA(files) + i * sizeof number, &number, sizeof number);
    }
  }
  while (::sendmsg(socket, &header, MSG_NOSIGNAL) < 0) {
    if (errno == EPIPE || errno == ECONNRESET) return false;
    if (errno != EINTR)
      throw std::runtime_error{std::string{"the root helper cannot be asked: "} +
                               std::strerror(errno)};
  }
  return true;
}

std::optional<Message> receive(int socket) {
  Message message;
  message.bytes_.resize(Message::most_bytes + 1);
  iovec part{message.bytes_.data(), message.bytes_.size()};
  Control control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return {};
  for (auto* part_of = CMSG_FIRSTHDR(&header); part_of; part_of = CMSG_NXTHDR(&header, part_of)) {
    if (part_of->cmsg_level != SOL_SOCKET || part_of->cmsg_type != SCM_RIGHTS) continue;
    auto const count = (part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(part_of) + i * sizeof number, sizeof number);
      message.files_.emplace_back(number);
    }
  }
  if (std::size_t(got) > Message::most_bytes || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
    throw Garbled{"the message is too large"};
  message.bytes_.resize(std::size_t(got));
  return message;
}

}  // namespace process
