#pragma once
// How much of each line and its tax has been given back (D17): a sum goes over all of them in
// proportion, and cumulatively, so that nothing is left over and nothing is given twice.
#include "ledger/papers.hpp"

namespace ledger {

/// So much of each cell: the net and the tax of each line in turn, then what of the total is in no
/// line.
using Shares = std::vector<std::int64_t>;
constexpr std::size_t net_cell(std::size_t line) { return 2 * line; }
constexpr std::size_t tax_cell(std::size_t line) { return 2 * line + 1; }

[[nodiscard]] std::int64_t sum_of(Shares const& shares);

class Spreading {
 public:
  explicit Spreading(Invoice const& invoice);

  [[nodiscard]] Shares nothing() const { return Shares(cells_.size(), 0); }
  /// What is left of each cell.
  [[nodiscard]] Shares rest() const;
  /// A sum, in proportion; no more than is left.
  Shares give(std::int64_t amount);
  /// These, whatever the proportion.
  Shares give(Shares const& shares);
  /// So much of lines that nobody names: their nets in proportion.
  [[nodiscard]] Shares of_nets(std::int64_t amount) const;
  void take_back(Shares const& shares);

  /// The part `part` of `weights`, which add up to `whole`: each rounded half up from zero, and the
  /// largest (of equal ones the lowest line) takes the rest.
  [[nodiscard]] Shares part_of(Shares const& weights, std::int64_t part) const;

 private:
  void begin();

  std::vector<std::string> lines_;  // ids, as cells
  Shares cells_, given_;
  // Since the last time that something else than a sum was given.
  Shares base_;
  std::int64_t so_far_ = 0;
};

}  // namespace ledger
