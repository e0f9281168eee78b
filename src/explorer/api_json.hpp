// Esplora's objects. Inside src/explorer only; brings nlohmann/json with it: in .cpp files alone.
#pragma once

#include <nlohmann/json.hpp>

#include "explorer/index.hpp"

namespace giro::explorer {

using Json = nlohmann::ordered_json;

[[nodiscard]] Json block_json(const Index& index, std::uint32_t height);
[[nodiscard]] Json status_json(const Index& index, TxNumber number);
[[nodiscard]] Json tx_json(const Index& index, TxNumber number);
[[nodiscard]] Json outspend_json(const Index& index, const OutputRow& output);
[[nodiscard]] Json stats_json(const ScriptRow& script);
[[nodiscard]] Json window_json(const Index& index, const WindowRow& window);
[[nodiscard]] Json positions_json(const Index& index);

}  // namespace giro::explorer
