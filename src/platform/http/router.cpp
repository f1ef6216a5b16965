// The tree of path segments. Fixed segments win over "{name}", and those over "{name...}"; the
// methods of all patterns that fit a path are collected for the Allow header of a 405.
#include <algorithm>
#include <map>
#include <stdexcept>

#include "platform/http/route.hpp"

namespace http {

namespace {
template <class T>
struct Leaf {
  T what;
  std::vector<std::string> names;  // of the parameters, in the pattern's order
};
}  // namespace

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> fixed;
  std::unique_ptr<Node> any, rest;
  std::vector<std::unique_ptr<Leaf<Route>>> routes;
  std::unique_ptr<Leaf<Socket>> socket;

  /// The node of a pattern, made when missing.
  Node& place(std::string_view pattern, std::vector<std::string>& names);
};

Router::Node& Router::Node::place(std::string_view pattern, std::vector<std::string>& names) {
  auto const refuse_pattern = [&](std::string_view why) {
    throw std::logic_error{"route " + std::string{pattern} + ": " + std::string{why}};
  };
  if (!pattern.starts_with('/')) refuse_pattern("a pattern starts with '/'");
  auto* node = this;
  std::string_view left = pattern.substr(1);
  bool last = false;
  while (!last) {
    auto const end = left.find('/');
    last = end == std::string_view::npos;
    auto segment = left.substr(0, end);
    left.remove_prefix(last ? left.size() : end + 1);
    if (!segment.starts_with('{')) {
      auto& next = node->fixed[std::string{segment}];
      if (!next) next = std::make_unique<Node>();
      node = next.get();
      continue;
    }
    if (!segment.ends_with('}')) refuse_pattern("'{' without '}'");
    segment = segment.substr(1, segment.size() - 2);
    bool const takes_rest = segment.ends_with("...");
    if (takes_rest) segment.remove_suffix(3);
    if (takes_rest && !last) refuse_pattern("\"{name...}\" belongs at the end");
    if (segment.empty()) refuse_pattern("a parameter needs a name");
    names.emplace_back(segment);
    auto& next = takes_rest ? node->rest : node->any;
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  return *node;
}

Router::Router() : root_{std::make_unique<Node>()} {}
Router::~Router() = default;

void Router::add(Route route) {
  auto leaf = std::make_unique<Leaf<Route>>();
  auto& node = root_->place(route.pattern, leaf->names);
  for (auto const& other : node.routes)
    if (other->what.method == route.method)
      throw std::logic_error{"two routes for " + route.method + " " + route.pattern};
  leaf->what = std::move(route);
  node.routes.push_back(std::move(leaf));
}

void Router::add(Socket socket) {
  auto leaf = std::make_unique<Leaf<Socket>>();
  auto& node = root_->place(socket.pattern, leaf->names);
  if (node.socket) throw std::logic_error{"two sockets for " + socket.pattern};
  leaf->what = std::move(socket);
  node.socket = std::move(leaf);
}

namespace {

/// One walk through the tree, with a way back from branches that have the path but not the method.
template <class Node>
struct Search {
  std::string_view method;
  std::vector<std::string_view> segments;
  std::vector<std::string_view> values = {};  // of the parameters so far, as sent
  std::vector<std::string_view> allowed = {};
  Leaf<Route> const* route = nullptr;
  Leaf<Socket> const* socket = nullptr;

  void allow(std::string_view name) {
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) allowed.push_back(name);
  }

  /// True when the search is over: `values` then belong to what was found.
  bool found(Node const& node) {
    Leaf<Route> const* for_get = nullptr;
    for (auto const& leaf : node.routes) {
      allow(leaf->what.method);
      if (leaf->what.method == method) route = leaf.get();
      if (leaf->what.method != "GET") continue;
      allow("HEAD");
      for_get = leaf.get();
    }
    if (!route && method == "HEAD") route = for_get;
    if (node.socket) {
      allow("GET");
      if (method == "GET") socket = node.socket.get();
    }
    return route || socket;
  }

  bool walk(Node const& node, std::size_t depth) {
    if (depth == segments.size()) return found(node);
    auto const segment = segments[depth];
    // A fixed segment written with needless percent-encoding is still the same segment.
    auto const fixed = segment.find('%') == std::string_view::npos
                           ? node.fixed.find(segment)
                           : node.fixed.find(percent_decode(segment, false).value_or(""));
    if (fixed != node.fixed.end() && walk(*fixed->second, depth + 1)) return true;
    if (segment.empty()) return false;
    auto const known = values.size();
    if (node.any) {
      values.push_back(segment);
      if (walk(*node.any, depth + 1)) return true;
      values.resize(known);
    }
    if (node.rest) {
      auto const& last = segments.back();
      values.emplace_back(segment.data(), std::size_t(last.data() + last.size() - segment.data()));
      if (found(*node.rest)) return true;
      values.resize(known);
    }
    return false;
  }
};

}  // namespace

Router::Match Router::match(Request& request) const {
  Search<Node> search{.method = request.method, .segments = raw_segments(request)};
  Match match;
  request.path_parameters.clear();
  request.route = {};
  if (!search.walk(*root_, 0)) {
    for (auto const& method : search.allowed)
      match.allowed_methods += (match.allowed_methods.empty() ? "" : ", ") + std::string{method};
    return match;
  }
  auto const& names = search.route ? search.route->names : search.socket->names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto value = percent_decode(search.values[i], false);
    if (!value) return {};
    request.path_parameters.emplace_back(names[i], std::move(*value));
  }
  if (search.route) match.route = &search.route->what;
  if (search.socket) match.socket = &search.socket->what;
  request.route = search.route ? match.route->pattern : match.socket->pattern;
  return match;
}

}  // namespace http
