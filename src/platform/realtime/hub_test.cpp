// Who hears what.
#include "platform/realtime/hub.hpp"

#include <doctest/doctest.h>

TEST_CASE("pokes reach those who joined the topic, until they leave") {
  realtime::Hub hub;
  std::string heard;
  auto listen = [&](std::string const& name, std::string topic) {
    return hub.join(std::move(topic), [&heard, name](std::string_view about) {
      heard += name + ":" + std::string{about} + " ";
    });
  };
  int const first = listen("a", "logs");
  int const second = listen("b", "logs");
  int const third = listen("c", "signup:1");
  hub.deliver("logs");
  hub.deliver("signup:1");
  hub.deliver("signup:12");
  hub.deliver("");
  CHECK(heard == "a:logs b:logs c:signup:1 ");

  heard.clear();
  hub.leave(first);
  hub.leave(first);
  hub.deliver("logs");
  hub.deliver_everything();
  CHECK(heard == "b:logs b:logs c:signup:1 ");

  heard.clear();
  hub.leave(second);
  hub.leave(third);
  hub.deliver_everything();
  CHECK(heard.empty());
}
