// A demo terminal in slow motion: sends exactly the bytes a test wants and shows what comes back. It makes its messages
// and MACs as the product's simulator does; what it never does is react by itself.
#pragma once

#include <optional>
#include <string>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/terminal_message.hpp"
#include "tests/story/box.hpp"
#include "util/environment.hpp"

namespace story {

// What came back to one message.
struct Heard {
    enum class Kind {
        answer,
        keep_alive,
        closed,
        nothing
    } kind = Kind::nothing;  // nothing: silence until the time was over
    giro::Buffer message;
    std::string mti, code, rrn, terminal;
    std::string additional;  // DE48
    bool has_mac = false;
    bool operator==(std::string_view wanted) const { return kind == Kind::answer && code == wanted; }
};

class Till {
  public:
    // Terminal T<number> with its key from the box's demo folder, or with `key` as 64 hexadecimal digits.
    Till(const Box& box, unsigned number, const std::string& key = {});
    ~Till();
    Till(const Till&) = delete;
    Till& operator=(const Till&) = delete;

    void connect();                    // anew
    void send(giro::Bytes message);    // with its length before it
    void send_raw(giro::Bytes bytes);  // as they are
    [[nodiscard]] Heard hear(int timeout_ms = 15'000);
    void hang_up();

    // Messages, with their length: send_raw(x.view()).
    [[nodiscard]] giro::pos::Frame network(giro::pos::NetworkCode code);
    [[nodiscard]] giro::pos::Sale sale(giro::MinorUnits amount, std::string_view bin = "970001", unsigned card = 1);
    [[nodiscard]] giro::pos::Frame purchase(const giro::pos::Sale& sale);  // under the key in use
    [[nodiscard]] giro::pos::Frame reversal(const giro::pos::Sale& sale);

    // The same and the answer to it.
    Heard sign_on() { return say(network(giro::pos::NetworkCode::sign_on)); }
    Heard buy(giro::MinorUnits amount) { return say(purchase(sale(amount))); }
    Heard say(const giro::pos::Frame& frame) { return send_raw(frame.view()), hear(); }

    // Asks for a new key and returns what it is made of; goes on using the old one.
    [[nodiscard]] giro::vault::Nonce new_key();
    void use(const giro::vault::Nonce& nonce);                                             // from now on
    [[nodiscard]] bool is_from_box(const Heard& answer, const giro::vault::Nonce& nonce);  // its MAC is right
    [[nodiscard]] const giro::pos::Identity& identity() const { return m_who; }

  private:
    giro::iso8583::Dialect m_dialect;
    giro::pos::MessageBuilder m_builder;
    giro::pos::AnswerReader m_reader;
    giro::pos::Identity m_who;
    giro::Secret m_tmk;
    giro::pos::MacKey m_base, m_session;
    int m_port, m_fd = -1;
    std::uint32_t m_stan = 0;
    giro::SystemRandom m_random;
    giro::pos::RrnMaker m_rrns;
};

// A terminal that has exchanged keys and uses the new one.
class Ready : public Till {
  public:
    Ready(const Box& box, unsigned number) : Till(box, number), key(new_key()) { use(key); }
    giro::vault::Nonce key;
};

}  // namespace story
