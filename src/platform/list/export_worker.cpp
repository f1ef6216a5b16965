// The job that writes an ordered export. Reading has a connection of its own, on which one snapshot
// stands as long as the file is written; parts and progress are committed beside it.
#include "platform/list/export_rows.hpp"
#include "platform/list/find.hpp"
#include "platform/log/log.hpp"

namespace list {

namespace {
// A snapshot keeps PostgreSQL from clearing away what has changed since: it must not stand for
// long.
constexpr jobs::Seconds longest{600};
constexpr std::size_t part_size = 1 << 20;
constexpr std::int64_t rows_of_a_part = 10'000;  // of narrow rows, so that one sees it go on
constexpr std::int64_t mailed_after = 60;        // seconds; who has waited less still looks
// Of the threads for jobs, exports of all people together hold no more on all nodes.
constexpr std::int64_t at_a_time = 2;

/// The page that shows the list shows the order, too, and who is signed out comes back to it.
mail::Declared const export_ready{
    "export_ready",
    {"Your file is ready: {file}",
     "Hello {name},\n\nthe file that you asked for is written: {file}, with {rows} rows.\n\nFetch "
     "it here within a day of asking for it:\n\n{link}\n"},
    {"Tu archivo está listo: {file}",
     "Hola, {name}:\n\nEl archivo que pediste ya está listo: {file}, con {rows} "
     "filas.\n\nDescárgalo aquí antes de que pase un día desde que lo pediste:\n\n{link}\n"}};

/// Of a list that only programs read.
mail::Declared const export_ready_for_programs{
    "export_ready_for_programs",
    {"Your file is ready: {file}",
     "Hello {name},\n\nthe file that you asked for is written: {file}, with {rows} rows.\n\nFetch "
     "it through the API within a day of asking for it:\n\nGET {link}\n"},
    {"Tu archivo está listo: {file}",
     "Hola, {name}:\n\nEl archivo que pediste ya está listo: {file}, con {rows} "
     "filas.\n\nDescárgalo con la API antes de que pase un día desde que lo pediste:\n\nGET "
     "{link}\n"}};

/// Trying again does not help: what its owner is told.
struct Impossible {
  std::string_view code;
};
/// Somebody has deleted it meanwhile.
struct Deleted {};

/// Cuts what is written into parts.
class Parts {
 public:
  Parts(jobs::Context& job, ExportId id) : job_{job}, id_{id} {}
  void add(std::string_view text) { text_ += text; }
  void rows(std::int64_t count) {
    rows_ = count;
    while (text_.size() >= part_size) write(part_size);
    if (rows_ - rows_written_ >= rows_of_a_part) write(text_.size());
  }
  void finish() {
    while (!text_.empty()) write(std::min(text_.size(), part_size));
  }

 private:
  void write(std::size_t size) {
    if (size == 0) return;
    if ((bytes_ += std::int64_t(size)) > most_bytes_of_a_file) throw Impossible{"too_many_bytes"};
    auto const content = std::string_view{text_}.substr(0, size);
    job_.transact([&](db::Tx& tx) {
      if (!write_part(tx, id_, number_, content, rows_)) throw Deleted{};
    });
    ++number_;
    rows_written_ = rows_;
    text_.erase(0, size);
  }
  jobs::Context& job_;
  ExportId id_;
  std::string text_;
  std::int64_t number_ = 0, rows_ = 0, rows_written_ = 0, bytes_ = 0;
};

class Making {
 public:
  using PageOf = std::string_view (*)(std::string_view list);
  Making(http::Api const& api, config::Settings const& settings, People people, PageOf page_of)
      : api_{api}, settings_{settings}, people_{std::move(people)}, page_of_{page_of} {}

  void run(jobs::Context& job, ExportId id) const {
    auto const task = job.transact([&](db::Tx& tx) { return begin_export(tx, id); });
    if (!task) return;
    try {
      write(job, id, *task);
      job.transact([&](db::Tx& tx) {
        if (auto const done = finish_export(tx, id)) tell(tx, id, task->list, *done);
        job.finish(tx);
      });
    } catch (Impossible const& impossible) {
      job.transact([&](db::Tx& tx) {
        fail_export(tx, id, impossible.code);
        job.finish(tx);
      });
    } catch (Deleted const&) {
      logging::info("list", "{} was deleted while it was written", id.text());
    }
  }

 private:
  void write(jobs::Context& job, ExportId id, ExportTask const& task) const {
    auto const list = find(api_, task.list);
    if (!list) throw Impossible{"list_changed"};
    if (!people_.may(task.asker, list->scope)) throw Impossible{"permission_lost"};
    auto const wish = wish_of(*list, task);
    db::Connection reading{settings_.database_url, "onboarding export", db::Patience::long_work()};
    reading.end_by(std::chrono::steady_clock::now() + longest);
    Parts parts{job, id};
    Course const course{.most_rows = most_rows_of_a_file,
                        .begun =
                            [&](std::int64_t total) {
                              job.transact([&](db::Tx& tx) {
                                if (!count_export(tx, id, total)) throw Deleted{};
                              });
                            },
                        .going = [&](std::int64_t rows) { parts.rows(rows); }};
    try {
      write_file(reading, *list, wish, course, [&](std::string_view text) { parts.add(text); });
    } catch (Problem const& problem) {
      if (problem.type.code == export_too_large.code) throw Impossible{"too_many_rows"};
      if (problem.type.code == pdf_too_large.code) throw Impossible{pdf_too_large.code};
      throw;
    }
    parts.finish();
  }
  /// A program of another version may have taken the order.
  static Wish wish_of(List const& list, ExportTask const& task) {
    try {
      return read_wish(list, task.values);
    } catch (Problem const&) {
      throw Impossible{"list_changed"};
    }
  }
  void tell(db::Tx& tx, ExportId id, std::string const& list, FinishedExport const& done) const {
    if (!done.staff_id || done.seconds < mailed_after) return;
    std::string const page{page_of_(list)};
    auto const path =
        page.empty() ? "/api/exports/" + id.text() + "/file" : page + "?export=" + id.text();
    people_.write_to(tx, *done.staff_id, page.empty() ? export_ready_for_programs : export_ready,
                     {{"file", done.file_name},
                      {"rows", std::to_string(done.rows_done)},
                      {"link", settings_.public_url + path}});
  }

  http::Api const& api_;
  config::Settings const& settings_;
  People people_;
  PageOf page_of_;
};
}  // namespace

void add_export_worker(jobs::Engine& engine, http::Api const& api, config::Settings const& settings,
                       People people, std::string_view (*page_of)(std::string_view list)) {
  auto const making = std::make_shared<Making>(api, settings, std::move(people), page_of);
  engine.add(jobs::Worker<MakeExport>{
      .timeout = longest,
      .serialise =
          [](MakeExport const& args) {
            return "list.exports " + std::to_string(args.export_id % at_a_time);
          },
      .run = [making](jobs::Context& job,
                      MakeExport const& args) { making->run(job, {args.export_id}); },
      .dead = [](db::Tx& tx, MakeExport const& args,
                 std::string const&) { fail_export(tx, {args.export_id}, "not_written"); },
  });
}

}  // namespace list
