#include "ledger/spreading.hpp"

#include <algorithm>

#include "platform/money/money.hpp"

namespace ledger {

namespace {
std::int64_t rounded(std::int64_t amount, std::int64_t part, std::int64_t whole) {
  auto const size = money::divide(money::Wide{amount < 0 ? -amount : amount} * part, whole,
                                  money::Rounding::half_up);
  return amount < 0 ? -size : size;
}

Shares difference(Shares left, Shares const& right) {
  for (std::size_t i = 0; i < left.size(); ++i) left[i] = money::subtract(left[i], right[i]);
  return left;
}

void add(Shares& to, Shares const& shares) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = money::add(to[i], shares[i]);
}
}  // namespace

std::int64_t sum_of(Shares const& shares) {
  std::int64_t sum = 0;
  for (auto const share : shares) sum = money::add(sum, share);
  return sum;
}

Spreading::Spreading(Invoice const& invoice) {
  for (auto const& line : invoice.lines) {
    lines_.insert(lines_.end(), 2, line.id);
    cells_.push_back(line.net);
    cells_.push_back(line.tax);
  }
  lines_.emplace_back("~");  // after every id
  cells_.push_back(money::subtract(invoice.total, sum_of(cells_)));
  given_ = nothing();
  begin();
}

void Spreading::begin() {
  base_ = difference(cells_, given_);
  so_far_ = 0;
}

Shares Spreading::rest() const { return difference(cells_, given_); }

Shares Spreading::part_of(Shares const& weights, std::int64_t part) const {
  auto out = nothing();
  auto const whole = sum_of(weights);
  if (whole <= 0) return out;
  std::size_t largest = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    out[i] = rounded(weights[i], part, whole);
    if (weights[i] > weights[largest] ||
        (weights[i] == weights[largest] && lines_[i] < lines_[largest]))
      largest = i;
  }
  out[largest] = money::add(out[largest], money::subtract(part, sum_of(out)));
  return out;
}

Shares Spreading::give(std::int64_t amount) {
  auto const whole = sum_of(base_);
  auto const until = std::min(whole, money::add(so_far_, amount));
  if (until <= so_far_) return nothing();
  auto const shares = difference(part_of(base_, until), part_of(base_, so_far_));
  add(given_, shares);
  so_far_ = until;
  return shares;
}

Shares Spreading::give(Shares const& shares) {
  add(given_, shares);
  begin();
  return shares;
}

Shares Spreading::of_nets(std::int64_t amount) const {
  auto nets = rest();
  for (std::size_t i = 0; i < nets.size(); ++i)
    if (i % 2 == 1 || i + 1 == nets.size()) nets[i] = 0;
  return part_of(nets, std::min(amount, sum_of(nets)));
}

void Spreading::take_back(Shares const& shares) {
  given_ = difference(given_, shares);
  begin();
}

}  // namespace ledger
