#pragma once
#include "platform/jobs/jobs.hpp"
#include "tenants/tenants.hpp"
namespace provisioning { class Provisioning; }
