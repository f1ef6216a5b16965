// OpenAPI 3.1 and Postman, computed from the declarations; nothing here is written by hand per
// endpoint.
#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/split.hpp>

#include "platform/http/endpoint.hpp"
#include "platform/http/preconditions.hpp"
#include "platform/http/problems.hpp"
#include "platform/json/schema.hpp"

namespace http {

namespace {
namespace bj = boost::json;

// What the connection answers before it is known which endpoint is meant.
constexpr ProblemType target_too_long{Kind::bad_request, "target_too_long",
                                      "The address is longer than 8,192 bytes"};
constexpr ProblemType body_too_large{Kind::too_large, "body_too_large", "The body is too large"};

std::string operation_id(Declared const& endpoint) {
  std::string id = endpoint.method;
  std::transform(id.begin(), id.end(), id.begin(),
                 [](unsigned char c) { return char(std::tolower(c)); });
  for (char c : endpoint.path) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      id += c;
    else if (id.back() != '_')
      id += '_';
  }
  while (id.back() == '_') id.pop_back();
  return id;
}

bj::object problem_schema() {
  auto text = [](char const* doc) { return bj::object{{"type", "string"}, {"description", doc}}; };
  return {{"type", "object"},
          {"description", "RFC 9457 problem details"},
          {"properties",
           {{"type", text("Path of the problem's description")},
            {"title", text("Short and the same for every occurrence")},
            {"status", {{"type", "integer"}}},
            {"detail", text("What went wrong this time")},
            {"code", text("Stable name for programs")},
            {"request_id", text("Quote it when asking for help")},
            {"errors",
             {{"type", "array"},
              {"items",
               {{"type", "object"},
                {"properties",
                 {{"pointer", text("RFC 6901 pointer, ?query parameter or {path part}")},
                  {"code", text("Stable name for programs")},
                  {"parameters",
                   {{"type", "object"}, {"description", "The bounds that the detail tells"}}},
                  {"detail", text("What the value must be")}}},
                {"required", {"pointer", "code", "parameters", "detail"}}}}}}}},
          {"required", {"type", "title", "status", "detail", "code", "request_id"}}};
}

bj::object page_of(bj::object row) {
  auto with_doc = [](bj::object schema, char const* doc) {
    schema["description"] = doc;
    return schema;
  };
  return {{"type", "object"},
          {"properties",
           {{"data", {{"type", "array"}, {"items", row}}},
            {"next_cursor", {{"type", {"string", "null"}}}},
            {"has_more", {{"type", "boolean"}}},
            {"total_capped",
             with_doc({{"type", "object"},
                       {"properties",
                        {{"count", {{"type", "integer"}}}, {"capped", {{"type", "boolean"}}}}}},
                      "When count=true: the rows that match, counted up to 1000")}}},
          {"required", {"data", "next_cursor", "has_more"}}};
}

bj::object answer_schema(Declared const& endpoint, json::Schemas& schemas) {
  if (endpoint.is_page) return page_of(schemas.of(*endpoint.answer));
  if (endpoint.answer) return schemas.of(*endpoint.answer);
  if (endpoint.content_type == "application/json") return {{"type", "object"}};
  return {{"type", "string"}, {"format", "binary"}};
}

/// `shared` gathers the answers of problems by their codes: many endpoints have the same.
bj::object responses(Declared const& endpoint, json::Schemas& schemas, bj::object& shared) {
  bj::object out;
  bj::object success{{"description", endpoint.status == 204   ? "Done"
                                     : endpoint.status == 201 ? "Created"
                                                              : "Success"}};
  if (!endpoint.content_type.empty()) {
    std::vector<std::string> types;
    boost::algorithm::split(types, endpoint.content_type, boost::is_any_of(","));
    bj::object content;
    for (auto const& type : types) content[type] = {{"schema", answer_schema(endpoint, schemas)}};
    success["content"] = content;
  }
  out[std::to_string(endpoint.status)] = success;

  std::map<int, std::vector<ProblemType>> by_status;
  auto problems = endpoint.problems;
  bool const has_query =
      std::any_of(endpoint.parameters.begin(), endpoint.parameters.end(),
                  [](Declared::Parameter const& parameter) { return parameter.in == "query"; });
  if (!endpoint.parameters.empty() || !endpoint.body.empty()) problems.push_back(validation_failed);
  if (has_query) {
    problems.push_back(malformed_query);
    by_status[414].push_back(target_too_long);
  }
  if (!endpoint.body.empty()) {
    problems.push_back(json::malformed);
    problems.push_back(unsupported_media);
    by_status[413].push_back(body_too_large);
  }
  if (!endpoint.scope.empty()) {
    problems.push_back(authentication_required);
    problems.push_back(missing_scope);
  }
  if (endpoint.step_up) problems.push_back(step_up_required);
  if (endpoint.limit.count || endpoint.is_counted()) problems.push_back(too_many_requests);
  bool const any_of_the_client = std::any_of(problems.begin(), problems.end(), [](auto& problem) {
    return status_of(problem.kind) < 500;
  });
  if (!any_of_the_client)
    problems.push_back({Kind::bad_request, "bad_request", "Malformed request"});
  for (auto const& problem : problems) by_status[status_of(problem.kind)].push_back(problem);
  for (auto const& [status, list] : by_status) {
    std::string description, name;
    for (auto const& problem : list) {
      if (description.find("`" + std::string{problem.code} + "`") != std::string::npos) continue;
      if (!description.empty()) description += "; ", name += "-";
      description += "`" + std::string{problem.code} + "`: " + std::string{problem.title};
      name += problem.code;
    }
    shared[name] = bj::object{
        {"description", description},
        {"content",
         {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}};
    out[std::to_string(status)] = bj::object{{"$ref", "#/components/responses/" + name}};
  }
  return out;
}

/// A parameter is left away, never null.
bj::object parameter_of(Declared::Parameter const& parameter) {
  bj::object item{
      {"name", parameter.name}, {"in", parameter.in}, {"required", parameter.required()}};
  auto schema = json::schema(parameter.type->when_set(), parameter.rules);
  if (auto const* doc = schema.if_contains("description")) {
    item["description"] = *doc;
    schema.erase("description");
  }
  if (parameter.type->when_set().form == types::Form::list) {
    item["style"] = "form";
    item["explode"] = false;
  }
  item["schema"] = schema;
  return item;
}

bj::object operation(Declared const& endpoint, json::Schemas& schemas, bj::object& shared) {
  bj::object out{{"operationId", operation_id(endpoint)},
                 {"summary", endpoint.summary},
                 {"tags", {endpoint.tag}}};
  auto description = endpoint.description;
  if (!endpoint.scope.empty()) {
    if (!description.empty()) description += "\n\n";
    description += "Needs the permission `" + endpoint.scope + "`.";
  }
  if (endpoint.step_up)
    description +=
        " Dangerous: a session must have been confirmed (`POST /api/admin/confirm`) within 5 "
        "minutes.";
  if (!description.empty()) out["description"] = description;

  bj::array parameters;
  for (auto const& parameter : endpoint.parameters) parameters.push_back(parameter_of(parameter));
  if (endpoint.idempotent)
    parameters.push_back(bj::object{
        {"name", "Idempotency-Key"},
        {"in", "header"},
        {"required", false},
        {"description", "The same key and body give the first answer again for 24 hours"},
        {"schema", {{"type", "string"}, {"minLength", 8}, {"maxLength", 255}}}});
  if (std::any_of(endpoint.problems.begin(), endpoint.problems.end(),
                  [](auto& problem) { return problem.code == version_required.code; }))
    parameters.push_back(bj::object{{"name", "If-Match"},
                                    {"in", "header"},
                                    {"required", true},
                                    {"description", "The ETag of what is changed, as GET had it"},
                                    {"schema", {{"type", "string"}, {"maxLength", 255}}}});
  if (!parameters.empty()) out["parameters"] = parameters;
  if (!endpoint.body.empty()) {
    auto schema = schemas.of(endpoint.body);
    schema["additionalProperties"] = false;
    out["requestBody"] =
        bj::object{{"required", true}, {"content", {{"application/json", {{"schema", schema}}}}}};
  }
  out["responses"] = responses(endpoint, schemas, shared);
  if (endpoint.scope.empty()) out["security"] = bj::array{};
  return out;
}
}  // namespace

std::string Api::openapi() const {
  bj::object paths, refused;
  json::Schemas schemas;
  std::map<std::string, bool> tags;
  for (auto const& endpoint : endpoints_) {
    if (endpoint->summary.empty()) continue;  // pages and files
    auto method = operation_id(*endpoint).substr(0, endpoint->method.size());
    if (!paths.contains(endpoint->path)) paths[endpoint->path] = bj::object{};
    paths[endpoint->path].as_object()[method] = operation(*endpoint, schemas, refused);
    tags[endpoint->tag] = true;
  }
  bj::object components{{"Problem", problem_schema()}};
  for (auto const& [name, schema] : schemas.components()) components[name] = schema;
  bj::array tag_list;
  for (auto const& [tag, _] : tags)
    tag_list.push_back(bj::object{{"name", tag}, {"description", tag + " endpoints"}});
  bj::object const document{
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Onboarding System"},
        {"version", ONBOARDING_VERSION},
        {"description",
         "From a public page to a paid, running tenant, and the console behind it. Errors are "
         "application/problem+json; money is integer minor units with its currency; times are "
         "RFC 3339 in UTC."},
        {"license", {{"name", "Proprietary"}, {"identifier", "LicenseRef-Proprietary"}}}}},
      {"servers", {{{"url", "/"}}}},
      {"tags", tag_list},
      {"security", {{{"bearer", bj::array{}}}, {{"session", bj::array{}}}}},
      {"paths", paths},
      {"components",
       {{"securitySchemes",
         {{"bearer",
           {{"type", "http"},
            {"scheme", "bearer"},
            {"description",
             "An API key (ob_live_…, ob_test_…; made under Settings, API keys), which opens every "
             "endpoint whose permission it has, WebSockets too; or the access_token of POST "
             "/api/admin/login"}}},
          {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "__Host-session"}}}}},
        {"responses", refused},
        {"schemas", components}}}};
  return bj::serialize(document);
}

