// Reading a request into the type of its endpoint: where each value comes from, and which are
// unknown. Answers that are files.
#include "platform/http/endpoint.hpp"

#include "platform/http/problems.hpp"
#include "platform/text/utf8.hpp"

namespace http {

Declared::Declared(std::string_view route)
    : method{route.substr(0, route.find(' '))}, path{route.substr(route.find(' ') + 1)} {}

namespace {

bool stands_in_path(Declared const& endpoint, std::string_view name) {
  return endpoint.path.find("{" + std::string{name} + "}") != std::string::npos;
}

/// The raw values of a request; finds unknown ones at the end.
class Input {
 public:
  Input(Declared const& endpoint, Request const& request) : endpoint_{endpoint}, request_{request} {
    query_ = query_of(request);
    if (endpoint.takes_body()) read_body();
  }

  void read(types::Member const& member, void* out) {
    if (auto const text = path_value(member.name)) {
      from_text(member, *text, "{" + std::string{member.name} + "}", out);
    } else if (!endpoint_.takes_body()) {
      auto const pointer = "?" + std::string{member.name};
      if (auto const* given = query_value(member.name))
        from_text(member, *given, pointer, out);
      else if (!member.is_optional())
        errors_.push_back(wrong<faults::required>(pointer));
    } else {
      auto const pointer = "/" + std::string{member.name};
      auto const* value = body_.if_contains(member.name);
      if (value && !value->is_null())
        json::decode(*value, *member.type, member.of(out), member.rules, pointer, errors_);
      else if (!member.is_optional())
        errors_.push_back(wrong<faults::required>(pointer));
    }
  }
  /// Throws Problem{validation_failed} when there was any error.
  void finish(std::span<types::Member const> members) {
    auto is_known = [&](std::string_view name) {
      return std::any_of(members.begin(), members.end(),
                         [&](types::Member const& member) { return member.name == name; });
    };
    std::string_view previous;
    for (auto const& [key, _] : query_) {
      if (endpoint_.takes_body() || !is_known(key))
        complain("?", key);
      else if (key == previous)
        errors_.push_back(wrong<faults::repeated>("?" + key));
      previous = key;
    }
    for (auto const& [key, _] : body_)
      if (!is_known(key)) complain("/", key);
    json::refuse(std::move(errors_));
  }

 private:
  void read_body() {
    if (request_.body.empty()) {
      if (endpoint_.body.empty()) return;
      throw Problem{json::malformed, "The body is empty; a JSON object is expected."};
    }
    auto const type = request_.header("content-type");
    if (!type.starts_with("application/json") && !type.starts_with("application/merge-patch+json"))
      throw Problem{unsupported_media};
    auto value = json::parse(request_.body);
    if (!value.is_object()) {
      json::wrong_type(errors_, "", "an object");
      json::refuse(std::move(errors_));
    }
    body_ = std::move(value.get_object());
  }
  std::optional<std::string_view> path_value(std::string_view name) const {
    for (auto const& [key, value] : request_.path_parameters)
      if (key == name) return value;
    return {};
  }
  std::string const* query_value(std::string_view name) const {
    for (auto const& [key, value] : query_)
      if (key == name) return &value;
    return nullptr;
  }
  void from_text(types::Member const& member, std::string_view text, std::string const& pointer,
                 void* out) {
    auto const& type = member.type->when_set();
    auto* const at = member.of(out);
    if (!json::from_text(text, *member.type, at)) return json::not_of_type(errors_, pointer, type);
    auto const* const value = member.is_optional() ? member.type->value(at) : at;
    if (type.form == types::Form::text)
      json::check_text(text, member.rules, pointer, errors_);
    else if (type.form == types::Form::integer)
      json::check_number(types::integer_of(type, value), member.rules, pointer, errors_);
  }
  void complain(std::string_view prefix, std::string_view name) {
    errors_.push_back(
        wrong<faults::unknown_field>(std::string{prefix} + std::string{utf8::first(name, 80)}));
  }

  Declared const& endpoint_;
  Request const& request_;
  json::Errors errors_;
  std::vector<std::pair<std::string, std::string>> query_;
  boost::json::object body_;
};

}  // namespace

Declared* Api::add_declared(Declared declared, types::Type const& in) {
  for (auto const& member : in.members()) {
    bool const in_path = stands_in_path(declared, member.name);
    if (!in_path && declared.takes_body()) {
      declared.body.push_back(&member);
      continue;
    }
    if (!json::stands_in_text(*member.type))
      throw std::logic_error{declared.path + ": " + std::string{member.name} +
                             " cannot stand in a path or query"};
    declared.parameters.push_back(
        {std::string{member.name}, in_path ? "path" : "query", member.type, member.rules});
  }
  auto* const slot = endpoints_.emplace_back(std::make_unique<Declared>(std::move(declared))).get();
  mount(*slot);
  return slot;
}

namespace detail {

void parse(Declared const& endpoint, Request const& request, types::Type const& type, void* out) {
  Input input{endpoint, request};
  for (auto const& member : type.members()) input.read(member, out);
  input.finish(type.members());
}

}  // namespace detail

void answer_with(Context& context, File file) {
  auto& response = context.response;
  response.content_type = std::move(file.content_type);
  response.body = std::move(file.text);
  response.file = std::move(file.content);
  response.file_size = file.size;
  response.headers.push_back({"Content-Disposition", "attachment; filename=\"" + file.name + "\""});
  for (auto& header : file.headers) response.headers.push_back(std::move(header));
}

std::vector<std::pair<std::string, std::string>> query_of(Request const& request) {
  auto parsed = parse_form(request.query);
  if (!parsed) throw Problem{malformed_query};
  std::stable_sort(parsed->begin(), parsed->end(),
                   [](auto const& one, auto const& other) { return one.first < other.first; });
  return std::move(*parsed);
}

void add_next_link(Context& context, std::string const& cursor) {
  std::string link = "<" + context.request.path + "?";
  if (auto const pairs = parse_form(context.request.query))
    for (auto const& [key, value] : *pairs)
      if (key != "cursor") link += percent_encode(key) + "=" + percent_encode(value) + "&";
  context.response.headers.push_back(
      {"Link", link + "cursor=" + percent_encode(cursor) + ">; rel=\"next\""});
}

}  // namespace http
