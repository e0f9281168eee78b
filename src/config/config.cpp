#include "config/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/reading.hpp"
#include "util/bytes.hpp"

namespace giro::config {

std::filesystem::path Paths::endpoint(std::string_view server, std::string_view caller) const {
    return run() / fmt::format("{}.{}", server, caller);
}

namespace {

constexpr int kCvvAtMax = 18;  // a CVV's three digits still fit into the discretionary data's 21

struct MainFile : Reading {
    std::set<std::string> product_bins{};
    std::size_t key_classes = 0;

    void participant(const toml::table& t) {
        check.only(t, {"id", "name", "bins", "backing"});
        Participant p;
        p.id = check.number<std::uint32_t>(t, "id", 1, 1000);
        p.name = name_of(t);
        p.bins = bins_of(t);
        p.backing = check.number<MinorUnits>(t, "backing", 1, kAmountMax);  // block 1 makes its script known
        if (knows(p.id)) check.wrong(t.source(), fmt::format("participant {} is given twice", p.id));
        out.participants.push_back(std::move(p));
    }

    void stand_in(const toml::table& t) {
        check.only(t, {"name", "floor", "card_count", "card_sum", "card_hours", "merchant_hour_sum", "chip", "expire_days"});
        StandIn s;
        s.name = name_of(t);
        s.floor = check.number<MinorUnits>(t, "floor", 1, kAmountMax);
        s.card_count = check.number<std::uint32_t>(t, "card_count", 1, 1'000'000);
        s.card_sum = check.number<MinorUnits>(t, "card_sum", 1, kAmountMax);
        if (t.contains("card_hours")) s.card_hours = check.number<std::uint32_t>(t, "card_hours", 1, kStandInHoursMax);
        s.merchant_hour_sum = check.number<MinorUnits>(t, "merchant_hour_sum", 1, kAmountMax);
        static constexpr std::pair<std::string_view, ChipPolicy> kPolicies[] = {{"required", ChipPolicy::required},
                                                                               {"if-present", ChipPolicy::if_present}};
        s.chip = check.word(t, "chip", kPolicies);
        if (t.contains("expire_days")) s.expire_days = check.number<std::uint16_t>(t, "expire_days", 1, 365);
        if (find_stand_in(out, s.name) != nullptr) check.wrong(t.source(), fmt::format("stand_in '{}' is given twice", s.name));
        out.stand_ins.push_back(std::move(s));
        if (out.stand_ins.size() > kStandInsMax) check.wrong(t.source(), fmt::format("there are more than {} [[stand_in]]", kStandInsMax));
    }

    void card_product(const toml::table& t) {
        check.only(t, {"name", "bins", "pin", "pvk", "pvki", "table", "first", "count", "pad", "chip_key",
                       "chip_option", "cvn", "chip", "fallback", "csu", "cvv_key", "cvv_at"});
        CardProduct p;
        p.name = name_of(t);
        p.bins = check.texts(t, "bins");
        for (const auto& bin : p.bins) {
            const auto on_us = [&](const Participant& bank) { return std::ranges::find(bank.bins, bin) != bank.bins.end(); };
            if (std::ranges::none_of(out.participants, on_us))
                check.wrong(t.source(), fmt::format("card product '{}': bin '{}' is no participant's", p.name, bin));
            if (!product_bins.insert(bin).second) check.wrong(t.source(), fmt::format("bin '{}' is of two card products", bin));
        }
        static constexpr std::pair<std::string_view, PinMethod> kMethods[] = {{"visa-pvv", PinMethod::visa_pvv},
                                                                              {"ibm-3624", PinMethod::ibm_3624}};
        if (!t.contains("pin")) check.wrong(t.source(), "'pin' must be given: visa-pvv or ibm-3624");
        p.pin = check.word(t, "pin", kMethods);
        p.pvk = key_name(t, "pvk");
        if (p.pin == PinMethod::visa_pvv) visa_pvv(t, p);
        else ibm_3624(t, p);
        chip(t, p);
        if (t.contains("cvv_key")) p.cvv_key = key_name(t, "cvv_key");
        if (t.contains("cvv_at")) p.cvv_at = check.number<std::uint8_t>(t, "cvv_at", 0, kCvvAtMax);
        useless_without(t, p.cvv_key.empty(), "cvv_key", {"cvv_at"});
        out.card_products.push_back(std::move(p));
    }

