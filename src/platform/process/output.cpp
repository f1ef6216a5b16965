// A child's output. A full disk loses log lines, never the child.
#include "platform/process/output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace process {

namespace {
constexpr std::size_t longest_line = 8192;
constexpr std::size_t recent_lines = 40;
}  // namespace

Output::Output(std::filesystem::path file, std::size_t limit, OnLine on_line)
    : path_{std::move(file)}, limit_{limit}, on_line_{std::move(on_line)} {}

void Output::add(std::string_view bytes) {
  write(bytes);
  while (!bytes.empty()) {
    auto const newline = bytes.find('\n');
    auto const room = longest_line - partial_.size();
    auto const part = bytes.substr(0, std::min(newline, room));
    partial_ += part;
    bytes.remove_prefix(part.size());
    bool const ended = newline != std::string_view::npos && part.size() == newline;
    if (ended) bytes.remove_prefix(1);
    if (ended || partial_.size() >= longest_line) finish();
  }
}

void Output::finish() {
  if (partial_.empty()) return;
  line(partial_);
  partial_.clear();
}

void Output::line(std::string_view text) {
  recent_.emplace_back(text);
  if (recent_.size() > recent_lines) recent_.pop_front();
  if (on_line_) on_line_(text);
}

std::string Output::tail() const {
  std::string text;
  for (auto const& line : recent_) text += line + '\n';
  return text;
}

void Output::write(std::string_view bytes) {
  if (path_.empty()) return;
  if (file_ && size_ + bytes.size() > limit_) {
    file_.reset();
    std::error_code ignored;
    std::filesystem::rename(path_, path_.string() + ".1", ignored);
  }
  if (!file_) {
    file_ =
        files::Descriptor{::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)};
    struct stat now {};
    size_ = file_ && ::fstat(file_.get(), &now) == 0 ? std::size_t(now.st_size) : 0;
    if (!file_) return;
  }
  if (auto const wrote = ::write(file_.get(), bytes.data(), bytes.size()); wrote > 0)
    size_ += std::size_t(wrote);
}

}  // namespace process
