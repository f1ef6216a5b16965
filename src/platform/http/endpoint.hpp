#pragma once
// An endpoint is declared once. Routing, validation, permission, audit, rate limit, OpenAPI and
// Postman are all computed from the declaration; the handler is plain code with a transaction.
#include <memory>
#include <set>

#include "platform/config/config.hpp"
#include "platform/http/origins.hpp"
#include "platform/http/rate_limit.hpp"
#include "platform/http/route.hpp"
#include "platform/json/problem.hpp"
#include "platform/json/schema.hpp"
#include "platform/json/write.hpp"

namespace http {

/// What somebody may do; shared by all requests of the same role or key.
using Scopes = std::set<std::string, std::less<>>;

/// Every person who is logged in has it, no API key: one's own sessions, factors and profile.
inline constexpr std::string_view own_scope = "self";

/// Delivered within this process when somebody may no longer do what they could: sockets that need
/// a permission look again.
inline constexpr std::string_view actors_changed = "actors_changed";

/// Who asks: a person (from the cookie or the bearer token), an API key, or nobody. Made by
/// identity; public endpoints get an empty one when nobody is logged in.
/// Whoever is neither a person of ours nor a key.
inline constexpr std::string_view visitor = "visitor";

struct Actor {
  std::int64_t user_id = 0;                               // 0: not a person
  std::int64_t api_key_id = 0;                            // 0: not a key
  std::string email, name, role, session_id, csrf_token;  // of a key: its prefix as e-mail and name
  std::shared_ptr<Scopes const> scopes;
  Time expires_at{};
  bool by_cookie = false;
  bool must_enrol = false;  // the role asks for a second factor and the time for it is over

  bool is_known() const { return user_id != 0 || api_key_id != 0; }
  /// Who did it, as rows name them: a person's e-mail, a key's prefix, or "visitor".
  std::string_view label() const { return is_known() ? std::string_view{email} : visitor; }
  bool may(std::string_view scope) const { return scopes && scopes->contains(scope); }
};

class IdempotentCall;

struct Context {
  Worker& worker;
  db::Tx& tx;
  Actor const& actor;
  Request const& request;
  config::Settings const& settings;
  Response& response;  // headers and cookies may be added

  // What the audit row says beyond actor, address and request.
  std::string_view audit_action{};  // instead of the declared one, where an endpoint does either
  std::string audit_target{};
  RawJson audit_before{}, audit_after{};
  std::string audit_reason{};  // why, where a reason was asked for

  /// For handlers with transactions of their own, under an Idempotency-Key: what an earlier try of
  /// this request has made before it was interrupted; and noting that, in the transaction that
  /// makes it.
  [[nodiscard]] std::optional<std::string> begun() const;
  void note_begun(db::Tx& own, std::string_view what) const;
  IdempotentCall const* call = nullptr;

  /// What this process must do before the client hears that the change is made.
  std::vector<std::function<void()>> after_commit{};
};

enum class Transaction {
  automatic,  // GET: each statement alone; everything else: one transaction with the audit row
  own,        // the handler calls other services and opens its own with db::transact
};

/// A unique or check constraint of the schema, told as a problem of one field.
struct ConstraintProblem {
  std::string_view constraint, pointer, code, detail;
};

/// No fields: an endpoint without input, or an answer 204 without a body.
struct Nothing {
  static constexpr auto fields() { return ::fields(); }
};

/// One page of a list. `next_cursor` is opaque.
template <class T>
struct Page {
  std::vector<T> data;
  std::optional<std::string> next_cursor;
  bool has_more = false;
  static constexpr auto fields() {
    return ::fields(field("data", &Page::data), field("next_cursor", &Page::next_cursor),
                    field("has_more", &Page::has_more));
  }
};

template <class In, class Out>
struct Endpoint {
  std::string_view route;    // "POST /api/tenants"
  std::string_view summary;  // imperative, one line
  std::string_view tag;
  std::string_view scope{};  // empty: public
  std::string_view audit{};  // action of the audit row; needed by everything that writes
  Limit limit{};             // of its own: per person or key, of public ones per address
  std::vector<ProblemType> problems{};
  std::vector<ConstraintProblem> constraints{};
  Lane lane = Lane::standard;
  Transaction transaction = Transaction::automatic;
  int status = 200;
  bool idempotent = false;  // takes an Idempotency-Key
  bool step_up = false;     // dangerous: a person must have proved who they are in the last minutes
  std::size_t body_limit = 64 * 1024;
  boost::json::object (*answer_schema)() = nullptr;  // where Out is RawJson
  std::function<Out(Context&, In const&)> handle;
};

/// What the audit writer gets; the columns of audit_logs.
struct AuditEntry {
  std::string_view action;
  Actor const& actor;
  Request const& request;
  std::string_view target;
  RawJson const &before, &after;
  std::string_view reason;
};

/// An endpoint without its types, as the pipeline and the generated documents see it.
struct Declared {
  struct Parameter {
    std::string name, in;
    bool required;
    boost::json::object schema;
  };
  std::string method, path, summary, tag, scope, audit;
  Limit limit;
  std::vector<ProblemType> problems;
  std::vector<ConstraintProblem> constraints;
  Lane lane;
  Transaction transaction;
  int status;
  bool idempotent, step_up;
  std::size_t body_limit;
  std::vector<Parameter> parameters;
  std::optional<boost::json::object> body, answer;
  std::string description{};
  std::string answer_type = "application/json";

