// Builds golden images through the REST interface.
#include "provisioning/incus/images.hpp"

#include <algorithm>
#include <fstream>
#include <thread>

#include "platform/clock/clock.hpp"
#include "platform/files/files.hpp"
#include "platform/process/run.hpp"
#include "provisioning/incus/reading.hpp"

namespace provisioning::incus {

namespace {
namespace bj = boost::json;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto boundary = "onboarding-image-0d7c1f2a9b";
constexpr auto inside = "/run/onboarding/blueprints";
constexpr auto search_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a copy must not have from the one it was copied from.
constexpr auto clean_up = R"sh(
rm -rf /run/onboarding /root/.bash_history /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
rm -rf /var/log/journal/* /var/log/apt/* /tmp/* /var/tmp/* /etc/ssh/ssh_host_*
find /var/log -type f -exec sh -c ': >"$1"' - {} ';'
if [ -e /etc/machine-id ]; then : >/etc/machine-id; fi
sync
)sh";

/// Does it at the end, unless it was done before; a failure must not hide the first one.
template <class Work>
class Finally {
 public:
  explicit Finally(Work work) : work_{std::move(work)} {}
  ~Finally() {
    try {
      work_();
    } catch (std::exception const&) {  // the next build finds it
    }
  }

 private:
  Work work_;
};

std::string properties_of(blueprints::Blueprint const& blueprint, char const* part,
                          std::string const& owner) {
  std::string text;
  for (auto const& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"description", blueprint.title + " (" + part + ")"},
           {"onboarding.blueprint", blueprint.name},
           {"onboarding.version", blueprint.version},
           {"onboarding.part", part},
           {"onboarding.installation", owner}})
    text += (text.empty() ? "" : "&") + name + "=" + escaped(value);
  return text;
}

void run_tool(std::string const& executable, std::vector<std::string> arguments) {
  auto const done =
      process::run({.executable = executable, .arguments = std::move(arguments)}, 60s);
  if (!done.ending.success())
    throw std::runtime_error{executable + ": " + done.ending.text() + ": " + done.output};
}

void append(std::ofstream& out, fs::path const& from) {
  std::ifstream in{from, std::ios::binary};
  if (!in) throw std::runtime_error{"cannot read " + from.string()};
  out << in.rdbuf();
}
}  // namespace

std::string Images::builder_of(blueprints::Blueprint const& blueprint) const {
  // Another installation may build the same at the same time.
  return "onboarding-build-" + blueprint.name + (owner_.empty() ? "" : "-" + owner_.substr(0, 6));
}

void write_upload(blueprints::Blueprint const& blueprint, fs::path const& root_tar,
                  fs::path const& upload) {
  auto const work = root_tar.parent_path() / "metadata";
  fs::create_directories(work / "templates");
  std::ofstream{work / "templates/hostname.tpl"} << "{{ container.name }}\n";
  std::ofstream{work / "metadata.yaml"}
      << "architecture: x86_64\ncreation_date: "
      << std::chrono::duration_cast<std::chrono::seconds>(clock_source::now().time_since_epoch())
             .count()
      << "\nproperties: {description: \"" << blueprint.name << " " << blueprint.version
      << "\"}\ntemplates:\n  /etc/hostname: {when: [create, copy], template: hostname.tpl}\n";
  auto const metadata = root_tar.parent_path() / "metadata.tar";
  run_tool("/bin/tar",
           {"-C", work.string(), "-cf", metadata.string(), "metadata.yaml", "templates"});
  {
    auto part = [](char const* name) {
      return std::string{"--"} + boundary + "\r\nContent-Disposition: form-data; name=\"" + name +
             "\"; filename=\"" + name + ".tar\"\r\nContent-Type: application/octet-stream\r\n\r\n";
    };
    std::ofstream out{upload, std::ios::binary | std::ios::trunc};
    out << part("metadata");
    append(out, metadata);
    out << "\r\n" << part("rootfs");
    append(out, root_tar);
    out << "\r\n--" << boundary << "--\r\n";
    out.flush();
    if (!out) throw std::runtime_error{files::sentence("cannot write", upload, errno)};
  }
  fs::remove_all(work);
  fs::remove(metadata);
}

// ---- steps -------------------------------------------------------------------------------------

Images::Root Images::import(blueprints::Blueprint const& blueprint, fs::path const& upload) {
  tell_("importing its root file system");
  auto const what = "image " + blueprint.image() + ": import";
  auto const answer =
      client_.upload("/1.0/images", upload,
                     {std::string{"Content-Type: multipart/form-data; boundary="} + boundary,
                      "X-Incus-properties: " + properties_of(blueprint, "root", owner_)},
                     what);
  if (answer.ok()) return {text_at(answer.metadata, {"metadata", "fingerprint"}), true, {}};
  // Another installation's, or ours: of today's image, or of a build that was killed.
  if (answer.says("same fingerprint"))
    if (auto const roots = find(blueprint, "root"); !roots.empty())
      return *std::ranges::max_element(roots, {}, &Root::uploaded_at);
  Client::fail(answer, what);
}

std::string Images::pool() {
  if (!settings_.incus_storage_pool.empty()) return settings_.incus_storage_pool;
  auto const all = client_.call("GET", "/1.0/storage-pools", nullptr, "look for storage pools");
  if (all.as_array().size() != 1)
    throw NeedsPerson{"incus_pool_unclear",
                      "Incus has not exactly one storage pool: set incus_storage_pool"};
  std::string const path{all.as_array().front().as_string()};
  return path.substr(path.rfind('/') + 1);
}

std::string Images::network() {
  if (!settings_.incus_network.empty()) return settings_.incus_network;
  std::vector<std::string> bridges;
  auto const all = client_.call("GET", "/1.0/networks?recursion=1", nullptr, "look for bridges");
  for (auto const& network : all.as_array())
    if (auto const* managed = at(network, {"managed"}); managed && managed->is_bool() &&
                                                        managed->get_bool() &&
                                                        text_at(network, {"type"}) == "bridge")
      bridges.push_back(text_at(network, {"name"}));
  if (bridges.size() != 1)
    throw NeedsPerson{"incus_network_unclear",
                      "Incus has not exactly one managed bridge: set incus_network"};
  return bridges.front();
}

void Images::make(blueprints::Blueprint const& blueprint, std::string const& builder,
                  std::string const& root) {
  auto const what = "builder " + builder + ": create";
  (void)client_.call(
      "POST", "/1.0/instances",
      bj::object{
          {"name", builder},
          {"type", "container"},
          {"profiles", bj::array{}},
          {"source", {{"type", "image"}, {"fingerprint", root}}},
          {"config", {{"boot.autostart", "false"}, {"user.onboarding.builder", blueprint.name}}},
          {"devices",
           {{"root", {{"type", "disk"}, {"path", "/"}, {"pool", pool()}}},
            {"eth0",
             {{"type", "nic"},
              {"name", "eth0"},
              {"network", network()},
              {"security.port_isolation", "true"}}}}}},
      what);
}

void Images::unpack(blueprints::Blueprint const& blueprint, std::string const& fingerprint) {
  auto const builder = builder_of(blueprint);
  remove_builder(builder);
  Finally const afterwards{[&] { remove_builder(builder); }};
  tell_("unpacking it, so that no customer waits for that");
  make(blueprint, builder, fingerprint);
}

void Images::wait_for_network(std::string const& builder) {
  auto const what = "builder " + builder + ": wait for its network";
  auto const end = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < end) {
    auto const state = client_.call("GET", path_of(builder) + "/state", nullptr, what);
    if (auto const* addresses = at(state, {"network", "eth0", "addresses"});
        addresses && addresses->is_array())
      for (auto const& address : addresses->get_array())
        if (text_at(address, {"family"}) == "inet" && text_at(address, {"scope"}) == "global")
          return;
    std::this_thread::sleep_for(100ms);
  }
  throw Transient{"incus_timeout", what + ": it got no address within a minute"};
}

void Images::prepare(blueprints::Blueprint const& blueprint, std::string const& builder) {
  auto const what = "builder " + builder + ": prepare";
  std::string const own = std::string{inside} + "/" + blueprint.name;
  client_.make_directory(builder, "/run/onboarding", what);
  client_.make_directory(builder, inside, what);
  // The folder, and beside it what blueprints share, as on this machine.
  for (auto const& folder : {blueprint.folder, blueprint.folder.parent_path() / "shared"}) {
    if (!fs::is_directory(folder)) continue;
    auto const target = std::string{inside} + "/" + folder.filename().string();
    client_.make_directory(builder, target, what);
    for (auto const& entry : fs::directory_iterator{folder})
      if (entry.is_regular_file())
        client_.push_file(builder, target + "/" + entry.path().filename().string(), entry.path(),
                          what);
  }
  auto const script = own + "/" + fs::relative(blueprint.prepare_script, blueprint.folder).string();
  std::map<std::string, std::string> const environment{
      {"PATH", search_path}, {"HOME", "/root"}, {"LANG", "C.UTF-8"}, {"BLUEPRINT", own}};
  (void)client_.execute(builder, {"chmod", "0700", script}, environment, what);
  tell_("preparing what all tenants share (" + blueprint.prepare_script.filename().string() + ")");
  auto const done = client_.execute(builder, {script}, environment, what);
  if (done.status != 0)
    throw std::runtime_error{what + ": exit status " + std::to_string(done.status) + ":\n" +
                             done.out + done.error};
  auto const cleaned = client_.execute(builder, {"/bin/sh", "-c", clean_up}, environment, what);
  if (cleaned.status != 0)
    throw std::runtime_error{what + ": cleaning up: " + cleaned.out + cleaned.error};
}

std::string Images::prepared(blueprints::Blueprint const& blueprint, std::string const& root) {
  auto const builder = builder_of(blueprint);
  remove_builder(builder);
  Finally const afterwards{[&] { remove_builder(builder); }};
  tell_("starting a builder");
  make(blueprint, builder, root);
  (void)client_.call("PUT", path_of(builder) + "/state",
                     bj::object{{"action", "start"}, {"timeout", 60}},
                     "builder " + builder + ": start");
  wait_for_network(builder);
  prepare(blueprint, builder);
  auto const what = "builder " + builder + ": ";
  (void)client_.call("PUT", path_of(builder) + "/state",
                     bj::object{{"action", "stop"}, {"timeout", 120}}, what + "stop");
  tell_("publishing " + blueprint.image());
  auto const published =
      client_.ask("POST", "/1.0/images",
                  bj::object{{"source", {{"type", "instance"}, {"name", builder}}},
                             {"compression_algorithm", "none"},
                             {"properties",
                              {{"description", blueprint.title},
                               {"onboarding.blueprint", blueprint.name},
                               {"onboarding.version", blueprint.version},
                               {"onboarding.part", "golden"},
                               {"onboarding.installation", owner_}}}},
                  what + "publish", client_.patience().script);
  if (!published.ok()) Client::fail(published, what + "publish");
  return text_at(published.metadata, {"metadata", "fingerprint"});
}

void Images::remove_builder(std::string const& builder) {
  auto const what = "builder " + builder + ": remove";
  auto const there = client_.find(path_of(builder), what);
  if (!there) return;
  if (key_of(*there, "builder").empty())
    throw NeedsPerson{"name_taken", what + ": Incus has an instance of this name that is not ours"};
  if (status_of(*there) != "Stopped")
    (void)client_.ask("PUT", path_of(builder) + "/state",
                      bj::object{{"action", "stop"}, {"timeout", 30}, {"force", true}}, what);
  (void)client_.call("DELETE", path_of(builder), nullptr, what);
}

std::vector<Images::Root> Images::find(blueprints::Blueprint const& blueprint,
                                       std::string_view part) {
  std::vector<Root> found;
  auto const all = client_.call("GET", "/1.0/images?recursion=1", nullptr, "look for images");
  for (auto const& image : all.as_array()) {
    auto property = [&](char const* name) { return text_at(image, {"properties", name}); };
    if (property("onboarding.blueprint") == blueprint.name &&
        property("onboarding.version") == blueprint.version && property("onboarding.part") == part)
      found.push_back({text_at(image, {"fingerprint"}),
                       !owner_.empty() && property("onboarding.installation") == owner_,
                       text_at(image, {"uploaded_at"})});
  }
  return found;
}

void Images::remove_others_of_ours(blueprints::Blueprint const& blueprint,
                                   std::string const& present) {
  for (auto const* part : {"root", "golden"})
    for (auto const& image : find(blueprint, part))
      if (image.is_ours && image.fingerprint != present) remove_image(image.fingerprint);
}

void Images::remove_image(std::string const& fingerprint) {
  (void)client_.ask("DELETE", "/1.0/images/" + fingerprint, nullptr,
                    "image " + fingerprint.substr(0, 12) + ": remove");
}

void Images::point(std::string const& alias, std::string const& fingerprint) {
  auto const what = "image " + alias + ": name it";
  auto const path = "/1.0/images/aliases/" + alias;
  if (client_.find(path, what))
    (void)client_.call("PUT", path, bj::object{{"target", fingerprint}}, what);
  else
    (void)client_.call("POST", "/1.0/images/aliases",
                       bj::object{{"name", alias}, {"target", fingerprint}}, what);
}

// ---- the whole ---------------------------------------------------------------------------------

Image Images::build(blueprints::Blueprint const& blueprint, fs::path const& upload) {
  auto const root = import(blueprint, upload);
  auto fingerprint = root.fingerprint;
  if (!blueprint.prepare_script.empty()) {
    Finally const afterwards{[&] {
      if (root.is_ours) remove_image(root.fingerprint);
    }};
    fingerprint = prepared(blueprint, root.fingerprint);
  }
  // Until here tenants are made from the former one.
  point(blueprint.image(), fingerprint);
  remove_others_of_ours(blueprint, fingerprint);
  unpack(blueprint, fingerprint);
  for (auto& image : list())
    if (image.alias == blueprint.image()) return std::move(image);
  throw Transient{"image_missing", "image " + blueprint.image() + ": Incus has lost it"};
}

std::vector<Image> Images::list() {
  std::vector<Image> images;
  auto const all = client_.call("GET", "/1.0/images?recursion=1", nullptr, "look for images");
  for (auto const& image : all.as_array()) {
    auto const blueprint = text_at(image, {"properties", "onboarding.blueprint"});
    auto const* aliases = at(image, {"aliases"});
    if (blueprint.empty() || !aliases || !aliases->is_array()) continue;
    for (auto const& alias : aliases->get_array())
      images.push_back({.blueprint = blueprint,
                        .version = text_at(image, {"properties", "onboarding.version"}),
                        .alias = text_at(alias, {"name"}),
                        .fingerprint = text_at(image, {"fingerprint"}),
                        .created_at = text_at(image, {"uploaded_at"}),
                        .bytes = number_at(image, {"size"})});
  }
  std::sort(images.begin(), images.end(),
            [](Image const& a, Image const& b) { return a.alias < b.alias; });
  return images;
}

}  // namespace provisioning::incus