    void chip(const toml::table& t, CardProduct& p) {
        if (t.contains("chip_key")) p.chip_key = key_name(t, "chip_key");
        useless_without(t, p.chip_key.empty(), "chip_key", {"chip_option", "cvn", "chip", "fallback", "csu"});
        static constexpr std::pair<std::string_view, bool> kOptions[] = {{"a", false}, {"b", true}};
        p.chip_option_b = check.word(t, "chip_option", kOptions);
        static constexpr std::pair<std::string_view, ChipPolicy> kPolicies[] = {{"if-present", ChipPolicy::if_present},
                                                                               {"required", ChipPolicy::required}};
        p.chip = check.word(t, "chip", kPolicies);
        p.fallback = check.flag(t, "fallback", true);
        if (!p.fallback && p.chip != ChipPolicy::required)
            check.wrong(t.get("fallback")->source(), "'fallback = false' needs chip = \"required\": else who says nothing of how the card was read is let pass");
        if (t.contains("cvn")) p.cvns = cryptogram_versions(t);
        p.csu = {std::byte{0}, kCsuApproves, std::byte{0}, std::byte{0}};
        if (!t.contains("csu")) return;
        const auto csu = array_from_hex<4>(check.text(t, "csu"));
        if (!csu || ((*csu)[1] & kCsuApproves) == std::byte{0})
            check.wrong(t.get("csu")->source(), "'csu' must be 8 hexadecimal digits, the bit 0080 of which (the issuer approves) is set");
        p.csu = csu.value_or(p.csu);
    }

    std::vector<std::uint8_t> cryptogram_versions(const toml::table& t) {
        std::vector<std::uint8_t> out_of;
        const auto* list = t.get_as<toml::array>("cvn");
        for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
            const auto cvn = (*list)[i].value_exact<std::int64_t>().value_or(0);
            if (cvn != 10 && cvn != 18) check.wrong((*list)[i].source(), "'cvn': the cryptogram versions that can be checked are 10 and 18");
            out_of.push_back(static_cast<std::uint8_t>(cvn));
        }
        if (out_of.empty()) check.wrong(t.get("cvn")->source(), "'cvn' must be a list of cryptogram versions: 10, 18");
        return out_of;
    }

    void visa_pvv(const toml::table& t, CardProduct& p) {
        if (t.contains("pvki")) p.pvki = check.number<std::uint8_t>(t, "pvki", 0, 6);
        for (const char* other : {"table", "first", "count", "pad"})
            if (const auto* node = t.get(other)) check.wrong(node->source(), fmt::format("'{}' is for pin = \"ibm-3624\"", other));
    }

    // As the vault takes a decimalisation table (hsm/payment/pin_verify.hpp): one of few digits says what was typed.
    static bool is_spread(const std::string& table) {
        constexpr std::string_view kDigits = "0123456789";
        const auto times = [&](char digit) { return std::ranges::count(table, digit); };
        return std::ranges::count_if(kDigits, [&](char d) { return times(d) != 0; }) >= 8 &&
               std::ranges::all_of(kDigits, [&](char d) { return times(d) <= 4; });
    }

    // The decimalisation table, hexadecimal digit by digit, and which digits of the card number are the validation data.
    void ibm_3624(const toml::table& t, CardProduct& p) {
        constexpr int kDataDigits = 16;
        if (const auto* node = t.get("pvki")) check.wrong(node->source(), "'pvki' is for pin = \"visa-pvv\"");
        const std::string table = t.contains("table") ? check.text(t, "table") : "0123456789012345";
        const bool digits = std::ranges::all_of(table, [](char c) { return c >= '0' && c <= '9'; });
        if (table.size() != p.table.size() || !digits)
            check.wrong(t.source(), fmt::format("'table' = \"{}\": {} digits, one for each hexadecimal digit", table, p.table.size()));
        else if (!is_spread(table))
            check.wrong(t.source(), fmt::format("'table' = \"{}\": at least 8 different digits, none more than 4 times", table));
        else
            std::ranges::transform(table, p.table.begin(), [](char c) { return static_cast<std::byte>(c - '0'); });
        if (t.contains("first")) p.first = check.number<std::uint8_t>(t, "first", 0, 18);
        if (t.contains("count")) p.count = check.number<std::uint8_t>(t, "count", 4, kDataDigits);
        if (t.contains("pad")) p.pad = check.number<std::uint8_t>(t, "pad", 0, 15);
    }

    void pins(const toml::table& t) {
        check.only(t, {"tdes_format"});
        static constexpr std::pair<std::string_view, std::uint8_t> kFormats[] = {{"iso0", 0}, {"iso1", 1}, {"iso3", 3}};
        out.pin.tdes_format = check.word(t, "tdes_format", kFormats);
    }

