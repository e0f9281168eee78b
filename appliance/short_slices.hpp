// How the scheduler is to treat the programs that a payment passes through: gate, switch and vault.
#pragma once

namespace giro::appliance {

// A payment wakes one program after the other, each for some tenths of a millisecond. By default Linux lets whatever
// runs on a core go on for 1.4 ms or more before a woken program may have it; one that asks for shorter slices of its
// own is let in sooner, and gets no more of the core over time than before. From Linux 6.12 on; earlier kernels take no
// notice, and a refusal changes nothing. For the calling thread and those it starts later; a policy other than
// SCHED_OTHER is left alone.
void ask_for_short_slices() noexcept;

}  // namespace giro::appliance
