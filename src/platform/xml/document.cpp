// The text writer of libxml2. What it refuses is a lack of memory, or a call in the wrong place.
#include "platform/xml/document.hpp"

#include <libxml/xmlwriter.h>

#include <algorithm>
#include <new>

#include "platform/text/utf8.hpp"

namespace xml {

namespace {
constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// The production Char of XML 1.0.
bool is_permitted(char32_t c) {
  return c == 0x9 || c == 0xA || c == 0xD || (c >= 0x20 && c <= 0xD7FF) ||
         (c >= 0xE000 && c <= 0xFFFD) || c >= 0x10000;
}

std::string permitted(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    auto const length = utf8::length_at(text, i);
    out += length && is_permitted(utf8::at(text, i)) ? text.substr(i, length) : replacement;
    i += std::max<std::size_t>(1, length);
  }
  return out;
}

/// As libxml2 takes it.
struct Text {
  explicit Text(std::string_view view) : text{permitted(view)} {}
  operator xmlChar const*() const { return reinterpret_cast<xmlChar const*>(text.c_str()); }
  std::string text;
};

void check(int result) {
  if (result < 0) throw std::bad_alloc{};
}

template <auto release>
struct Release {
  template <class T>
  void operator()(T* resource) const {
    release(resource);
  }
};
}  // namespace

struct Document::Output {
  std::unique_ptr<xmlBuffer, Release<xmlBufferFree>> buffer{xmlBufferCreate()};
  std::unique_ptr<xmlTextWriter, Release<xmlFreeTextWriter>> writer{
      buffer ? xmlNewTextWriterMemory(buffer.get(), 0) : nullptr};
};

Document::Document(std::string_view root, std::initializer_list<Pair> prefixes)
    : output_{std::make_unique<Output>()} {
  auto* const writer = output_->writer.get();
  if (!writer) throw std::bad_alloc{};
  check(xmlTextWriterSetIndent(writer, 1));
  check(xmlTextWriterStartDocument(writer, nullptr, "UTF-8", nullptr));
  check(xmlTextWriterStartElement(writer, Text{root}));
  for (auto const& [prefix, uri] : prefixes)
    check(xmlTextWriterWriteAttribute(writer, Text{"xmlns:" + std::string{prefix}}, Text{uri}));
}

Document::~Document() = default;

void Document::element(std::string_view name, std::function<void()> const& content) {
  check(xmlTextWriterStartElement(output_->writer.get(), Text{name}));
  content();
  check(xmlTextWriterEndElement(output_->writer.get()));
}

void Document::text(std::string_view name, std::string_view text,
                    std::initializer_list<Pair> attributes) {
  auto* const writer = output_->writer.get();
  check(xmlTextWriterStartElement(writer, Text{name}));
  for (auto const& [attribute, value] : attributes)
    check(xmlTextWriterWriteAttribute(writer, Text{attribute}, Text{value}));
  check(xmlTextWriterWriteString(writer, Text{text}));
  check(xmlTextWriterEndElement(writer));
}

void Document::known(std::string_view name, std::string_view value,
                     std::initializer_list<Pair> attributes) {
  if (!value.empty()) text(name, value, attributes);
}

std::string Document::finished() {
  check(xmlTextWriterEndDocument(output_->writer.get()));
  output_->writer.reset();  // hands on what it still holds
  return {reinterpret_cast<char const*>(xmlBufferContent(output_->buffer.get())),
          std::size_t(xmlBufferLength(output_->buffer.get()))};
}

}  // namespace xml
