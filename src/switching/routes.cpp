#include "switching/routes.hpp"

#include <algorithm>
#include <map>

namespace giro::switching {

namespace {
constexpr std::size_t kBinDigitsMin = 6, kBinDigitsMax = 8;
}

Routes::Routes(const config::Config& config) {
    std::map<std::string_view, int> products;
    for (std::size_t i = 0; i < config.card_products.size(); ++i)
        for (const auto& bin : config.card_products[i].bins) products[bin] = static_cast<int>(i);
    for (const auto& p : config.participants)
        for (const auto& bin : p.bins) {
            const auto product = products.find(bin);
            m_entries.push_back({bin, {Route::Kind::on_us, p.id, 0, product == products.end() ? -1 : product->second}});
        }
    for (const auto& l : config.links)
        for (const auto& bin : l.bins) m_entries.push_back({bin, {Route::Kind::link, l.participant, l.number}});
    std::sort(m_entries.begin(), m_entries.end(), [](const Entry& a, const Entry& b) { return a.bin < b.bin; });
}

Route Routes::find(std::string_view pan_digits) const noexcept {
    for (std::size_t digits = std::min(kBinDigitsMax, pan_digits.size()); digits >= kBinDigitsMin; --digits) {
        const std::string_view bin = pan_digits.substr(0, digits);
        const auto at = std::lower_bound(m_entries.begin(), m_entries.end(), bin,
                                         [](const Entry& e, std::string_view b) { return e.bin < b; });
        if (at != m_entries.end() && at->bin == bin) return at->route;
    }
    return {};
}

}  // namespace giro::switching
