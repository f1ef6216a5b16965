// If-Match against the version of a row.
#include "platform/http/preconditions.hpp"

namespace http {

namespace {
std::string tag_of(std::int64_t version) { return '"' + std::to_string(version) + '"'; }

/// A proxy that compresses makes a weak tag of ours.
std::string_view strong(std::string_view tag) {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  return tag;
}
}  // namespace

void add_version(Response& response, std::int64_t version) {
  response.headers.push_back({"ETag", tag_of(version)});
}

void require_version(Request const& request, std::int64_t version, RawJson const& current) {
  auto const given = strong(request.header("if-match"));
  if (given.empty()) throw Problem{version_required};
  if (given == tag_of(version)) return;
  throw Problem{version_outdated}
      .with("current", current.text)
      .with("yours", request.body.empty() ? "null" : request.body);
}

}  // namespace http
