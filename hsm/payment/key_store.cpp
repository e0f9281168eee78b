#include "hsm/payment/key_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "hsm/payment/wiped.hpp"
#include "util/file.hpp"

namespace giro::hsm {

namespace {
using Kind = Failure::Kind;
using payment::KeyBlockHeader;
constexpr std::string_view kSuffix = ".kb", kOld = ".old";
constexpr std::size_t kNameMax = 18;

enum class Second { none, left_twice, masked };
struct Row {
    std::string_view usage;
    char algorithm;
    Cipher cipher;
    Uses uses;
    Second second;
};
constexpr Row kKinds[] = {
    // usage algorithm           may                                   second object
    {"B0", 'A', Cipher::aes, {.derive = true}, Second::none},                    // AES DUKPT
    {"B0", 'T', Cipher::tdes, {.encrypt = true}, Second::masked},                // TDES DUKPT
    {"C0", 'T', Cipher::tdes, {.encrypt = true}, Second::left_twice},            // CVV
    {"E0", 'T', Cipher::tdes, {.encrypt = true, .derive = true}, Second::none},  // EMV issuer master key
    {"K0", 'A', Cipher::aes, {.sign = true}, Second::none},                      // KEK: version D blocks
    {"K0", 'T', Cipher::tdes, {.sign = true}, Second::none},                     // KEK: version B blocks, in alone
    {"K1", 'A', Cipher::aes, {.sign = true}, Second::none},
    {"K1", 'T', Cipher::tdes, {.sign = true}, Second::none},
    {"M3", 'T', Cipher::tdes, {.encrypt = true}, Second::left_twice},             // X9.19
    {"M6", 'A', Cipher::aes, {.sign = true}, Second::none},                       // CMAC
    {"M7", 'H', Cipher::hmac, {.sign = true}, Second::none},                      // HMAC-SHA-256
    {"P0", 'A', Cipher::aes, {.encrypt = true, .decrypt = true}, Second::none},   // PINs of format 4
    {"P0", 'T', Cipher::tdes, {.encrypt = true, .decrypt = true}, Second::none},  // PINs of formats 0, 1, 3
    {"V1", 'T', Cipher::tdes, {.encrypt = true}, Second::none},                   // IBM 3624
    {"V2", 'T', Cipher::tdes, {.encrypt = true}, Second::none},                   // Visa PVV
};

const Row* kind_of(const KeyBlockHeader& header) noexcept {
    const auto found = std::ranges::find_if(
        kKinds, [&](const Row& row) { return row.usage == header.usage && row.algorithm == header.algorithm; });
    return found == std::end(kKinds) ? nullptr : found;
}

// A PIN key's mode narrows what it may do: a terminal's side only deciphers here, a zone's only enciphers.
Uses uses_of(const Row& row, char mode) noexcept {
    Uses uses = row.uses;
    if (mode == 'E') uses.decrypt = false;
    if (mode == 'D') uses.encrypt = false;
    return uses;
}

tl::unexpected<KeyError> refuse(std::string why) {
    return tl::unexpected(KeyError{std::move(why), {}});
}
tl::unexpected<KeyError> token_failed(const CkError& error) {
    return tl::unexpected(KeyError{{}, error});
}

// The header as it is shown, in its 16 characters: the block's own length is not the key's business.
std::string header_text(KeyBlockHeader header) {
    header.length = 0;
    header.version = 'D';
    return payment::format_key_block_header(std::move(header), 1);
}

std::string next_version(const std::string& version) {
    const bool digits = std::ranges::all_of(version, [](unsigned char c) { return std::isdigit(c) != 0; });
    return fmt::format("{:02}", digits ? std::stoi(version) % 99 + 1 : 1);
}
}  // namespace

bool is_key_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= kNameMax && name[0] != '.' && !name.ends_with(kOld) &&
           std::ranges::all_of(
               name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'; });
}

std::filesystem::path KeyStore::file_of(std::string_view name) const {
    return m_folder / (std::string(name) + std::string(kSuffix));
}

Keyed<PaymentKey> KeyStore::make(KeyBlockHeader header, Bytes key) const {
    const Row* row = kind_of(header);
    if (row == nullptr)
        return refuse(fmt::format("keys of usage {} with algorithm {} are not taken", header.usage, header.algorithm));
    if (!key_size_fits(row->cipher, key.size()))
        return refuse(fmt::format("a key of {} bytes does not fit its algorithm", key.size()));
    auto main = import_session_key(*m_session, row->cipher, key, uses_of(*row, header.mode));
    if (!main) return token_failed(main.error());
    PaymentKey out{std::move(header), row->cipher,
                   key.size(),        check_value_of_clear(row->cipher, key),
                   std::move(*main),  Object(*m_session, CK_INVALID_HANDLE)};
    if (row->second != Second::none) {
        Wiped<16> value;
        std::ranges::copy(key, value.writable().begin());
        if (row->second == Second::masked)
            mask_bdk(value.writable());
        else
            std::ranges::copy(key.first(8), value.writable().begin() + 8);
        auto second = import_session_key(*m_session, row->cipher, value.reveal(), row->uses);
        if (!second) return token_failed(second.error());
        out.second = std::move(*second);
    }
    if (out.is("B0") && row->cipher == Cipher::aes)
        out.dukpt = std::make_unique<AesDukpt>(*m_session, out.main.handle(), out.bytes);
    return out;
}

Result<KeyStore> KeyStore::open(const Session& session, const ProtectionKey& lmk, std::filesystem::path folder) {
    KeyStore store(session, lmk, std::move(folder));
    std::error_code none;  // no folder yet: no keys
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(store.m_folder, none))
        if (file.path().extension() == kSuffix) names.push_back(file.path().stem().string());
    std::ranges::sort(names);
    for (const std::string& name : names) {
        auto block = store.stored(name);
        const auto failed = [&](const CkError& error) {
            return fail(error.token_lost() ? Kind::try_again : Kind::integrity,
                        fmt::format("payment key {}: {}", name, error.name()));
        };
        if (!block) return failed(block.error());
        if (!*block)
            return fail(Kind::integrity, fmt::format("{} is damaged, or of another token; restore it from the backup",
                                                     store.file_of(name).string()));
        auto key = store.make(std::move((*block)->header), (*block)->key.reveal());
        if (!key && !key.error().refused.empty())
            return fail(Kind::integrity, fmt::format("payment key {}: {}", name, key.error().refused));
        if (!key) return failed(key.error().token);
        store.m_keys.emplace(name, std::move(*key));
    }
    return store;
}

