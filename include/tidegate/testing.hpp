// For tests of protocols: a network in memory with bad weather, and a checker of the contract. Not included
// by <tidegate/tidegate.hpp>.
#pragma once

#include <tidegate/contract_checker.hpp>
#include <tidegate/simulated_network.hpp>
