#pragma once
// The rows of ordered exports and their parts.
#include "platform/list/exports.hpp"

namespace list {

/// Puts the order and its job in; none when whoever asks has too many already.
[[nodiscard]] std::optional<ExportView> insert_export(db::Tx& tx, Asker const& asker,
                                                      List const& list, Format format,
                                                      Values const& values);
/// Another's is none, and so is one whose day is over.
[[nodiscard]] std::optional<ExportView> find_export(db::Tx& tx, Asker const& asker, ExportId id);
/// Newest first.
[[nodiscard]] std::vector<ExportView> exports_of(db::Tx& tx, Asker const& asker);
/// With its parts; what writes them notices. False when there is none.
bool delete_export(db::Tx& tx, Asker const& asker, ExportId id);
[[nodiscard]] std::string content_type_of(db::Tx& tx, ExportId id);
/// The whole file, a part in memory at a time; false when one is missing.
[[nodiscard]] bool read_parts(db::Tx& tx, ExportId id, Sink const& sink);

struct MakeExport {
  static constexpr std::string_view kind = "list.make_export";
  std::int64_t export_id;
};

/// What a worker must know.
struct ExportTask {
  std::string list;
  Values values;
  Asker asker;
};
/// Queued → running, with nothing of an earlier try left. None when it has ended or was deleted.
[[nodiscard]] std::optional<ExportTask> begin_export(db::Tx& tx, ExportId id);
/// These write as long as it is there and runs; false when it was deleted.
bool count_export(db::Tx& tx, ExportId id, std::int64_t total);
bool write_part(db::Tx& tx, ExportId id, std::int64_t number, std::string_view content,
                std::int64_t rows_done);
/// What a finished file's mail needs to know.
struct FinishedExport {
  std::string file_name;
  std::optional<std::int64_t> staff_id;
  std::int64_t seconds;  // since it was ordered
  std::int64_t rows_done;
};
[[nodiscard]] std::optional<FinishedExport> finish_export(db::Tx& tx, ExportId id);
void fail_export(db::Tx& tx, ExportId id, std::string_view error_code);

}  // namespace list
