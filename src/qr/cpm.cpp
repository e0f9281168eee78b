#include "qr/cpm.hpp"

#include <algorithm>

namespace giro::qr {

namespace {
constexpr std::uint32_t kFormatTag = 0x85;
constexpr std::uint32_t kApplicationTag = 0x61;
constexpr std::uint32_t kApplicationIdTag = 0x4F;
constexpr std::uint32_t kTransparentTag = 0x63;
constexpr std::uint32_t kOrderTag = 0xDF01;
constexpr std::string_view kFormat = "CPV01";
constexpr std::size_t kAidBytesMin = 5, kAidBytesMax = 16;  // ISO/IEC 7816-4, 8.2.1.2
constexpr std::size_t kObjectsMax = 32;  // per template; a code of 512 bytes has no use for more

struct Tlv {
    std::uint32_t tag = 0;
    Bytes value;
};

std::uint32_t u32(std::byte b) noexcept { return std::to_integer<std::uint32_t>(b); }

// Walks the objects of one template (ISO/IEC 8825-1 8.1, tags of one or two bytes, definite shortest lengths below 64 K).
class TlvReader {
  public:
    explicit TlvReader(Bytes bytes) noexcept : m_bytes(bytes) {}
    [[nodiscard]] bool done() const noexcept { return m_bytes.empty(); }
    [[nodiscard]] std::optional<Tlv> next() noexcept {
        const auto tag = read_tag();
        if (!tag) return std::nullopt;
        const auto length = read_length();
        if (!length || *length > m_bytes.size()) return std::nullopt;
        const Tlv out{*tag, m_bytes.first(*length)};
        m_bytes = m_bytes.subspan(*length);
        return out;
    }

