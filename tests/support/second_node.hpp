#pragma once
// Another process of the same installation: the same database and master key, an address of its
// own.
#include "support/app.hpp"

namespace support {

class SecondNode {
 public:
  explicit SecondNode(App const& first,
                      std::function<void(http::ServerSettings&)> const& change = {})
      : settings_{first.settings} {
    settings_.http_listen = "127.0.0.1:" + std::to_string(free_port());
    application_ = std::make_unique<app::Application>(settings_, first.key(), supervisor_, nullptr);
    http::ServerSettings server{.listen = settings_.http_listen,
                                .database_url = settings_.database_url,
                                .standard_workers = 4};
    if (change) change(server);
    application_->start(server, app::Application::Jobs::leave);
  }
  std::string url() const { return "http://" + settings_.http_listen; }
  app::Application& application() { return *application_; }

 private:
  config::Settings settings_;
  process::Supervisor supervisor_;
  std::unique_ptr<app::Application> application_;
};

}  // namespace support
