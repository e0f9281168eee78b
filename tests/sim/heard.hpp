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

class Ears {
  public:
    void hear(Heard heard) { m_all.push_back(std::move(heard)); }
    [[nodiscard]] const std::vector<Heard>& all() const noexcept { return m_all; }
    void see(const std::string& request, Typed typed) { m_typed[request] = std::move(typed); }
    [[nodiscard]] const std::map<std::string, Typed>& typed() const noexcept { return m_typed; }  // by key_of_sale()

  private:
    std::vector<Heard> m_all;
    std::map<std::string, Typed> m_typed;
};

// Answers that decide nothing: the sender is to come again, or (68, too old by its date) to ask about it elsewhere.
[[nodiscard]] bool decides(std::string_view code) noexcept;

}  // namespace giro::sim
