// What happened to an invoice, in the order in which it happened: each event moves what is open of
// it, and what is left of its lines.
#include "ledger/entries.hpp"

#include <algorithm>

#include "ledger/spreading.hpp"
#include "platform/money/money.hpp"

namespace ledger {

namespace {

/// Of what happened within one second.
enum class Turn {
  finalised,
  failed,
  note,
  refund,
  dispute,
  uncollectible,
  payment,
  voided,
  note_voided,
  refund_failed,
  paid,
};

struct Event {
  Time at;
  Turn turn;
  std::string id;
  std::function<void()> happen;
};

class Story {
 public:
  explicit Story(Papers const& papers)
      : papers_{papers}, invoice_{papers.invoice}, spreading_{papers.invoice} {}

  std::vector<Entry> tell() {
    add_life();
    add_money();
    std::ranges::sort(events_, {},
                      [](Event const& event) { return std::tie(event.at, event.turn, event.id); });
    for (auto const& event : events_) {
      now_ = event.at;
      event.happen();
    }
    return std::move(entries_);
  }

 private:
  void on(Time at, Turn turn, std::string id, std::function<void()> happen) {
    // Nothing happens to an invoice before there is one.
    events_.push_back(
        {std::max(at, *invoice_.finalised_at), turn, std::move(id), std::move(happen)});
  }

  void add_life() {
    on(*invoice_.finalised_at, Turn::finalised, {}, [this] { finalise(); });
    if (papers_.first_failure) on(*papers_.first_failure, Turn::failed, {}, [this] { fail(); });
    if (invoice_.uncollectible_at)
      on(*invoice_.uncollectible_at, Turn::uncollectible, {}, [this] { write_off(); });
    if (invoice_.voided_at) on(*invoice_.voided_at, Turn::voided, {}, [this] { become_void(); });
    if (!invoice_.paid_at) return;
    auto last = *invoice_.paid_at;
    for (auto const& payment : invoice_.payments) last = std::max(last, payment.at);
    on(last, Turn::paid, {}, [this] { become_paid(); });
  }

  /// What is taken back was given before, whatever clocks say.
  void add_money() {
    for (auto const& payment : invoice_.payments)
      on(payment.at, Turn::payment, payment.id, [this, &payment] { pay(payment); });
    for (auto const& note : papers_.notes) {
      on(note.at, Turn::note, note.id, [this, &note] { credit(note); });
      if (note.voided_at)
        on(std::max(*note.voided_at, note.at), Turn::note_voided, note.id,
           [this, &note] { void_note(note); });
    }
    for (auto const& refund : papers_.refunds) {
      on(refund.at, Turn::refund, refund.id, [this, &refund] { give_back(refund); });
      if (refund.failed_at)
        on(std::max(*refund.failed_at, refund.at), Turn::refund_failed, refund.id,
           [this, &refund] { fail(refund); });
    }
    for (auto const& dispute : papers_.disputes)
      if (dispute.lost_at)
        on(*dispute.lost_at, Turn::dispute, dispute.id, [this, &dispute] { lose(dispute); });
  }

  void finalise() {
    write("", Book::invoiced, Kind::finalised, invoice_.total);
    open(Kind::finalised, "", invoice_.due);
    for (auto const& line : invoice_.lines)
      if (line.item.empty()) earn(line.id, Kind::line, line, line.net, {});
  }

  void fail() {
    if (open_ <= 0) return;
    failed_ = true;
    write("", Book::dunning, Kind::failed, open_);
  }

  void pay(Payment const& payment) {
    auto const kind = payment.through_stripe ? Kind::payment : Kind::other;
    write(payment.id, Book::cash, kind, payment.amount);
    close(kind, payment.id, payment.amount);
    if (failed_) paid_since_ = money::add(paid_since_, payment.amount);
  }

  void become_paid() {
    open(Kind::settled, "", -open_);
    mirror("", Kind::uncollectible_paid, back_from_bad_debt(sum_of(bad_debt_) - revived_), +1);
    write("", Book::dunning, Kind::recovered, paid_since_);
  }

  void become_void() {
    open(Kind::voided, "", -open_);
    mirror("", Kind::voided, spreading_.give(spreading_.rest()), -1);
  }

