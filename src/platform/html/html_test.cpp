// What a stranger typed stays text.
#include "platform/html/html.hpp"

#include <doctest/doctest.h>

TEST_CASE("markup becomes text, in content and in attributes") {
  CHECK(html::escaped("Müller & Söhne") == "Müller &amp; Söhne");
  CHECK(html::escaped(R"(<a href="x" title='y'>)") ==
        "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;");
  CHECK(html::escaped("&amp;") == "&amp;amp;");
  CHECK(html::escaped("").empty());
}
