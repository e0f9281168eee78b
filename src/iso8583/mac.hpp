// What goes under a message's MAC, by the dialect's [mac] settings. Run by giro-gate, giro-switch and the simulators on
// hostile frames. The MAC is the last field of the message: DE64, or DE128 where there is a secondary bitmap.
//
// Order of what is covered: the frame's length as the dialect writes it, the header, then either the message from its
// MTI up to the MAC field, or the listed fields as they stand on the wire (prefix included), in the order of the list;
// a listed field that the message does not have adds nothing. To send: set the field to mac_bytes zeros, pack, compute
// over `covered`, write over the last mac_bytes.
#pragma once

#include <vector>

#include "iso8583/codec.hpp"

namespace giro::iso8583 {

struct MacInput {
    Bytes covered;
    Bytes mac;  // the last mac_bytes of the frame
};

// `covered` points into the frame when the dialect covers one piece of it, else into `scratch`, which is overwritten.
// Refuses what does not unpack (as far as it must be read for this) and what has no MAC (Reason::no_mac).
[[nodiscard]] Expected<MacInput, UnpackError> mac_input(const Dialect& dialect, Bytes frame, Buffer& scratch);
// For a dialect that covers one piece of the frame (ASSERTed): MacCoverage::is_one_piece().
[[nodiscard]] Expected<MacInput, UnpackError> mac_input(const Dialect& dialect, Bytes frame) noexcept;

// The covered bytes piece by piece, for people.
struct MacPiece {
    enum class What : std::uint8_t { length, header, mti, bitmaps, field, message };
    What what;
    std::uint8_t field = 0;             // of What::field
    std::optional<std::size_t> offset;  // in the frame; the length has none
    Buffer bytes;
};
[[nodiscard]] Expected<std::vector<MacPiece>, UnpackError> mac_pieces(const Dialect& dialect, Bytes frame);

}  // namespace giro::iso8583
