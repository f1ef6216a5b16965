// The one table from kinds of problems to statuses, and the document a client gets (RFC 9457).
#include "platform/http/problems.hpp"
#include "platform/http/endpoint.hpp"

namespace http {

int status_of(Kind kind) {
  switch (kind) {
    case Kind::bad_request:
      return 400;
    case Kind::unauthenticated:
      return 401;
    case Kind::forbidden:
      return 403;
    case Kind::not_found:
      return 404;
    case Kind::method_not_allowed:
      return 405;
    case Kind::conflict:
      return 409;
    case Kind::gone:
      return 410;
    case Kind::precondition_failed:
      return 412;
    case Kind::precondition_required:
      return 428;
    case Kind::too_large:
      return 413;
    case Kind::unsupported_media:
      return 415;
    case Kind::invalid:
      return 422;
    case Kind::too_many:
      return 429;
    case Kind::internal:
      return 500;
    case Kind::upstream:
      return 502;
    case Kind::unavailable:
      return 503;
  }
  return 500;
}

Response problem_document(Request const& request, int status, std::string_view code,
                          std::string_view title, std::string_view detail) {
  Problem problem{{Kind::internal, code, title}, std::string{detail}};
  return problem_document(request, problem, status);
}

Response problem_document(Request const& request, Problem const& problem,
                          std::optional<int> status) {
  int const code = status.value_or(status_of(problem.type.kind));
  std::string body = R"({"type":"/problems/)";
  std::string slug{problem.type.code};
  std::replace(slug.begin(), slug.end(), '_', '-');
  body += slug;
  body += R"(","title":)";
  json::write_string(body, problem.type.title);
  body += ",\"status\":" + std::to_string(code) + ",\"detail\":";
  json::write_string(body, problem.detail.empty() ? std::string_view{problem.type.title}
                                                  : std::string_view{problem.detail});
  body += ",\"code\":";
  json::write_string(body, problem.type.code);
  body += ",\"request_id\":";
  json::write_string(body, request.request_id);
  if (!problem.errors.empty()) {
    body += ",\"errors\":[";
    for (auto const& error : problem.errors) {
      if (body.back() == '}') body += ',';
      body += "{\"pointer\":";
      json::write_string(body, error.pointer);
      body += ",\"code\":";
      json::write_string(body, error.code);
      body += ",\"parameters\":" + error.parameters;
      body += ",\"detail\":";
      json::write_string(body, error.detail);
      body += '}';
    }
    body += ']';
  }
  for (auto const& [name, value] : problem.members) {
    body += ',';
    json::write_string(body, name);
    body += ':' + value;
  }
  body += '}';
  Response response{.status = code, .content_type = "application/problem+json", .body = body};
  response.headers.push_back({"Cache-Control", "no-store"});
  if (problem.retry_after_seconds)
    response.headers.push_back({"Retry-After", std::to_string(*problem.retry_after_seconds)});
  return response;
}

bool wants_page(Request const& request) {
  return request.method == "GET" && !request.path.starts_with("/api/") &&
         request.header("accept").find("text/html") != std::string_view::npos;
}

}  // namespace http
