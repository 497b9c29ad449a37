// Alternates between address families. Knows nothing of connecting.
#include "net/interleave.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tidegate::net {

namespace {

using Group = std::vector<Endpoint>;

/// One group a family, in the order in which the families come up first.
std::vector<Group> group_by_family(std::vector<Endpoint>&& endpoints) {
  std::vector<Group> groups;
  for (Endpoint& endpoint : endpoints) {
    const auto same_family = [&](const Group& group) { return group.front().family() == endpoint.family(); };
    auto group = std::find_if(groups.begin(), groups.end(), same_family);
    if (group == groups.end()) group = groups.emplace(groups.end());
    group->push_back(std::move(endpoint));
  }
  return groups;
}

}  // namespace

std::vector<Endpoint> interleave(std::vector<Endpoint> endpoints, std::size_t first_family_count) {
  if (first_family_count == 0 || endpoints.empty()) return endpoints;
  const std::size_t total = endpoints.size();
  std::vector<Group> groups = group_by_family(std::move(endpoints));

  // The first family's last address of its head start is the one with which the turns begin.
  const std::size_t head_start = std::min(first_family_count - 1, groups.front().size());
  std::vector<Endpoint> ordered;
  ordered.reserve(total);
  const auto after_head_start = groups.front().begin() + static_cast<std::ptrdiff_t>(head_start);
  std::move(groups.front().begin(), after_head_start, std::back_inserter(ordered));
  groups.front().erase(groups.front().begin(), after_head_start);

  for (std::size_t turn = 0; ordered.size() < total; ++turn) {
    for (Group& group : groups) {
      if (turn < group.size()) ordered.push_back(std::move(group[turn]));
    }
  }
  return ordered;
}

}  // namespace tidegate::net
