#pragma once
// Settings that staff change while the program runs: a described struct, declared once. From it
// come GET and PUT with the version as ETag, the audit row with the difference, a copy in the
// memory of every node, and what a page needs to draw its form.
#include <atomic>
#include <condition_variable>
#include <thread>

#include "platform/http/endpoint.hpp"
#include "platform/http/preconditions.hpp"
#include "platform/realtime/hub.hpp"

namespace settings {

/// What does not depend on the group's type. Values live as one row, read whole and replaced whole.
struct Declaration {
  std::string_view name;   // "organisation": in the path, the table and the audit trail
  std::string_view title;  // for the API's description
  types::Type const* type;
  /// What single members cannot say of themselves; adds to `errors`.
  void (*check)(db::Tx& tx, void const* value, json::Errors& errors) = nullptr;
};

/// One group as it was read last. `values` holds an object of the group's type.
struct Copy {
  std::shared_ptr<void const> values;
  std::int64_t version = 0;  // 0: nobody has changed it yet
};

class Groups {
 public:
  Groups(std::string database_url, realtime::Hub& hub);
  ~Groups();
  Groups(Groups const&) = delete;
  Groups& operator=(Groups const&) = delete;

  /// Before start(). `T{}` are the values as long as nobody has changed them.
  template <Described T>
  void add(http::Api& api, std::string_view name, std::string_view title,
           void (*check)(db::Tx&, T const&, json::Errors&) = nullptr);
  /// Reads everything once, then follows: at once when a change is announced, and now and then in
  /// any case, so that a change which a node has missed is missed for seconds only.
  void start();
  /// The present values of a group; never waits.
  template <Described T>
  [[nodiscard]] std::shared_ptr<T const> now() const;
  /// Reads again on the calling thread.
  void refresh();

 private:
  struct Group {
    Declaration declaration;
    std::function<std::shared_ptr<void>()> make;
    Copy copy;
  };
  Group& add(Declaration declaration, std::function<std::shared_ptr<void>()> make);
  [[nodiscard]] Copy copy_of(types::Type const& type) const;
  void add_description(http::Api& api);
  void run();

  db::Connection connection_;
  realtime::Hub& hub_;
  std::vector<std::unique_ptr<Group>> groups_;
  mutable std::mutex copies_;  // held for an exchange of pointers only
  std::mutex reading_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stale_ = false, stopping_ = false, is_described_ = false;
  int subscription_ = 0;
  std::thread thread_;
};

// ---- templates

namespace detail {
/// The stored values over those of `out`: members that are gone are passed over, new ones keep what
/// they have.
void read_stored(RawJson const& stored, types::Type const& type, void* out);
struct Stored {
  std::int64_t version;
  RawJson content;
};
/// The row as a change sees it, locked; version 0 when there is none.
[[nodiscard]] Stored lock(db::Tx& tx, std::string_view name);
[[nodiscard]] Stored read(db::Tx& tx, std::string_view name);
/// Throws the problem of an outdated If-Match, checks, writes, audits and announces. Who saves what
/// stands there already takes no version from others.
void change(http::Context& context, Declaration const& declaration, void const* before,
            std::int64_t version, void const* after);
}  // namespace detail

/// A group as the database has it now, whatever this node's copy says.
template <Described T>
[[nodiscard]] T read(db::Tx& tx, std::string_view name) {
  T out{};
  detail::read_stored(detail::read(tx, name).content, types::type_of<T>, &out);
  return out;
}

template <Described T>
void Groups::add(http::Api& api, std::string_view name, std::string_view title,
                 void (*check)(db::Tx&, T const&, json::Errors&)) {
  // Functions of one argument type share their representation; it is called as what it is.
  static void (*checks)(db::Tx&, T const&, json::Errors&) = nullptr;
  checks = check;
  auto& group = add({name, title, &types::type_of<T>,
                     [](db::Tx& tx, void const* value, json::Errors& errors) {
                       if (checks) checks(tx, *static_cast<T const*>(value), errors);
                     }},
                    [] { return std::make_shared<T>(); });
  if (!is_described_) add_description(api);
  auto const& declaration = group.declaration;
  static std::string const route = "/api/settings/groups/" + std::string{name};
  static std::string const get = "GET " + route, put = "PUT " + route;
  static std::string const reading = "Read settings: " + std::string{title},
                           changing = "Change settings: " + std::string{title};
  static std::string const action = "settings." + std::string{name} + "_changed";
  api.add(http::Endpoint<http::Nothing, T>{
      .route = get,
      .summary = reading,
      .tag = "Settings",
      .scope = "settings:read",
      .handle =
          [&declaration](http::Context& context, http::Nothing const&) {
            auto const stored = detail::read(context.tx, declaration.name);
            T out{};
            detail::read_stored(stored.content, types::type_of<T>, &out);
            http::add_version(context.response, stored.version);
            return out;
          },
  });
  api.add(http::Endpoint<T, T>{
      .route = put,
      .summary = changing,
      .tag = "Settings",
      .scope = "settings:write",
      .audit = action,
      .problems = {http::version_required, http::version_outdated},
      .handle =
          [this, &declaration](http::Context& context, T const& wanted) {
            auto const stored = detail::lock(context.tx, declaration.name);
            T before{};
            detail::read_stored(stored.content, types::type_of<T>, &before);
            detail::change(context, declaration, &before, stored.version, &wanted);
            context.after_commit.push_back([this] { refresh(); });
            return wanted;
          },
  });
}

template <Described T>
std::shared_ptr<T const> Groups::now() const {
  return std::static_pointer_cast<T const>(copy_of(types::type_of<T>).values);
}

}  // namespace settings