  using Call = std::function<std::string(Context&)>;
  /// Validates the request and gives the call that runs the handler and writes its answer.
  std::function<Call(Request const&)> prepare;
  /// Instead of `prepare`: takes the raw request (webhook, pages, documents).
  std::function<Response(Context&)> raw;

  bool writes() const { return method != "GET" && method != "HEAD"; }
  /// Counted against the limits of its address, person or key; pages, probes and webhooks are not.
  bool is_counted() const { return path.starts_with("/api/"); }
};

/// Reads path, query and body into In; every wrong field is in the one Problem thrown.
template <class In>
In parse(Declared const& endpoint, Request const& request);

class Api {
 public:
  using Authenticate = std::function<Actor(Request const&)>;  // throws Problem on a bad token
  using WriteAudit = void (*)(db::Tx&, AuditEntry const&);
  /// Throws a Problem that says how, when the person must prove who they are once more.
  using RequireStepUp = std::function<void(db::Tx&, Actor const&)>;
  /// Throws a Problem when the installation does not take this request at present, whoever asks.
  using Admit = std::function<void(Request const&, bool writes)>;

  explicit Api(config::Settings const& settings);
  ~Api();

  template <class In, class Out>
  void add(Endpoint<In, Out> const& endpoint);
  /// A door with its own framing: `raw` gets the unread request.
  void add_raw(Declared declared);
  /// A WebSocket for those who hold `scope` (empty: public). `message` as in http::Socket; the
  /// session is checked again before each message.
  void add_socket(std::string_view pattern, std::string_view summary, std::string_view scope,
                  std::function<Socket::Plan(Worker&, Request const&)> open,
                  std::function<std::string(Worker&, Request const&)> message);

  void on_authenticate(Authenticate authenticate) { authenticate_ = std::move(authenticate); }
  void on_audit(WriteAudit write) { write_audit_ = write; }
  void on_step_up(RequireStepUp require) { require_step_up_ = std::move(require); }
  void on_admit(Admit admit) { admit_ = std::move(admit); }
  /// A page for browsers instead of a problem document; none: the problem is sent.
  std::function<std::optional<Response>(Request const&, int status)> error_page;

  Router& router() { return router_; }
  std::vector<std::unique_ptr<Declared>> const& endpoints() const { return endpoints_; }
  config::Settings const& settings() const { return settings_; }

  /// OpenAPI 3.1 and Postman Collection 2.1, computed from the declarations.
  [[nodiscard]] std::string openapi() const;
  [[nodiscard]] std::string postman() const;
  /// Requests answered so far by route and status, in Prometheus' text format.
  [[nodiscard]] std::string metrics() const;

  /// An answer for a problem, in the form the client understands.
  [[nodiscard]] Response answer(Request const& request, Problem const& problem) const;

 private:
  void mount(Declared const& endpoint);
  struct Meter;
  Response serve(Declared const& endpoint, Meter& meter, Worker* worker, Request& request);
  Response run(Declared const& endpoint, Worker& worker, Request& request, Actor const& actor);

  config::Settings const& settings_;
  Origins const origins_;
  Router router_;
  std::vector<std::unique_ptr<Declared>> endpoints_;
  Authenticate authenticate_;
  WriteAudit write_audit_ = nullptr;
  RequireStepUp require_step_up_;
  Admit admit_ = [](Request const&, bool) {};
  struct Meters;
  std::unique_ptr<Meters> meters_;
};

// ---- templates

namespace detail {
/// Collects the raw values of a request; finds unknown ones at the end.
class Input {
 public:
  Input(Declared const& endpoint, Request const& request);
  json::Errors errors;

  std::string_view const* path(std::string_view name);
  std::string const* query(std::string_view name);
  boost::json::value const* body(std::string_view name);
  bool takes_body() const { return takes_body_; }
  /// Throws Problem{validation_failed} when there was any error.
  void finish(std::vector<std::string_view> const& known);