PaymentKey* KeyStore::find(std::string_view name) noexcept {
    const auto found = m_keys.find(name);
    return found == m_keys.end() ? nullptr : &found->second;
}

std::vector<vault::KeyRow> KeyStore::list() const {
    std::vector<vault::KeyRow> rows;
    for (const auto& [name, key] : m_keys) rows.push_back({vault::KeyName(name), header_text(key.header), key.kcv});
    return rows;
}

Ck<std::optional<KeyInBlock>> KeyStore::stored(std::string_view name) const {
    const auto text = read_file(file_of(name), payment::kKeyBlockBytesMax);
    if (!text) return std::nullopt;
    return unwrap_key_block(*m_session, m_lmk, as_text(*text));
}

Keyed<vault::KeyRow> KeyStore::keep(std::string_view name, KeyBlockHeader header, Bytes key) {
    auto made = make(header, key);
    if (!made) return tl::unexpected(std::move(made.error()));
    const auto block = wrap_key_block(*m_session, m_lmk, header, key);
    if (!block) return token_failed(block.error());
    if (block->size() > payment::kKeyBlockBytesMax) return refuse("the key block's optional blocks are too long");
    std::error_code error;
    std::filesystem::create_directories(m_folder, error);
    std::filesystem::permissions(m_folder, std::filesystem::perms::owner_all, error);
    if (const auto written = write_file_atomic(file_of(name), as_bytes(*block), 0600); !written)
        return refuse(written.error().what);
    vault::KeyRow row{vault::KeyName(name), header_text(header), made->kcv};
    m_keys.insert_or_assign(std::string(name), std::move(*made));
    return row;
}

