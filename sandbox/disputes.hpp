#pragma once
// A customer's bank takes money back (card 4000 0000 0000 0259).
#include "sandbox/store.hpp"

namespace sandbox {

Object open_dispute(Store& store, Object& charge, std::int64_t amount,
                    std::string const& reason = {});

}  // namespace sandbox
