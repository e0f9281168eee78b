#include "tests/sim/token/object.hpp"

#include <botan/block_cipher.h>
#include <botan/mac.h>

#include <algorithm>
#include <cstring>

namespace giro::test {

namespace {
Bytes value_of(const CK_ATTRIBUTE& a) {
    return {static_cast<const std::byte*>(a.pValue), a.ulValueLen};
}
bool is_true(const CK_ATTRIBUTE& a) {
    return a.ulValueLen == 1 && *static_cast<const CK_BBOOL*>(a.pValue) != CK_FALSE;
}
}  // namespace

TokenObject::TokenObject() = default;
TokenObject::~TokenObject() = default;
TokenObject::TokenObject(TokenObject&&) noexcept = default;
TokenObject::TokenObject(const TokenObject& other) : m_attributes(other.m_attributes), m_value(other.m_value) {}

void TokenObject::set(CK_ATTRIBUTE_TYPE type, Bytes value) {
    m_attributes[type].assign(value.begin(), value.end());
}

void TokenObject::set_flag(CK_ATTRIBUTE_TYPE type, bool value) {
    const CK_BBOOL raw = value ? CK_TRUE : CK_FALSE;
    set(type, std::as_bytes(std::span(&raw, 1)));
}

void TokenObject::set_number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
    set(type, std::as_bytes(std::span(&value, 1)));
}

void TokenObject::set_all(Attributes attributes) {
    for (const CK_ATTRIBUTE& a : attributes) {
        if (a.type == CKA_VALUE)
            set_value(value_of(a));
        else
            set(a.type, value_of(a));
    }
}

const Buffer* TokenObject::get(CK_ATTRIBUTE_TYPE type) const {
    const auto found = m_attributes.find(type);
    return found == m_attributes.end() ? nullptr : &found->second;
}

bool TokenObject::flag(CK_ATTRIBUTE_TYPE type) const {
    const Buffer* raw = get(type);
    return raw != nullptr && raw->size() == 1 && raw->front() != std::byte{0};
}

std::optional<CK_ULONG> TokenObject::number(CK_ATTRIBUTE_TYPE type) const {
    const Buffer* raw = get(type);
    CK_ULONG out = 0;
    if (raw == nullptr || raw->size() != sizeof out) return std::nullopt;
    std::memcpy(&out, raw->data(), sizeof out);
    return out;
}

bool TokenObject::matches(Attributes wanted) const {
    return std::ranges::all_of(wanted, [&](const CK_ATTRIBUTE& a) {
        const Buffer* own = get(a.type);
        return own != nullptr && std::ranges::equal(*own, value_of(a));
    });
}

CK_RV TokenObject::read_one(CK_ATTRIBUTE& wanted) const {
    const bool is_value = wanted.type == CKA_VALUE;
    const Buffer* own = is_value ? &m_value : get(wanted.type);
    CK_RV answer = CKR_OK;
    if (own == nullptr)
        answer = CKR_ATTRIBUTE_TYPE_INVALID;
    else if (is_value && !may_leave())
        answer = CKR_ATTRIBUTE_SENSITIVE;
    else if (wanted.pValue != nullptr && wanted.ulValueLen < own->size())
        answer = CKR_BUFFER_TOO_SMALL;
    if (answer != CKR_OK) {
        wanted.ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return answer;
    }
    if (wanted.pValue != nullptr) std::memcpy(wanted.pValue, own->data(), own->size());
    wanted.ulValueLen = own->size();
    return CKR_OK;
}

CK_RV TokenObject::read(std::span<CK_ATTRIBUTE> wanted) const {
    CK_RV worst = CKR_OK;
    for (CK_ATTRIBUTE& a : wanted)
        if (const CK_RV answer = read_one(a); answer != CKR_OK) worst = answer;
    return worst;
}

CK_RV TokenObject::change(Attributes changes) {
    for (const CK_ATTRIBUTE& a : changes) {
        const bool loosens = (a.type == CKA_SENSITIVE && !is_true(a) && flag(CKA_SENSITIVE)) ||
                             (a.type == CKA_EXTRACTABLE && is_true(a) && !flag(CKA_EXTRACTABLE));
        if (loosens || a.type == CKA_VALUE) return CKR_ATTRIBUTE_READ_ONLY;
    }
    set_all(changes);
    return CKR_OK;
}

Botan::MessageAuthenticationCode& TokenObject::cmac() {
    if (!m_cmac) {
        m_cmac =
            Botan::MessageAuthenticationCode::create_or_throw(m_value.size() == 32 ? "CMAC(AES-256)" : "CMAC(AES-128)");
        m_cmac->set_key(reinterpret_cast<const std::uint8_t*>(m_value.data()), m_value.size());
    }
    return *m_cmac;
}

Botan::BlockCipher& TokenObject::aes() {
    if (!m_aes) {
        m_aes = Botan::BlockCipher::create_or_throw(m_value.size() == 32 ? "AES-256" : "AES-128");
        m_aes->set_key(reinterpret_cast<const std::uint8_t*>(m_value.data()), m_value.size());
    }
    return *m_aes;
}

}  // namespace giro::test
