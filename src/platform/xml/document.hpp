#pragma once
// XML as it is written, from its first element to its last: libxml2 escapes and indents it, so the
// same calls give the same bytes.
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace xml {

/// A prefix and what it stands for, or an attribute and its value.
using Pair = std::pair<std::string_view, std::string_view>;

/// Texts of any kind may come in: what XML 1.0 has no place for (control characters, broken bytes)
/// stands there as U+FFFD.
class Document {
 public:
  /// Opens the root element, with its prefix, and declares these prefixes on it.
  Document(std::string_view root, std::initializer_list<Pair> prefixes);
  ~Document();
  Document(Document const&) = delete;
  Document& operator=(Document const&) = delete;

  /// An element with what `content` writes.
  void element(std::string_view name, std::function<void()> const& content);
  /// An element with a text, as it stands.
  void text(std::string_view name, std::string_view text,
            std::initializer_list<Pair> attributes = {});
  /// The same, but nothing where there is no text.
  void known(std::string_view name, std::string_view text,
             std::initializer_list<Pair> attributes = {});

  /// Closes the root; what was written, in UTF-8. To be called once, last.
  [[nodiscard]] std::string finished();

 private:
  struct Output;
  std::unique_ptr<Output> output_;
};

}  // namespace xml
