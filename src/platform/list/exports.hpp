#pragma once
// Files of lists that are longer than a client waits for: ordered, written by a job into parts in
// the database, since nodes share nothing else, and fetched from any node within a day.
#include "platform/jobs/jobs.hpp"
#include "platform/list/asker.hpp"
#include "platform/list/export.hpp"
#include "platform/mail/mail.hpp"

namespace list {

using ExportId = Id<"exp">;

/// Every person and every key has it, whatever their role; what a file may hold is asked of the
/// list's own permission.
inline constexpr std::string_view exports_scope = "exports";

/// What exports need to know of people, who belong to a folder further down.
struct People {
  MayStill may;
  /// Sends a mail to a person.
  std::function<void(db::Tx&, std::int64_t staff_id, mail::Template const&,
                     std::map<std::string, std::string> values)>
      write_to;
};

enum class ExportState { queued, running, done, failed };
constexpr auto names_of(ExportState) {
  return std::array<std::string_view, 4>{"queued", "running", "done", "failed"};
}

struct ExportView {
  ExportId id;
  std::string list;
  ExportState state;
  std::int64_t rows_done;
  std::optional<std::int64_t> rows_total;
  std::int64_t size_bytes;
  std::string file_name;
  std::optional<std::string> error_code;
  Time created_at;
  std::optional<Time> finished_at;
  Time expires_at;
  static constexpr auto rules() {
    return ::rules(
        rule(&ExportView::rows_total, {.doc = "Known when it runs"}),
        rule(&ExportView::error_code, {.doc = "too_many_rows, pdf_too_large, too_many_bytes, "
                                              "permission_lost, list_changed, not_written"}),
        rule(&ExportView::expires_at, {.doc = "Its file can be fetched until then"}));
  }
};

/// Bounds of one file, and of what one person or key has lying at a time.
inline constexpr std::int64_t most_rows_of_a_file = 1'000'000;
inline constexpr std::int64_t most_bytes_of_a_file = 256LL << 20;
inline constexpr std::int64_t most_exports = 5;

void add_export_endpoints(http::Api& api);
/// `api` has the lists; it and `settings` outlive the engine. `page_of` is the path of the page
/// that shows a list, empty where none does.
void add_export_worker(jobs::Engine& engine, http::Api const& api, config::Settings const& settings,
                       People people, std::string_view (*page_of)(std::string_view list));

}  // namespace list
