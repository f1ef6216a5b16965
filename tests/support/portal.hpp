#pragma once
// The customer's page as its visitors reach it: through a door behind a proxy, each from an address
// of their own, so that none meets another's limit.
#include <doctest/doctest.h>

#include "support/app.hpp"
#include "support/second_node.hpp"

namespace support {

class PortalDoor : SecondNode {
 public:
  explicit PortalDoor(App& app)
      : SecondNode{app, [](http::ServerSettings& server) { server.behind_proxy = true; }} {
    address = url();
  }
  inline static std::string address;
};

inline Caller portal_visitor() {
  static int number = 0;
  ++number;
  return {PortalDoor::address,
          {"X-Forwarded-For: 10.9." + std::to_string(number / 250) + "." +
           std::to_string(number % 250 + 1)}};
}

inline Reply portal_link(Json const& body) {
  return portal_visitor().post("/api/portal/links", body);
}

/// The end of the link that was mailed last.
inline std::string newest_portal_link(App const& app) {
  auto const body =
      app.value("SELECT body FROM mails WHERE template = 'portal_link' ORDER BY id DESC LIMIT 1");
  auto const at = body.find("/portal/") + 8;
  return body.substr(at, body.find('\n', at) - at);
}

inline Reply spend_link(std::string const& token) {
  return portal_visitor().post("/api/portal/session", {{"token", token}});
}

/// A browser in which the page of this customer is open.
inline Caller open_portal(App& app, std::string const& email = "ada@acme.example") {
  app.run("DELETE FROM portal_links");
  REQUIRE(portal_link({{"email", email}}).status == 200);
  app.work();
  auto const opened = spend_link(newest_portal_link(app));
  REQUIRE_MESSAGE(opened.status == 204, opened.body);
  auto const cookie = opened.header("set-cookie");
  return portal_visitor().with({"Cookie: " + cookie.substr(0, cookie.find(';'))});
}

}  // namespace support
