#include "appliance/giro/pos_once.hpp"

#include <fmt/format.h>

#include <functional>

namespace giro::pos {

namespace {
constexpr std::uint64_t kTickMs = 50;

class Once final : public Observer {
  public:
    Once(const Equipment& equipment, const config::Address& address, std::uint64_t timeout_ms, Trace* trace)
        : m_equipment(equipment), m_address(address), m_timeout_ms(timeout_ms), m_trace(trace),
          m_shared(equipment.dialect, m_random), m_tick(m_loop, [this] { tick(); }) {}

    using Act = std::function<void(Terminal&, Now)>;
    Result<OnceResult> run(Identity who, Act act) {
        auto key = terminal_keys_of(m_equipment.paths, who.terminal);
        if (!key) return tl::unexpected(key.error());
        m_act = std::move(act);
        m_station = std::make_unique<Station>(m_loop, m_equipment, m_address, who, std::move(*key), m_timeout_ms,
                                              m_shared, *this);
        m_started_ns = m_equipment.clock.monotonic_ns();
        m_tick.every(kTickMs);
        m_loop.handle_stop_signals([this] { end(Failure::Kind::try_again, "interrupted"); });
        m_loop.run();
        if (m_trace != nullptr) m_trace->flush();
        if (m_failure) return tl::unexpected(*m_failure);
        return m_result;
    }

  private:
    void ready(Terminal& terminal) override { m_act(terminal, m_equipment.now()); }
    void failed(Terminal&, const std::string& why) override { end(Failure::Kind::refused, why); }
    void odd(Terminal& terminal, Oddity oddity) override {
        const std::string code = terminal.code_without_mac().str();
        if (oddity == Oddity::mac_failure || oddity == Oddity::unproven)
            m_doubt = code.empty() ? "an answer with a wrong MAC" : fmt::format("an answer without a MAC says {} ({})", code, response_words(code));
        if (oddity == Oddity::mismatch) m_doubt = "an answer to another payment";
        if (oddity == Oddity::malformed) m_doubt = "an answer that could not be read";
    }

    void done(Terminal& terminal, const Outcome& outcome) override {
        if (m_trace != nullptr) m_trace->outcome(terminal, outcome);
        if (!outcome.answered && outcome.kind == Kind::notice) return end(Failure::Kind::try_again, cause());
        if (!outcome.answered) {
            m_result.reversed = true;
            return;  // the reversal is under way
        }
        m_result.outcome = outcome;
        m_result.sale = outcome.kind == Kind::reversal ? terminal.last_reversed() : terminal.last_sale();
        m_loop.stop();
    }

    void tick() {
        const Now now = m_equipment.now();
        m_station->terminal().tick(now);
        // Time for sign-on and sale, or for sale and reversal.
        const std::uint64_t waited_ns = now.monotonic_ns - m_started_ns;
        if (waited_ns < 2 * m_timeout_ms * 1'000'000) return;
        end(Failure::Kind::try_again, fmt::format("{}:{}, {:.1f} s: {}; {}", m_address.host, m_address.port,
                                                  static_cast<double>(waited_ns) / 1e9, cause(), what_to_do()));
    }

    [[nodiscard]] std::string cause() const {
        if (!m_doubt.empty()) return m_doubt;
        const std::string& error = m_station->last_error();
        return error.empty() ? "no answer" : error;
    }
    [[nodiscard]] std::string what_to_do() const {
        if (m_result.reversed)
            return fmt::format("the payment may have been taken: giro pos reverse --rrn {}", m_station->terminal().last_sale().rrn.view());
        return "is the box up? (giro status)";
    }

    void end(Failure::Kind kind, std::string why) {
        if (!m_failure) m_failure = Failure{kind, std::move(why)};
        m_loop.stop();
    }

    const Equipment& m_equipment;
    config::Address m_address;
    std::uint64_t m_timeout_ms;
    Trace* m_trace;
    SystemRandom m_random;
    bus::Loop m_loop;
    Shared m_shared;
    bus::Timer m_tick;
    Act m_act;
    std::unique_ptr<Station> m_station;
    std::uint64_t m_started_ns = 0;
    std::string m_doubt;
    std::optional<Failure> m_failure;
    OnceResult m_result;
};
}  // namespace

namespace {
// On disk before the answer: what may have to be reversed is never forgotten.
void note(Trace* trace, const Terminal& terminal, const Purchase& purchase) {
    if (trace == nullptr) return;
    trace->sale(terminal, purchase.card);
    trace->flush();
}
}  // namespace

Result<OnceResult> buy_once(const Equipment& equipment, const config::Address& address, Identity who,
                            std::uint64_t timeout_ms, const Purchase& purchase, Trace* trace) {
    return std::make_unique<Once>(equipment, address, timeout_ms, trace)->run(who, [&](Terminal& terminal, Now now) {
        terminal.sell(purchase.pan, purchase.qr, purchase.amount, false, now.monotonic_ns, now, purchase.pin, purchase.data);
        note(trace, terminal, purchase);
    });
}

Result<OnceResult> authorise_once(const Equipment& equipment, const config::Address& address, Identity who,
                                  std::uint64_t timeout_ms, const Purchase& purchase, Trace* trace) {
    return std::make_unique<Once>(equipment, address, timeout_ms, trace)->run(who, [&](Terminal& terminal, Now now) {
        terminal.authorise(purchase.pan, purchase.amount, now, purchase.pin, purchase.data);
        note(trace, terminal, purchase);
    });
}

Result<OnceResult> follow_once(const Equipment& equipment, const config::Address& address, Identity who,
                               std::uint64_t timeout_ms, const Sale& authorised, Form form, const Purchase& purchase,
                               Trace* trace) {
    return std::make_unique<Once>(equipment, address, timeout_ms, trace)->run(who, [&](Terminal& terminal, Now now) {
        if (form == Form::completion) terminal.complete(authorised, purchase.amount, now);
        else terminal.raise(authorised, purchase.amount, now);
        note(trace, terminal, purchase);
    });
}

Result<OnceResult> reverse_once(const Equipment& equipment, const config::Address& address, Identity who,
                                std::uint64_t timeout_ms, const Sale& original, Trace* trace, ReversalForm form) {
    return std::make_unique<Once>(equipment, address, timeout_ms, trace)->run(who, [&](Terminal& terminal, Now now) {
        terminal.reverse(original, now, form);
    });
}

Result<OnceResult> notify_once(const Equipment& equipment, const config::Address& address, Identity who,
                               std::uint64_t timeout_ms, NetworkCode code) {
    return std::make_unique<Once>(equipment, address, timeout_ms, nullptr)->run(who, [&](Terminal& terminal, Now now) {
        terminal.notify(code, now);
    });
}

Result<OnceResult> reconcile_once(const Equipment& equipment, const config::Address& address, Identity who,
                                  std::uint64_t timeout_ms, const Claim& claim) {
    return std::make_unique<Once>(equipment, address, timeout_ms, nullptr)->run(who, [&](Terminal& terminal, Now now) {
        terminal.reconcile(claim, now);
    });
}

}  // namespace giro::pos
