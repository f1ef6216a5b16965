// SQL of ordered exports.
#include "platform/list/export_rows.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/realtime/hub.hpp"
#include "platform/retention/retention.hpp"

namespace list {

namespace {
constexpr auto columns = R"sql(
  id, list, state, rows_done, rows_total, size_bytes, file_name, error_code, created_at,
  finished_at, created_at + interval '1 day' AS expires_at
)sql";
constexpr auto of_asker = R"sql(
  (staff_id = $1 OR api_key_id = $2) AND created_at > now() - interval '1 day'
)sql";

// Two orders of one asker are counted one after the other.
db::Query const hold_asker{
    "list.hold_asker",
    "SELECT pg_advisory_xact_lock(hashtextextended('list.exports ' || $1::text, 0)) IS NULL"};
db::Query const count_kept{
    "list.count_exports",
    std::string{"SELECT count(*) FROM exports WHERE state <> 'failed' AND "} + of_asker};
db::Query const insert{"list.insert_export", std::string{R"sql(
  INSERT INTO exports (list, wish, staff_id, api_key_id, file_name, content_type)
  VALUES ($1, $2, $3, $4, $5, $6) RETURNING
)sql"} + columns};
db::Query const load_one{
    "list.load_export",
    std::string{"SELECT "} + columns + " FROM exports WHERE " + of_asker + " AND id = $3"};
db::Query const load_all{"list.load_exports", std::string{"SELECT "} + columns +
                                                  " FROM exports WHERE " + of_asker +
                                                  " ORDER BY id DESC LIMIT 100"};
db::Query const remove{"list.delete_export",
                       std::string{"DELETE FROM exports WHERE "} + of_asker + " AND id = $3"};
db::Query const load_content_type{"list.export_content_type",
                                  "SELECT content_type FROM exports WHERE id = $1"};
db::Query const count_parts{"list.count_export_parts", "SELECT parts FROM exports WHERE id = $1"};
db::Query const load_part{"list.load_export_part",
                          "SELECT content FROM export_parts WHERE export_id = $1 AND number = $2"};

db::Query const begin{"list.begin_export", R"sql(
  UPDATE exports SET state = 'running', started_at = now(), rows_done = 0, rows_total = NULL,
                     size_bytes = 0, parts = 0
   WHERE id = $1 AND finished_at IS NULL
  RETURNING list, wish, staff_id, api_key_id
)sql"};
db::Query const drop_parts{"list.drop_export_parts",
                           "DELETE FROM export_parts WHERE export_id = $1"};
db::Query const set_total{"list.set_export_total",
                          "UPDATE exports SET rows_total = $2 WHERE id = $1 AND state = 'running'"};
db::Query const grow{"list.grow_export", R"sql(
  UPDATE exports SET rows_done = $2, parts = parts + 1, size_bytes = size_bytes + $3
   WHERE id = $1 AND state = 'running'
)sql"};
db::Query const insert_part{"list.insert_export_part", R"sql(
  INSERT INTO export_parts (export_id, number, content) VALUES ($1, $2, $3::bytea)
)sql"};
db::Query const finish{"list.finish_export", R"sql(
  UPDATE exports SET state = 'done', finished_at = now() WHERE id = $1 AND state = 'running'
  RETURNING file_name, staff_id, extract(epoch FROM now() - created_at)::bigint AS seconds,
            rows_done
)sql"};
db::Query const fail{"list.fail_export", R"sql(
  UPDATE exports SET state = 'failed', finished_at = now(), error_code = $2, parts = 0,
                     size_bytes = 0
   WHERE id = $1 AND finished_at IS NULL
)sql"};

using std::chrono::days;
retention::Rule const old_exports{{.table = "exports",
                                   .column = "created_at",
                                   .keep = days{1},
                                   .least = std::chrono::hours{24},
                                   .why = "a file is fetched on the day that it was asked for"}};
retention::Kept const kept_export_parts{"export_parts", "they go with their export"};

struct NamedText {
  std::string name, text;
};
/// What the column `wish` holds: the order's URL, as it was read.
struct Asked {
  std::vector<NamedText> values;
};
struct Row {
  std::string list;
  RawJson wish;
  std::optional<std::int64_t> staff_id, api_key_id;
};

void announce(db::Tx& tx, ExportId id) {
  realtime::announce(tx, "export:" + std::to_string(id.value));
}

struct FreeBytes {
  void operator()(unsigned char* bytes) const { PQfreemem(bytes); }
};
}  // namespace

