#pragma once
// What a worker does for a connection: handle a request, or open a socket.
#include "platform/http/edge.hpp"

namespace http {

/// A route's handler on a worker.
struct Handling final : Crossing {
  Handling(Edge const& for_edge, Route const& for_route, Request& for_request)
      : edge{for_edge}, route{for_route}, request{for_request} {}
  void run(Worker& worker) override { response = edge.handle(route, &worker, request); }
  Edge const& edge;
  Route const& route;
  Request& request;
  Response response{.status = 503};  // unless it is run
};

/// A socket's `open` on a worker.
struct Opening final : Crossing {
  Opening(Edge const& for_edge, Socket const& for_socket, Request& for_request)
      : edge{for_edge}, socket{for_socket}, request{for_request} {}
  void run(Worker& worker) override {
    // As a route, so that exceptions become answers in the same place.
    Route const route{
        .method = "GET", .pattern = socket.pattern, .handle = [this](Worker* w, Request&) {
          auto [accepted, refusal] = socket.open(*w, request);
          plan = std::move(accepted);
          return std::move(refusal);
        }};
    response = edge.handle(route, &worker, request);
  }
  Edge const& edge;
  Socket const& socket;
  Request& request;
  std::optional<Socket::Plan> plan;
  Response response{.status = 503};  // unless it is run
};

}  // namespace http