  void write_off() {
    if (open_ <= 0) return;
    bad_debt_ = spreading_.give(open_);
    mirror("", Kind::uncollectible, bad_debt_, -1);
    open(Kind::uncollectible, "", -open_);
    is_written_off_ = true;
  }

  void credit(CreditNote const& note) {
    close(Kind::credit_note, note.id, note.before_payment);
    // What it takes off had been written off already: that is a note's now.
    if (is_written_off_)
      mirror(note.id, Kind::uncollectible_paid, back_from_bad_debt(note.before_payment), +1);
    auto const& shares = noted_[note.id] = shares_of(note);
    mirror(note.id, Kind::credit_note, shares, -1);
  }

  void void_note(CreditNote const& note) {
    open(Kind::credit_note_voided, note.id, note.before_payment);
    spreading_.take_back(noted_[note.id]);
    mirror(note.id, Kind::credit_note_voided, noted_[note.id], +1);
  }

  void give_back(Refund const& refund) {
    write(refund.id, Book::cash, Kind::refund, -refund.amount, refund.currency);
    auto const& shares = refunded_[refund.id] = spreading_.give(unnoted_part(refund));
    mirror(refund.id, Kind::refund, shares, -1);
  }

  void fail(Refund const& refund) {
    write(refund.id, Book::cash, Kind::refund_failed, refund.amount, refund.currency);
    spreading_.take_back(refunded_[refund.id]);
    mirror(refund.id, Kind::refund_failed, refunded_[refund.id], +1);
  }

  void lose(Dispute const& dispute) {
    write(dispute.id, Book::cash, Kind::dispute_lost, -dispute.amount, dispute.currency);
    if (dispute.currency == invoice_.currency)
      mirror(dispute.id, Kind::dispute_lost, spreading_.give(dispute.amount), -1);
  }

  /// The refund that was meant at first: one that failed is made once more, but not credited again.
  Refund const& first_of(Refund const& refund) const {
    auto const* first = &refund;
    for (std::size_t turns = 0; turns < papers_.refunds.size(); ++turns) {
      auto const before = std::ranges::find(papers_.refunds, first->repeats, &Refund::id);
      if (first->repeats.empty() || before == papers_.refunds.end()) break;
      first = &*before;
    }
    return *first;
  }

  /// Of a refund what no credit note stands for.
  std::int64_t unnoted_part(Refund const& refund) const {
    if (refund.currency != invoice_.currency) return 0;
    auto rest = refund.amount;
    for (auto const& note : papers_.notes)
      if (auto const named = note.refunds.find(first_of(refund).id);
          named != note.refunds.end() && !note.voided_at)
        rest -= std::min(rest, named->second);
    return rest;
  }

  Shares shares_of(CreditNote const& note) {
    if (note.lines.empty()) return spreading_.give(note.total);
    auto shares = spreading_.nothing();
    std::int64_t of_no_line = 0;
    for (auto const& part : note.lines) {
      auto const line = std::ranges::find(invoice_.lines, part.line, &Line::id);
      if (line == invoice_.lines.end()) {
        of_no_line = money::add(of_no_line, part.net);
        continue;
      }
      auto const index = std::size_t(line - invoice_.lines.begin());
      shares[net_cell(index)] = money::add(shares[net_cell(index)], part.net);
      shares[tax_cell(index)] = money::add(shares[tax_cell(index)], part.tax);
    }
    spreading_.give(shares);
    if (of_no_line == 0) return shares;
    auto const more = spreading_.give(spreading_.of_nets(of_no_line));
    for (std::size_t i = 0; i < shares.size(); ++i) shares[i] = money::add(shares[i], more[i]);
    return shares;
  }

  /// So much of what was written off comes after all, or goes another way.
  Shares back_from_bad_debt(std::int64_t amount) {
    if (bad_debt_.empty()) return spreading_.nothing();
    auto const until = std::min(sum_of(bad_debt_), revived_ + amount);
    auto shares = spreading_.part_of(bad_debt_, until);
    auto const before = spreading_.part_of(bad_debt_, revived_);
    for (std::size_t i = 0; i < shares.size(); ++i) shares[i] -= before[i];
    revived_ = until;
    spreading_.take_back(shares);
    return shares;
  }

