// A receipt as text and back. Canonical: two-space indentation, the keys in the order below, lower-case hex, a line
// feed at the end. parse_receipt() writes what it read again and compares, so no other form passes, and derived texts
// (time, txid) need no check of their own.
#include <nlohmann/json.hpp>

#include "settlement/receipt.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"

namespace giro::settlement {

namespace {
using Json = nlohmann::ordered_json;
// Read by a map: an ordered_json looks through all keys so far for each one, which is seconds for a hostile half megabyte. The
// order is checked by writing it again.
using Read = nlohmann::json;

constexpr int kIndent = 2;
constexpr std::array<std::string_view, 3> kChannels{"card", "qr", "wallet"};
constexpr std::array kKinds{PostingKind::payment, PostingKind::forwarded, PostingKind::reversal, PostingKind::stood_in};
static_assert(kKinds.size() == static_cast<std::size_t>(PostingKind::kLast));

// A field's bytes as the code points 0 to 255: any byte that a terminal sent survives the way through JSON.
template <std::size_t N>
std::string to_utf8(const FixedText<N>& text) {
    std::string out;
    for (const char c : text.view()) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x80) out.push_back(static_cast<char>(0xc0U | (byte >> 6U)));
        out.push_back(static_cast<char>(byte >= 0x80 ? 0x80U | (byte & 0x3fU) : byte));
    }
    return out;
}
template <std::size_t N>
FixedText<N> from_utf8(const std::string& text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto byte = static_cast<unsigned char>(text[i]);
        if (byte >= 0x80 && i + 1 < text.size())
            byte = static_cast<unsigned char>((byte & 0x03U) << 6U | (static_cast<unsigned char>(text[++i]) & 0x3fU));
        bytes.push_back(static_cast<char>(byte));
    }
    return FixedText<N>(bytes);
}

template <std::size_t N>
Json hex_list(const std::vector<ByteArray<N>>& items) {
    Json list = Json::array();
    for (const auto& item : items) list.push_back(to_hex(item));
    return list;
}

Json to_json(const Posting& p) {
    Json j;
    j["seq"] = p.seq;
    j["kind"] = name(p.kind);
    j["channel"] = kChannels[static_cast<std::size_t>(p.channel) - 1];
    j["time"] = iso8601_utc(p.time_ns);
    j["time_ns"] = p.time_ns;
    j["payment_seq"] = p.payment;
    j["rrn"] = to_utf8(p.rrn);
    j["terminal"] = to_utf8(p.terminal);
    j["stan"] = p.stan;
    j["merchant"] = to_utf8(p.merchant);
    j["amount"] = p.amount.minor;
    j["currency"] = p.amount.currency;
    j["response_code"] = to_utf8(p.response_code);
    j["auth_code"] = to_utf8(p.auth_code);
    j["card"] = to_utf8(p.card);
    j["wallet"] = to_hex(p.wallet);
    j["debit_participant"] = p.debit;
    j["credit_participant"] = p.credit;
    return j;
}

// --- reading: throws on anything unexpected, caught in parse_receipt() ---------------------------------------------
struct NotAReceipt {};

template <std::size_t N>
ByteArray<N> array_at(const Read& j) {
    const auto bytes = array_from_hex<N>(j.get_ref<const std::string&>());
    if (!bytes) throw NotAReceipt();
    return *bytes;
}
template <std::size_t N>
std::vector<ByteArray<N>> list_at(const Read& j) {
    std::vector<ByteArray<N>> out;
    for (const Read& item : j) out.push_back(array_at<N>(item));
    return out;
}
template <std::size_t N>
void read_text(const Read& j, FixedText<N>& out) {
    out = from_utf8<N>(j.get_ref<const std::string&>());
}

template <typename Values, typename NameOf>
auto read_name(const Read& j, const Values& values, NameOf name_of) {
    for (const auto& value : values)
        if (name_of(value) == j.get_ref<const std::string&>()) return value;
    throw NotAReceipt();
}

