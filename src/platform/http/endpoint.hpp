#pragma once
// An endpoint is declared once. Routing, validation, permission, audit, rate limit, OpenAPI and
// Postman are all computed from the declaration; the handler is plain code with a transaction.
#include <memory>
#include <set>

#include "platform/config/config.hpp"
#include "platform/http/origins.hpp"
#include "platform/http/rate_limit.hpp"
#include "platform/http/route.hpp"
#include "platform/json/read.hpp"
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

  std::string audit_by{};  // who did it, where the door itself finds that out: "cus_12"
};

enum class Transaction {
  automatic,  // GET: each statement alone; everything else: one transaction with the audit row
  own,        // the handler calls other services and opens its own with db::transact
};

/// A unique or check constraint of the schema, told as a problem of one field.
struct ConstraintProblem {
  std::string_view constraint, pointer;
  FieldCode code;
};

/// No members: an endpoint without input, or an answer 204 without a body.
struct Nothing {};

/// An answer that is a file: a download, an export, a document. Its bytes are a text or, of any
/// size, a descriptor that is sent piece by piece without holding a thread or its memory.
struct File {
  std::string name;  // as the browser saves it; ASCII
  std::string content_type;
  std::string text{};
  std::shared_ptr<files::Descriptor const> content{};  // from its first byte; instead of `text`
  std::uint64_t size = 0;                              // bytes of `content`
  std::vector<Header> headers{};
};

/// One page of a list. `next_cursor` is opaque.
template <class T>
struct Page {
  std::vector<T> data;
  std::optional<std::string> next_cursor;
  bool has_more = false;
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
  types::Type const* answer_type = nullptr;  // what is in it, where Out is RawJson
  std::string_view content_type{};           // where Out is File; several: with commas between
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
  std::string_view by;  // instead of the actor's label; empty: that
};

/// An endpoint without its types, as the pipeline and the generated documents see it.
struct Declared {
  struct Parameter {
    std::string name, in;
    types::Type const* type;
    Rules rules{};
    [[nodiscard]] bool required() const {
      return in == "path" || type->form != types::Form::optional;
    }
  };
  std::string method, path, summary{}, tag{}, scope{}, audit{};
  Limit limit{};
  std::vector<ProblemType> problems{};
  std::vector<ConstraintProblem> constraints{};
  Lane lane = Lane::standard;
  Transaction transaction = Transaction::automatic;
  int status = 200;
  bool idempotent = false, step_up = false;
  std::size_t body_limit = 64 * 1024;
  std::vector<Parameter> parameters{};
  std::vector<types::Member const*> body{};  // members of the object that is sent
  types::Type const* answer = nullptr;       // none: not JSON, or nothing to say about it
  bool is_page = false;                      // the answer is a page of such rows, as Page<T> is
  std::string description{};
  std::string content_type =
      "application/json";  // of the answer; several: with commas between; none: no body

  /// Does the work and fills the answer's body and headers.
  using Call = std::function<void(Context&)>;
  /// Validates the request and gives the call that runs the handler and writes its answer.
  std::function<Call(Request const&)> prepare{};
  /// Instead of `prepare`: takes the raw request (webhook, pages, documents).
  std::function<Response(Context&)> raw{};

  /// "GET /api/tenants"
  explicit Declared(std::string_view route);
  bool writes() const { return method != "GET" && method != "HEAD"; }
  bool takes_body() const { return method == "POST" || method == "PUT" || method == "PATCH"; }
  /// Counted against the limits of its address, person or key; pages, probes and webhooks are not.
  bool is_counted() const { return path.starts_with("/api/"); }
};

/// The query in decoded pairs, equal keys beside each other; throws Problem when it is malformed.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> query_of(Request const& request);
/// RFC 8288: where the next page of this list is.
void add_next_link(Context& context, std::string const& cursor);
/// The answer is a file: its bytes, name and headers.
void answer_with(Context& context, File file);

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
  /// A door that reads its request itself: `prepare` or `raw` is set.
  void add(Declared declared);
  /// A WebSocket for those who hold `scope` (empty: public). `message` as in http::Socket; the
  /// session is checked again before each message.
  void add_socket(std::string_view pattern, std::string_view summary, std::string_view scope,
                  std::function<Socket::Plan(Worker&, Request const&)> open,
                  std::function<std::string(Worker&, Request const&)> message);

  void on_authenticate(Authenticate authenticate) { authenticate_ = std::move(authenticate); }
  void on_audit(WriteAudit write) { write_audit_ = write; }
  void on_step_up(RequireStepUp require) { require_step_up_ = std::move(require); }
  void on_admit(Admit admit) { admit_ = std::move(admit); }
  /// What clients bring back unread (cursors) is signed with this, the same on every node.
  void sign_with(std::string key) { signing_key_ = std::move(key); }
  [[nodiscard]] std::string const& signing_key() const { return signing_key_; }
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
  Declared* add_declared(Declared declared, types::Type const& in);
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
  std::string signing_key_;
  struct Meters;
  std::unique_ptr<Meters> meters_;
};

// ---- templates

namespace detail {
/// Reads path, query and body into the value at `out`; every wrong field is in the one Problem that
/// is thrown.
void parse(Declared const& endpoint, Request const& request, types::Type const& type, void* out);
template <class T>
concept IsPage = requires(T const& page) {
  page.data;
  page.next_cursor;
};
}  // namespace detail

template <class In, class Out>
void Api::add(Endpoint<In, Out> const& endpoint) {
  Declared declared{endpoint.route};
  declared.summary = endpoint.summary;
  declared.tag = endpoint.tag;
  declared.scope = endpoint.scope;
  declared.audit = endpoint.audit;
  declared.limit = endpoint.limit;
  declared.problems = endpoint.problems;
  declared.constraints = endpoint.constraints;
  declared.lane = endpoint.lane;
  declared.transaction = endpoint.transaction;
  declared.status = endpoint.status;
  declared.idempotent = endpoint.idempotent;
  declared.step_up = endpoint.step_up;
  declared.body_limit = endpoint.body_limit;
  if constexpr (std::is_same_v<Out, Nothing>) {
    declared.status = 204;
    declared.content_type.clear();
  } else if constexpr (std::is_same_v<Out, File>) {
    declared.content_type = endpoint.content_type;
  } else {
    declared.answer = endpoint.answer_type ? endpoint.answer_type : &types::type_of<Out>;
  }

  auto* const slot = add_declared(std::move(declared), types::type_of<In>);
  slot->prepare = [slot, handle = endpoint.handle](Request const& request) -> Declared::Call {
    In input{};
    detail::parse(*slot, request, types::type_of<In>, &input);
    return [handle, input = std::move(input)](Context& context) {
      if constexpr (std::is_same_v<Out, Nothing>) {
        handle(context, input);
      } else if constexpr (std::is_same_v<Out, File>) {
        answer_with(context, handle(context, input));
      } else {
        auto const out = handle(context, input);
        context.response.body.reserve(4096);
        json::write(context.response.body, out);
        if constexpr (detail::IsPage<Out>)
          if (out.next_cursor) add_next_link(context, *out.next_cursor);
      }
    };
  };
}

}  // namespace http