Keyed<vault::KeyRow> KeyStore::add(std::string_view name, KeyBlockHeader header, Bytes key) {
    if (!is_key_name(name)) return refuse("a key's name is 1 to 18 of a-z, 0-9, '.' and '-'");
    if (m_keys.contains(name)) return refuse(fmt::format("there is a key {} already", name));
    if (m_keys.size() >= vault::kPaymentKeysMax) return refuse("there are too many keys");
    return keep(name, std::move(header), key);
}

Keyed<vault::KeyRow> KeyStore::rotate(std::string_view name, const std::optional<KeyBlockHeader>& header) {
    const PaymentKey* before = find(name);
    if (before == nullptr && !header) return refuse(fmt::format("there is no key {}", name));
    if (before != nullptr && header)
        return refuse(fmt::format("there is a key {} already: rotate it without a header", name));
    KeyBlockHeader next = before != nullptr ? before->header : *header;
    if (before != nullptr) next.key_version = next_version(before->header.key_version);
    std::size_t bytes = next.algorithm == 'T' ? 16 : 32;
    if (before != nullptr) bytes = before->bytes;
    Secret value(bytes);
    const auto random = m_session->cryptoki().C_GenerateRandom(m_session->handle(), value.writable());
    if (!random) return token_failed(random.error());
    if (before == nullptr) return add(name, std::move(next), value.reveal());

    // First the old one under its second name, then the new one under the first: a crash between leaves both, the same.
    const auto old = stored(name);
    if (!old) return token_failed(old.error());
    if (!*old) return refuse(fmt::format("{} does not open", file_of(name).string()));
    const auto kept = keep(std::string(name) + std::string(kOld), (*old)->header, (*old)->key.reveal());
    if (!kept) return kept;
    return keep(name, std::move(next), value.reveal());
}

Keyed<std::string> KeyStore::wrap(std::string_view name, std::string_view kek) {
    const PaymentKey* key = find(name);
    const PaymentKey* under = find(kek);
    if (key == nullptr) return refuse(fmt::format("there is no key {}", name));
    if (under == nullptr || !(under->is("K0") || under->is("K1")))
        return refuse(fmt::format("there is no key encryption key {}", kek));
    if (under->cipher != Cipher::aes)
        return refuse(fmt::format("{} is a TDES key: keys leave under AES (version D) alone", kek));
    if (key->header.exportability == 'N') return refuse(fmt::format("{} is not exportable", name));
    if (key->cipher == Cipher::aes && key->bytes > under->bytes)
        return refuse(fmt::format("{} is stronger than {}", name, kek));  // X9.143 5.2: not under a weaker key
    const auto clear = stored(name);
    if (!clear) return token_failed(clear.error());
    if (!*clear) return refuse(fmt::format("{} does not open", file_of(name).string()));
    auto block = wrap_key_block(*m_session, {under->ref(), under->bytes}, (*clear)->header, (*clear)->key.reveal());
    if (!block) return token_failed(block.error());
    return std::move(*block);
}

Keyed<vault::KeyRow> KeyStore::unwrap(std::string_view name, std::string_view kek, std::string_view block) {
    const PaymentKey* under = find(kek);
    if (under == nullptr || !(under->is("K0") || under->is("K1")))
        return refuse(fmt::format("there is no key encryption key {}", kek));
    auto opened = unwrap_key_block(*m_session, {under->ref(), under->bytes}, block);
    if (!opened) return token_failed(opened.error());
    if (!*opened) return refuse("the key block does not open");
    return add(name, std::move((*opened)->header), (*opened)->key.reveal());
}

}  // namespace giro::hsm
