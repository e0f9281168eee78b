// Commands of staff (run/switch.admin), of giro-settle and of giro-auditor. One table says who may ask for what; anything
// else closes the caller's connection. Every change is durable before it is answered.
#pragma once

#include <memory>
#include <vector>

#include "appliance/giro-switch/pipeline.hpp"

namespace giro::appliance {

class Commands {
  public:
    Commands(Program& program, switching::Core& core, Pipeline& pipeline, Clock& clock);
    ~Commands();
    // Opens run/switch.admin, .settle and .auditor.
    [[nodiscard]] Result<void> open();

  private:
    struct Row;
    struct Caller;
    static const Row kTable[];
    [[nodiscard]] Result<void> open(std::string_view caller, unsigned permit);
    void received(Caller& caller, bus::PeerId peer, const bus::Record& record);
    // Commits, then answers: ok with `body`, or refused with `why`.
    void reply(Caller& caller, bus::PeerId peer, const bus::Record& record, const switching::Done& done, Bytes body = {});
    template <typename E>
    void change(Caller& caller, bus::PeerId peer, const bus::Record& record, switching::Done (switching::Core::*method)(const E&));
    // Commands that name a card by its number: `decide` hears its sealed form once the vault has made it.
    template <typename Message>
    void of_card(Caller& caller, bus::PeerId peer, const bus::Record& record,
                 switching::Done (*decide)(switching::Core&, const Message&, const entry::SealedPan&));
    void apply_routes(Caller& caller, bus::PeerId peer, const bus::Record& record);
    void close_window(Caller& caller, bus::PeerId peer, const bus::Record& record);
    void saf_list(Caller& caller, bus::PeerId peer, const bus::Record& record);
    void saf_close(Caller& caller, bus::PeerId peer, const bus::Record& record);
    void saf_change(Caller& caller, bus::PeerId peer, const bus::Record& record, bool park);
    void saf_many(Caller& caller, bus::PeerId peer, const bus::Record& record);
    void set_link(Caller& caller, bus::PeerId peer, const bus::Record& record);
    [[nodiscard]] std::string link_json(const config::Link& link) const;
    void status(Caller& caller, bus::PeerId peer, const bus::Record& record);
    void bad_request(Caller& caller, bus::PeerId peer, const bus::Record& record);

    Program& m_program;
    switching::Core& m_core;
    Pipeline& m_pipeline;
    Clock& m_clock;
    std::vector<std::unique_ptr<Caller>> m_callers;
};

}  // namespace giro::appliance
