// The untyped half of reading a request: where each value comes from, and which are unknown.
#include "platform/http/endpoint.hpp"

namespace http {

namespace {
constexpr ProblemType unsupported_media{Kind::unsupported_media, "unsupported_media_type",
                                        "The body must be application/json"};
constexpr ProblemType malformed_query{Kind::bad_request, "malformed_query",
                                      "The query is not valid percent-encoded UTF-8"};
}  // namespace

namespace detail {

Declared declared(std::string_view route) {
  auto const space = route.find(' ');
  Declared out{};
  out.method = route.substr(0, space);
  out.path = route.substr(space + 1);
  out.lane = Lane::standard;
  out.status = 200;
  out.body_limit = 64 * 1024;
  return out;
}

bool is_path_parameter(std::string_view route_path, std::string_view name) {
  return route_path.find("{" + std::string{name} + "}") != std::string_view::npos;
}

Input::Input(Declared const& endpoint, Request const& request)
    : request_{request},
      takes_body_{endpoint.method == "POST" || endpoint.method == "PUT" ||
                  endpoint.method == "PATCH"} {
  if (!request.query.empty()) {
    auto parsed = parse_form(request.query);
    if (!parsed) throw Problem{malformed_query};
    query_ = std::move(*parsed);
  }
  if (!takes_body_) return;
  if (request.body.empty()) {
    if (!endpoint.body) return;
    throw Problem{json::malformed, "The body is empty; a JSON object is expected."};
  }
  auto const type = request.header("content-type");
  if (!type.starts_with("application/json") && !type.starts_with("application/merge-patch+json"))
    throw Problem{unsupported_media};
  auto value = json::parse(request.body);
  if (!value.is_object()) {
    json::wrong_type(errors, "", "an object");
    finish({});
  }
  body_ = std::move(value.get_object());
}

std::string_view const* Input::path(std::string_view name) {
  for (auto const& [key, value] : request_.path_parameters)
    if (key == name) {
      path_value_ = value;
      return &path_value_;
    }
  return nullptr;
}

std::string const* Input::query(std::string_view name) {
  for (auto const& [key, value] : query_)
    if (key == name) return &value;
  return nullptr;
}

boost::json::value const* Input::body(std::string_view name) { return body_.if_contains(name); }

void Input::finish(std::vector<std::string_view> const& known) {
  auto is_known = [&](std::string_view name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  };
  auto complain = [&](std::string_view prefix, std::string_view name) {
    errors.push_back({std::string{prefix} + std::string{utf8::first(name, 80)}, "unknown_field",
                      "is not a known field"});
  };
  std::string_view previous;
  for (auto const& [key, _] : query_) {
    if (takes_body_ || !is_known(key))
      complain("?", key);
    else if (key == previous)
      errors.push_back({"?" + key, "repeated", "is given more than once"});
    previous = key;
  }
  for (auto const& [key, _] : body_)
    if (!is_known(key)) complain("/", key);
  if (errors.empty()) return;
  Problem problem{validation_failed};
  problem.errors = std::move(errors);
  throw problem;
}

void add_next_link(Context& context, std::string const& cursor) {
  std::string link = "<" + context.request.path + "?";
  if (auto const pairs = parse_form(context.request.query))
    for (auto const& [key, value] : *pairs)
      if (key != "cursor") link += percent_encode(key) + "=" + percent_encode(value) + "&";
  context.response.headers.push_back(
      {"Link", link + "cursor=" + percent_encode(cursor) + ">; rel=\"next\""});
}

}  // namespace detail
}  // namespace http