 private:
  Request const& request_;
  bool takes_body_;
  std::string_view path_value_;
  std::vector<std::pair<std::string, std::string>> query_;
  boost::json::object body_;
};
bool is_path_parameter(std::string_view route_path, std::string_view name);
Declared declared(std::string_view route);
void add_next_link(Context& context, std::string const& cursor);

/// Objects and numbers with a point stand in bodies only, never in a path or query.
template <class M>
inline constexpr bool stands_in_text =
    !Described<M> && !std::is_same_v<M, RawJson> && !std::is_floating_point_v<M>;
template <class M>
inline constexpr bool stands_in_text<std::optional<M>> = stands_in_text<M>;

template <class T>
concept IsPage = requires(T const& page) {
  page.data;
  page.next_cursor;
};
}  // namespace detail

template <class In>
In parse(Declared const& endpoint, Request const& request) {
  In out{};
  detail::Input input{endpoint, request};
  std::vector<std::string_view> known;
  auto from_text = [&](auto const& f, std::string_view text, std::string const& pointer) {
    using M = typename std::remove_cvref_t<decltype(f)>::value_type;
    if constexpr (detail::stands_in_text<M>) {
      auto value = json::from_text<M>(text);
      if (!value) {
        if constexpr (NamedEnum<M>)
          input.errors.push_back({pointer, "unknown_value", "must be " + json::one_of<M>()});
        else
          json::wrong_type(input.errors, pointer, json::type_words<M>());
        return;
      }
      if constexpr (std::is_same_v<M, std::string> || std::is_same_v<M, std::optional<std::string>>)
        json::check_text(text, f.rules, pointer, input.errors);
      else if constexpr (std::is_same_v<M, std::int64_t>)
        json::check_number(*value, f.rules, pointer, input.errors);
      else if constexpr (std::is_same_v<M, std::optional<std::int64_t>>)
        json::check_number(**value, f.rules, pointer, input.errors);
      out.*f.member = std::move(*value);
    }
  };
  each_field<In>([&](auto const& f) {
    using M = typename std::remove_cvref_t<decltype(f)>::value_type;
    known.push_back(f.name);
    if (auto const* text = input.path(f.name)) {
      from_text(f, *text, "{" + std::string{f.name} + "}");
    } else if (!input.takes_body()) {
      auto const pointer = "?" + std::string{f.name};
      if (auto const* value = input.query(f.name))
        from_text(f, *value, pointer);
      else if constexpr (!is_optional<M>::value)
        input.errors.push_back({pointer, "required", "is required"});
    } else {
      auto const pointer = "/" + std::string{f.name};
      auto const* value = input.body(f.name);
      if (value && !value->is_null())
        json::decode(*value, out.*f.member, f.rules, pointer, input.errors);
      else if constexpr (!is_optional<M>::value)
        input.errors.push_back({pointer, "required", "is required"});
    }
  });
  input.finish(known);
  return out;
}

template <class In, class Out>
void Api::add(Endpoint<In, Out> const& endpoint) {
  auto declared = detail::declared(endpoint.route);
  declared.summary = endpoint.summary;
  declared.tag = endpoint.tag;
  declared.scope = endpoint.scope;
  declared.audit = endpoint.audit;
  declared.limit = endpoint.limit;
  declared.problems = endpoint.problems;
  declared.constraints = endpoint.constraints;
  declared.lane = endpoint.lane;
  declared.transaction = endpoint.transaction;
  declared.status = std::is_same_v<Out, Nothing> ? 204 : endpoint.status;
  declared.idempotent = endpoint.idempotent;
  declared.step_up = endpoint.step_up;
  declared.body_limit = endpoint.body_limit;

  bool const takes_body =
      declared.method == "POST" || declared.method == "PUT" || declared.method == "PATCH";
  boost::json::object properties;
  boost::json::array required;
  each_field<In>([&](auto const& f) {
    using M = typename std::remove_cvref_t<decltype(f)>::value_type;
    bool const in_path = detail::is_path_parameter(declared.path, f.name);
    if (in_path || !takes_body) {
      declared.parameters.push_back({std::string{f.name}, in_path ? "path" : "query",
                                     in_path || !is_optional<M>::value,
                                     json::field_schema<M>(f.rules)});
    } else {
      properties[f.name] = json::field_schema<M>(f.rules);
      if (!is_optional<M>::value) required.push_back(boost::json::string{f.name});
    }
  });
  if (!properties.empty()) {
    declared.body = boost::json::object{{"type", "object"}, {"properties", properties}};
    if (!required.empty()) (*declared.body)["required"] = required;
    (*declared.body)["additionalProperties"] = false;
  }
  if constexpr (!std::is_same_v<Out, Nothing>)
    declared.answer = endpoint.answer_schema ? endpoint.answer_schema() : json::schema<Out>();

  auto* const slot = endpoints_.emplace_back(std::make_unique<Declared>(std::move(declared))).get();
  slot->prepare = [slot, handle = endpoint.handle](Request const& request) -> Declared::Call {
    return [handle, input = parse<In>(*slot, request)](Context& context) {
      std::string body;
      auto const out = handle(context, input);
      if constexpr (!std::is_same_v<Out, Nothing>) {
        body.reserve(4096);
        json::write(body, out);
      }
      if constexpr (detail::IsPage<Out>)
        if (out.next_cursor) detail::add_next_link(context, *out.next_cursor);
      return body;
    };
  };
  mount(*slot);
}

}  // namespace http
