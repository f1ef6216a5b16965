#pragma once
// A list as a file: what is seen, in its order, in one snapshot of the database. It is written to
// the disk first, so that memory stays flat and a slow client holds neither a thread nor a
// snapshot. What has more rows than a client waits for is made by a job (exports.hpp).
#include "platform/list/writers.hpp"

namespace list {

void add_export_parameters(http::Declared& declared);
/// Writes the audit row's words into the context. Throws Problem{export_too_large}.
[[nodiscard]] http::File exported(http::Context& context, List const& list, Wish const& wish);

/// How far a file may grow, and who wants to know how far it is.
struct Course {
  std::int64_t most_rows;
  /// Before the first row: how many there are, counted up to one more than may be.
  std::function<void(std::int64_t)> begun{};
  /// After each handful: how many are written.
  std::function<void(std::int64_t)> going{};
};
/// Writes the whole file in one snapshot, a handful of rows in memory at a time (of a PDF all of
/// them); returns how many. Throws Problem{export_too_large} or Problem{pdf_too_large}.
std::int64_t write_file(db::Connection& connection, List const& list, Wish const& wish,
                        Course const& course, Sink const& sink);

/// A nameless file in the directory of exports: it goes when the last of it is sent, or with the
/// program. Throws Problem{disk_full} or Problem{export_not_written}.
class Spool {
 public:
  explicit Spool(config::Settings const& settings);
  void add(std::string_view text);
  [[nodiscard]] std::shared_ptr<files::Descriptor const> file() const { return file_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  std::shared_ptr<files::Descriptor> file_;
  std::uint64_t size_ = 0;
};

/// How many rows a wish has now, counted up to one more than `most`.
[[nodiscard]] std::int64_t count_rows(db::Tx& tx, List const& list, Wish const& wish,
                                      std::int64_t most);
/// Under whose name documents go out: `issuer_of` belongs to a folder further down.
void on_issuer(pdf::Issuer (*issuer_of)(db::Tx&));

inline constexpr std::int64_t most_exported = 10'000;
/// A PDF is laid out twice, with everything in memory; with more pages nobody reads it.
inline constexpr std::int64_t most_on_paper = 5'000;
inline constexpr ProblemType export_not_written{Kind::unavailable, "export_not_written",
                                                "The file could not be written on the server"};
inline constexpr ProblemType export_too_large{
    Kind::conflict, "export_too_large",
    "There are more than 10,000 rows: POST /api/exports makes a file of them in the background"};
inline constexpr ProblemType pdf_too_large{
    Kind::conflict, "pdf_too_large",
    "There are more than 5,000 rows, which is the most that a PDF holds: choose filters or another "
    "format"};

}  // namespace list
