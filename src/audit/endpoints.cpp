// GET /api/audit, /api/audit/verification and /api/audit/export.
#include "audit/anchors.hpp"
#include "audit/csv.hpp"
#include "audit/trail.hpp"

namespace audit {

namespace {
constexpr int most_exported = 100'000, batch = 100;

struct ListRequest : Filters {
  std::optional<std::int64_t> limit;
  std::optional<AuditId> cursor;
  static constexpr auto fields() {
    return ::fields(
        field("limit", &ListRequest::limit,
              {.doc = "Rows per page, 50 unless told", .min = 1, .max = 100}),
        field("cursor", &ListRequest::cursor, {.doc = "next_cursor of the page before"}),
        inherited<Filters>());
  }
};

http::Page<Entry> list(http::Context& context, ListRequest const& request) {
  auto const limit = int(request.limit.value_or(50));
  http::Page<Entry> page;
  page.data = entries(context.tx, request, request.cursor, limit + 1);
  page.has_more = int(page.data.size()) > limit;
  if (page.has_more) {
    page.data.pop_back();
    page.next_cursor = page.data.back().id.text();
  }
  return page;
}

struct Verified {
  std::optional<Report> last;
  std::optional<std::int64_t> age_seconds;
  std::int64_t newer_rows = 0;
  static constexpr auto rules() {
    return ::rules(rule(&Verified::last, {.doc = "null: not checked yet"}),
                   rule(&Verified::newer_rows,
                        {.doc = "Written since, so not checked yet; at most 10000 are counted"}));
  }
};

db::Query const count_newer{"audit.count_newer", R"sql(
  SELECT count(*) FROM (SELECT 1 FROM audit_logs
                         WHERE $1::timestamptz IS NULL OR "timestamp" > $1::timestamptz
                         LIMIT 10000) AS newer
)sql"};

Verified verification(http::Context& context, http::Nothing const&) {
  Verified out{last_report(context.tx), {}};
  out.newer_rows = context.tx.one<std::int64_t>(
      count_newer, out.last ? std::optional{out.last->at} : std::nullopt);
  if (out.last)
    out.age_seconds =
        std::chrono::duration_cast<std::chrono::seconds>(clock_source::now() - out.last->at)
            .count();
  return out;
}

enum class Format { csv, json };
constexpr auto names_of(Format) { return std::array<std::string_view, 2>{"csv", "json"}; }

struct ExportRequest : Filters {
  Format format;
  static constexpr auto fields() {
    return ::fields(field("format", &ExportRequest::format, {.doc = "csv or json"}),
                    inherited<Filters>());
  }
};

/// What the row of the export itself says.
struct Exported {
  Format format;
  std::string filters;
  std::int64_t rows;
};

/// A value as a cell: texts without quotes, objects as JSON, nothing for null.
std::string cell(types::Type const& type, void const* value) {
  if (type.form == types::Form::optional) {
    auto const* inner = type.value(value);
    return inner ? cell(*type.inner, inner) : "";
  }
  if (type.form == types::Form::text) return *static_cast<std::string const*>(value);
  std::string out;
  json::write(out, type, value);
  if (out == "null") return {};
  return type.form != types::Form::raw_json && out.starts_with('"') ? out.substr(1, out.size() - 2)
                                                                    : out;
}

void append_csv(std::string& out, Entry const& entry) {
  CsvLine line{out};
  for (auto const& member : types::members_of<Entry>())
    line.add(cell(*member.type, member.of(&entry)));
}

/// Reads page by page, newest first, up to the limit. `each` gets every row.
std::int64_t for_each_entry(db::Tx& tx, Filters const& filters,
                            std::function<void(Entry const&)> const& each) {
  std::int64_t rows = 0;
  std::optional<AuditId> before;
  while (rows < most_exported) {
    auto const page = entries(tx, filters, before, batch);
    for (auto const& entry : page) each(entry);
    rows += std::int64_t(page.size());
    if (int(page.size()) < batch) break;
    before = page.back().id;
  }
  return rows;
}

http::File run_export(http::Context& context, ExportRequest const& request) {
  auto const now = clock_source::rfc3339(clock_source::now());
  auto const filters = words(request);
  std::string rows_text;
  bool const as_csv = request.format == Format::csv;
  auto const rows = for_each_entry(context.tx, request, [&](Entry const& entry) {
    if (as_csv) return append_csv(rows_text, entry);
    if (!rows_text.empty()) rows_text += ",\n";
    json::write(rows_text, entry);
  });
  auto const note = rows < most_exported ? "complete" : "the newest rows only";
  http::File file{.name = "audit-" + now.substr(0, 10) + (as_csv ? ".csv" : ".json"),
                  .content_type = as_csv ? "text/csv; charset=utf-8" : "application/json"};
  auto& body = file.text;
  if (as_csv) {
    CsvLine{body}.add("Audit trail, exported " + now + ", filters: " + filters +
                      ", rows: " + std::to_string(rows) + ", " + note);
    CsvLine head{body};
    for (auto const& member : types::members_of<Entry>()) head.add(member.name);
  } else {
    body = "{\"filters\":" + json::text(filters) + ",\"exported_at\":\"" + now +
           "\",\"rows\":" + std::to_string(rows) + ",\"extent\":\"" + note + "\",\"data\":[\n";
  }
  body += rows_text;
  if (!as_csv) body += "\n]}\n";
  context.audit_target = "audit_logs";
  context.audit_after.text = json::text(Exported{request.format, filters, rows});
  return file;
}
}  // namespace

void add_endpoints(http::Api& api) {
  api.add(http::Endpoint<ListRequest, http::Page<Entry>>{
      .route = "GET /api/audit",
      .summary = "List what was done, newest first",
      .tag = "Audit",
      .scope = "audit:read",
      .handle = list,
  });
  api.add(http::Endpoint<http::Nothing, Verified>{
      .route = "GET /api/audit/verification",
      .summary = "Tell whether the trail was whole when it was last checked",
      .tag = "Audit",
      .scope = "audit:read",
      .handle = verification,
  });
  api.add(http::Endpoint<ExportRequest, http::File>{
      .route = "GET /api/audit/export",
      .summary = "Export the audit trail as CSV or JSON; the export itself is audited",
      .tag = "Audit",
      .scope = "audit:read",
      .audit = "audit.exported",
      .limit = http::per_minute(10),
      .content_type = "text/csv",
      .handle = run_export,
  });
}

}  // namespace audit
