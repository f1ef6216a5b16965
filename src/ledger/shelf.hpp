#pragma once
// What documents are made of and which of their entries stand, read at once: of one document, or of
// all that some customers have.
#include "customers/customers.hpp"
#include "ledger/entries.hpp"

namespace ledger {

/// When refunds failed and disputes were lost, by what events told; of those ids that ended so.
[[nodiscard]] std::map<std::string, Time> ends_of(db::Tx& tx, std::vector<std::string> const& ids);

class Shelf {
 public:
  /// An invoice with all that belongs to it and the items on it, or a payment without an invoice.
  static Shelf of_document(db::Tx& tx, customers::CustomerId customer, std::string_view id);
  static Shelf of_item(db::Tx& tx, std::string_view id);
  static Shelf of_customers(db::Tx& tx, std::vector<std::int64_t> const& customers);

  struct Document {
    std::string id;
    std::int64_t customer_id;
  };
  /// All that are there, and all that have entries.
  [[nodiscard]] std::vector<Document> documents() const;

  /// An invoice with what belongs to it; nothing where there is no such invoice.
  [[nodiscard]] std::optional<Papers> papers_of(std::string const& invoice_id) const;
  /// What should stand of a document; nothing of one that is unknown.
  [[nodiscard]] std::vector<Entry> wanted(Document const& document) const;
  /// The items on an invoice, which are documents of their own.
  [[nodiscard]] std::vector<std::string> items_on(std::string const& id) const;

  struct Standing {
    std::int64_t id, customer_id;
    std::string document;
    std::string part;
    Book book;
    Kind kind;
    std::string currency;
    Time at;
    std::int64_t amount;
    std::optional<Time> service_start, service_end;
    std::optional<std::string> reverses;
    [[nodiscard]] Entry entry() const {
      return {part, book, kind, currency, at, amount, service_start, service_end, reverses};
    }
  };
  [[nodiscard]] std::vector<Standing> const& standing(std::string const& document) const;

 private:
  struct Kept {
    std::string id, kind, belongs_to, state;
    std::optional<std::int64_t> customer_id;
    std::optional<Time> deleted_at;
  };
  struct Object {
    std::string kind, belongs_to;
    std::int64_t customer_id;
    std::optional<Time> deleted_at;
    stripe::Object state;
    Invoice invoice{};  // of one
  };
  using Ids = std::vector<std::string>;

  void add(std::vector<Kept> const& rows);
  void read_times(db::Tx& tx);
  void add_standing(std::vector<Standing> rows);

  [[nodiscard]] Object const* find(std::string const& id) const;
  [[nodiscard]] std::vector<stripe::Object const*> children(std::string const& owner,
                                                            std::string_view kind) const;
  [[nodiscard]] std::optional<Time> end_of(stripe::Object const& object) const;
  [[nodiscard]] Papers papers_of(std::string const& id, Invoice const& invoice) const;
  [[nodiscard]] std::optional<Item> item_of(Document const& document) const;
  [[nodiscard]] ChargePapers papers_of_charge(Document const& document,
                                              stripe::Object const& charge) const;

  std::map<std::string, Object> objects_;
  std::map<std::string, Ids> children_, invoices_of_item_, of_charge_;
  std::map<std::string, Time> failures_;  // of invoices, the first
  std::map<std::string, Time> ends_;      // of refunds and disputes
  std::map<std::string, std::vector<Standing>> standing_;
};

}  // namespace ledger