std::string Api::postman() const {
  std::map<std::string, bj::array> by_tag;
  for (auto const& endpoint : endpoints_) {
    if (endpoint->summary.empty()) continue;
    bj::array path, variables, query;
    std::string raw = "{{base_url}}";
    std::string_view rest{endpoint->path};
    while (!rest.empty()) {
      rest.remove_prefix(1);
      auto part = std::string{rest.substr(0, rest.find('/'))};
      rest.remove_prefix(part.size());
      if (part.starts_with('{')) {
        part = ":" + part.substr(1, part.size() - 2);
        variables.push_back(bj::object{{"key", part.substr(1)}, {"value", ""}});
      }
      raw += "/" + part;
      path.push_back(bj::string{part});
    }
    for (auto const& parameter : endpoint->parameters)
      if (parameter.in == "query")
        query.push_back(bj::object{
            {"key", parameter.name}, {"value", ""}, {"disabled", !parameter.required()}});
    bj::object request{{"method", endpoint->method},
                       {"url",
                        {{"raw", raw},
                         {"host", {"{{base_url}}"}},
                         {"path", path},
                         {"query", query},
                         {"variable", variables}}},
                       {"header", bj::array{}}};
    if (!endpoint->body.empty()) {
      bj::object example;
      for (auto const* member : endpoint->body) example[member->name] = member->rules.example;
      request["header"] =
          bj::array{bj::object{{"key", "Content-Type"}, {"value", "application/json"}}};
      request["body"] = bj::object{{"mode", "raw"}, {"raw", bj::serialize(example)}};
    }
    if (endpoint->scope.empty()) request["auth"] = bj::object{{"type", "noauth"}};
    by_tag[endpoint->tag].push_back(bj::object{{"name", endpoint->summary}, {"request", request}});
  }
  bj::array folders;
  for (auto& [tag, items] : by_tag) folders.push_back(bj::object{{"name", tag}, {"item", items}});
  bj::object const document{
      {"info",
       {{"name", "Onboarding System"},
        {"schema", "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}}},
      {"auth",
       {{"type", "bearer"},
        {"bearer", {{{"key", "token"}, {"value", "{{access_token}}"}, {"type", "string"}}}}}},
      {"variable",
       {{{"key", "base_url"}, {"value", settings_.public_url}},
        {{"key", "access_token"}, {"value", ""}}}},
      {"item", folders}};
  return bj::serialize(document);
}

}  // namespace http
