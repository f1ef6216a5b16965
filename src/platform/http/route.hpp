#pragma once
// The table between the edge (bytes, sockets) and the workers (plain functions).
#include <functional>
#include <memory>

#include "platform/db/db.hpp"
#include "platform/http/message.hpp"

namespace http {

/// Where a request is worked off. Each lane has its own threads and its own bounded queue, so that
/// slow work cannot hold up quick work; a full queue answers 503 with Retry-After.
enum class Lane {
  edge,      // on the edge's own thread: no database, microseconds (health, files)
  standard,  // reads and writes of the database
  slow,      // calls other services (Stripe)
  password,  // Argon2id; each address has its turn
  live,      // documents that many pages look at again and again, WebSockets among them
  files,     // fetches or packs something large before it can be sent
};
inline constexpr std::size_t lanes_with_threads = 5;  // all but the edge

/// What a worker thread owns.
struct Worker {
  db::Connection& connection;
  /// For what stays when the request's transaction is rolled back: counting failed attempts.
  db::Connection& aside;
};

struct Route {
  std::string method;
  std::string pattern;  // "/api/tenants/{id}"
  Lane lane = Lane::standard;
  std::size_t body_limit = 64 * 1024;  // bytes; more is 413
  /// `worker` is null in the edge lane only. Never throws: problems are already answers.
  std::function<Response(Worker*, Request&)> handle;
};

/// A WebSocket: the server speaks, the client only listens (and answers pings).
struct Socket {
  std::string pattern;
  struct Plan {
    std::vector<std::string> topics;      // realtime topics that make the socket look again
    std::optional<int> interval_ms = {};  // look again this often in any case
  };
  /// On a worker, before the upgrade is accepted; a refusal is an ordinary HTTP answer.
  std::function<std::pair<std::optional<Plan>, Response>(Worker&, Request const&)> open;
  /// On a worker, once after the upgrade and again whenever a topic was announced or the interval
  /// has passed: the message to send now. An empty text sends nothing; none closes the socket with
  /// code 4401 (the session ended). One call per socket at a time; announcements meanwhile are
  /// coalesced into one more call. Must not throw but for db::Unavailable (tried again later).
  std::function<std::optional<std::string>(Worker&, Request const&)> message;
};

/// Matches paths. "{name}" is one segment, "{name...}" at the end is the rest.
class Router {
 public:
  Router();
  ~Router();
  void add(Route route);
  void add(Socket socket);

  struct Match {
    Route const* route = nullptr;
    Socket const* socket = nullptr;
    std::string allowed_methods;  // filled when the path exists under other methods only
  };
  /// Fills request.path_parameters and request.route. HEAD is matched to GET.
  Match match(Request& request) const;

  /// Answers of the edge itself (404, 405, 413, 431, 503 …) in the form the client expects:
  /// problem+json for the API, a page for browsers. Set by the pipeline.
  std::function<Response(Request const&, int status, std::string_view code,
                         std::string_view detail)>
      refuse;
  /// Whether a browser's page may open a WebSocket. Set by the pipeline; by itself it goes by Host.
  std::function<bool(Request const&)> is_own_page;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace http
