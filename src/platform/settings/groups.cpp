// Rows of settings_groups, and their copies in memory.
#include "platform/settings/groups.hpp"

#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace settings {

namespace {
constexpr std::string_view topic = "settings";

db::Query const read_group{"settings.read",
                           "SELECT version, content FROM settings_groups WHERE name = $1"};
// The row is made on first use, so that two who save at once meet at its lock.
db::Query const make_group{"settings.make", R"sql(
  INSERT INTO settings_groups (name, version, content) VALUES ($1, 0, '{}') ON CONFLICT DO NOTHING
)sql"};
db::Query const lock_group{
    "settings.lock", "SELECT version, content FROM settings_groups WHERE name = $1 FOR UPDATE"};
db::Query const write_group{"settings.write", R"sql(
  UPDATE settings_groups SET version = version + 1, content = $2, changed_at = $3, changed_by = $4
   WHERE name = $1 RETURNING version
)sql"};

retention::Kept const kept_groups{"settings_groups", "one row for each group"};

std::string object_text(types::Type const& type, void const* value) {
  std::string out;
  json::write(out, type, value);
  return out;
}

/// What a form needs to know of one member.
struct FieldView {
  std::string name, type, format;
  bool optional;
  std::vector<std::string> options;
  std::optional<std::int64_t> min, max, min_length, max_length;
  std::string doc;
  RawJson value, default_value;
  static constexpr auto rules() {
    return ::rules(
        rule(&FieldView::type, {.doc = "string, integer, boolean, number, enum or list"}),
        rule(&FieldView::format, {.doc = "What kind of text or number, where it is a special one"}),
        rule(&FieldView::options, {.doc = "What an enum may be"}),
        rule(&FieldView::min_length, {.doc = "Characters, or items of a list"}));
  }
};
struct GroupView {
  std::string name, title;
  std::int64_t version;
  std::vector<FieldView> fields;
};
struct GroupViews {
  std::vector<GroupView> data;
};

std::string form_name(types::Type const& type) {
  switch (type.form) {
    case types::Form::boolean:
      return "boolean";
    case types::Form::integer:
      return "integer";
    case types::Form::number:
      return "number";
    case types::Form::enumeration:
      return "enum";
    case types::Form::list:
      return "list";
    default:
      return "string";
  }
}

FieldView field_view(types::Member const& member, void const* now, void const* untouched) {
  auto const& type = member.type->when_set();
  FieldView out{.name = std::string{member.name},
                .type = form_name(type),
                .format = std::string{member.rules.format},
                .optional = member.is_optional(),
                .options = {type.labels.begin(), type.labels.end()},
                .min = member.rules.min,
                .max = member.rules.max,
                .doc = std::string{member.rules.doc}};
  if (member.rules.min_length) out.min_length = std::int64_t(member.rules.min_length);
  if (member.rules.max_length) out.max_length = std::int64_t(member.rules.max_length);
  out.value.text = object_text(*member.type, member.of(now));
  out.default_value.text = object_text(*member.type, member.of(untouched));
  return out;
}
}  // namespace

namespace detail {

void read_stored(RawJson const& stored, types::Type const& type, void* out) {
  auto const value = json::parse(stored.text);
  if (!value.is_object()) return;
  for (auto const& member : type.members()) {
    auto const* const found = value.get_object().if_contains(member.name);
    if (!found) continue;
    // A rule may have become narrower since: what is stored holds until somebody saves again.
    json::Errors passed_over;
    json::decode(*found, *member.type, member.of(out), {}, {}, passed_over);
  }
}

Stored read(db::Tx& tx, std::string_view name) {
  return tx.maybe<Stored>(read_group, name).value_or(Stored{0, {"{}"}});
}

Stored lock(db::Tx& tx, std::string_view name) {
  tx.exec(make_group, name);
  return tx.one<Stored>(lock_group, name);
}

void change(http::Context& context, Declaration const& declaration, void const* before,
            std::int64_t version, void const* after) {
  auto const was = object_text(*declaration.type, before),
             is = object_text(*declaration.type, after);
  http::require_version(context.request, version, {was});
  json::Errors errors;
  if (declaration.check) declaration.check(context.tx, after, errors);
  json::refuse(std::move(errors));
  context.audit_target = declaration.name;
  context.audit_before.text = was;
  context.audit_after.text = is;
  if (is == was) return http::add_version(context.response, version);
  auto const next = context.tx.one<std::int64_t>(write_group, declaration.name, RawJson{is},
                                                 clock_source::now(), context.actor.email);
  realtime::announce(context.tx, topic);
  http::add_version(context.response, next);
}

}  // namespace detail

