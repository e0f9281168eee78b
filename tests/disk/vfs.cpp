// SQLite's side of the simulated disk: sqlite3_vfs and sqlite3_io_methods over Disk::State. What a real file system
// does for SQLite is modelled on SQLite's own unix VFS (os_unix.c): lock levels, shared memory, which error means what.
#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "giro/result.hpp"
#include "tests/disk/state.hpp"

namespace giro::test {

namespace {
using State = Disk::State;
using Verdict = State::Verdict;

struct Mounted {
    std::vector<std::shared_ptr<State>> disks;
    Random random{0};
    sqlite3_vfs* base = nullptr;
};
Mounted& mounted() {
    static Mounted all;
    return all;
}

// An open file. SQLite allocates the memory and knows the first member alone.
struct Handle {
    sqlite3_file base{};
    std::shared_ptr<State> disk;
    std::shared_ptr<Node> node;
    std::string path;
    std::uint64_t epoch = 0;
    int lock = SQLITE_LOCK_NONE;
    std::uint16_t shm_shared = 0;
    std::uint16_t shm_exclusive = 0;
    bool shm_used = false;
    bool remove_on_close = false;
    bool keep_wal = false;
    [[nodiscard]] bool dead() const noexcept { return epoch != disk->epoch(); }
};
Handle& handle(sqlite3_file* file) {
    return *reinterpret_cast<Handle*>(file);
}

MutableBytes bytes_of(void* data, int count) {
    return {static_cast<std::byte*>(data), static_cast<std::size_t>(count)};
}
Bytes bytes_of(const void* data, int count) {
    return {static_cast<const std::byte*>(data), static_cast<std::size_t>(count)};
}

int x_read(sqlite3_file* file, void* out, int count, sqlite3_int64 offset) {
    Handle& h = handle(file);
    if (h.dead()) return SQLITE_IOERR_READ;
    const Verdict verdict = h.disk->admit(DiskOp::read);
    if (verdict == Verdict::fail) return SQLITE_IOERR_READ;
    MutableBytes wanted = bytes_of(out, count);
    const MutableBytes asked = verdict == Verdict::cut_short ? wanted.first(wanted.size() / 2) : wanted;
    const std::size_t got = h.node->file.read(static_cast<std::uint64_t>(offset), asked);
    if (got == wanted.size()) return SQLITE_OK;
    std::ranges::fill(wanted.subspan(got), std::byte{0});  // sqlite3_io_methods asks for this
    return SQLITE_IOERR_SHORT_READ;
}

int x_write(sqlite3_file* file, const void* data, int count, sqlite3_int64 at) {
    Handle& h = handle(file);
    if (h.dead()) return SQLITE_IOERR_WRITE;
    const Verdict verdict = h.disk->admit(DiskOp::write);
    if (verdict == Verdict::fail) return SQLITE_IOERR_WRITE;
    const Bytes all = bytes_of(data, count);
    const auto offset = static_cast<std::uint64_t>(at);
    const std::uint64_t size = h.node->file.size();
    const std::uint64_t growth = offset + all.size() > size ? offset + all.size() - size : 0;
    const std::uint64_t missing = growth - h.disk->take_space(growth);
    std::size_t fits = missing >= all.size() ? 0 : all.size() - missing;
    if (verdict == Verdict::cut_short) fits = std::min(fits, all.size() / 2);
    if (fits > 0) h.node->file.write(offset, all.first(fits));
    if (verdict == Verdict::last) return SQLITE_IOERR_WRITE;
    return fits == all.size() ? SQLITE_OK : SQLITE_FULL;
}

int x_truncate(sqlite3_file* file, sqlite3_int64 size) {
    Handle& h = handle(file);
    if (h.dead()) return SQLITE_IOERR_TRUNCATE;
    const Verdict verdict = h.disk->admit(DiskOp::truncate);
    if (verdict == Verdict::fail) return SQLITE_IOERR_TRUNCATE;
    const std::uint64_t before = h.node->file.size();
    const auto after = static_cast<std::uint64_t>(size);
    h.node->file.truncate(after);
    if (after < before) h.disk->give_space(before - after);
    return verdict == Verdict::last ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

int x_sync(sqlite3_file* file, int) {
    Handle& h = handle(file);
    if (h.dead()) return SQLITE_IOERR_FSYNC;
    const Verdict verdict = h.disk->admit(DiskOp::sync);
    if (verdict == Verdict::last) return SQLITE_IOERR_FSYNC;
    if (verdict == Verdict::fail) {
        if (!h.disk->stopped()) h.node->file.fail_sync();  // after stop_at() nothing is tried any more
        return SQLITE_IOERR_FSYNC;
    }
    if (!h.disk->lies()) h.disk->synced(*h.node);
    return SQLITE_OK;
}

int x_file_size(sqlite3_file* file, sqlite3_int64* size) {
    Handle& h = handle(file);
    if (h.dead()) return SQLITE_IOERR_FSTAT;
    *size = static_cast<sqlite3_int64>(h.node->file.size());
    return SQLITE_OK;
}

// PENDING and EXCLUSIVE need the RESERVED place and, in the end, that nobody else reads.
int lock_exclusive(Handle& h) {
    FileLocks& locks = h.node->locks;
    if (locks.writer != nullptr && locks.writer != &h) return SQLITE_BUSY;
    locks.writer = &h;
    locks.pending = true;
    if (locks.shared > 1) {
        h.lock = SQLITE_LOCK_PENDING;
        return SQLITE_BUSY;
    }
    h.lock = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

int x_lock(sqlite3_file* file, int level) {
    Handle& h = handle(file);
    if (h.dead()) return SQLITE_IOERR_LOCK;
    FileLocks& locks = h.node->locks;
    if (h.lock >= level) return SQLITE_OK;
    if (level == SQLITE_LOCK_SHARED) {
        if (locks.pending) return SQLITE_BUSY;
        ++locks.shared;
        h.lock = SQLITE_LOCK_SHARED;
        return SQLITE_OK;
    }
    if (level != SQLITE_LOCK_RESERVED) return lock_exclusive(h);
    if (locks.writer != nullptr) return SQLITE_BUSY;
    locks.writer = &h;
    h.lock = SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
}

int x_unlock(sqlite3_file* file, int level) {
    Handle& h = handle(file);
    if (h.lock <= level) return SQLITE_OK;
    FileLocks& locks = h.node->locks;
    if (locks.writer == &h) {
        locks.writer = nullptr;
        locks.pending = false;
    }
    if (level == SQLITE_LOCK_NONE && h.lock >= SQLITE_LOCK_SHARED) --locks.shared;
    h.lock = level;
    return SQLITE_OK;
}

int x_check_reserved_lock(sqlite3_file* file, int* out) {
    *out = handle(file).node->locks.writer != nullptr ? 1 : 0;
    return SQLITE_OK;
}

int x_file_control(sqlite3_file* file, int op, void* arg) {
    Handle& h = handle(file);
    if (op != SQLITE_FCNTL_PERSIST_WAL) return SQLITE_NOTFOUND;
    int& value = *static_cast<int*>(arg);
    if (value < 0)
        value = h.keep_wal ? 1 : 0;
    else
        h.keep_wal = value != 0;
    return SQLITE_OK;
}

int x_sector_size(sqlite3_file*) {
    return 4'096;
}
int x_device_characteristics(sqlite3_file*) {
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

int x_shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** out) {
    Handle& h = handle(file);
    *out = nullptr;
    if (h.dead()) return SQLITE_IOERR_SHMMAP;
    SharedMemory& shm = h.node->shm;
    if (!h.shm_used) ++shm.users;
    h.shm_used = true;
    const auto at = static_cast<std::size_t>(region);
    if (at >= shm.regions.size() && extend == 0) return SQLITE_OK;
    while (shm.regions.size() <= at) shm.regions.push_back(std::make_unique<Buffer>(static_cast<std::size_t>(size)));
    *out = shm.regions[at]->data();
    return SQLITE_OK;
}

// One lock of the eight, shared or exclusive, taken or given back.
int shm_lock_one(Handle& h, int slot, int flags) {
    SharedMemory& shm = h.node->shm;
    const auto at = static_cast<std::size_t>(slot);
    const auto mask = static_cast<std::uint16_t>(1U << slot);
    const auto others = static_cast<std::uint16_t>(~mask);
    const bool shared = (flags & SQLITE_SHM_SHARED) != 0;
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        if ((h.shm_shared & mask) != 0) --shm.shared[at];
        if ((h.shm_exclusive & mask) != 0) shm.exclusive[at] = false;
        h.shm_shared &= others;
        h.shm_exclusive &= others;
        return SQLITE_OK;
    }
    const std::uint16_t held = shared ? h.shm_shared : h.shm_exclusive;
    if ((held & mask) != 0) return SQLITE_OK;
    if (shm.exclusive[at] || (!shared && shm.shared[at] > 0)) return SQLITE_BUSY;
    if (shared) {
        ++shm.shared[at];
        h.shm_shared |= mask;
    } else {
        shm.exclusive[at] = true;
        h.shm_exclusive |= mask;
    }
    return SQLITE_OK;
}

int x_shm_lock(sqlite3_file* file, int first, int count, int flags) {
    Handle& h = handle(file);
    if (h.dead()) return SQLITE_IOERR_SHMLOCK;
    for (int slot = first; slot < first + count; ++slot) {
        if (shm_lock_one(h, slot, flags) == SQLITE_OK) continue;
        for (int undo = first; undo < slot; ++undo) shm_lock_one(h, undo, SQLITE_SHM_UNLOCK);
        return SQLITE_BUSY;
    }
    return SQLITE_OK;
}

void x_shm_barrier(sqlite3_file*) {}

int x_shm_unmap(sqlite3_file* file, int) {
    Handle& h = handle(file);
    if (!h.shm_used) return SQLITE_OK;
    for (int slot = 0; slot < SharedMemory::kLocks; ++slot) shm_lock_one(h, slot, SQLITE_SHM_UNLOCK);
    h.shm_used = false;
    if (--h.node->shm.users == 0) h.node->shm = {};
    return SQLITE_OK;
}

int x_close(sqlite3_file* file) {
    Handle& h = handle(file);
    x_shm_unmap(file, 0);
    x_unlock(file, SQLITE_LOCK_NONE);
    if (h.remove_on_close && !h.dead()) h.disk->remove(h.path);
    h.~Handle();
    return SQLITE_OK;
}

constexpr sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_file_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_check_reserved_lock,
    .xFileControl = x_file_control,
    .xSectorSize = x_sector_size,
    .xDeviceCharacteristics = x_device_characteristics,
    .xShmMap = x_shm_map,
    .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier,
    .xShmUnmap = x_shm_unmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int x_open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
    const std::shared_ptr<State> disk = name == nullptr ? nullptr : disk_of(name);
    if (!disk) return mounted().base->xOpen(mounted().base, name, file, flags, out_flags);
    file->pMethods = nullptr;  // SQLite closes nothing when the open fails
    if (disk->admit(DiskOp::open) != Verdict::go) return SQLITE_CANTOPEN;
    auto node = disk->find(name);
    const bool create = (flags & SQLITE_OPEN_CREATE) != 0;
    // The product makes its main database itself, in the real folder: here it begins as an empty file.
    if (!node && !create && (flags & SQLITE_OPEN_MAIN_DB) == 0) return SQLITE_CANTOPEN;
    if (!node) node = disk->create(name);
    Handle* h = new (file) Handle;
    h->base.pMethods = &kMethods;
    h->disk = disk;
    h->node = std::move(node);
    h->path = name;
    h->epoch = disk->epoch();
    h->remove_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
}

int x_delete(sqlite3_vfs*, const char* name, int sync_folder) {
    const auto disk = disk_of(name);
    if (!disk) return mounted().base->xDelete(mounted().base, name, sync_folder);
    const Verdict verdict = disk->admit(DiskOp::remove);
    if (verdict == Verdict::fail) return SQLITE_IOERR_DELETE;
    const bool removed = disk->remove(name);
    if (verdict == Verdict::last) return SQLITE_IOERR_DELETE;
    return removed ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
}

int x_access(sqlite3_vfs*, const char* name, int flags, int* out) {
    const auto disk = disk_of(name);
    if (!disk) return mounted().base->xAccess(mounted().base, name, flags, out);
    const auto node = disk->find(name);
    // As os_unix.c: an empty file does not exist for SQLITE_ACCESS_EXISTS.
    *out = node && (flags != SQLITE_ACCESS_EXISTS || node->file.size() > 0) ? 1 : 0;
    return SQLITE_OK;
}

int x_randomness(sqlite3_vfs*, int count, char* out) {
    for (int i = 0; i < count; ++i) out[i] = static_cast<char>(mounted().random.next());
    return count;
}

int x_sleep(sqlite3_vfs*, int microseconds) {
    return microseconds;
}  // a busy timeout passes without waiting

constexpr sqlite3_int64 kJulianDayMs =
    212'630'000'000'000;  // some day in 2025: nothing in the product asks SQLite for it
int x_current_time_int64(sqlite3_vfs*, sqlite3_int64* out) {
    *out = kJulianDayMs;
    return SQLITE_OK;
}
int x_current_time(sqlite3_vfs*, double* out) {
    *out = static_cast<double>(kJulianDayMs) / 86'400'000.0;
    return SQLITE_OK;
}

void register_once() {
    static sqlite3_vfs vfs;
    if (mounted().base != nullptr) return;
    mounted().base = sqlite3_vfs_find(nullptr);
    ASSERT(mounted().base != nullptr);
    vfs = *mounted().base;  // dlopen and the like: SQLite's own
    vfs.iVersion = 2;
    vfs.szOsFile = std::max(vfs.szOsFile, static_cast<int>(sizeof(Handle)));
    vfs.zName = "giro-test-disk";
    vfs.xOpen = x_open;
    vfs.xDelete = x_delete;
    vfs.xAccess = x_access;
    vfs.xRandomness = x_randomness;
    vfs.xSleep = x_sleep;
    vfs.xCurrentTime = x_current_time;
    vfs.xCurrentTimeInt64 = x_current_time_int64;
    ASSERT(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}
}  // namespace

std::shared_ptr<State> disk_of(const std::string& path) {
    for (const auto& disk : mounted().disks)
        if (disk->covers(path)) return disk;
    return nullptr;
}

void mount(const std::shared_ptr<State>& state, std::uint64_t seed) {
    register_once();
    mounted().disks.push_back(state);
    mounted().random = Random(seed);
    sqlite3_randomness(0, nullptr);  // SQLite asks x_randomness again
}

void unmount(const std::shared_ptr<State>& state) {
    std::erase(mounted().disks, state);
}

}  // namespace giro::test
