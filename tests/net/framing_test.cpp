// Every framing against bytes written out here, and streams of it cut anywhere.
#include "net/framing.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "net/deframer.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::net;
using Length = Framing::Length;
using Trailer = Framing::Trailer;

namespace {
Buffer on_the_wire(const Framing& framing, Bytes message) {
    const Frame around = frame_of(framing, message);
    Buffer out(around.head.begin(), around.head.begin() + static_cast<std::ptrdiff_t>(around.head_bytes));
    out.insert(out.end(), message.begin(), message.end());
    out.insert(out.end(), around.tail.begin(), around.tail.begin() + static_cast<std::ptrdiff_t>(around.tail_bytes));
    return out;
}
std::string wire(const Framing& framing, std::string_view message) { return to_hex(on_the_wire(framing, as_bytes(message))); }

std::vector<Framing> every_framing() {
    std::vector<Framing> all;
    for (const Length length : {Length::binary2, Length::binary4, Length::ascii4, Length::bcd2, Length::bcd4})
        for (const Trailer trailer : {Trailer::none, Trailer::etx, Trailer::lrc, Trailer::etx_lrc})
            for (const bool itself : {false, true})
                for (const bool counted : {false, true}) all.push_back({length, trailer, itself, counted, 1'000});
    return all;
}

std::vector<std::string> frames_of(const Framing& framing, Bytes stream, std::size_t piece, Deframer::Verdict& verdict) {
    Deframer deframer(2'000, framing);
    std::vector<std::string> out;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
        verdict = deframer.feed(stream.subspan(at, std::min(piece, stream.size() - at)), [&](Bytes one) {
            out.emplace_back(as_text(one));
            return true;
        });
        if (verdict != Deframer::Verdict::ok) break;
    }
    return out;
}
}  // namespace

TEST_CASE("framing: lengths in binary, ascii and bcd, with and without their own size") {
    const std::string text(12, 'x');
    const std::string hex = to_hex(as_bytes(text));
    CHECK(wire({Length::binary2}, text) == "000c" + hex);
    CHECK(wire({Length::binary4}, text) == "0000000c" + hex);
    CHECK(wire({Length::ascii4}, text) == "30303132" + hex);
    CHECK(wire({Length::bcd2}, text) == "0012" + hex);
    CHECK(wire({Length::bcd4}, text) == "00000012" + hex);
    CHECK(wire({Length::binary2, Trailer::none, true}, text) == "000e" + hex);
    CHECK(wire({Length::ascii4, Trailer::none, true}, text) == "30303136" + hex);
    CHECK(wire({Length::bcd2, Trailer::none, true}, text) == "0014" + hex);
}

TEST_CASE("framing: ETX and LRC after the message, counted or not") {
    CHECK(wire({Length::binary2, Trailer::etx}, "AB") == "0002" "4142" "03");
    CHECK(wire({Length::binary2, Trailer::lrc}, "AB") == "0002" "4142" "03");
    CHECK(wire({Length::binary2, Trailer::etx_lrc}, "AB") == "0002" "4142" "0300");
    CHECK(wire({Length::binary2, Trailer::etx_lrc}, "AD") == "0002" "4144" "0306");
    CHECK(wire({Length::binary2, Trailer::etx_lrc, false, true}, "AB") == "0004" "4142" "0300");
    CHECK(wire({Length::ascii4, Trailer::etx, true, true}, "AB") == "30303037" "4142" "03");
    CHECK(wire({Length::binary2, Trailer::etx_lrc}, "") == "0000");
    CHECK(wire({Length::ascii4, Trailer::etx, true, true}, "") == "30303034");
}

TEST_CASE("framing: what is framed comes out again, in any framing, wherever the stream is cut") {
    const std::vector<std::string> messages = {"abc", "", "d", std::string(300, 'e'), "xy"};
    for (const Framing& framing : every_framing()) {
        Buffer stream;
        for (const auto& message : messages) {
            const Buffer one = on_the_wire(framing, as_bytes(message));
            stream.insert(stream.end(), one.begin(), one.end());
        }
        for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, stream.size()}) {
            Deframer::Verdict verdict = Deframer::Verdict::ok;
            CHECK(frames_of(framing, stream, piece, verdict) == messages);
            CHECK(verdict == Deframer::Verdict::ok);
        }
    }
}

TEST_CASE("framing: a length that is no number, or less than what it counts, and a wrong trailer end the stream") {
    const auto verdict = [](const Framing& framing, std::string_view hex) {
        Deframer::Verdict out = Deframer::Verdict::ok;
        static_cast<void>(frames_of(framing, *from_hex(hex), 100, out));
        return out;
    };
    CHECK(verdict({Length::ascii4}, "3030303a") == Deframer::Verdict::broken);
    CHECK(verdict({Length::bcd2}, "000a") == Deframer::Verdict::broken);
    CHECK(verdict({Length::bcd4}, "a0000000") == Deframer::Verdict::broken);
    CHECK(verdict({Length::binary2, Trailer::none, true}, "0001") == Deframer::Verdict::broken);
    CHECK(verdict({Length::binary2, Trailer::etx_lrc, false, true}, "0002") == Deframer::Verdict::broken);
    CHECK(verdict({Length::binary2, Trailer::etx}, "0002" "4142" "04") == Deframer::Verdict::broken);
    CHECK(verdict({Length::binary2, Trailer::lrc}, "0002" "4142" "02") == Deframer::Verdict::broken);
    CHECK(verdict({Length::binary4}, "ffffffff") == Deframer::Verdict::too_large);
    CHECK(verdict({Length::bcd4}, "99999999") == Deframer::Verdict::too_large);
    CHECK(verdict({Length::binary2, Trailer::none, true}, "0000") == Deframer::Verdict::ok);  // a keep-alive too
}

TEST_CASE("framing: every flipped bit of a frame gives frames or ends the stream") {
    for (const Framing& framing : every_framing()) {
        Buffer stream = on_the_wire(framing, as_bytes("a message"));
        for (std::size_t bit = 0; bit < stream.size() * 8; ++bit) {
            stream[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
            Deframer::Verdict verdict = Deframer::Verdict::ok;
            for (const auto& frame : frames_of(framing, stream, 3, verdict)) CHECK(frame.size() < stream.size());
            stream[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
        }
    }
}
