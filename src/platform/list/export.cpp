#include "platform/list/export.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/files/files.hpp"
#include "platform/http/problems.hpp"
#include "platform/list/rows.hpp"
#include "platform/list/statements.hpp"
#include "platform/text/csv.hpp"

namespace list {

namespace {
constexpr int rows_at_once = 500;
constexpr auto content_type_of(Format format) {
  return format == Format::json ? "application/json" : "text/csv; charset=utf-8";
}

using Values = std::vector<std::pair<std::string, std::string>>;

std::optional<std::string> taken(Values& values, std::string_view name) {
  auto const at = std::find_if(values.begin(), values.end(),
                               [&](auto const& pair) { return pair.first == name; });
  if (at == values.end()) return {};
  auto text = std::move(at->second);
  values.erase(at);
  return text;
}

void read_columns(Wish& wish, List const& list, std::optional<std::string> const& text,
                  json::Errors& errors) {
  auto const known = headings(*list.row);
  if (!text) {
    for (std::size_t i = 0; i < known.size(); ++i) wish.columns.push_back(i);
    return;
  }
  std::vector<std::string> names;
  static_cast<void>(json::from_text(*text, types::type_of<std::vector<std::string>>, &names));
  if (names.empty()) errors.push_back(wrong<faults::required>("?columns"));
  for (auto const& name : names) {
    auto const at = std::find(known.begin(), known.end(), name);
    if (at == known.end())
      return errors.push_back(wrong<faults::unknown_value>("?columns", "the columns of this list"));
    wish.columns.push_back(std::size_t(at - known.begin()));
  }
}

/// A file without a name: it goes when the last of it is sent, or with the program.
files::Descriptor nameless(std::filesystem::path const& directory) {
  files::Descriptor file{::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (file || (errno != EOPNOTSUPP && errno != EISDIR)) return file;
  auto name = (directory / "export-XXXXXX").string();  // a file system that knows no such files
  file = files::Descriptor{::mkostemp(name.data(), O_CLOEXEC)};
  if (file) ::unlink(name.c_str());
  return file;
}

class Spool {
 public:
  explicit Spool(std::filesystem::path const& directory)
      : file_{std::make_shared<files::Descriptor>(nameless(directory))} {
    if (!*file_) fail("write an export into", directory);
  }
  void add(std::string_view text) {
    while (!text.empty()) {
      auto const written = ::write(file_->get(), text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("write", "an export");
      text.remove_prefix(std::size_t(written));
      size_ += std::uint64_t(written);
    }
  }
  [[nodiscard]] std::shared_ptr<files::Descriptor const> file() const { return file_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  [[noreturn]] static void fail(std::string_view what, std::filesystem::path const& where) {
    auto const why = files::sentence(what, where, errno);
    if (errno == ENOSPC || errno == EDQUOT) throw Problem{http::disk_full, {}, why}.retry_after(30);
    throw Problem{export_not_written, {}, why};
  }
  std::shared_ptr<files::Descriptor> file_;
  std::uint64_t size_ = 0;
};

/// Brackets of a format; what is between them is written by rows.cpp.
class Writer {
 public:
  Writer(Spool& spool, List const& list, Wish const& wish)
      : spool_{spool}, list_{list}, wish_{wish} {
    auto const now = clock_source::rfc3339(clock_source::now());
    if (wish.format == Format::json) {
      out_ = "{\"list\":" + json::text(std::string{list.name}) +
             ",\"filters\":" + json::text(wish.filters) + ",\"exported_at\":\"" + now +
             "\",\"data\":[";
      return;
    }
    if (wish.format == Format::csv_es) {
      out_ = "\xEF\xBB\xBF";  // Excel takes the text for UTF-8 by it
      form_ = {';', ','};
    }
    csv::append_text(out_, std::string{list.name} + ", exported " + now +
                               ", filters: " + wish.filters + ", times in " + wish.zone);
    out_ += "\r\n";
    auto const names = headings(*list.row);
    for (std::size_t i = 0; i < wish.columns.size(); ++i) {
      if (i) out_ += form_.separator;
      csv::append_text(out_, names[wish.columns[i]]);
    }
    out_ += "\r\n";
  }
  void add(db::Columns const& columns, int index) {
    if (wish_.format != Format::json) {
      write_csv(out_, columns, *list_.row, index, wish_.columns, form_);
    } else {
      out_ += count_ ? ",\n" : "\n";
      write_json(out_, columns, *list_.row, index);
    }
    ++count_;
    if (out_.size() > 64 * 1024) flush();
  }
  std::int64_t finish() {
    if (wish_.format == Format::json) out_ += "\n],\"rows\":" + std::to_string(count_) + "}\n";
    flush();
    return count_;
  }

 private:
  void flush() {
    spool_.add(out_);
    out_.clear();
  }
  Spool& spool_;
  List const& list_;
  Wish const& wish_;
  CsvForm form_;
  std::string out_;
  std::int64_t count_ = 0;
};

db::Query const in_zone{"list.in_zone", "SELECT set_config('TimeZone', $1, true)"};

/// One statement, one snapshot, a handful of rows in memory at a time.
std::int64_t write_rows(db::Connection& connection, List const& list, Wish const& wish,
                        Spool& spool) {
  db::Tx tx{connection};
  try {
    tx.exec(in_zone, wish.format == Format::json ? "UTC" : wish.zone);
  } catch (db::Failure const& failure) {
    if (failure.sqlstate != "22023") throw;
    json::refuse({wrong<faults::not_a_time_zone>("?zone")});
  }
  auto whole = whole_statement(list, wish.selection);
  whole.statement.sql = "DECLARE exported NO SCROLL CURSOR FOR " + whole.statement.sql;
  if (!whole.statement.name.empty()) whole.statement.name += ".file";
  static_cast<void>(whole.run(tx));
  auto const fetch = "FETCH " + std::to_string(rows_at_once) + " FROM exported";
  Writer writer{spool, list, wish};
  for (std::int64_t count = 0;;) {
    auto const result = connection.execute(fetch);
    int const rows = PQntuples(result.get());
    if (rows == 0) break;
    if ((count += rows) > most_exported) throw Problem{export_too_large};
    db::Columns const columns{result.get(), *list.row, list.name};
    for (int i = 0; i < rows; ++i) writer.add(columns, i);
  }
  return writer.finish();
}

/// What the audit row says.
struct Exported {
  std::string format, filters;
  std::int64_t rows;
};
}  // namespace

void add_export_parameters(http::Declared& declared) {
  auto add = [&](std::string name, types::Type const& type, Rules rules) {
    declared.parameters.push_back({std::move(name), "query", &type, rules});
  };
  add("sort", types::type_of<std::optional<std::string>>,
      {.doc = "The order; with a minus in front downwards"});
  add("format", types::type_of<std::optional<Format>>,
      {.doc = "csv, csv-es (for Excel in Spanish) or json"});
  add("columns", types::type_of<std::optional<std::vector<std::string>>>,
      {.doc = "Columns of CSV in their order, all unless told"});
  add("zone", types::type_of<std::optional<std::string>>,
      {.doc = "Times of CSV are in this zone, UTC unless told", .example = "Europe/Madrid"});
  declared.limit = http::per_minute(10);
  declared.lane = http::Lane::files;
  declared.problems.push_back(export_too_large);
  declared.problems.push_back(export_not_written);
  declared.content_type = "text/csv";
}

Wish read_wish(List const& list, Values values) {
  Wish wish;
  json::Errors errors;
  if (auto const text = taken(values, "format"))
    if (!json::from_text(*text, types::type_of<Format>, &wish.format))
      json::not_of_type(errors, "?format", types::type_of<Format>);
  if (auto zone = taken(values, "zone")) {
    json::check_text(*zone, Rules{.min_length = 1, .max_length = 60}, "?zone", errors);
    wish.zone = std::move(*zone);
  }
  read_columns(wish, list, taken(values, "columns"), errors);
  json::refuse(std::move(errors));
  for (auto const& [name, text] : values)
    wish.filters += (wish.filters.empty() ? "" : ", ") + name + "=" + text;
  if (wish.filters.empty()) wish.filters = "none";
  wish.selection = select(list, values, Takes::order);
  return wish;
}

http::File exported(http::Context& context, List const& list, Wish const& wish) {
  // Started as root, the program has no right to write into the data directory itself.
  auto const directory = std::filesystem::path{context.settings.data_dir} / "exports";
  ::mkdir(directory.c_str(), 0700);  // the file tells what is wrong with it
  Spool spool{directory};
  auto const rows = write_rows(context.worker.connection, list, wish, spool);
  auto const today = clock_source::rfc3339(clock_source::now()).substr(0, 10);
  context.audit_target = list.name;
  context.audit_after.text =
      json::text(Exported{std::string{name_of(wish.format)}, wish.filters, rows});
  return {.name = std::string{list.name} + "-" + today +
                  (wish.format == Format::json ? ".json" : ".csv"),
          .content_type = content_type_of(wish.format),
          .content = spool.file(),
          .size = spool.size()};
}

}  // namespace list
