// GET …/export.
#include "platform/list/export.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/files/files.hpp"
#include "platform/http/problems.hpp"
#include "platform/list/statements.hpp"

namespace list {

namespace {
constexpr int rows_at_once = 500;

files::Descriptor nameless(std::filesystem::path const& directory) {
  files::Descriptor file{::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (file || (errno != EOPNOTSUPP && errno != EISDIR)) return file;
  auto name = (directory / "export-XXXXXX").string();  // a file system that knows no such files
  file = files::Descriptor{::mkostemp(name.data(), O_CLOEXEC)};
  if (file) ::unlink(name.c_str());
  return file;
}

[[noreturn]] void fail(std::string_view what, std::filesystem::path const& where) {
  auto const why = files::sentence(what, where, errno);
  if (errno == ENOSPC || errno == EDQUOT) throw Problem{http::disk_full, {}, why}.retry_after(30);
  throw Problem{export_not_written, {}, why};
}

db::Query const in_zone{"list.in_zone", "SELECT set_config('TimeZone', $1, true)"};
db::Query const time_in_zone{"list.time_in_zone",
                             "SELECT date_trunc('second', $1::timestamptz)::text"};

std::atomic<pdf::Issuer (*)(db::Tx&)> known_issuer{[](db::Tx&) { return pdf::Issuer{}; }};

/// What the audit row says.
struct Exported {
  std::string format, filters;
  std::int64_t rows;
};
}  // namespace

Spool::Spool(config::Settings const& settings) {
  // Started as root, the program has no right to write into the data directory itself.
  auto const directory = std::filesystem::path{settings.data_dir} / "exports";
  ::mkdir(directory.c_str(), 0700);  // the file tells what is wrong with it
  file_ = std::make_shared<files::Descriptor>(nameless(directory));
  if (!*file_) fail("write an export into", directory);
}

void Spool::add(std::string_view text) {
  while (!text.empty()) {
    auto const written = ::write(file_->get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", "an export");
    text.remove_prefix(std::size_t(written));
    size_ += std::uint64_t(written);
  }
}

void on_issuer(pdf::Issuer (*issuer_of)(db::Tx&)) { known_issuer = issuer_of; }

std::int64_t count_rows(db::Tx& tx, List const& list, Wish const& wish, std::int64_t most) {
  auto const found = search(tx, list, wish.selection);
  auto const counted = count_statement(list, wish.selection, found, int(most)).run(tx);
  std::int64_t count{};
  db::read_value(PQgetvalue(counted.get(), 0, 0), types::type_of<std::int64_t>, &count);
  return count;
}

std::int64_t write_file(db::Connection& connection, List const& list, Wish const& wish,
                        Course const& course, Sink const& sink) {
  bool const is_pdf = wish.format == Format::pdf;
  auto const most = is_pdf ? std::min(course.most_rows, most_on_paper) : course.most_rows;
  auto const require_room = [&](std::int64_t rows) {
    if (rows > most) throw Problem{is_pdf ? pdf_too_large : export_too_large};
  };
  db::Tx tx{connection, db::Mode::snapshot};  // the count and the rows are of the same moment
  tx.exec(in_zone, wish.format == Format::json ? "UTC" : wish.zone);
  if (course.begun) {
    auto const total = count_rows(tx, list, wish, most);
    require_room(total);
    course.begun(total);
  }
  auto const now = clock_source::now();
  Sheet const sheet{list, wish, now, tx.one<std::string>(time_in_zone, now),
                    is_pdf ? known_issuer.load()(tx) : pdf::Issuer{}};
  auto const writer = writer_of(sheet, sink);
  writer->begin();
  auto whole = whole_statement(list, wish.selection);
  whole.statement.sql = "DECLARE exported NO SCROLL CURSOR FOR " + whole.statement.sql;
  if (!whole.statement.name.empty()) whole.statement.name += ".file";
  static_cast<void>(whole.run(tx));
  auto const fetch = "FETCH " + std::to_string(rows_at_once) + " FROM exported";
  std::int64_t count = 0;
  while (true) {
    auto const result = connection.execute(fetch);
    int const rows = PQntuples(result.get());
    if (rows == 0) break;
    require_room(count += rows);
    db::Columns const columns{result.get(), *list.row, list.name};
    for (int i = 0; i < rows; ++i) writer->row(columns, i);
    if (course.going) course.going(count);
  }
  tx.commit();  // nobody waits for the snapshot while a document is laid out
  writer->end(count);
  return count;
}

void add_export_parameters(http::Declared& declared) {
  auto add = [&](std::string name, types::Type const& type, Rules rules) {
    declared.parameters.push_back({std::move(name), "query", &type, rules});
  };
  add("sort", types::type_of<std::optional<std::string>>,
      {.doc = "The order; with a minus in front downwards"});
  add("format", types::type_of<std::optional<Format>>,
      {.doc = "csv, csv-es (for Excel in Spanish), json or pdf (5,000 rows at most)"});
  add("columns", types::type_of<std::optional<std::vector<std::string>>>,
      {.doc = "Columns of CSV and PDF in their order, all unless told"});
  add("zone", types::type_of<std::optional<std::string>>,
      {.doc = "Times of CSV and PDF are in this zone, UTC unless told",
       .example = "Europe/Madrid"});
  add("language", types::type_of<std::optional<i18n::Locale>>,
      {.doc =
           "Heads and values of CSV and PDF in words; without it CSV has the names of the API, PDF "
           "English words"});
  declared.limit = http::per_minute(10);
  declared.lane = http::Lane::files;
  declared.problems.push_back(export_too_large);
  declared.problems.push_back(pdf_too_large);
  declared.problems.push_back(export_not_written);
  declared.problems.push_back(pdf::no_fonts);
  declared.content_type = "text/csv,application/json,application/pdf";
}

http::File exported(http::Context& context, List const& list, Wish const& wish) {
  require_zone(context.tx, wish.zone);
  Spool spool{context.settings};
  auto const rows = write_file(context.worker.connection, list, wish, {.most_rows = most_exported},
                               [&](std::string_view text) { spool.add(text); });
  context.audit_target = list.name;
  context.audit_after.text =
      json::text(Exported{std::string{name_of(wish.format)}, wish.filters(), rows});
  return {.name = file_name(list, wish.format),
          .content_type = std::string{content_type(wish.format)},
          .content = spool.file(),
          .size = spool.size()};
}

}  // namespace list
