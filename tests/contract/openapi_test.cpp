// docs/api/openapi.json is what the program says about itself.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <set>

#include "app/application.hpp"
#include "support/source.hpp"

namespace {
/// The program's declarations; nothing of this connects or listens.
struct Declarations {
  process::Supervisor supervisor;
  config::Settings settings;
  app::Application application{with_url(settings), std::string(32, '0'), supervisor, nullptr};
  http::Api& api = application.api();

  static config::Settings const& with_url(config::Settings& settings) {
    settings.public_url = "https://localhost:4443";
    return settings;
  }
};
}  // namespace

TEST_CASE("the API's description that is checked in is the program's own") {
  Declarations program;
  auto const kept = files::read(support::source_directory() / "docs/api/openapi.json");
  REQUIRE_MESSAGE(kept.has_value(), "docs/api/openapi.json is missing");
  bool const same = boost::json::parse(*kept) == boost::json::parse(program.api.openapi());
  CHECK_MESSAGE(
      same,
      "the API has changed: build/release/onboarding openapi | node -p "
      "'JSON.stringify(JSON.parse(fs.readFileSync(0)), null, 2)' > docs/api/openapi.json");
}

TEST_CASE("every text of the settings says what may stand on its line") {
  Declarations program;
  for (auto const& endpoint : program.api.endpoints()) {
    if (endpoint->method != "PUT" || !endpoint->path.starts_with("/api/settings/groups/")) continue;
    CAPTURE(endpoint->path);
    for (auto const* member : endpoint->body) {
      CAPTURE(member->name);
      // What is another kind of text its group looks at.
      bool const is_plain = member->type->when_set().form == types::Form::text &&
                            (member->rules.format.empty() || member->rules.format == "multiline");
      if (is_plain) CHECK(bool(member->rules.check));
    }
  }
}

TEST_CASE("every endpoint of the API is described, with its answers, and nothing else is") {
  Declarations program;
  auto const document = boost::json::parse(program.api.openapi());
  auto const& paths = document.at("paths").as_object();
  std::set<std::string> ids, declared;
  for (auto const& endpoint : program.api.endpoints()) {
    CAPTURE(endpoint->method);
    CAPTURE(endpoint->path);
    if (endpoint->path.starts_with("/api/") || endpoint->path.starts_with("/ws/") ||
        endpoint->path.starts_with("/webhook/"))
      CHECK(!endpoint->summary.empty());
    if (endpoint->summary.empty()) continue;  // pages
    auto method = endpoint->method;
    for (auto& c : method) c = char(std::tolower(c));
    declared.insert(method + " " + endpoint->path);
    REQUIRE(paths.contains(endpoint->path));
    auto const* operation = paths.at(endpoint->path).as_object().if_contains(method);
    REQUIRE(operation != nullptr);
    CHECK(ids.insert(std::string{operation->at("operationId").as_string()}).second);
    CHECK(operation->at("tags").as_array().size() == 1);
    auto const& responses = operation->at("responses").as_object();
    CHECK(responses.contains(std::to_string(endpoint->status)));
    if (!endpoint->scope.empty()) {
      CHECK(responses.contains("401"));
      CHECK(responses.contains("403"));
    }
    if (!endpoint->body.empty()) {
      CHECK(operation->as_object().contains("requestBody"));
      CHECK(responses.contains("400"));
      CHECK(responses.contains("413"));
    }
    if (responses.contains("428"))  // whoever must say which version finds out how
      CHECK(boost::json::serialize(operation->at("parameters")).find("\"If-Match\"") !=
            std::string::npos);
    for (auto at = endpoint->path.find('{'); at != std::string::npos;
         at = endpoint->path.find('{', at + 1)) {
      auto const name = endpoint->path.substr(at + 1, endpoint->path.find('}', at) - at - 1);
      CHECK(boost::json::serialize(operation->at("parameters")).find("\"" + name + "\"") !=
            std::string::npos);
    }
  }
  for (auto const& [path, operations] : paths)
    for (auto const& [method, _] : operations.as_object())
      CHECK(declared.contains(std::string{method} + " " + std::string{path}));
  CHECK(boost::json::parse(program.api.postman()).is_object());
}
