#include "platform/xml/document.hpp"

#include <doctest/doctest.h>

TEST_CASE("elements, attributes and texts stand in the order in which they were written") {
  xml::Document out{"a:root", {{"a", "urn:a"}}};
  out.element("a:one", [&] {
    out.text("a:two", "<&>\"", {{"unit", "\"<"}});
    out.known("a:three", "");
  });
  out.text("a:empty", "");
  CHECK(out.finished() ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<a:root xmlns:a=\"urn:a\">\n"
        " <a:one>\n"
        "  <a:two unit=\"&quot;&lt;\">&lt;&amp;&gt;&quot;</a:two>\n"
        " </a:one>\n"
        " <a:empty></a:empty>\n"
        "</a:root>\n");
}

TEST_CASE("what XML has no place for is shown as a replacement") {
  xml::Document out{"t", {}};
  using namespace std::string_literals;
  out.text("x", "a\0b\x01\x1f\xff\xEF\xBF\xBE نور 🎉\t"s);
  CHECK(out.finished().find("<x>a\uFFFDb\uFFFD\uFFFD\uFFFD\uFFFD نور 🎉\t</x>") !=
        std::string::npos);
}
