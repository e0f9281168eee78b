// What the world outside the box heard: the truth that the journal is held against.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "giro/types.hpp"

namespace giro::sim {

// An answer to a purchase, a reversal or a wallet's order, whichever connection it came by.
struct Heard {
    std::string request;  // names the request: see key_of_*
    bool reversal = false;
    std::string code;  // DE39
    std::string auth_code;
    std::uint64_t time_ns = 0;
};

[[nodiscard]] std::string key_of_reconciliation(std::string_view terminal, std::uint32_t stan);
[[nodiscard]] std::string key_of_upload(std::string_view terminal, std::uint32_t stan, std::string_view rrn);
[[nodiscard]] std::string key_of_sale(std::string_view terminal, std::uint32_t stan, std::string_view rrn);

// A PIN that a customer typed for a sale.
struct Typed {
    std::string card;
    bool right = false;
};

// A sale that was paid by chip.
struct Dipped {
    std::string card;
    std::uint16_t atc = 0;
    bool genuine = false;  // the card made the cryptogram,
    bool copied = false;   // for another sale: it is used again
    bool refused = false;  // and it is an AAC: the card said no,
    bool agreed = false;   // or a TC: the card approved by itself
    bool offline = false;  // the till approved the sale by itself, and tells of it
    bool on_us = true;     // else its issuer's host looks at it, or nobody
    Buffer cryptogram{};
};

// A verification value that was shown for a sale: of the stripe, or printed.
struct Shown {
    std::string card;
    bool right = false;
};

class Ears {
  public:
    void hear(Heard heard) { m_all.push_back(std::move(heard)); }
    [[nodiscard]] const std::vector<Heard>& all() const noexcept { return m_all; }
    void see(const std::string& request, Typed typed) { m_typed[request] = std::move(typed); }
    [[nodiscard]] const std::map<std::string, Typed>& typed() const noexcept { return m_typed; }  // by key_of_sale()
    void see(const std::string& request, Dipped dipped) { m_dipped[request] = std::move(dipped); }
    [[nodiscard]] const std::map<std::string, Dipped>& dipped() const noexcept { return m_dipped; }  // by key_of_sale()
    // A card did not believe what the box answered it.
    void disbelieve(std::string what) { m_disbelieved.push_back(std::move(what)); }
    [[nodiscard]] const std::vector<std::string>& disbelieved() const noexcept { return m_disbelieved; }

    void see(const std::string& request, Shown shown) { m_shown[request] = std::move(shown); }
    [[nodiscard]] const std::map<std::string, Shown>& shown() const noexcept { return m_shown; }  // by key_of_sale()
    // The gate refused for want of time what it may never refuse.
    void shed(std::string what) { m_shed.push_back(std::move(what)); }
    [[nodiscard]] const std::vector<std::string>& shed() const noexcept { return m_shed; }

    // A host was told of a stood-in sale (terminal/RRN), with this cryptogram.
    void advise(std::string request, Buffer cryptogram) { m_advised.emplace_back(std::move(request), std::move(cryptogram)); }
    [[nodiscard]] const std::vector<std::pair<std::string, Buffer>>& advised() const noexcept { return m_advised; }

  private:
    std::vector<Heard> m_all;
    std::vector<std::pair<std::string, Buffer>> m_advised;
    std::map<std::string, Shown> m_shown;
    std::vector<std::string> m_shed;
    std::map<std::string, Dipped> m_dipped;
    std::vector<std::string> m_disbelieved;
    std::map<std::string, Typed> m_typed;
};

// Answers that decide nothing: the sender is to come again, or (68, too old by its date) to ask about it elsewhere.
[[nodiscard]] bool decides(std::string_view code) noexcept;

}  // namespace giro::sim
