#include "appliance/giro/pos_scenario_file.hpp"

#include <algorithm>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/scenario_parts.hpp"
#include "net/framing.hpp"

namespace giro::pos {

namespace {
class Reading {
  public:
    Reading(config::Checker& check, Scenario& out) : m_check(check), m_out(out) {}

    void terminals(const toml::table& t) {
        m_check.only(t, {"count", "first", "port", "tls", "connect", "dialect", "framing", "mac", "dukpt", "pin_block", "timeout_ms"});
        number(t, "count", 1, demo::kTerminalsMax, m_out.terminals);
        number(t, "first", 1, demo::kTerminalsMax, m_out.first_terminal);
        text(t, "port", m_out.speech.port);
        m_out.speech.tls = m_check.flag(t, "tls", false);
        if (m_out.speech.tls && !m_out.speech.port.empty())
            m_check.wrong(t.get("tls")->source(), "'tls' is for the gate's own ports; a [[port]] says itself");
        text(t, "connect", m_out.connect);
        if (!m_out.connect.empty() && !parse_address(m_out.connect))
            m_check.wrong(t.get("connect")->source(), "'connect' is not address:port");
        text(t, "dialect", m_out.speech.dialect);
        text(t, "framing", m_out.speech.framing);
        if (!net::parse_framing(m_out.speech.framing))
            m_check.wrong(t.get("framing")->source(),
                          "'framing' is words with commas such as \"ascii4,etx-lrc,counts-length\"");
        static constexpr std::pair<std::string_view, vault::MacKind> kMacs[] = {
            {"aes_cmac", vault::MacKind::aes_cmac},
            {"x9_19", vault::MacKind::x9_19},
            {"hmac_sha_256", vault::MacKind::hmac_sha256}};
        if (t.contains("mac")) m_out.mac = m_check.word(t, "mac", kMacs);
        m_out.dukpt = m_check.flag(t, "dukpt", false);
        if (m_out.dukpt && m_out.mac) m_check.wrong(t.get("mac")->source(), "'mac' is for terminals without 'dukpt'");
        static constexpr std::pair<std::string_view, vault::PinKeyKind> kPinBlocks[] = {{"aes", vault::PinKeyKind::aes},
                                                                                        {"tdes", vault::PinKeyKind::tdes}};
        if (t.contains("pin_block")) m_out.pin_block = m_check.word(t, "pin_block", kPinBlocks);
        if (m_out.dukpt && t.contains("pin_block"))
            m_check.wrong(t.get("pin_block")->source(), "'pin_block' is for terminals without 'dukpt'");
        number(t, "timeout_ms", kTimeoutMinMs, kTimeoutMaxMs, m_out.timeout_ms);
    }

    void load(const toml::table& t) {
        m_check.only(t, {"rate", "think_ms", "count", "seconds", "amount"});
        rate(t);
        number(t, "think_ms", 0, kPausesMsMax, m_out.think_ms);
        if (m_out.rate > 0 && m_out.think_ms > 0)
            m_check.wrong(t.get("think_ms")->source(), "'think_ms' is for a closed loop, which has no 'rate'");
        number(t, "count", 0, kCountMax, m_out.count);
        number(t, "seconds", 0, kSecondsMax, m_out.seconds);
        amount(t);
    }

    void mix(const toml::table& t) {
        unsigned sum = 0;
        for (const auto& [key, node] : t)
            if (std::ranges::find(kJobNames, key.str()) == kJobNames.end())
                m_check.wrong(node.source(),
                              fmt::format("'{}' is not a kind of payment: {}", key.str(), fmt::join(kJobNames, " ")));
        for (std::size_t i = 0; i < kJobs; ++i) {
            m_out.mix.percent[i] = 0;
            number(t, kJobNames[i], 0, 100, m_out.mix.percent[i]);
            sum += m_out.mix.percent[i];
        }
        if (sum != 100) m_check.wrong(t.source(), fmt::format("the shares add up to {}, not 100", sum));
    }

