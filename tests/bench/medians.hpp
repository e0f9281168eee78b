// Several runs' JSON objects of one shape: the median of each number by itself.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "tests/bench/measure.hpp"

namespace bench {

[[nodiscard]] inline nlohmann::json medians(const std::vector<nlohmann::json>& all) {
    if (all.empty()) return {};
    nlohmann::json out = all.front();
    for (auto& [key, value] : out.items()) {
        std::vector<nlohmann::json> same;
        for (const auto& one : all)
            if (one.contains(key)) same.push_back(one[key]);
        if (value.is_object()) value = medians(same);
        if (!value.is_number()) continue;
        std::vector<double> numbers;
        for (const auto& one : same) numbers.push_back(one.get<double>());
        value = median(std::move(numbers));
    }
    return out;
}

}  // namespace bench
