#pragma once
// The root helper: one thread that waits for questions of the program, and ends with it. Its
// children end with it, too.
#include <functional>
#include <map>

#include "platform/process/launcher.hpp"
#include "platform/root/policy.hpp"

namespace root {

class Server {
 public:
  /// `first_user_of`: the user ids of the data directory that calls itself so.
  using FirstUser = std::function<uid_t(std::string const& place)>;
  Server(int socket, Policy policy, FirstUser first_user_of);

  /// Until the program is gone.
  void run();

 private:
  using Answer = process::Message;
  void serve(process::Message question);
  Answer answer(process::Request what, process::Message& question);
  Answer launch(process::Message& question);
  Answer reap(process::Message& question);
  Answer signal(process::Message& question);
  Answer read_setting(process::Message& question);
  Answer settle_tenants(process::Message& question);
  /// What takes as long as a tenant has files: done by a process of its own.
  Answer work(process::Request what, process::Message& question);
  void answer_later(process::Request what, process::Message question, files::Descriptor channel);
  void collect_workers();
  [[nodiscard]] rooms::Rooms const& tenants() const;

  struct Kept {
    process::Child child;
    std::string group;
  };
  int socket_;
  Policy policy_;
  FirstUser first_user_of_;
  std::optional<rooms::Rooms> tenants_;
  process::Launcher launcher_;
  std::map<pid_t, Kept> children_;
  std::map<pid_t, files::Descriptor> workers_;
};

}  // namespace root
