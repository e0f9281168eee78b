// The operator's verbs on payment keys: list, import, export, rotate, the two-custodian ceremony.
#include <algorithm>

#include "hsm/handlers.hpp"
#include "hsm/officers.hpp"
#include "hsm/payment/wiped.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"
#include "util/log.hpp"
#include "vault/digests.hpp"

namespace giro::hsm {

namespace {
tl::unexpected<VerbFailure> failed(const KeyError& error) {
    return error.refused.empty() ? token_failed(error.token) : decline(error.refused);
}

// The 16 characters that say what a key is to be. Nothing when they are no header.
std::optional<payment::KeyBlockHeader> wanted(std::string_view text) {
    const auto header = payment::parse_key_block_header(text);
    if (!header || text.size() != payment::kHeaderBytes) return std::nullopt;  // no room for an optional block
    return *header;
}

Cipher cipher_of(char algorithm) noexcept {
    if (algorithm == 'T') return Cipher::tdes;
    return algorithm == 'H' ? Cipher::hmac : Cipher::aes;
}
}  // namespace

Verdict<vault::KeyList::Reply> key_list(Vault& vault, const vault::KeyList::Request&) {
    // Without a call on the token, but the names are known only while it is there.
    if (vault.present() == nullptr) return token_failed(CkError{CKR_TOKEN_NOT_PRESENT});
    return vault::KeyList::Reply{vault.present()->payment_keys.list()};
}

Verdict<vault::KeyImport::Reply> key_import(Vault& vault, const vault::KeyImport::Request& request) {
    auto row = vault.present()->payment_keys.unwrap(request.name.view(), request.kek.view(), request.block);
    if (!row) return failed(row.error());
    log::info("key {} imported under {}: {} KCV {}", row->name.view(), request.kek.view(), row->header,
              to_hex(row->kcv));
    return vault::KeyImport::Reply{std::move(*row)};
}

Verdict<vault::KeyExport::Reply> key_export(Vault& vault, const vault::KeyExport::Request& request) {
    KeyStore& keys = vault.present()->payment_keys;
    auto block = keys.wrap(request.name.view(), request.kek.view());
    if (!block) return failed(block.error());
    log::info("key {} exported under {}", request.name.view(), request.kek.view());
    return vault::KeyExport::Reply{std::move(*block), keys.find(request.name.view())->kcv};
}

Verdict<vault::KeyRotate::Reply> key_rotate(Vault& vault, const vault::KeyRotate::Request& request) {
    const auto header = wanted(request.header);
    if (!request.header.empty() && !header) return decline("that is no key block header of 16 characters");
    auto row = vault.present()->payment_keys.rotate(request.name.view(), header);
    if (!row) return failed(row.error());
    log::info("key {} made anew: {} KCV {}", row->name.view(), row->header, to_hex(row->kcv));
    return vault::KeyRotate::Reply{std::move(*row)};
}

Verdict<vault::KeyComponent::Reply> key_component(Vault& vault, const vault::KeyComponent::Request& request) {
    const auto header = wanted(request.header);
    if (!header) return decline("that is no key block header of 16 characters");
    const Cipher cipher = cipher_of(header->algorithm);
    if (!is_key_name(request.name.view()) || !key_size_fits(cipher, request.component.size()))
        return decline("a name that is none, or a component of the wrong size");
    const Hash256 digest = vault::component_digest(request.name.view(), request.header, request.component);
    std::string signer = signer_of(vault.config().folder / "officers", request.officer, digest, request.signature);
    if (signer.empty()) return decline("not signed by an enrolled officer");

    vault::KeyComponent::Reply reply;
    reply.component = check_value_of_clear(cipher, request.component.reveal());
    auto& waiting = vault.ceremony();
    const std::uint64_t now_ms = SystemClock{}.monotonic_ns() / 1'000'000;
    if (waiting && now_ms - waiting->since_ms > vault::kComponentWait_ms) waiting.reset();
    const bool second = waiting && waiting->name == request.name.view() && waiting->header == request.header &&
                        waiting->component.size() == request.component.size();
    if (second && waiting->signer == signer) return decline("the second component is another officer's to enter");
    if (!second) {
        if (vault.present()->payment_keys.find(request.name.view()) != nullptr)
            return decline("there is a key of that name already");
        Secret copy(request.component.size());
        std::ranges::copy(request.component.reveal(), copy.writable().begin());
        waiting.emplace(Ceremony{request.name.str(), request.header, std::move(signer), std::move(copy), now_ms});
        log::info("key {}: first component entered by {}, KCV {}", request.name.view(), request.officer,
                  to_hex(reply.component));
        return reply;
    }
    Secret sum(request.component.size());
    std::ranges::copy(request.component.reveal(), sum.writable().begin());
    xor_into(sum.writable(), waiting->component.reveal());
    const auto row = vault.present()->payment_keys.add(request.name.view(), *header, sum.reveal());
    if (!row) return failed(row.error());
    waiting.reset();
    log::info("key {}: second component entered by {}, KCV {}; the key's KCV {}", request.name.view(), request.officer,
              to_hex(reply.component), to_hex(row->kcv));
    reply.complete = true;
    reply.sum = row->kcv;
    return reply;
}

}  // namespace giro::hsm
