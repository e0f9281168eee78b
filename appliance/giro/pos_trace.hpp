// The terminals' own record of what they sent and what they were told: one JSON object a line, so that it can be held
// against the journal, and so that a payment can be reversed later. Card numbers only as first six and last four; a
// demo card is named by BIN and index (demo.hpp), from which its number follows by rule.
//
//   {"event":"sale","terminal":"T0000001","stan":3,"rrn":"…","amount":1250,"currency":963,"pan":"970001******0051",
//    "bin":"970001","card":5,"transmission":"1122150405","local_time":"150405","local_date":"1122"}
//   {"event":"answer","of":"sale","terminal":"T0000001","stan":3,"rrn":"…","amount":1250,"code":"00","auth_code":"…","latency_ms":1.234}
//   {"event":"timeout", … as answer, without code}
// A sale's "mti" is 0200, 0100 or 0220; what raises or completes an authorisation has its RRN, and its STAN in "original_stan".
// `of`: sale, repeat, reversal (its stan is the reversal's own) or echo. QR payments have no pan, bin and card.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>

#include "appliance/giro/terminal.hpp"

namespace giro::pos {

// A demo card by rule; `bin` empty: none (QR).
struct CardName {
    std::string bin;
    std::uint32_t index = 0;
};

class Trace {
  public:
    // Appends. With 0600: it tells who paid what.
    [[nodiscard]] static Result<Trace> open(const std::filesystem::path& file);
    void sale(const Terminal& terminal, const CardName& card);
    void outcome(const Terminal& terminal, const Outcome& outcome);
    void flush() { std::fflush(m_file.get()); }

  private:
    struct Close {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    explicit Trace(std::FILE* file) : m_file(file) {}
    std::unique_ptr<std::FILE, Close> m_file;
};

// A sale found again in such a file.
struct FoundSale {
    TerminalId terminal;
    Currency currency = 0;
    CardName card;
    Sale sale;  // pan and qr left empty
};
// Nothing when the file has no sale of this RRN. Of several it is the last, but for one that was declined after another;
// lines of other forms are skipped.
// `form`: of that one alone. What raises an authorisation is never found: it cannot be reversed or completed by itself.
[[nodiscard]] Result<std::optional<FoundSale>> find_sale(const std::filesystem::path& file, const std::string& rrn,
                                                         std::optional<Form> form = std::nullopt);

}  // namespace giro::pos
