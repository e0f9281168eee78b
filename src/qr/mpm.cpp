// Decoding goes in three steps: split into objects by characters, check the CRC, then read each object by its row of
// the standard's tables. Encoding writes the text and decodes it: what we show is what any reader would take.
#include "qr/mpm.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace giro::qr {

namespace {
constexpr std::size_t kObjectHeaderChars = 4;  // two digits of id, two of length
constexpr std::size_t kObjectCharsMax = 99;
constexpr std::size_t kCrcChars = 4;
constexpr std::uint8_t kFormatId = 0, kInitiationId = 1, kCategoryId = 52, kCurrencyId = 53, kAmountId = 54, kTipId = 55,
                       kFeeFixedId = 56, kFeePercentId = 57, kCountryId = 58, kNameId = 59, kCityId = 60, kPostalId = 61,
                       kAdditionalId = 62, kCrcId = 63, kLanguageId = 64;
constexpr std::uint8_t kIdentifierId = 0;  // globally unique identifier, in every template of 26-51 and 80-99
constexpr std::size_t kIdentifierCharsMax = 32;

using Objects = std::vector<DataObject>;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool all_digits(std::string_view text) noexcept { return std::all_of(text.begin(), text.end(), is_digit); }
bool is_ans(std::string_view text) noexcept {  // the common character set of EMV Book 4 annex B
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}
bool is_upper_letters(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// Bytes of the UTF-8 character that begins `text`, or 0 when it is none (RFC 3629: shortest form, no surrogates).
std::size_t character_bytes(std::string_view text) noexcept {
    const auto at = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
    const unsigned first = at(0);
    if (first < 0x80) return 1;
    const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((at(i) & 0xc0) != 0x80) return 0;
    const unsigned second = at(1);
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
    return size;
}

// Number of characters, or nothing when the text is not UTF-8.
std::optional<std::size_t> count_characters(std::string_view text) noexcept {
    std::size_t count = 0;
    while (!text.empty()) {
        const std::size_t size = character_bytes(text);
        if (size == 0) return std::nullopt;
        text.remove_prefix(size);
        ++count;
    }
    return count;
}

// Takes `count` characters off the front of valid UTF-8; nothing when there are fewer.
std::optional<std::string_view> take_characters(std::string_view& text, std::size_t count) noexcept {
    std::size_t bytes = 0;
    for (; count > 0 && bytes < text.size(); --count) bytes += character_bytes(text.substr(bytes));
    if (count > 0) return std::nullopt;
    const std::string_view taken = text.substr(0, bytes);
    text.remove_prefix(bytes);
    return taken;
}

Expected<Objects, QrError> split(std::string_view text) {
    Objects objects;
    while (!text.empty()) {
        const auto header = text.substr(0, kObjectHeaderChars);
        if (header.size() != kObjectHeaderChars || !all_digits(header)) return tl::unexpected(QrError::bad_object);
        text.remove_prefix(kObjectHeaderChars);
        const auto id = static_cast<std::uint8_t>((header[0] - '0') * 10 + header[1] - '0');
        const auto length = static_cast<std::size_t>((header[2] - '0') * 10 + header[3] - '0');
        const auto value = take_characters(text, length);
        if (length == 0 || !value) return tl::unexpected(QrError::bad_object);
        for (const auto& object : objects)
            if (object.id == id) return tl::unexpected(QrError::duplicate_object);
        objects.push_back({id, std::string(*value)});
    }
    return objects;
}

std::string crc_text(std::string_view covered) { return fmt::format("{:04X}", crc16_ccitt_false(as_bytes(covered))); }

// Which lengths and characters an object's value may have.
enum class Characters { digits, ans, any };
struct ValueRule {
    std::uint8_t id;
    std::size_t chars_min;
    std::size_t chars_max;
    Characters characters;
};

bool obeys(const ValueRule& rule, std::string_view value) noexcept {
    const std::size_t chars = count_characters(value).value_or(kObjectCharsMax + 1);
    if (chars < rule.chars_min || chars > rule.chars_max) return false;
    switch (rule.characters) {
        case Characters::digits: return all_digits(value);
        case Characters::ans: return is_ans(value);
        case Characters::any: break;
    }
    return true;
}

// Table 3.7 (additional data) and table 3.8 (language).
constexpr ValueRule kAdditionalRules[] = {
    {1, 1, 25, Characters::ans}, {2, 1, 25, Characters::ans}, {3, 1, 25, Characters::ans},  // bill, mobile, store
    {4, 1, 25, Characters::ans}, {5, 1, 25, Characters::ans}, {6, 1, 25, Characters::ans},  // loyalty, reference, customer
    {7, 1, 25, Characters::ans}, {8, 1, 25, Characters::ans}, {9, 1, 3, Characters::ans},   // terminal, purpose, ask for
};
constexpr ValueRule kLanguageRules[] = {
    {0, 2, 2, Characters::ans}, {1, 1, 25, Characters::any}, {2, 1, 15, Characters::any}};
constexpr ValueRule kIdentifierRules[] = {{kIdentifierId, 1, kIdentifierCharsMax, Characters::ans}};

template <std::size_t N>
Expected<Template, QrError> read_template(const DataObject& object, const ValueRule (&rules)[N]) {
    auto objects = split(object.value);
    if (!objects) return tl::unexpected(objects.error());
    for (const auto& inner : *objects)
        for (const auto& rule : rules)
            if (rule.id == inner.id && !obeys(rule, inner.value)) return tl::unexpected(QrError::bad_value);
    return Template{object.id, std::move(*objects)};
}

// Digits, then perhaps a point and more digits; not zero (MPM 4.7.5).
bool is_positive_decimal(std::string_view text) noexcept {
    bool point = false, positive = false;
    for (const char c : text) {
        if (c == '.' && point) return false;
        if (c != '.' && !is_digit(c)) return false;
        point = point || c == '.';
        positive = positive || (c >= '1' && c <= '9');
    }
    return positive && is_digit(text.front());
}

// Reads objects into the payload one by one; the first refusal ends it.
class PayloadReader {
  public:
    Expected<MpmPayload, QrError> read(const Objects& objects) {
        for (const auto& object : objects) {
            const auto outcome = take(object);
            if (!outcome) return tl::unexpected(outcome.error());
        }
        if (const auto error = missing(objects)) return tl::unexpected(*error);
        return std::move(m_payload);
    }

  private:
    using Outcome = Expected<void, QrError>;

    Outcome take(const DataObject& object) {
        const unsigned id = object.id;
        if (id >= 2 && id <= 25) return keep(object, m_payload.card_accounts, {object.id, 1, 99, Characters::ans});
        if (id >= 26 && id <= 51) return keep_template(object, m_payload.accounts);
        if (id >= 65 && id <= 79) return keep(object, m_payload.reserved, {object.id, 1, 99, Characters::any});
        if (id >= 80) return keep_template(object, m_payload.unreserved);
        return single(object);
    }

    static Outcome keep(const DataObject& object, Objects& into, const ValueRule& rule) {
        if (!obeys(rule, object.value)) return tl::unexpected(QrError::bad_value);
        into.push_back(object);
        return {};
    }

    static Outcome keep_template(const DataObject& object, std::vector<Template>& into) {
        auto inner = read_template(object, kIdentifierRules);
        if (!inner) return tl::unexpected(inner.error());
        if (inner->find(kIdentifierId) == nullptr) return tl::unexpected(QrError::missing_object);
        into.push_back(std::move(*inner));
        return {};
    }

    template <typename Into>
    static Outcome text(const DataObject& object, const ValueRule& rule, Into& into, bool also = true) {
        if (!obeys(rule, object.value) || !also) return tl::unexpected(QrError::bad_value);
        into = object.value;
        return {};
    }

    // Table 3.2: the objects that stand alone.
    Outcome single(const DataObject& object) {
        const std::string& value = object.value;
        const std::uint8_t id = object.id;
        std::string digits;
        switch (id) {
            case kFormatId: return {};
            case kCrcId: return {};
            case kInitiationId:
                if (value != "11" && value != "12") return tl::unexpected(QrError::bad_value);
                m_payload.initiation = value == "11" ? Initiation::many : Initiation::once;
                return {};
            case kCategoryId: return text(object, {id, 4, 4, Characters::digits}, m_payload.category);
            case kCurrencyId: {
                const auto outcome = text(object, {id, 3, 3, Characters::digits}, digits);
                if (outcome) m_payload.currency = static_cast<Currency>(std::stoi(digits));
                return outcome;
            }
            case kAmountId:
                return text(object, {id, 1, 13, Characters::ans}, m_payload.amount, is_positive_decimal(value));
            case kTipId:
                return text(object, {id, 2, 2, Characters::digits}, m_payload.tip, value >= "01" && value <= "03");
            case kFeeFixedId:
                return text(object, {id, 1, 13, Characters::ans}, m_payload.fee_fixed, is_positive_decimal(value));
            case kFeePercentId:
                return text(object, {id, 1, 5, Characters::ans}, m_payload.fee_percent, is_positive_decimal(value));
            case kCountryId:
                return text(object, {id, 2, 2, Characters::ans}, m_payload.country, is_upper_letters(value));
            case kNameId: return text(object, {id, 1, 25, Characters::ans}, m_payload.name);
            case kCityId: return text(object, {id, 1, 15, Characters::ans}, m_payload.city);
            case kPostalId: return text(object, {id, 1, 10, Characters::ans}, m_payload.postal_code);
            case kAdditionalId: return one_template(read_template(object, kAdditionalRules), m_payload.additional);
            default: {
                ASSERT(id == kLanguageId);
                const auto outcome = one_template(read_template(object, kLanguageRules), m_payload.language);
                if (!outcome) return outcome;
                const bool whole = m_payload.language->find(0) != nullptr && m_payload.language->find(1) != nullptr;
                return whole ? outcome : Outcome(tl::unexpected(QrError::missing_object));
            }
        }
    }

    static Outcome one_template(Expected<Template, QrError>&& inner, std::optional<Template>& into) {
        if (!inner) return tl::unexpected(inner.error());
        into = std::move(*inner);
        return {};
    }

    [[nodiscard]] std::optional<QrError> missing(const Objects& objects) const {
        for (const std::uint8_t id : {kCategoryId, kCurrencyId, kCountryId, kNameId, kCityId}) {
            const bool there = std::any_of(objects.begin(), objects.end(), [&](const auto& o) { return o.id == id; });
            if (!there) return QrError::missing_object;
        }
        if (m_payload.card_accounts.empty() && m_payload.accounts.empty()) return QrError::missing_object;
        if (m_payload.tip == "02" && !m_payload.fee_fixed) return QrError::missing_object;
        if (m_payload.tip == "03" && !m_payload.fee_percent) return QrError::missing_object;
        return std::nullopt;
    }

    MpmPayload m_payload;
};

// Writes objects one after the other; a value that no two digits can count makes it bad.
class TextWriter {
  public:
    void put(std::uint8_t id, std::string_view value) {
        const auto chars = count_characters(value);
        m_ok = m_ok && chars && *chars >= 1 && *chars <= kObjectCharsMax && id <= 99;
        if (m_ok) m_text += fmt::format("{:02}{:02}{}", id, *chars, value);
    }
    void put_if(std::uint8_t id, const std::optional<std::string>& value) {
        if (value) put(id, *value);
    }
    void put(const Objects& objects) {
        for (const auto& object : objects) put(object.id, object.value);
    }
    void put(const Template& inner) {
        TextWriter writer;
        writer.put(inner.objects);
        m_ok = m_ok && writer.m_ok;
        put(inner.id, writer.m_text);
    }
    void put(const std::vector<Template>& templates) {
        for (const auto& inner : templates) put(inner);
    }
    [[nodiscard]] bool ok() const noexcept { return m_ok; }
    [[nodiscard]] std::string& text() noexcept { return m_text; }

  private:
    std::string m_text;
    bool m_ok = true;
};
}  // namespace

const std::string* Template::find(std::uint8_t object_id) const noexcept {
    for (const auto& object : objects)
        if (object.id == object_id) return &object.value;
    return nullptr;
}

std::uint16_t crc16_ccitt_false(Bytes data) noexcept {
    constexpr unsigned kPolynomial = 0x1021;
    unsigned crc = 0xffff;
    for (const std::byte b : data) {
        crc ^= std::to_integer<unsigned>(b) << 8;
        for (int bit = 0; bit < 8; ++bit) crc = ((crc << 1) ^ ((crc & 0x8000) != 0 ? kPolynomial : 0)) & 0xffff;
    }
    return static_cast<std::uint16_t>(crc);
}

Expected<MpmPayload, QrError> decode_mpm(std::string_view text) {
    if (text.size() > kPayloadBytesMax) return tl::unexpected(QrError::too_long);
    const auto chars = count_characters(text);
    if (!chars) return tl::unexpected(QrError::not_utf8);
    if (*chars > kPayloadCharsMax) return tl::unexpected(QrError::too_long);
    const auto objects = split(text);
    if (!objects) return tl::unexpected(objects.error());
    if (objects->empty() || objects->back().id != kCrcId || objects->back().value.size() != kCrcChars ||
        objects->back().value != crc_text(text.substr(0, text.size() - kCrcChars)))
        return tl::unexpected(QrError::bad_crc);
    if (objects->front().id != kFormatId || objects->front().value != "01") return tl::unexpected(QrError::bad_format);
    return PayloadReader().read(*objects);
}

Expected<std::string, QrError> encode_mpm(const MpmPayload& payload) {
    TextWriter writer;
    writer.put(kFormatId, "01");
    if (payload.initiation != Initiation::unspecified)
        writer.put(kInitiationId, payload.initiation == Initiation::many ? "11" : "12");
    writer.put(payload.card_accounts);
    writer.put(payload.accounts);
    writer.put(kCategoryId, payload.category);
    writer.put(kCurrencyId, fmt::format("{:03}", payload.currency));
    writer.put_if(kAmountId, payload.amount);
    writer.put_if(kTipId, payload.tip);
    writer.put_if(kFeeFixedId, payload.fee_fixed);
    writer.put_if(kFeePercentId, payload.fee_percent);
    writer.put(kCountryId, payload.country);
    writer.put(kNameId, payload.name);
    writer.put(kCityId, payload.city);
    writer.put_if(kPostalId, payload.postal_code);
    if (payload.additional) writer.put(*payload.additional);
    if (payload.language) writer.put(*payload.language);
    writer.put(payload.reserved);
    writer.put(payload.unreserved);
    if (!writer.ok()) return tl::unexpected(QrError::bad_value);
    std::string text = std::move(writer.text()) + "6304";
    text += crc_text(text);
    const auto readable = decode_mpm(text);
    if (!readable) return tl::unexpected(readable.error());
    if (*readable != payload) return tl::unexpected(QrError::bad_value);
    return text;
}

std::string_view to_string(QrError error) noexcept {
    switch (error) {
        case QrError::too_long: return "the code is too long";
        case QrError::not_utf8: return "the code is not UTF-8 text";
        case QrError::bad_object: return "the code is cut or garbled";
        case QrError::bad_crc: return "the checksum is missing or wrong";
        case QrError::bad_format: return "not an EMVCo payment code";
        case QrError::duplicate_object: return "an object appears twice";
        case QrError::missing_object: return "a mandatory object is missing";
        case QrError::bad_value: return "an object's value is outside the standard's limits";
        case QrError::bad_base64: return "the code is not base64";
        case QrError::bad_tlv: return "the code's data objects are cut or garbled";
        case QrError::not_giro: return "the code is of another payment scheme";
    }
    return "unknown";
}

}  // namespace giro::qr