Posting read_posting(const Read& j) {
    Posting p;
    p.seq = j.at("seq").get<std::uint64_t>();
    p.kind = read_name(j.at("kind"), kKinds, [](PostingKind kind) { return name(kind); });
    const auto channel = read_name(j.at("channel"), kChannels, [](std::string_view text) { return text; });
    p.channel =
        static_cast<entry::Channel>(std::find(kChannels.begin(), kChannels.end(), channel) - kChannels.begin() + 1);
    p.time_ns = j.at("time_ns").get<std::uint64_t>();
    p.payment = j.at("payment_seq").get<std::uint64_t>();
    read_text(j.at("rrn"), p.rrn);
    read_text(j.at("terminal"), p.terminal);
    p.stan = j.at("stan").get<std::uint32_t>();
    read_text(j.at("merchant"), p.merchant);
    p.amount = {j.at("amount").get<std::int64_t>(), j.at("currency").get<Currency>()};
    read_text(j.at("response_code"), p.response_code);
    read_text(j.at("auth_code"), p.auth_code);
    read_text(j.at("card"), p.card);
    p.wallet = array_at<20>(j.at("wallet"));
    p.debit = j.at("debit_participant").get<std::uint32_t>();
    p.credit = j.at("credit_participant").get<std::uint32_t>();
    return p;
}

Receipt read_receipt(const Read& j) {
    Receipt r;
    r.posting = read_posting(j.at("payment"));
    r.salt = array_at<16>(j.at("salt"));
    const Read& window = j.at("window");
    r.window = window.at("id").get<std::uint64_t>();
    r.postings = window.at("postings").get<std::uint64_t>();
    r.index = window.at("index").get<std::uint64_t>();
    r.path = list_at<32>(window.at("path"));
    r.root = array_at<32>(window.at("root"));
    const Read& tx = j.at("transaction");
    const auto raw = from_hex(tx.at("raw").get_ref<const std::string&>());
    if (!raw) throw NotAReceipt();
    r.tx = *raw;
    r.tx_position = tx.at("position").get<std::uint32_t>();
    r.tx_path = list_at<32>(tx.at("path"));
    const Read& block = j.at("block");
    r.height = block.at("height").get<std::uint32_t>();
    const auto hash = chain::hash_from_text(block.at("hash").get_ref<const std::string&>());
    if (!hash) throw NotAReceipt();
    r.block_hash = *hash;
    r.headers = list_at<chain::kHeaderBytes>(block.at("headers"));
    if (const auto reversed = j.find("reversed"); reversed != j.end())
        r.reversed = {reversed->at("seq").get<std::uint64_t>(), reversed->at("window").get<std::uint64_t>(),
                      reversed->at("amount").get<MinorUnits>()};
    return r;
}
}  // namespace

std::string to_json(const Receipt& r) {
    Json j;
    j["giro_receipt"] = kReceiptFormat;
    j["payment"] = to_json(r.posting);
    j["salt"] = to_hex(r.salt);
    j["window"] = {{"id", r.window},
                   {"postings", r.postings},
                   {"index", r.index},
                   {"path", hex_list(r.path)},
                   {"root", to_hex(r.root)}};
    const auto tx = chain::decode_tx(r.tx);
    j["transaction"] = {{"txid", tx ? chain::hash_text(chain::txid(*tx)) : ""},
                        {"position", r.tx_position},
                        {"path", hex_list(r.tx_path)},
                        {"raw", to_hex(r.tx)}};
    j["block"] = {{"height", r.height}, {"hash", chain::hash_text(r.block_hash)}, {"headers", hex_list(r.headers)}};
    if (r.reversed) j["reversed"] = {{"seq", r.reversed->seq}, {"window", r.reversed->window}, {"amount", r.reversed->amount}};
    return j.dump(kIndent, ' ', true) + "\n";
}

std::optional<Receipt> parse_receipt(std::string_view text) {
    if (text.size() > kReceiptBytesMax) return std::nullopt;
    try {
        Receipt receipt = read_receipt(Read::parse(text));
        if (to_json(receipt) != text) return std::nullopt;
        return receipt;
    } catch (const Json::exception&) {
        return std::nullopt;
    } catch (const NotAReceipt&) {
        return std::nullopt;
    }
}

}  // namespace giro::settlement
