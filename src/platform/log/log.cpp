// One spdlog sink on standard error; both formats are printed by write() itself so that the ids
// and the escaping are ours.
#include "platform/log/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <shared_mutex>

#include "platform/json/write.hpp"
#include "platform/text/utf8.hpp"

namespace logging {

namespace {
Format current_format = Format::text;
Level least_level = Level::info;
thread_local Ids current;
std::shared_mutex listener_mutex;
std::function<void(Line const&)> listener;

spdlog::logger& sink() {
  static auto const logger = [] {
    auto made = spdlog::stderr_color_mt("onboarding");
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}
}  // namespace

void configure(Format format, Level least) {
  current_format = format;
  least_level = least;
  sink().set_pattern(format == Format::json ? "%v" : "%^%H:%M:%S.%e %L%$ %v");
}

bool enabled(Level level) { return level >= least_level; }

void write(Level level, std::string_view source, std::string_view message) {
  // A program's output may hold anything; whoever reads the lines expects text.
  std::string cleaned;
  if (!utf8::is_clean(message)) message = cleaned = utf8::cleaned(message);
  std::string line;
  line.reserve(message.size() + 128);
  if (current_format == Format::json) {
    line = R"({"timestamp":")";
    clock_source::append_rfc3339(line, clock_source::now());
    line += R"(","level":")";
    line += name_of(level);
    line += R"(","source":)";
    json::write_string(line, source);
    line += R"(,"message":)";
    json::write_string(line, message);
    auto member = [&line](std::string_view name, std::string_view value) {
      if (value.empty()) return;
      line += ",\"";
      line += name;
      line += "\":";
      json::write_string(line, value);
    };
    member("request_id", current.request);
    member("tenant_id", current.tenant);
    member("job_id", current.job);
    line += '}';
  } else {
    line += '[';
    line += source;
    line += "] ";
    line += message;
    for (auto const& [name, value] : {std::pair{" request=", std::string_view{current.request}},
                                      {" tenant=", std::string_view{current.tenant}},
                                      {" job=", std::string_view{current.job}}}) {
      if (value.empty()) continue;
      line += name;
      line += value;
    }
  }
  sink().log(to_spdlog(level), line);
  std::shared_lock lock{listener_mutex};
  if (listener) listener({clock_source::now(), level, source, message, current});
}

void on_line(std::function<void(Line const&)> new_listener) {
  std::unique_lock lock{listener_mutex};
  listener = std::move(new_listener);
}

Scope::Scope(std::string_view request_id, std::string_view tenant_id, std::string_view job_id)
    : outer_{current} {
  if (!request_id.empty()) current.request = request_id;
  if (!tenant_id.empty()) current.tenant = tenant_id;
  if (!job_id.empty()) current.job = job_id;
}

Scope::~Scope() { current = std::move(outer_); }

}  // namespace logging
