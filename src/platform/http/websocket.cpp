// WebSocket connections.
#include "platform/http/edge.hpp"
#include "platform/http/guard.hpp"

namespace http {

bool asks_for_socket(Request const& request) {
  return request.method == "GET" && list_contains(request.header("upgrade"), "websocket") &&
         list_contains(request.header("connection"), "upgrade") &&
         request.header("sec-websocket-version") == "13";
}

bool is_same_origin(Request const& request) {
  auto const origin = request.header("origin");
  if (origin.empty()) return true;
  auto const scheme_end = origin.find("://");
  return scheme_end != std::string_view::npos &&
         equals_ignoring_case(origin.substr(scheme_end + 3), request.header("host"));
}

Awaitable<> serve_socket(Edge&, StreamSocket, Request, Socket const&, Socket::Plan) { co_return; }

}  // namespace http
