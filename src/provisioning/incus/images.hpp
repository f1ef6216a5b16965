#pragma once
// Golden images: a root file system becomes an image, an image a builder, and the prepared builder
// the image that tenants are made from.
#include <functional>

#include "blueprints/blueprints.hpp"
#include "provisioning/incus/client.hpp"

namespace provisioning::incus {

struct Image {
  std::string blueprint, version, alias, fingerprint, created_at;
  std::int64_t bytes = 0;
};

/// Where a person sees what goes on.
using Tell = std::function<void(std::string const& sentence)>;

class Images {
 public:
  /// `owner`: the installation's id; empty before there is one. What others on the same Incus have
  /// made is used where it is the same, and never taken away.
  Images(config::Settings const& settings, Client& client, std::string owner, Tell tell)
      : settings_{settings}, client_{client}, owner_{std::move(owner)}, tell_{std::move(tell)} {}

  /// `upload` is what write_upload() made. Whatever happens, no builder stays behind.
  [[nodiscard]] Image build(blueprints::Blueprint const& blueprint,
                            std::filesystem::path const& upload);
  /// Ours that Incus has, by alias.
  [[nodiscard]] std::vector<Image> list();

 private:
  struct Root {
    std::string fingerprint;
    bool is_ours;
    std::string uploaded_at;
  };
  Root import(blueprints::Blueprint const& blueprint, std::filesystem::path const& upload);
  std::string builder_of(blueprints::Blueprint const& blueprint) const;
  /// The fingerprint of what the builder came to.
  std::string prepared(blueprints::Blueprint const& blueprint, std::string const& root);
  std::string pool();
  std::string network();
  void make(blueprints::Blueprint const& blueprint, std::string const& builder,
            std::string const& root);
  /// Has the storage pool unpack the image, which it does for its first container.
  void unpack(blueprints::Blueprint const& blueprint, std::string const& fingerprint);
  void wait_for_network(std::string const& builder);
  void prepare(blueprints::Blueprint const& blueprint, std::string const& builder);
  void remove_builder(std::string const& builder);
  /// Of that blueprint's version; `part` is "root" or "golden".
  std::vector<Root> find(blueprints::Blueprint const& blueprint, std::string_view part);
  /// What earlier builds of that version left, whether they came to their end or not.
  void remove_others_of_ours(blueprints::Blueprint const& blueprint, std::string const& present);
  void remove_image(std::string const& fingerprint);
  void point(std::string const& alias, std::string const& fingerprint);

  config::Settings const& settings_;
  Client& client_;
  std::string owner_;
  Tell tell_;
};

/// Packs a root file system as Incus takes it. The upload is one file, so that it can be kept and
/// streamed.
void write_upload(blueprints::Blueprint const& blueprint, std::filesystem::path const& root_tar,
                  std::filesystem::path const& upload);

}  // namespace provisioning::incus
