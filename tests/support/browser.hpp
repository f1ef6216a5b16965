#pragma once
// What a browser keeps between requests, and a clock that a test moves.
#include "support/app.hpp"

namespace support {

/// The value of a cookie that an answer sets; empty when it sets none of this name.
inline std::string cookie_of(Reply const& reply, std::string const& name) {
  for (auto const& [header, value] : reply.headers)
    if (header == "set-cookie" && value.starts_with(name + "="))
      return value.substr(name.size() + 1, value.find(';') - name.size() - 1);
  return {};
}

/// What a browser does with the answer of a log-in or a refresh.
struct Browser {
  std::string access, refresh, csrf;
  explicit Browser(Reply const& reply)
      : access{cookie_of(reply, "__Host-session")},
        refresh{cookie_of(reply, "__Host-refresh")},
        csrf{reply["csrf_token"]} {}
  Reply renew(App const& app) const {
    return app.visitor().post("/api/admin/refresh", nullptr,
                              {"Cookie: __Host-refresh=" + refresh, "Origin: " + app.url()});
  }
  Caller caller(App const& app) const {
    return {app.url(),
            {"Cookie: __Host-session=" + access, "X-CSRF-Token: " + csrf, "Origin: " + app.url()}};
  }
};

/// The clock of this process moves on, until the end of the test.
class Later {
 public:
  ~Later() { clock_source::advance(-moved_); }
  void operator()(std::chrono::seconds by) {
    clock_source::advance(by);
    moved_ += by;
  }

 private:
  std::chrono::seconds moved_{0};
};

}  // namespace support
