// One request, one judgement: what comes out is metadata or a StepFailure that names the instance.
#include "provisioning/incus/client.hpp"

#include "platform/files/files.hpp"
#include "provisioning/incus/credentials.hpp"

namespace provisioning::incus {

namespace {
namespace bj = boost::json;
using namespace std::chrono_literals;

constexpr std::string_view machine_socket = "/var/lib/incus/unix.socket";
constexpr auto wake_up_patience = 2s, silence_pause = 3s;

/// Words of Incus, of LXC and of the kernel below them, and what they mean for us.
struct Meaning {
  std::string_view words;
  ErrorClass kind;
  tenants::FailureCode code;
};
// In this order: what a tenant has filled by itself says "quota", what all share says "space left".
constexpr Meaning meanings[] = {
    {"isk quota exceeded", ErrorClass::needs_a_person, "tenant_disk_full"},
    // What LXC says when the quota keeps it from writing its configuration before a start.
    {"saving config file for the container failed", ErrorClass::needs_a_person, "tenant_disk_full"},
    {"o space left on device", ErrorClass::needs_a_person, "incus_disk_full"},
    {"not authorized", ErrorClass::needs_a_person, "incus_forbidden"},
    {"not have permission", ErrorClass::needs_a_person, "incus_forbidden"},
    {"Image not provided for instance creation", ErrorClass::needs_a_person, "image_missing"},
    {"Failed to retrieve PID of executing child process", ErrorClass::transient,
     "tenant_exhausted"},
    {"is busy running", ErrorClass::transient, "incus_busy"},
    {"Server isn't ready yet", ErrorClass::transient, "incus_member_unreachable"},
    {"Missing event connection", ErrorClass::transient, "incus_member_unreachable"},
    {"connection refused", ErrorClass::transient, "incus_member_unreachable"},
    {"no route to host", ErrorClass::transient, "incus_member_unreachable"},
    {"is offline", ErrorClass::transient, "incus_member_unreachable"},
    {"context deadline exceeded", ErrorClass::transient, "incus_timeout"},
};

std::string text_of(bj::object const& object, std::string_view name) {
  auto const* value = object.if_contains(name);
  return value && value->is_string() ? std::string{value->get_string()} : std::string{};
}

int number_of(bj::object const& object, std::string_view name) {
  auto const* value = object.if_contains(name);
  return value && value->is_int64() ? int(value->get_int64()) : 0;
}

/// An answer that is an error outside, or an operation that failed inside a good one.
Answer judged(http_client::Response const& response) {
  Answer answer{response.status, {}};
  boost::system::error_code broken;
  auto const value = bj::parse(response.body, broken);
  if (broken || !value.is_object()) {
    answer.error = "Incus answered " + std::to_string(response.status) + " without JSON";
    return answer;
  }
  auto const& body = value.get_object();
  auto const type = text_of(body, "type");
  if (auto const* metadata = body.if_contains("metadata")) answer.metadata = *metadata;
  if (type == "error" || response.status >= 400) {
    answer.code = number_of(body, "error_code");
    if (answer.code == 0) answer.code = response.status;
    answer.error = text_of(body, "error");
    if (answer.error.empty()) answer.error = "Incus answered " + std::to_string(answer.code);
    return answer;
  }
  if (type == "async") answer.operation = text_of(body, "operation");
  if (auto const* operation = answer.metadata.if_object())
    if (auto const error = text_of(*operation, "err"); !error.empty()) {
      answer.code = number_of(*operation, "status_code");
      answer.error = error;
    }
  return answer;
}
}  // namespace

std::string escaped(std::string_view text) {
  http_client::Form form;
  form.add("", text);
  return form.text().substr(1);
}

std::string socket_of(config::Settings const& settings) {
  auto const& url = settings.incus_url;
  if (url.empty()) return std::string{machine_socket};
  if (url.starts_with("https://")) return {};
  return url.starts_with("unix:") ? url.substr(url.starts_with("unix://") ? 7 : 5) : url;
}

Client::Client(config::Settings const& settings, Patience patience)
    : settings_{settings}, patience_{patience}, socket_{socket_of(settings)} {
  base_ = socket_.empty() ? settings.incus_url : "http://incus";
  while (base_.ends_with('/')) base_.pop_back();
}

void Client::enrol_once() {
  if (!socket_.empty()) return;
  std::call_once(enrolled_, [this] {
    try {
      enrol();
    } catch (http_client::Failure const& failure) {
      throw Transient{"incus_unreachable", "Incus at " + base_ + ": " + failure.what()};
    } catch (StepFailure const&) {
      throw;
    } catch (std::runtime_error const& error) {
      throw NeedsPerson{"incus_not_trusted", "Incus at " + base_ + ": " + error.what()};
    }
  });
}

void Client::enrol() {
  std::filesystem::path const secrets = settings_.data_dir + "/secrets";
  auto const or_else = [&](std::string const& setting, char const* name) {
    return setting.empty() ? (secrets / name).string() : setting;
  };
  certificate_file_ = or_else(settings_.incus_certificate_file, "incus_client.pem");
  key_file_ = or_else(settings_.incus_key_file, "incus_client_key.pem");
  ensure_client_certificate(certificate_file_, key_file_);
  pinned_file_ = or_else(settings_.incus_server_certificate_file, "incus_server.pem");
  auto const& token = settings_.incus_trust_token;
  if (!files::read(pinned_file_)) {
    if (!settings_.incus_server_certificate_file.empty())
      throw std::runtime_error{pinned_file_ + " (incus_server_certificate_file) is not there"};
    if (token.empty()) {
      pinned_file_.clear();  // the system's authorities decide
    } else {
      auto const shown = http_client::certificate_of(base_, patience_.call);
      if (fingerprint_of(shown) != fingerprint_in_token(token))
        throw std::runtime_error{"the server is not the one that incus_trust_token names"};
      files::write_atomically(pinned_file_, shown, 0644);
    }
  }
  auto const here = judged(http_client::send(request("GET", "/1.0")));
  auto const* server = here.metadata.if_object();
  if (server && text_of(*server, "auth") == "trusted") return;
  // Strangers are shown what is public, which would read as an Incus that has nothing.
  if (token.empty())
    throw NeedsPerson{"incus_not_trusted",
                      "Incus at " + base_ + " does not know " + certificate_file_ +
                          ": add it with `incus config trust add-certificate`, or set "
                          "incus_trust_token"};
  auto enrolment = request("POST", "/1.0/certificates");
  enrolment.body = bj::serialize(bj::object{{"type", "client"}, {"trust_token", token}});
  auto const answer = judged(http_client::send(enrolment));
  if (!answer.ok()) fail(answer, "Incus at " + base_ + ": use incus_trust_token");
}

http_client::Request Client::request(std::string const& method, std::string const& path) const {
  http_client::Request made;
  made.method = method;
  made.url = base_ + path + (path.find('?') == std::string::npos ? '?' : '&') +
             "project=" + escaped(settings_.incus_project);
  made.headers = {"Content-Type: application/json"};
  made.unix_socket = socket_;
  made.pinned_file = pinned_file_;
  made.certificate_file = certificate_file_;
  made.key_file = key_file_;
  made.connect_timeout = patience_.connect;
  made.timeout = patience_.call;
  made.answer_limit = 64 * 1024 * 1024;  // a list of ten thousand instances
  return made;
}

void Client::require_awake(std::string const& what) {
  auto const asleep = [&] {
    return Transient{"incus_timeout", what + ": Incus has stopped answering"};
  };
  {
    std::scoped_lock const lock{silence_mutex_};
    if (!silent_until_) return;
    if (std::chrono::steady_clock::now() < *silent_until_) throw asleep();
    silent_until_ = std::chrono::steady_clock::now() + silence_pause;  // only one asks
  }
  auto question = request("GET", "/1.0");
  question.connect_timeout = question.timeout = wake_up_patience;
  try {
    (void)http_client::send(question);
  } catch (http_client::Failure const&) {
    throw asleep();
  }
  std::scoped_lock const lock{silence_mutex_};
  silent_until_.reset();
}

http_client::Response Client::send(http_client::Request const& request, std::string const& what) {
  require_awake(what);
  try {
    return http_client::send(request);
  } catch (http_client::Failure const& failure) {
    if (failure.timed_out) {
      std::scoped_lock const lock{silence_mutex_};
      silent_until_ = std::chrono::steady_clock::now();
      throw Transient{"incus_timeout", what + ": Incus did not answer in time"};
    }
    if (std::string_view{failure.what()}.find("No space left") != std::string_view::npos)
      throw NeedsPerson{"disk_full", what + ": " + failure.what()};
    throw Transient{"incus_unreachable", what + ": " + failure.what()};
  }
}

void Client::fail(Answer const& answer, std::string const& what) {
  auto const detail = what + ": " + answer.error;
  if (answer.code == 403) throw NeedsPerson{"incus_forbidden", detail};
  for (auto const& meaning : meanings)
    if (answer.says(meaning.words)) throw StepFailure{meaning.kind, meaning.code, detail};
  if (answer.missing()) throw Transient{"incus_not_found", detail};
  throw Transient{"incus_failed", detail};
}

Answer Client::wait(std::string const& operation, std::string const& what,
                    std::chrono::milliseconds patience) {
  auto const end = std::chrono::steady_clock::now() + patience;
  auto const path = operation.substr(0, operation.find('?'));
  for (;;) {
    auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    auto const seconds = std::clamp<std::int64_t>(left.count() / 1000, 1, 10);
    auto waiting = request("GET", path + "/wait?timeout=" + std::to_string(seconds));
    waiting.timeout = std::chrono::seconds{seconds} + patience_.call;
    auto answer = judged(send(waiting, what));
    if (answer.missing())
      throw Transient{"incus_operation_lost", what + ": Incus was restarted meanwhile"};
    // The end of this waiting and an operation that failed are told in the same words.
    if (answer.says("context deadline exceeded"))
      if (auto present = judged(send(request("GET", path), what)); !present.missing())
        answer = std::move(present);
    if (!answer.ok()) return answer;
    auto const* state = answer.metadata.if_object();
    // 1xx: not at its end yet.
    if (state && number_of(*state, "status_code") >= 200) return answer;
    if (std::chrono::steady_clock::now() < end) continue;
    (void)send(request("DELETE", path), what);
    throw Transient{"incus_timeout", what + ": not done in time"};
  }
}

Answer Client::ask(std::string const& method, std::string const& path, bj::value const& body,
                   std::string const& what, std::chrono::milliseconds patience) {
  enrol_once();
  auto asked = request(method, path);
  if (!body.is_null()) asked.body = bj::serialize(body);
  auto answer = judged(send(asked, what));
  if (!answer.ok() || answer.operation.empty()) return answer;
  return wait(answer.operation, what, patience);
}

bj::value Client::call(std::string const& method, std::string const& path, bj::value const& body,
                       std::string const& what) {
  auto answer = ask(method, path, body, what);
  if (!answer.ok()) fail(answer, what);
  return std::move(answer.metadata);
}

Answer Client::upload(std::string const& path, std::filesystem::path const& file,
                      std::vector<std::string> headers, std::string const& what) {
  enrol_once();
  auto sent = request("POST", path);
  sent.headers = std::move(headers);
  sent.body_file = file;
  sent.timeout = patience_.script;
  auto answer = judged(send(sent, what));
  if (!answer.ok() || answer.operation.empty()) return answer;
  return wait(answer.operation, what, patience_.script);
}

std::optional<bj::value> Client::find(std::string const& path, std::string const& what) {
  auto answer = ask("GET", path, nullptr, what);
  if (answer.missing()) return {};
  if (!answer.ok()) fail(answer, what);
  return std::move(answer.metadata);
}

// ---- inside a container ------------------------------------------------------------------------

std::string Client::text(std::string const& path, std::string const& what) {
  enrol_once();
  auto const response = send(request("GET", path), what);
  if (response.status == 404) return {};
  if (response.status / 100 != 2) fail(judged(response), what);
  return response.body;
}

Executed Client::execute(std::string const& instance, std::vector<std::string> command,
                         std::map<std::string, std::string> const& environment,
                         std::string const& what) {
  bj::object variables;
  for (auto const& [name, value] : environment) variables[name] = value;
  bj::array words;
  for (auto& word : command) words.emplace_back(std::move(word));
  auto const answer = ask("POST", "/1.0/instances/" + instance + "/exec",
                          bj::object{{"command", std::move(words)},
                                     {"environment", std::move(variables)},
                                     {"record-output", true},
                                     {"wait-for-websocket", false},
                                     {"interactive", false}},
                          what, patience_.script);
  if (!answer.ok()) fail(answer, what);
  auto const& done = answer.metadata.as_object().at("metadata").as_object();
  Executed executed{number_of(done, "return"), {}, {}};
  auto const* output = done.if_contains("output");
  if (!output || !output->is_object()) return executed;
  auto const take = [&](char const* stream) {
    auto const path = text_of(output->get_object(), stream);
    if (path.empty()) return std::string{};
    auto content = text(path, what);
    (void)send(request("DELETE", path), what);  // it counts against the tenant's storage
    return content;
  };
  executed.out = take("1");
  executed.error = take("2");
  return executed;
}

void Client::send_file(http_client::Request file, std::string const& type, std::string const& mode,
                       std::string const& what) {
  enrol_once();
  file.headers = {"Content-Type: application/octet-stream", "X-Incus-uid: 0", "X-Incus-gid: 0",
                  "X-Incus-mode: " + mode, "X-Incus-type: " + type};
  auto const answer = judged(send(file, what));
  if (!answer.ok()) fail(answer, what);
}

void Client::push(std::string const& instance, std::string const& path, std::string const& content,
                  std::string const& what) {
  auto file = request("POST", "/1.0/instances/" + instance + "/files?path=" + escaped(path));
  file.body = content;
  send_file(std::move(file), "file", "0600", what);
}

void Client::push_file(std::string const& instance, std::string const& path,
                       std::filesystem::path const& from, std::string const& what) {
  auto file = request("POST", "/1.0/instances/" + instance + "/files?path=" + escaped(path));
  file.body_file = from;
  file.timeout = patience_.script;
  send_file(std::move(file), "file", "0600", what);
}

void Client::make_directory(std::string const& instance, std::string const& path,
                            std::string const& what) {
  send_file(request("POST", "/1.0/instances/" + instance + "/files?path=" + escaped(path)),
            "directory", "0700", what);
}

void Client::pull_file(std::string const& instance, std::string const& path,
                       std::filesystem::path const& to, std::uint64_t most,
                       std::string const& what) {
  enrol_once();
  auto file = request("GET", "/1.0/instances/" + instance + "/files?path=" + escaped(path));
  file.answer_file = to;
  file.answer_file_limit = most;
  file.timeout = patience_.script;
  auto const response = send(file, what);
  if (response.status / 100 != 2) fail(judged(response), what);
}

void Client::remove_file(std::string const& instance, std::string const& path,
                         std::string const& what) {
  auto const answer =
      ask("DELETE", "/1.0/instances/" + instance + "/files?path=" + escaped(path), nullptr, what);
  if (!answer.ok() && !answer.missing() && !answer.says("not exist")) fail(answer, what);
}

std::string Client::start_log(std::string const& instance, std::string const& what) {
  return text("/1.0/instances/" + instance + "/logs/lxc.log", what);
}

std::string Client::console(std::string const& instance, std::string const& what) {
  return text("/1.0/instances/" + instance + "/console", what);
}

}  // namespace provisioning::incus