  /// What is open grows, or shrinks.
  void open(Kind kind, std::string const& part, std::int64_t amount) {
    write(part, Book::receivable, kind, amount);
    open_ = money::add(open_, amount);
  }
  /// It shrinks by what comes; what had been written off comes back for that.
  void close(Kind kind, std::string const& part, std::int64_t amount) {
    if (is_written_off_) open(Kind::uncollectible_paid, part, amount);
    open(kind, part, -amount);
  }

  void mirror(std::string const& part, Kind kind, Shares const& shares, int sign) {
    for (std::size_t i = 0; i < invoice_.lines.size(); ++i)
      earn(part, kind, invoice_.lines[i], sign * shares[net_cell(i)], invoice_.lines[i].key());
  }

  void earn(std::string const& part, Kind kind, Line const& line, std::int64_t amount,
            std::optional<std::string> reverses) {
    if (amount == 0) return;
    entries_.push_back({.part = part,
                        .book = Book::revenue,
                        .kind = kind,
                        .currency = invoice_.currency,
                        .at = now_,
                        .amount = amount,
                        .service_start = line.starts.value_or(*invoice_.finalised_at),
                        .service_end = line.ends.value_or(*invoice_.finalised_at),
                        .reverses = std::move(reverses)});
  }

  void write(std::string const& part, Book book, Kind kind, std::int64_t amount) {
    write(part, book, kind, amount, invoice_.currency);
  }
  void write(std::string const& part, Book book, Kind kind, std::int64_t amount,
             std::string const& currency) {
    if (amount != 0) entries_.push_back({part, book, kind, currency, now_, amount});
  }

  Papers const& papers_;
  Invoice const& invoice_;
  Spreading spreading_;
  std::vector<Event> events_;
  std::vector<Entry> entries_;

  Time now_{};
  std::int64_t open_ = 0;
  bool failed_ = false, is_written_off_ = false;
  std::int64_t paid_since_ = 0;  // the first failure
  Shares bad_debt_;
  std::int64_t revived_ = 0;  // of it
  std::map<std::string, Shares> noted_, refunded_;
};
}  // namespace

std::vector<Entry> entries_of(Papers const& papers) {
  // Without a currency its numbers are no money.
  if (!papers.invoice.finalised_at || papers.invoice.currency.empty()) return {};
  return Story{papers}.tell();
}

std::vector<Entry> entries_of(ChargePapers const& papers) {
  std::vector<Entry> out;
  auto const write = [&](std::string const& part, Kind kind, std::string const& currency, Time at,
                         std::int64_t amount) {
    if (amount != 0 && !currency.empty())
      out.push_back({part, Book::cash, kind, currency, at, amount});
  };
  auto const& charge = papers.charge;
  write(charge.id, Kind::payment, charge.currency, charge.at, charge.amount);
  for (auto const& refund : papers.refunds) {
    write(refund.id, Kind::refund, refund.currency, refund.at, -refund.amount);
    if (refund.failed_at)
      write(refund.id, Kind::refund_failed, refund.currency, std::max(*refund.failed_at, refund.at),
            refund.amount);
  }
  for (auto const& dispute : papers.disputes)
    if (dispute.lost_at)
      write(dispute.id, Kind::dispute_lost, dispute.currency, *dispute.lost_at, -dispute.amount);
  return out;
}

std::vector<Entry> entries_of(Item const& item) {
  if (item.net == 0) return {};
  Entry const earned{.part = item.id,
                     .book = Book::revenue,
                     .kind = Kind::proration,
                     .currency = item.currency,
                     .at = item.booked,
                     .amount = item.net,
                     .service_start = item.starts.value_or(item.booked),
                     .service_end = item.ends.value_or(item.booked)};
  if (!item.deleted_at) return {earned};
  auto gone = earned;
  gone.kind = Kind::deleted;
  gone.at = *item.deleted_at;
  gone.amount = -item.net;
  gone.reverses = item.id;
  return {earned, gone};
}

}  // namespace ledger