std::optional<ExportView> insert_export(db::Tx& tx, Asker const& asker, List const& list,
                                        Format format, Values const& values) {
  auto const who = asker.staff_id ? "person " + std::to_string(*asker.staff_id)
                                  : "key " + std::to_string(*asker.api_key_id);
  static_cast<void>(tx.one<bool>(hold_asker, who));
  if (tx.one<std::int64_t>(count_kept, asker.staff_id, asker.api_key_id) >= most_exports) return {};
  Asked wish;
  for (auto const& [name, text] : values) wish.values.push_back({name, text});
  auto view = tx.one<ExportView>(insert, list.name, RawJson{json::text(wish)}, asker.staff_id,
                                 asker.api_key_id, file_name(list, format), content_type(format));
  jobs::enqueue(tx, MakeExport{view.id.value}, {.max_attempts = 5});
  return view;
}

std::optional<ExportView> find_export(db::Tx& tx, Asker const& asker, ExportId id) {
  return tx.maybe<ExportView>(load_one, asker.staff_id, asker.api_key_id, id);
}

std::vector<ExportView> exports_of(db::Tx& tx, Asker const& asker) {
  return tx.all<ExportView>(load_all, asker.staff_id, asker.api_key_id);
}

bool delete_export(db::Tx& tx, Asker const& asker, ExportId id) {
  bool const was_there = tx.exec(remove, asker.staff_id, asker.api_key_id, id) == 1;
  if (was_there) announce(tx, id);
  return was_there;
}

std::string content_type_of(db::Tx& tx, ExportId id) {
  return tx.maybe<std::string>(load_content_type, id).value_or("");
}

bool read_parts(db::Tx& tx, ExportId id, Sink const& sink) {
  auto const count = tx.maybe<std::int64_t>(count_parts, id).value_or(0);
  for (std::int64_t number = 0; number < count; ++number) {
    auto const hex = tx.maybe<std::string>(load_part, id, number);
    if (!hex) return false;
    std::size_t size = 0;
    std::unique_ptr<unsigned char, FreeBytes> const bytes{
        PQunescapeBytea(reinterpret_cast<unsigned char const*>(hex->c_str()), &size)};
    if (!bytes) throw std::bad_alloc{};
    sink({reinterpret_cast<char const*>(bytes.get()), size});
  }
  return true;
}

std::optional<ExportTask> begin_export(db::Tx& tx, ExportId id) {
  auto row = tx.maybe<Row>(begin, id);
  if (!row) return {};
  tx.exec(drop_parts, id);
  announce(tx, id);
  Values values;
  for (auto& [name, text] : json::read<Asked>(row->wish.text).values)
    values.emplace_back(std::move(name), std::move(text));
  return ExportTask{std::move(row->list), std::move(values), {row->staff_id, row->api_key_id}};
}

bool count_export(db::Tx& tx, ExportId id, std::int64_t total) {
  announce(tx, id);
  return tx.exec(set_total, id, total) == 1;
}

bool write_part(db::Tx& tx, ExportId id, std::int64_t number, std::string_view content,
                std::int64_t rows_done) {
  if (tx.exec(grow, id, rows_done, std::int64_t(content.size())) != 1) return false;
  tx.exec(insert_part, id, number, "\\x" + crypto::hex(content));
  announce(tx, id);
  return true;
}

std::optional<FinishedExport> finish_export(db::Tx& tx, ExportId id) {
  announce(tx, id);
  return tx.maybe<FinishedExport>(finish, id);
}

void fail_export(db::Tx& tx, ExportId id, std::string_view error_code) {
  if (tx.exec(fail, id, error_code) != 1) return;
  tx.exec(drop_parts, id);
  announce(tx, id);
}

}  // namespace list
