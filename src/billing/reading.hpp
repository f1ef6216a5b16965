#pragma once
// Asking Stripe for an object, whole: its lists to their ends, with what must be known to place it.
#include "customers/customers.hpp"
#include "stripe/stripe.hpp"

namespace billing {

/// An object as Stripe has it now.
struct Reading {
  stripe::Object object;
  Time asked_at;                         // before the question was sent
  std::string invoice_id{};              // of a charge, a refund, a dispute
  std::optional<Time> failed_at{};       // of a refund, where Stripe's books tell
  std::vector<stripe::Object> beside{};  // movements of a customer's balance that come with it
};

/// Stripe does not know an object of which we have heard.
struct Absence {
  std::string id;
  Time at;                   // of what told us
  stripe::Object carried{};  // as an event told of it
  bool was_deleted = false;  // says the event
};

/// The event that made us ask; none: the comparison, or a person.
using EventId = std::optional<std::string>;

struct Asking {
  db::Connection& connection;
  stripe::Client const& client;
  stripe::Object before{};  // previous_attributes of the event
};

/// A list of which an object shows the first entries only.
struct Part {
  std::string member;  // "lines"
  std::string path;    // "/v1/invoices/{id}/lines"
  std::string by{};    // the parameter that takes the object's id, where the path does not
  std::string expand{};
};

/// How objects of one kind are asked for and written.
struct ObjectKind {
  std::string name;  // the member `object` of each
  std::string path;  // "/v1/invoices/"; the id is appended
  std::vector<std::string> expand{};
  std::vector<Part> parts{};
  void (*complete)(Asking const&, Reading&) = nullptr;
  /// False: not one of ours.
  bool (*apply)(db::Tx&, Reading const&, EventId const&) = nullptr;
  bool (*gone)(db::Tx&, Absence const&, EventId const&) = nullptr;

  // How all of them are listed.
  std::vector<std::pair<std::string, std::string>> all{};
  std::vector<std::string> expand_listed{};
  bool is_of_customer = true;  // and listed for each
  bool is_of_somebody = true;  // not a price, a coupon
  /// Members that Stripe changes and tells in no event of the object.
  std::vector<std::string> untold{};
  /// Adds what differs besides the members.
  void (*also_differs)(db::Tx&, stripe::Object const& theirs, stripe::Object& members) = nullptr;
};

/// Those that the mirror has, in the order in which they are compared: parents first.
[[nodiscard]] std::vector<ObjectKind> const& kinds();
/// nullptr: none of this name.
[[nodiscard]] ObjectKind const* kind_named(std::string_view name);

/// None: Stripe does not know it. Throws what stripe::Client throws.
[[nodiscard]] std::optional<Reading> read(Asking const& asking, ObjectKind const& kind,
                                          std::string const& id);
/// Reads the lists of an object to their ends.
void read_parts(stripe::Client const& client, ObjectKind const& kind, stripe::Object& object);
/// Calls `see` with the objects of each page of a list; it says whether to go on.
void read_pages(stripe::Client const& client, std::string const& path,
                std::vector<std::pair<std::string, std::string>> const& query,
                std::function<bool(boost::json::array&)> const& see);
/// The invoice that a payment, or what became of it, is of; empty: of none.
[[nodiscard]] std::string invoice_of(Asking const& asking, stripe::Object const& object);

/// Entries of a list inside an object.
[[nodiscard]] boost::json::array const& entries(stripe::Object const& object,
                                                std::string_view path);
[[nodiscard]] std::optional<std::string> or_null(std::string text);
/// A number that may be missing.
[[nodiscard]] std::optional<std::int64_t> number(stripe::Object const& object,
                                                 std::string_view path);

/// Whose an object is, as far as it says so itself or the mirror knows.
[[nodiscard]] std::optional<customers::CustomerId> owner_of(db::Tx& tx,
                                                            stripe::Object const& object);
/// What an event told of an object that is gone is kept; `was_deleted` marks it. False: nobody's.
bool keep_gone(db::Tx& tx, Absence const& absence, EventId const& event);

}  // namespace billing