    void cards(const toml::table& t) {
        m_check.only(t, {"bins", "per_bin", "link_bin", "wallets", "pins", "emv"});
        if (t.contains("bins")) m_out.bins = m_check.texts(t, "bins");
        number(t, "per_bin", 1, demo::kCardsPerBin - 1, m_out.cards);
        text(t, "link_bin", m_out.link_bin);
        number(t, "pins", 0, 100, m_out.pins);
        number(t, "emv", 0, 100, m_out.emv);
        if (t.contains("wallets")) m_out.wallets = m_check.texts(t, "wallets");
    }

    void bad(const toml::table& t) {
        m_check.only(t, {"wrong_mac", "wrong_chip", "wrong_pin", "duplicate", "late_reversal", "late_ms", "silent", "cut_frames", "keep_alives",
                         "keep_alives_per_second"});
        number(t, "wrong_mac", 0, 100, m_out.bad.wrong_mac);
        number(t, "wrong_chip", 0, 100, m_out.bad.wrong_chip);
        number(t, "wrong_pin", 0, 100, m_out.bad.wrong_pin);
        number(t, "duplicate", 0, 100, m_out.bad.duplicate);
        number(t, "late_reversal", 0, 100, m_out.bad.late_reversal);
        number(t, "late_ms", 0, kPausesMsMax, m_out.bad.late_ms);
        number(t, "silent", 0, kConnectionsBadMax, m_out.bad.silent);
        number(t, "cut_frames", 0, kConnectionsBadMax, m_out.bad.cut_frames);
        number(t, "keep_alives", 0, kConnectionsBadMax, m_out.bad.keep_alives);
        number(t, "keep_alives_per_second", 1, 1'000'000, m_out.bad.keep_alives_per_second);
    }

  private:
    template <typename T>
    void number(const toml::table& t, std::string_view key, std::uint64_t least, std::uint64_t most, T& into) {
        if (t.contains(key))
            into = m_check.number<T>(t, key, static_cast<std::int64_t>(least), static_cast<std::int64_t>(most));
    }
    void text(const toml::table& t, std::string_view key, std::string& into) {
        if (t.contains(key)) into = m_check.text(t, key);
    }
    void rate(const toml::table& t) {
        const auto* node = t.get("rate");
        if (node == nullptr) return;
        const double value = node->value<double>().value_or(0);
        if (value > 0 && value <= kRateMax)
            m_out.rate = value;
        else
            m_check.wrong(node->source(), "'rate' must be a number of payments a second");
    }
    // amount = 1_250, or amount = [100, 5_000].
    void amount(const toml::table& t) {
        const auto* node = t.get("amount");
        if (node == nullptr) return;
        const auto good = [](std::optional<std::int64_t> n) {
            return n && *n >= 1 && *n <= static_cast<std::int64_t>(kAmountDigitsMax);
        };
        if (const auto* both = node->as_array()) {
            const auto least = both->size() == 2 ? (*both)[0].value_exact<std::int64_t>() : std::nullopt;
            const auto most = both->size() == 2 ? (*both)[1].value_exact<std::int64_t>() : std::nullopt;
            if (!good(least) || !good(most) || *least > *most)
                return m_check.wrong(node->source(), "'amount' must be minor units, or [least, most]");
            m_out.amount = *least;
            m_out.amount_max = *most;
            return;
        }
        const auto one = node->value_exact<std::int64_t>();
        if (!good(one)) return m_check.wrong(node->source(), "'amount' must be minor units, or [least, most]");
        m_out.amount = *one;
    }

    config::Checker& m_check;
    Scenario& m_out;
};
}  // namespace

Result<Scenario> load_scenario(const std::filesystem::path& file) {
    constexpr Part<Reading> kParts[] = {
        {"terminals", &Reading::terminals}, {"load", &Reading::load}, {"mix", &Reading::mix}, {"cards", &Reading::cards}, {"bad", &Reading::bad}};
    return read_scenario<Scenario>(file, kParts);
}

}  // namespace giro::pos
