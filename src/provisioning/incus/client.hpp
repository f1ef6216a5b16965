#pragma once
// Incus over its REST interface: one socket or one https address, every call with a deadline, every
// failure told apart by what comes next. Incus answers 200 for an operation that failed, so only
// bodies are believed.
#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <mutex>

#include "platform/config/config.hpp"
#include "platform/http_client/http_client.hpp"
#include "provisioning/driver.hpp"

namespace provisioning::incus {

/// How long to wait for what.
struct Patience {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds call{20'000};
  std::chrono::milliseconds operation{300'000};  // create, start, stop, delete, move
  std::chrono::milliseconds script{1'800'000};   // and files on their way in and out
  std::chrono::milliseconds address{20'000};     // until a container has its address
};

/// An answer of Incus, good or bad.
struct Answer {
  int code = 200;
  std::string error;  // empty when it is good
  boost::json::value metadata{};
  std::string operation{};  // the path of what goes on in the background
  [[nodiscard]] bool ok() const { return error.empty(); }
  [[nodiscard]] bool missing() const { return code == 404; }
  [[nodiscard]] bool says(std::string_view words) const {
    return error.find(words) != std::string::npos;
  }
};

/// What a command in a container came to.
struct Executed {
  int status;
  std::string out, error;
};

/// The unix socket that these settings lead to; empty: it is reached by https.
[[nodiscard]] std::string socket_of(config::Settings const& settings);

class Client {
 public:
  explicit Client(config::Settings const& settings, Patience patience = {});

  // ---- calls; `what` begins the sentence of a failure: "instance t-1: start" ----
  /// The answer as it is, also when it is a failure. Waits for the operation that it starts. Throws
  /// only when Incus cannot be reached or does not answer in time.
  [[nodiscard]] Answer ask(std::string const& method, std::string const& path,
                           boost::json::value const& body, std::string const& what,
                           std::chrono::milliseconds patience);
  [[nodiscard]] Answer ask(std::string const& method, std::string const& path,
                           boost::json::value const& body, std::string const& what) {
    return ask(method, path, body, what, patience_.operation);
  }
  /// The same; throws the failure that fits a bad answer.
  boost::json::value call(std::string const& method, std::string const& path,
                          boost::json::value const& body, std::string const& what);
  /// GET; none for 404.
  [[nodiscard]] std::optional<boost::json::value> find(std::string const& path,
                                                       std::string const& what);
  /// Throws the StepFailure for a bad answer.
  [[noreturn]] static void fail(Answer const& answer, std::string const& what);

  /// POST of a file's content with headers of its own; waits for the operation that it starts.
  [[nodiscard]] Answer upload(std::string const& path, std::filesystem::path const& file,
                              std::vector<std::string> headers, std::string const& what);

  // ---- inside a container ----
  /// Runs a command as root to its end.
  [[nodiscard]] Executed execute(std::string const& instance, std::vector<std::string> command,
                                 std::map<std::string, std::string> const& environment,
                                 std::string const& what);
  void push(std::string const& instance, std::string const& path, std::string const& content,
            std::string const& what);
  void push_file(std::string const& instance, std::string const& path,
                 std::filesystem::path const& from, std::string const& what);
  void make_directory(std::string const& instance, std::string const& path,
                      std::string const& what);
  /// At most `most` bytes: what lies in a container may be anything.
  void pull_file(std::string const& instance, std::string const& path,
                 std::filesystem::path const& to, std::uint64_t most, std::string const& what);
  /// Nothing when it is not there.
  void remove_file(std::string const& instance, std::string const& path, std::string const& what);
  /// What LXC wrote about its last start.
  [[nodiscard]] std::string start_log(std::string const& instance, std::string const& what);
  /// What it wrote to its console.
  [[nodiscard]] std::string console(std::string const& instance, std::string const& what);

  [[nodiscard]] Patience const& patience() const { return patience_; }

 private:
  http_client::Request request(std::string const& method, std::string const& path) const;
  http_client::Response send(http_client::Request const& request, std::string const& what);
  /// After a call that nobody answered: throws at once until a short question is answered again, so
  /// that one Incus that hangs does not keep everybody who asks it waiting.
  void require_awake(std::string const& what);
  /// The text of a file that Incus keeps about an instance.
  std::string text(std::string const& path, std::string const& what);
  Answer wait(std::string const& operation, std::string const& what,
              std::chrono::milliseconds patience);
  void send_file(http_client::Request file, std::string const& type, std::string const& mode,
                 std::string const& what);
  /// https: has certificate and key ready, and makes us known to the server with the token.
  void enrol_once();
  void enrol();

  config::Settings const& settings_;
  Patience patience_;
  std::string base_, socket_;
  std::string certificate_file_, key_file_, pinned_file_;
  std::once_flag enrolled_;
  std::mutex silence_mutex_;
  std::optional<std::chrono::steady_clock::time_point> silent_until_;
};

/// A text made fit for a path or a query.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace provisioning::incus
