// `giro iso explain` and `giro iso mac explain`: a message for people. Reads what was pasted, a file or standard input;
// whatever is in it, the answer is an explanation, masked by the dialect's settings.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "appliance/giro/box.hpp"
#include "appliance/giro/command.hpp"
#include "iso8583/explain.hpp"
#include "iso8583/mac.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"

namespace giro::cli {

namespace {
using nlohmann::json;
constexpr std::size_t kInputBytesMax = 64U << 10;
constexpr std::size_t kBytesPerLine = 16;

// Hexadecimal with any blanks between; nothing when it is something else.
std::optional<Buffer> as_hex(std::string_view text) {
    std::string digits;
    std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != ' ' && c != '\n' && c != '\r' && c != '\t'; });
    return digits.empty() ? std::nullopt : from_hex(digits);
}

// "-": standard input; a file's name; or the hexadecimal itself. A file that is no hexadecimal is the message's bytes.
Result<Buffer> message_of(const Args& args) {
    const std::string what = args.text("message");
    Buffer bytes;
    if (what == "-") {
        const std::string all(std::istreambuf_iterator<char>(std::cin), {});
        bytes.assign(as_bytes(all).begin(), as_bytes(all).end());
    } else if (std::error_code ignored; std::filesystem::is_regular_file(what, ignored)) {
        auto read = read_file(what, kInputBytesMax);
        if (!read) return tl::unexpected(read.error());
        bytes = std::move(*read);
    } else {
        auto hex = as_hex(what);
        if (!hex) return fail(Failure::Kind::config, "that is neither a file nor hexadecimal (an even number of digits)");
        bytes = std::move(*hex);
    }
    if (auto hex = as_hex(as_text(bytes))) bytes = std::move(*hex);
    const auto skip = static_cast<std::size_t>(std::max<std::int64_t>(0, args.number("--skip")));
    if (skip > bytes.size()) return fail(Failure::Kind::config, fmt::format("--skip {}: the message has {} bytes", skip, bytes.size()));
    return Buffer(bytes.begin() + static_cast<std::ptrdiff_t>(skip), bytes.end());
}

// A dialect's file, or the name of one of the box's, or of those that Giro brings.
Result<iso8583::Dialect> dialect_of(const Args& args) {
    const std::string name = args.text("--dialect");
    if (name.find('/') != std::string::npos || name.ends_with(".toml")) return iso8583::load_dialect(name);
    const auto own = args.paths().dialects() / (name + ".toml");
    if (std::filesystem::exists(own)) return iso8583::load_dialect(own);
    const auto defaults = find_defaults();
    if (!defaults) return tl::unexpected(defaults.error());
    return iso8583::load_dialect(*defaults / "dialects" / (name + ".toml"));
}

json to_json(const iso8583::Explanation& e) {
    json out{{"dialect", e.dialect}, {"bytes", e.bytes}, {"lines", json::array()}};
    for (const auto& line : e.lines)
        out["lines"].push_back({{"depth", line.depth}, {"offset", line.offset}, {"bytes", line.bytes}, {"field", line.label},
                                {"name", line.name}, {"raw", line.raw}, {"value", line.value}});
    if (e.refusal)
        out["refused"] = {{"field", e.refusal->where}, {"offset", e.refusal->offset}, {"why", e.refusal->why}, {"expected", e.refusal->expected}};
    return out;
}

// A message that does not parse was explained up to there: exit status 1, no more words.
Result<void> explain_message(const Args& args) {
    const auto dialect = dialect_of(args);
    if (!dialect) return tl::unexpected(dialect.error());
    const auto message = message_of(args);
    if (!message) return tl::unexpected(message.error());
    const auto explanation = iso8583::explain_frame(*dialect, *message);
    const bool printed_as_json = args.json();
    std::fputs((printed_as_json ? to_json(explanation).dump() + "\n" : iso8583::to_text(explanation)).c_str(), stdout);
    if (explanation.refusal) return fail(Failure::Kind::refused, "");
    return {};
}

std::string words(const iso8583::Dialect& dialect, const iso8583::MacPiece& piece) {
    using What = iso8583::MacPiece::What;
    switch (piece.what) {
        case What::length: return "length of the message";
        case What::header: return "TPDU";
        case What::mti: return "message type";
        case What::bitmaps: return "bitmaps";
        case What::field: return fmt::format("DE{} {}", piece.field, dialect.names[piece.field]);
        case What::message: return "message, from its type to the MAC field";
    }
    return "";
}

