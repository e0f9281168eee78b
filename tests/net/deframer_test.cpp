#include "net/deframer.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {
using namespace giro;
using namespace giro::net;
constexpr std::size_t kMax = 40;

Buffer bytes(std::string_view text) {
    return {as_bytes(text).begin(), as_bytes(text).end()};
}

// Feeds `stream` in pieces that end at `cuts` and returns the frames seen.
struct Run {
    std::vector<std::string> frames;
    Deframer::Verdict verdict = Deframer::Verdict::ok;
    bool mid_frame = false;
};
Run run(const Buffer& stream, std::vector<std::size_t> cuts) {
    Deframer deframer(kMax);
    Run out;
    cuts.push_back(stream.size());
    std::size_t at = 0;
    for (const std::size_t cut : cuts) {
        out.verdict = deframer.feed(Bytes(stream).subspan(at, cut - at), [&](Bytes frame) {
            out.frames.emplace_back(as_text(frame));
            return true;
        });
        at = cut;
        if (out.verdict != Deframer::Verdict::ok) break;
    }
    out.mid_frame = deframer.mid_frame();
    return out;
}

using namespace std::string_literals;
const Buffer kStream = bytes("\0\3abc\0\0\0\1d\0\5hello\0\2xy"s);
const std::vector<std::string> kFrames = {"abc", "", "d", "hello", "xy"};
}  // namespace

TEST_CASE("deframer: frames come out whole and in order wherever the stream is cut in three") {
    for (std::size_t a = 0; a <= kStream.size(); ++a)
        for (std::size_t b = a; b <= kStream.size(); ++b) {
            const Run got = run(kStream, {a, b});
            CAPTURE(a);
            CAPTURE(b);
            CHECK(got.frames == kFrames);
            CHECK_FALSE(got.mid_frame);
        }
}

TEST_CASE("deframer: byte by byte gives the same frames") {
    std::vector<std::size_t> cuts;
    for (std::size_t i = 1; i < kStream.size(); ++i) cuts.push_back(i);
    CHECK(run(kStream, cuts).frames == kFrames);
}

TEST_CASE("deframer: every truncation gives only whole frames and says that one has begun") {
    const std::size_t boundaries[] = {0, 5, 7, 10, 17, 21};
    for (std::size_t size = 0; size <= kStream.size(); ++size) {
        const Run got = run(Buffer(kStream.begin(), kStream.begin() + static_cast<std::ptrdiff_t>(size)), {});
        CHECK(got.verdict == Deframer::Verdict::ok);
        CHECK(got.frames.size() <= kFrames.size());
        for (std::size_t i = 0; i < got.frames.size(); ++i) CHECK(got.frames[i] == kFrames[i]);
        CHECK(got.mid_frame == (std::find(std::begin(boundaries), std::end(boundaries), size) == std::end(boundaries)));
    }
}

TEST_CASE("deframer: a length of zero is a frame without bytes") {
    CHECK(run(bytes("\0\0\0\0"s), {1}).frames == std::vector<std::string>{"", ""});
}

TEST_CASE("deframer: the largest frame passes and one byte more ends the stream, whole or in pieces") {
    Buffer largest = bytes("\0\x28"s + std::string(kMax, 'x'));
    CHECK(run(largest, {}).frames.size() == 1);
    CHECK(run(largest, {1, 20}).frames.size() == 1);
    const Buffer too_large = bytes("\0\1a\0\x29"s + std::string(kMax + 1, 'x'));
    for (std::size_t cut = 0; cut <= too_large.size(); ++cut) {
        const Run got = run(too_large, {cut});
        CHECK(got.verdict == Deframer::Verdict::too_large);
        CHECK(got.frames == std::vector<std::string>{"a"});
    }
    CHECK(run(bytes("\xff\xff"), {}).verdict == Deframer::Verdict::too_large);
}

TEST_CASE("deframer: stops where the reader of frames says so") {
    Deframer deframer(kMax);
    int frames = 0;
    const auto verdict = deframer.feed(kStream, [&](Bytes) { return ++frames < 2; });
    CHECK(verdict == Deframer::Verdict::stopped);
    CHECK(frames == 2);
}