  private:
    std::optional<std::uint32_t> byte() noexcept {
        if (m_bytes.empty()) return std::nullopt;
        const std::uint32_t value = u32(m_bytes[0]);
        m_bytes = m_bytes.subspan(1);
        return value;
    }
    std::optional<std::uint32_t> read_tag() noexcept {
        const auto first = byte();
        if (!first || (*first & 0x1f) != 0x1f) return first;
        const auto second = byte();
        if (!second || (*second & 0x80) != 0) return std::nullopt;
        return *first << 8 | *second;
    }
    std::optional<std::size_t> read_length() noexcept {
        const auto first = byte();
        if (!first || *first < 0x80) return first;
        const auto high = byte();
        if (!high) return std::nullopt;
        if (*first == 0x81) return *high >= 0x80 ? high : std::nullopt;
        const auto low = byte();
        if (*first != 0x82 || !low || *high == 0) return std::nullopt;
        return *high << 8 | *low;
    }
    Bytes m_bytes;
};

Expected<std::vector<Tlv>, QrError> split(Bytes bytes) {
    std::vector<Tlv> objects;
    TlvReader reader(bytes);
    while (!reader.done()) {
        const auto object = reader.next();
        if (!object || objects.size() == kObjectsMax) return tl::unexpected(QrError::bad_tlv);
        objects.push_back(*object);
    }
    return objects;
}

// The one object of that tag: missing_object, duplicate_object.
Expected<Bytes, QrError> only(const std::vector<Tlv>& objects, std::uint32_t tag) {
    const auto is_it = [tag](const Tlv& o) { return o.tag == tag; };
    const auto first = std::find_if(objects.begin(), objects.end(), is_it);
    if (first == objects.end()) return tl::unexpected(QrError::missing_object);
    if (std::any_of(first + 1, objects.end(), is_it)) return tl::unexpected(QrError::duplicate_object);
    return first->value;
}

Expected<Buffer, QrError> code_bytes(std::string_view base64) {
    if (base64.size() > kCpmCharsMax) return tl::unexpected(QrError::too_long);
    auto bytes = from_base64(base64);
    if (!bytes) return tl::unexpected(QrError::bad_base64);
    if (bytes->size() > kCpmBytesMax) return tl::unexpected(QrError::too_long);
    return std::move(*bytes);
}

// Of a code, the format indicator first. Views of `bytes`.
Expected<std::vector<Tlv>, QrError> code_objects(Bytes bytes) {
    auto root = split(bytes);
    if (!root) return root;
    if (root->empty() || root->front().tag != kFormatTag || as_text(root->front().value) != kFormat)
        return tl::unexpected(QrError::bad_format);
    return root;
}

// The application template whose AID, its first object, is ours.
Expected<std::vector<Tlv>, QrError> giro_application(const std::vector<Tlv>& root) {
    std::vector<Tlv> ours;
    for (const Tlv& object : root) {
        if (object.tag != kApplicationTag) continue;
        auto inner = split(object.value);
        if (!inner) return tl::unexpected(inner.error());
        if (inner->empty() || inner->front().tag != kApplicationIdTag) return tl::unexpected(QrError::bad_tlv);
        if (!std::ranges::equal(inner->front().value, kGiroApplication)) continue;
        if (!ours.empty()) return tl::unexpected(QrError::duplicate_object);
        ours = std::move(*inner);
    }
    if (ours.empty()) return tl::unexpected(QrError::not_giro);
    return ours;
}

Buffer tlv(std::uint32_t tag, Bytes value) {
    Buffer out;
    const auto put = [&out](std::size_t byte) { out.push_back(static_cast<std::byte>(byte)); };
    if (tag > 0xff) put(tag >> 8);
    put(tag & 0xff);
    if (value.size() > 0xff) put(0x82), put(value.size() >> 8);
    else if (value.size() > 0x7f) put(0x81);
    put(value.size() & 0xff);
    out.insert(out.end(), value.begin(), value.end());
    return out;
}

Buffer joined(Buffer first, const Buffer& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}
}  // namespace

Expected<Buffer, QrError> application_of(std::string_view base64) {
    const auto bytes = code_bytes(base64);
    if (!bytes) return tl::unexpected(bytes.error());
    const auto root = code_objects(*bytes);
    if (!root) return tl::unexpected(root.error());
    for (const Tlv& object : *root) {
        if (object.tag != kApplicationTag) continue;
        const auto inner = split(object.value);
        if (!inner) return tl::unexpected(inner.error());
        const bool named = !inner->empty() && inner->front().tag == kApplicationIdTag;
        const std::size_t size = named ? inner->front().value.size() : 0;
        if (size < kAidBytesMin || size > kAidBytesMax) return tl::unexpected(QrError::bad_tlv);
        return Buffer(inner->front().value.begin(), inner->front().value.end());
    }
    return tl::unexpected(QrError::missing_object);
}

Expected<CpmPayload, QrError> decode_cpm(std::string_view base64) {
    const auto bytes = code_bytes(base64);
    if (!bytes) return tl::unexpected(bytes.error());
    const auto root = code_objects(*bytes);
    if (!root) return tl::unexpected(root.error());
    const auto application = giro_application(*root);
    if (!application) return tl::unexpected(application.error());
    const auto transparent = only(*application, kTransparentTag);
    if (!transparent) return tl::unexpected(transparent.error());
    const auto inner = split(*transparent);
    if (!inner) return tl::unexpected(inner.error());
    const auto order = only(*inner, kOrderTag);
    if (!order) return tl::unexpected(order.error());
    return CpmPayload{Buffer(order->begin(), order->end())};
}

Expected<std::string, QrError> encode_cpm(const CpmPayload& payload) {
    if (payload.order.size() > kCpmBytesMax) return tl::unexpected(QrError::too_long);
    const Buffer transparent = tlv(kTransparentTag, tlv(kOrderTag, payload.order));
    const Buffer application = tlv(kApplicationTag, joined(tlv(kApplicationIdTag, kGiroApplication), transparent));
    const Buffer bytes = joined(tlv(kFormatTag, as_bytes(kFormat)), application);
    if (bytes.size() > kCpmBytesMax) return tl::unexpected(QrError::too_long);
    return to_base64(bytes);
}

}  // namespace giro::qr