bool hides(const iso8583::Dialect& dialect, unsigned n) {
    const auto* layout = dialect.layout_of(n);
    return dialect.fields[n].mask != iso8583::Masking::none || (layout != nullptr && layout->has_masks());
}

// The bytes of the frame that a mask covers, from each masked field's value to its end.
std::vector<bool> masked_bytes(const iso8583::Dialect& dialect, Bytes frame) {
    std::vector<bool> out(frame.size(), false);
    iso8583::Message m;
    if (!iso8583::unpack(dialect, frame, m)) {
        out.assign(frame.size(), true);
        return out;
    }
    for (unsigned n = 2; n <= iso8583::kFieldMax; ++n) {
        if (!m.has(n) || !hides(dialect, n)) continue;
        std::size_t end = frame.size();
        for (unsigned next = n + 1; next <= iso8583::kFieldMax; ++next)
            if (m.has(next)) {
                end = m.wire_offset(next);
                break;
            }
        for (std::size_t i = m.wire_offset(n) + dialect.fields[n].prefix_bytes; i < end; ++i) out[i] = true;
    }
    return out;
}

Result<void> explain_mac(const Args& args) {
    const auto dialect = dialect_of(args);
    if (!dialect) return tl::unexpected(dialect.error());
    const auto message = message_of(args);
    if (!message) return tl::unexpected(message.error());
    const auto pieces = iso8583::mac_pieces(*dialect, *message);
    if (!pieces) return fail(Failure::Kind::refused, fmt::format("no bytes under a MAC: {}", pieces.error().text()));
    const std::vector<bool> masked = masked_bytes(*dialect, *message);
    const auto hex_of = [&](const iso8583::MacPiece& piece, std::size_t i) {
        const bool hide = piece.offset && masked[*piece.offset + i];
        return hide ? std::string("**") : to_hex(Bytes(piece.bytes).subspan(i, 1));
    };
    std::size_t covered = 0;
    for (const auto& piece : *pieces) covered += piece.bytes.size();
    const std::string mac = to_hex(Bytes(*message).last(dialect->mac_bytes));
    if (args.json()) {
        json out{{"dialect", dialect->name}, {"bytes", message->size()}, {"covered_bytes", covered}, {"mac", mac}, {"pieces", json::array()}};
        for (const auto& piece : *pieces) {
            std::string hex;
            for (std::size_t i = 0; i < piece.bytes.size(); ++i) hex += hex_of(piece, i);
            json one{{"what", words(*dialect, piece)}, {"bytes", piece.bytes.size()}, {"raw", hex}};
            if (piece.offset) one["offset"] = *piece.offset;
            out["pieces"].push_back(std::move(one));
        }
        fmt::print("{}\n", out.dump());
        return {};
    }
    fmt::print("{} of {} bytes are under the MAC, in this order (dialect {})\n", covered, message->size(), dialect->name);
    for (const auto& piece : *pieces) {
        const std::string place = piece.offset ? fmt::format("bytes {} to {}", *piece.offset, *piece.offset + piece.bytes.size() - 1) : "not in the message";
        fmt::print("\n{}: {}\n", words(*dialect, piece), place);
        for (std::size_t at = 0; at < piece.bytes.size(); at += kBytesPerLine) {
            std::string hex;
            for (std::size_t i = at; i < std::min(at + kBytesPerLine, piece.bytes.size()); ++i) hex += hex_of(piece, i) + " ";
            fmt::print("{:>6}  {}\n", piece.offset.value_or(0) + at, hex);
        }
    }
    fmt::print("\nMAC, the last {} bytes: {}\n", dialect->mac_bytes, mac);
    return {};
}
}  // namespace

std::vector<Command> iso_commands() {
    using enum Option::Kind;
    const std::vector<Option> options = {
        {"message", "hexadecimal (quote it if it has blanks), a file (hexadecimal or bytes), or - for standard input", text, "", true},
        {"--dialect", "name of a dialect, or its file", text, "iso1987-ascii", false},
        {"--skip", "bytes to leave out in front: the length of a frame", number, "0", false},
    };
    return {
        {"iso explain", "a message field by field, masked, and where and why it does not parse", options, explain_message, never},
        {"iso mac explain", "exactly which bytes of a message go under its MAC, in order", options, explain_mac, never},
    };
}

}  // namespace giro::cli
