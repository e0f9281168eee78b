// Consumer-presented QR codes: EMVCo "QR Code Specification for Payment Systems, Consumer-Presented Mode" v1.1.
// The base64 text a wallet shows and a terminal scans and forwards in DE63. Read by giro-switch and `giro pos`; hostile.
//
//   85 05 "CPV01"                        payload format indicator, first
//   61 len                               application template
//      4F 06 F0 "GIRO" 01                our application (proprietary category of ISO/IEC 7816-4, not registered)
//      63 len                            application specific transparent template
//         DF 01 len order                the signed payment order (wallet/order.hpp)
// The mode has no checksum of its own; the signature inside covers what counts.
#pragma once

#include "qr/mpm.hpp"

namespace giro::qr {

inline constexpr std::size_t kCpmBytesMax = 512;  // CPM 3.2, before base64
inline constexpr std::size_t kCpmCharsMax = (kCpmBytesMax + 2) / 3 * 4;
inline constexpr ByteArray<6> kGiroApplication = {std::byte{0xF0}, std::byte{'G'}, std::byte{'I'},
                                                  std::byte{'R'},  std::byte{'O'}, std::byte{0x01}};

struct CpmPayload {
    Buffer order;  // the bytes in DF01: give them to wallet::decode_order
    bool operator==(const CpmPayload&) const = default;
};

// Other templates and objects are stepped over, as the standard asks, after a check of their form; a code without our
// application is not_giro. Surrounding spaces are not trimmed.
[[nodiscard]] Expected<CpmPayload, QrError> decode_cpm(std::string_view base64);
[[nodiscard]] Expected<std::string, QrError> encode_cpm(const CpmPayload& payload);  // too_long over kCpmBytesMax

// The application identifier (ISO/IEC 7816-4, 5 to 16 bytes) of the first application of a well-formed code, whoever's it is:
// how codes of other schemes find their way.
[[nodiscard]] Expected<Buffer, QrError> application_of(std::string_view base64);

// RFC 4648 4, canonical only: padded, no spaces, unused bits zero.
[[nodiscard]] std::string to_base64(Bytes bytes);
[[nodiscard]] std::optional<Buffer> from_base64(std::string_view text);

}  // namespace giro::qr