    void port(const toml::table& t) {
        check.only(t, {"name", "address", "tls", "dialect", "framing"});
        Port p;
        p.name = name_of(t);
        p.address = check.address(t, "address");
        p.tls = check.flag(t, "tls", true);
        if (!p.tls && !is_loopback(p.address))
            check.wrong(t.source(), fmt::format("port '{}' is not encrypted and may only listen on loopback", p.name));
        const auto same = [&](const Address& other) { return other.host == p.address.host && other.port == p.address.port; };
        if (same(out.gate.terminals) || same(out.gate.terminals_tls) || same(out.gate.wallets) || std::ranges::any_of(out.ports, same, &Port::address))
            check.wrong(t.source(), fmt::format("port '{}': its address is given twice", p.name));
        if (t.contains("dialect")) p.dialect = dialect(t);
        p.framing = framing(t);
        out.ports.push_back(std::move(p));
        if (out.ports.size() > kPortsMax) check.wrong(t.source(), fmt::format("there are more than {} ports", kPortsMax));
    }

    void box(const toml::table& t) {
        check.only(t, {"name", "currency", "officers", "wallet_participant"});
        out.box = check.text(t, "name");
        out.currency = check.number<Currency>(t, "currency", 1, 999);
        out.officers = check.texts(t, "officers");
        if (out.officers.size() > kOfficersMax)
            check.wrong(t.source(), "there are more than " + std::to_string(kOfficersMax) + " officers");
        out.wallet_participant = check.number<std::uint32_t>(t, "wallet_participant", 1, 1000);
    }

