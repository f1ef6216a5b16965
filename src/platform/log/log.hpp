#pragma once
// Logging: text for a person on a terminal, JSON lines for machines. Every line carries the ids of
// the request, tenant and job that the thread is working on. Secrets never go in.
#include <fmt/format.h>

#include <array>
#include <functional>
#include <string>
#include <string_view>

#include "platform/clock/clock.hpp"

namespace logging {

enum class Level { debug, info, warning, error };
constexpr auto names_of(Level) {
  return std::array<std::string_view, 4>{"debug", "info", "warning", "error"};
}

enum class Format { text, json };
constexpr auto names_of(Format) { return std::array<std::string_view, 2>{"text", "json"}; }

/// Sets format and least level; called once at start and again on a reload.
void configure(Format format, Level least);
[[nodiscard]] bool enabled(Level level);
/// Writes one line to standard error. `source` is the capability: "http", "jobs", "provisioning".
void write(Level level, std::string_view source, std::string_view message);

struct Ids {
  std::string request, tenant, job;
};

struct Line {
  Time time;
  Level level;
  std::string_view source, message;
  Ids const& ids;
};
/// Called with every line, on the thread that logs: must be quick and must not log. Empty: nobody.
void on_line(std::function<void(Line const&)> listener);

/// The ids that this thread's lines carry while the scope lives.
class Scope {
 public:
  Scope(std::string_view request_id, std::string_view tenant_id, std::string_view job_id);
  ~Scope();
  Scope(Scope const&) = delete;
  Scope& operator=(Scope const&) = delete;

 private:
  Ids outer_;
};

template <class... A>
void debug(std::string_view source, fmt::format_string<A...> text, A&&... arguments) {
  if (enabled(Level::debug))
    write(Level::debug, source, fmt::format(text, std::forward<A>(arguments)...));
}
template <class... A>
void info(std::string_view source, fmt::format_string<A...> text, A&&... arguments) {
  if (enabled(Level::info))
    write(Level::info, source, fmt::format(text, std::forward<A>(arguments)...));
}
template <class... A>
void warning(std::string_view source, fmt::format_string<A...> text, A&&... arguments) {
  if (enabled(Level::warning))
    write(Level::warning, source, fmt::format(text, std::forward<A>(arguments)...));
}
template <class... A>
void error(std::string_view source, fmt::format_string<A...> text, A&&... arguments) {
  if (enabled(Level::error))
    write(Level::error, source, fmt::format(text, std::forward<A>(arguments)...));
}

}  // namespace logging
