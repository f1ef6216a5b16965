// Figures out of the steps of all customers, one after the other.
#include <algorithm>
#include <map>
#include <set>

#include "reports/mrr_lines.hpp"

namespace reports {

namespace {
using ledger::Day;

/// Days at whose beginning levels are asked for, and where each period has its own.
struct Edges {
  explicit Edges(MrrQuestion const& question) {
    std::set<Day> days;
    for (auto const& period : question.periods) {
      days.insert(period.first_day);
      days.insert(question.end_of(period));
      if (auto const then = question.year_before(period)) days.insert(*then);
    }
    all.assign(days.begin(), days.end());
    for (auto const& period : question.periods) {
      auto const then = question.year_before(period);
      periods.push_back({place_of(period.first_day), place_of(question.end_of(period)),
                         then ? std::optional{place_of(*then)} : std::nullopt});
    }
  }
  struct Places {
    std::size_t first, end;
    std::optional<std::size_t> year;
  };
  std::vector<Day> all;
  std::vector<Places> periods;

 private:
  std::size_t place_of(Day day) const {
    return std::size_t(std::ranges::lower_bound(all, day) - all.begin());
  }
};

/// The balance at an edge is that of the day before it, and of that day's month.
Day day_of_balance(Day edge) { return edge - std::chrono::days{1}; }

class Measuring {
 public:
  Measuring(MrrQuestion const& question, Rates const& rates)
      : question_{question},
        rates_{rates},
        edges_{question},
        missing_(edges_.all.size()),
        figures_(question.periods.size()) {
    for (std::size_t i = 0; i < figures_.size(); ++i)
      if (edges_.periods[i].year) figures_[i].year.emplace();
  }

  void measure(std::span<Line const> lines) {
    levels_.assign(edges_.all.size(), {});
    count_comings(lines);
    for (auto const& line : lines) {
      count_movements(line);
      count_levels(line);
    }
    for (std::size_t i = 0; i < figures_.size(); ++i) {
      auto const [first, end, year] = edges_.periods[i];
      auto& figures = figures_[i];
      add(figures.starts, levels_[first]);
      add(figures.ends, levels_[end]);
      add(figures.retention, levels_[first], levels_[end]);
      if (year) add(*figures.year, levels_[*year], levels_[end]);
    }
  }

  std::vector<Figures> take() {
    for (std::size_t i = 0; i < figures_.size(); ++i) {
      auto const [first, end, year] = edges_.periods[i];
      auto& figures = figures_[i];
      for (auto const place : {first, end})
        if (!figures.missing) figures.missing = missing_[place];
      if (year) {
        figures.year->missing = missing_[*year];
        if (!figures.year->missing) figures.year->missing = missing_[end];
      }
    }
    return std::move(figures_);
  }

 private:
  static void add(Balance& to, Balance const& more) {
    to.amount = money::add(to.amount, more.amount);
    to.customers += more.customers > 0;
  }
  static void add(Retention& to, Balance const& before, Balance const& after) {
    if (before.customers == 0) return;
    add(to.before, before);
    to.retained = money::add(to.retained, after.amount);
    to.kept = money::add(to.kept, std::min(before.amount, after.amount));
    to.lost += after.customers == 0;
  }

  /// In the question's currency; what has no rate is noted where it is needed.
  std::int64_t converted(std::int64_t amount, Line const& line, Day day,
                         std::optional<MissingRate>& missing) const {
    if (auto const out = rates_.convert(amount, line.currency, day)) return *out;
    if (!missing) missing = {line.currency, ledger::first_of_month(day)};
    return 0;
  }

  void count(Moves& to, ledger::Movement kind, std::int64_t amount) const {
    auto& sum = to.amounts[std::size_t(kind)];
    sum = money::add(sum, amount);
    ++to.counts[std::size_t(kind)];
  }

  /// Of the period that a day lies in.
  Figures* figures_of(Day day) {
    auto const& periods = question_.periods;
    auto const later = std::ranges::upper_bound(periods, day, {}, &Period::first_day);
    if (later == periods.begin() || day >= std::prev(later)->next_day) return nullptr;
    return &figures_[std::size_t(later - periods.begin()) - 1];
  }

  /// Who pays in one currency less is still there.
  void count_comings(std::span<Line const> lines) {
    std::map<Day, int> paying;
    for (auto const& line : lines)
      for (auto const& [day, before, after] : line.changes)
        paying[day] += int(after > 0) - int(before > 0);
    int currencies = 0;
    for (auto const& [day, change] : paying) {
      auto const before = std::exchange(currencies, currencies + change);
      auto* const figures = figures_of(day);
      if (!figures) continue;
      figures->came += before == 0 && currencies > 0;
      figures->left += before > 0 && currencies == 0;
    }
  }

  void count_movements(Line const& line) {
    for (auto const& change : line.changes) {
      auto* const figures = figures_of(change.day);
      auto const kind =
          ledger::movement_of(change.before, change.after, &change == &line.changes.front());
      if (!figures || !kind) continue;
      auto const size = std::abs(money::subtract(change.after, change.before));
      count(figures->moved, *kind, converted(size, line, change.day, figures->missing));
    }
  }

  void count_levels(Line const& line) {
    std::vector<std::int64_t> levels;
    for (std::size_t i = 0; i < edges_.all.size(); ++i) {
      levels.push_back(line.level_at(edges_.all[i]));
      auto const amount =
          converted(levels.back(), line, day_of_balance(edges_.all[i]), missing_[i]);
      levels_[i].amount = money::add(levels_[i].amount, amount);
      levels_[i].customers += levels.back() > 0;
    }
    auto const begins = line.begins(question_.granularity).value_or(Day::max());
    for (std::size_t i = 0; i < figures_.size(); ++i) {
      auto const [first, end, year] = edges_.periods[i];
      auto const kind =
          ledger::movement_of(levels[first], levels[end], begins >= question_.periods[i].first_day);
      if (!kind) continue;
      auto& figures = figures_[i];
      auto const size = std::abs(money::subtract(levels[end], levels[first]));
      count(figures.netted, *kind,
            converted(size, line, day_of_balance(edges_.all[end]), figures.missing));
    }
  }

  MrrQuestion const& question_;
  Rates const& rates_;
  Edges edges_;
  std::vector<std::optional<MissingRate>> missing_;  // of the edges
  std::vector<Balance> levels_;                      // of the present customer
  std::vector<Figures> figures_;
};
}  // namespace

std::vector<Figures> from_steps(db::Tx& tx, MrrQuestion const& question) {
  auto const rates = question.is_converted ? Rates{tx, question.currency, question.as_of} : Rates{};
  Measuring measuring{question, rates};
  by_customer(lines_of(tx, question), [&](auto lines) { measuring.measure(lines); });
  return measuring.take();
}

}  // namespace reports