    void gate(const toml::table& t) {
        check.only(t, {"terminals", "terminals_tls", "wallets", "dialect", "framing", "connections_max", "idle_timeout_s", "wait_max_ms"});
        out.gate.terminals = check.address(t, "terminals");
        if (!is_loopback(out.gate.terminals))
            check.wrong(t.source(), "'terminals' is not encrypted and may only listen on loopback; use terminals_tls");
        out.gate.terminals_tls = check.address(t, "terminals_tls");
        out.gate.wallets = check.address(t, "wallets");
        out.gate.dialect = dialect(t);
        out.gate.framing = framing(t);
        out.gate.connections_max = check.number<std::uint32_t>(t, "connections_max", 1, 100'000);
        out.gate.idle_timeout_s = check.number<std::uint32_t>(t, "idle_timeout_s", 1, 86'400);
        if (t.contains("wait_max_ms")) out.gate.wait_max_ms = check.number<std::uint32_t>(t, "wait_max_ms", 10, 60'000);
    }

    void mac_kinds(const toml::table& t) {
        check.only(t, {"x9_19", "hmac_sha_256"});
        std::set<std::string> keys;
        const auto named = [&](std::string_view kind) {
            if (!t.contains(kind)) return std::vector<std::string>();
            auto list = check.texts(t, kind);
            for (const auto& key : list) {
                if (key.empty() || key.size() > TerminalId{}.chars.size())
                    check.wrong(t.source(), fmt::format("'{}': a terminal's id or a link's LNKnnnnn, 1 to 8 characters", key));
                if (!keys.insert(key).second) check.wrong(t.source(), fmt::format("'{}' is given two kinds of MAC", key));
            }
            return list;
        };
        out.mac.x9_19 = named("x9_19");
        out.mac.hmac_sha_256 = named("hmac_sha_256");
    }

    // Terminals whose keys serve longer or shorter than [switch] says, which has been read.
    void key_class(const toml::table& t) {
        check.only(t, {"name", "terminals", "session_key_s", "session_key_requests", "session_key_overlap_s"});
        ++key_classes;
        const std::string name = name_of(t);
        KeyAges ages = key_ages(out, {});
        const KeyAges others = ages;
        session_keys(t, ages);
        const auto ids = check.texts(t, "terminals");
        if (ids.empty()) check.wrong(t.source(), fmt::format("key class '{}': it has no terminals", name));
        if (ages == others) check.wrong(t.source(), fmt::format("key class '{}': it says nothing else than [switch]", name));
        for (const std::string& id : ids) {
            const auto star = id.find('*');
            const bool good = !id.empty() && (star == std::string::npos ? id.size() <= kTerminalIdCharsMax
                                                                        : star + 1 == id.size() && star < kTerminalIdCharsMax && star > 0);
            if (!good) check.wrong(t.source(), fmt::format("'{}': a terminal's id, or the beginning of ids and a *", id));
            if (id.starts_with("LNK")) check.wrong(t.source(), fmt::format("'{}': of a link's keys its own [link] says how long they serve", id));
            if (!out.key_ages.emplace(id, ages).second) check.wrong(t.source(), fmt::format("'{}' is of two key classes", id));
        }
    }

    // The node's answers are checked, but who hears its cookie could give it orders: both ends on this machine.
    void bitcoin_node(const toml::table& chain) {
        constexpr std::pair<std::string_view, bool> kBackends[] = {{"embedded", false}, {"bitcoin-node", true}};
        constexpr std::string_view kHttp = "http://", kTcp = "tcp://";
        const bool used = check.word(chain, "backend", kBackends);
        useless_without(chain, !used, "backend = \"bitcoin-node\"", {"node_url", "node_cookie", "node_zmq"});
        if (!used) return;
        const auto local = [&](std::string_view key, const std::string& value, std::string_view scheme) {
            const bool starts = value.starts_with(scheme);
            const Address address = check.address_in(chain, key, starts ? value.substr(scheme.size()) : value);
            if (!starts || !is_loopback(address))
                check.wrong(chain.source(), fmt::format("'{}' = \"{}\" is not {}127.0.0.1:PORT", key, value, scheme));
            return address;
        };
        Config::BitcoinNode node;
        node.rpc = local("node_url", check.text(chain, "node_url"), kHttp);
        node.cookie = check.text(chain, "node_cookie");
        if (!node.cookie.is_absolute()) check.wrong(chain.source(), "'node_cookie' must be an absolute path");
        const auto zmq = check.texts(chain, "node_zmq");
        if (zmq.empty() || zmq.size() > 2) check.wrong(chain.source(), "'node_zmq' must be one or two addresses");
        for (const std::string& address : zmq) node.zmq.push_back(local("node_zmq", address, kTcp));
        out.chain.node = std::move(node);
    }

    void others(const toml::table& root) {
        const auto& sw = check.table(root, "switch");
        check.only(sw, {"payment_max", "forward_timeout_ms", "request_deadline_ms", "hold_lifetime_s",
                        "completion_tolerance_percent", "offline_max", "remember_s", "session_key_requests", "session_key_s",
                        "session_key_overlap_s"});
        out.switching.payment_max = check.number<MinorUnits>(sw, "payment_max", 1, kAmountMax);
        out.switching.forward_timeout_ms = check.number<std::uint64_t>(sw, "forward_timeout_ms", 10, 120'000);
        out.switching.request_deadline_ms = check.number<std::uint64_t>(sw, "request_deadline_ms", 100, 120'000);
        out.switching.hold_lifetime_s = check.number<std::uint32_t>(sw, "hold_lifetime_s", 1, 90 * 86'400);
        out.switching.completion_tolerance_percent = check.number<std::uint32_t>(sw, "completion_tolerance_percent", 0, 100);
        out.switching.offline_max = check.number<MinorUnits>(sw, "offline_max", 0, kAmountMax);
        // At least the days that clocks may differ by and one more; DE13 has no year, so not near half of one.
        out.switching.remember_s = check.number<std::uint32_t>(sw, "remember_s", 3 * 86'400, 120 * 86'400);
        KeyAges ages;
        session_keys(sw, ages);
        out.switching.session_key_requests = ages.requests;
        out.switching.session_key_s = ages.seconds;
        out.switching.session_key_overlap_s = ages.overlap_s;
        if (const auto* vault = root["vault"].as_table()) {  // SoftHSM needs none
            check.only(*vault, {"module"});
            out.vault.module = check.text(*vault, "module");
        }
        if (const auto* mac = root["mac"].as_table()) mac_kinds(*mac);
        if (const auto* pin = root["pin"].as_table()) pins(*pin);
        const auto& settle = check.table(root, "settle");
        check.only(settle, {"approvals_required", "confirmations"});
        out.settle.approvals_required = check.number<std::uint32_t>(settle, "approvals_required", 2, 15);
        out.settle.confirmations = check.number<std::uint32_t>(settle, "confirmations", 1, 100);
        if (out.officers.size() < out.settle.approvals_required)
            check.wrong(settle.source(), "there are fewer officers than approvals_required");
        const auto& chain = check.table(root, "chain");
        check.only(chain, {"premine_blocks", "block_interval_s", "backend", "node_url", "node_cookie", "node_zmq"});
        out.chain.premine_blocks = check.number<std::uint32_t>(chain, "premine_blocks", 101, 2016);
        out.chain.block_interval_s = check.number<std::uint32_t>(chain, "block_interval_s", 1, 86'400);
        bitcoin_node(chain);
        const auto& auditor = check.table(root, "auditor");
        check.only(auditor, {"snapshot_every_entries", "checkpoint_every_ms"});
        out.auditor.snapshot_every_entries = check.number<std::uint64_t>(auditor, "snapshot_every_entries", 1, 1'000'000'000);
        out.auditor.checkpoint_every_ms = check.number<std::uint64_t>(auditor, "checkpoint_every_ms", 10, 600'000);
        if (const auto* explorer = root["explorer"].as_table()) {
            check.only(*explorer, {"listen", "requests_per_second"});
            out.explorer = {check.address(*explorer, "listen"),
                            check.number<std::uint32_t>(*explorer, "requests_per_second", 0, 100'000)};
        }
    }
};

}  // namespace

const StandIn* find_stand_in(const Config& config, std::string_view name) noexcept {
    const auto found = std::ranges::find(config.stand_ins, name, &StandIn::name);
    return found == config.stand_ins.end() ? nullptr : &*found;
}

const Link* find_link(const Config& config, std::uint16_t number) noexcept {
    const auto found = std::ranges::find(config.links, number, &Link::number);
    return found == config.links.end() ? nullptr : &*found;
}

KeyAges key_ages(const Config& config, std::string_view terminal) {
    const auto& sw = config.switching;
    const KeyAges others{sw.session_key_requests, sw.session_key_s, sw.session_key_overlap_s};
    if (config.key_ages.empty()) return others;
    if (const auto own = config.key_ages.find(terminal); own != config.key_ages.end()) return own->second;
    for (std::size_t n = std::min(terminal.size(), kTerminalIdCharsMax - 1); n > 0; --n) {
        std::array<char, kTerminalIdCharsMax> beginning;
        terminal.copy(beginning.data(), n);
        beginning[n] = '*';
        const auto found = config.key_ages.find(std::string_view(beginning.data(), n + 1));
        if (found != config.key_ages.end()) return found->second;
    }
    return others;
}

std::vector<std::string> dialects_of(const Config& config) {
    std::vector<std::string> names{config.gate.dialect};
    const auto add = [&](const std::string& name) {
        if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
    };
    for (const Port& port : config.ports) add(port.dialect);
    for (const Link& link : config.links) add(link.dialect);
    return names;
}

std::uint8_t dialect_number(const Config& config, const std::string& name) {
    if (name.empty()) return 0;
    const auto names = dialects_of(config);
    const auto at = std::ranges::find(names, name);
    ASSERT(at != names.end() && at - names.begin() < UINT8_MAX);
    return static_cast<std::uint8_t>(at - names.begin());
}

Result<Config> load(const std::filesystem::path& file) {
    if (!std::filesystem::exists(file))
        return fail(Failure::Kind::not_provisioned, fmt::format("{} does not exist; run: giro init", file.string()));
    const auto read = read_toml(file);
    if (!read) return tl::unexpected(read.error());
    const toml::table& root = *read;
    Config out;
    Checker check(file);
    Seen seen;
    MainFile reading{{check, out, seen, file.parent_path() / "dialects"}};
    if (const auto* moved = root.get("link"); moved != nullptr)
        check.wrong(moved->source(), "a link is a file of its own now: conf.d/NAME.toml beside this file, with one [link]");
    check.only(root, {"box", "participant", "link", "stand_in", "card_product", "port", "key_class", "gate", "switch", "vault", "mac", "pin", "settle", "chain", "auditor", "explorer"});
    check.each(root, "participant", [&](const toml::table& t) { reading.participant(t); });
    check.each(root, "stand_in", [&](const toml::table& t) { reading.stand_in(t); });
    check.each(root, "card_product", [&](const toml::table& t) { reading.card_product(t); });
    reading.box(check.table(root, "box"));
    reading.gate(check.table(root, "gate"));
    check.each(root, "port", [&](const toml::table& t) { reading.port(t); });
    reading.others(root);
    check.each(root, "key_class", [&](const toml::table& t) { reading.key_class(t); });
    if (reading.key_classes > kKeyClassesMax) check.wrong(root.source(), fmt::format("there are more than {} key classes", kKeyClassesMax));
    if (out.participants.empty()) check.wrong(root.source(), "there is no [[participant]]");
    if (!reading.knows(out.wallet_participant))
        check.wrong(root.source(), fmt::format("wallet_participant {} is not a participant", out.wallet_participant));
    if (!check.mistake().empty()) return fail(Failure::Kind::config, check.mistake());
    if (const std::string mistake = read_links(file.parent_path() / "conf.d", reading.dialects, out, seen); !mistake.empty())
        return fail(Failure::Kind::config, mistake);
    if (dialects_of(out).size() > kDialectsMax) check.wrong(root.source(), fmt::format("there are more than {} dialects", kDialectsMax));
    if (!check.mistake().empty()) return fail(Failure::Kind::config, check.mistake());
    return out;
}

}  // namespace giro::config