Groups::Groups(std::string database_url, realtime::Hub& hub)
    : connection_{std::move(database_url), "onboarding settings"}, hub_{hub} {}

Groups::~Groups() {
  if (!thread_.joinable()) return;
  hub_.leave(subscription_);
  {
    std::scoped_lock lock{mutex_};
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

Groups::Group& Groups::add(Declaration declaration, std::function<std::shared_ptr<void>()> make) {
  for (auto const& group : groups_)
    if (group->declaration.name == declaration.name || group->declaration.type == declaration.type)
      throw std::logic_error{"settings are declared twice: " + std::string{declaration.name}};
  auto& group =
      *groups_.emplace_back(std::make_unique<Group>(Group{declaration, std::move(make), {}}));
  group.copy.values = group.make();
  return group;
}

void Groups::add_description(http::Api& api) {
  is_described_ = true;
  api.add(http::Endpoint<http::Nothing, GroupViews>{
      .route = "GET /api/settings/groups",
      .summary = "List the groups of settings with what a form needs to show them",
      .tag = "Settings",
      .scope = "settings:read",
      .handle =
          [this](http::Context& context, http::Nothing const&) {
            GroupViews out;
            for (auto const& group : groups_) {
              auto const& [name, title, type, check] = group->declaration;
              auto const stored = detail::read(context.tx, name);
              auto const untouched = group->make(), present = group->make();
              detail::read_stored(stored.content, *type, present.get());
              auto& view = out.data.emplace_back(
                  GroupView{std::string{name}, std::string{title}, stored.version, {}});
              for (auto const& member : type->members())
                view.fields.push_back(field_view(member, present.get(), untouched.get()));
            }
            return out;
          },
  });
}

void Groups::start() {
  refresh();
  subscription_ = hub_.join(std::string{topic}, [this](std::string_view) {
    std::scoped_lock lock{mutex_};
    stale_ = true;
    wake_.notify_one();
  });
  thread_ = std::thread{[this] { run(); }};
}

Copy Groups::copy_of(types::Type const& type) const {
  std::scoped_lock lock{copies_};
  for (auto const& group : groups_)
    if (group->declaration.type == &type) return group->copy;
  throw std::logic_error{"these settings are not declared"};
}

void Groups::refresh() {
  std::scoped_lock reading{reading_};
  db::Tx tx{connection_, db::Mode::autocommit};
  for (auto const& group : groups_) {
    auto const stored = detail::read(tx, group->declaration.name);
    auto fresh = group->make();
    detail::read_stored(stored.content, *group->declaration.type, fresh.get());
    std::scoped_lock lock{copies_};
    group->copy = {std::move(fresh), stored.version};
  }
}

void Groups::run() {
  std::unique_lock lock{mutex_};
  bool fine = true;
  while (true) {
    wake_.wait_for(lock, std::chrono::seconds{fine ? 30 : 1},
                   [this] { return stopping_ || stale_; });
    if (stopping_) return;
    stale_ = false;
    lock.unlock();
    try {
      refresh();
      fine = true;
    } catch (std::exception const& error) {
      logging::warning("settings", "they could not be read again: {}", error.what());
      fine = false;
    }
    lock.lock();
  }
}

}  // namespace settings
