// What goes wrong around a box, each with the one line that says what to do: a second start, a port in use, a half-
// written configuration, a wrong PIN, a journal that somebody changed. The box here takes one payment and no settlement.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <unistd.h>

#include "journal/format.hpp"
#include "tests/story/box.hpp"

using namespace story;

namespace {
// A demo box with one payment in its journal, down.
class Troubled {
  public:
    static Box& box() {
        static Troubled one;
        return one.m_box;
    }

  private:
    Box m_box{"trouble"};
    Troubled() {
        m_box.init();
        m_box.up();
        REQUIRE(m_box.giro({"demo", "provision"}).status == 0);
        REQUIRE(m_box.giro({"pos", "buy", "--amount", "4711"}).status == 0);
        m_box.down();
    }
};

class PortTaken {
  public:
    explicit PortTaken(int port) : m_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        const int on = 1;
        ::setsockopt(m_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        REQUIRE(::bind(m_fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(m_fd, 1) == 0);
    }
    ~PortTaken() { ::close(m_fd); }
    PortTaken(const PortTaken&) = delete;
    PortTaken& operator=(const PortTaken&) = delete;

  private:
    int m_fd;
};

void run_sql(const std::filesystem::path& file, const char* sql) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
    CHECK(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
}

// Copies SQLite's write-ahead log into the database, so that the payment's bytes are there to be changed.
void merge_wal(const std::filesystem::path& file) {
    // A connection that has read nothing yet does not know that there is such a log.
    run_sql(file, "SELECT count(*) FROM sqlite_schema; PRAGMA wal_checkpoint(TRUNCATE)");
}

// Puts other text into a file for the time of a test.
class Changed {
  public:
    Changed(const std::filesystem::path& file, const std::string& text) : m_file(file), m_before(read_text(file)) { write_text(file, text); }
    ~Changed() { write_text(m_file, m_before); }
    Changed(const Changed&) = delete;
    Changed& operator=(const Changed&) = delete;

  private:
    std::filesystem::path m_file;
    std::string m_before;
};
}  // namespace

TEST_CASE("trouble: a box that is not set up says what to run") {
    tell("trouble: not set up, second start, port in use, half a configuration, wrong PIN, changed journal");
    Box empty("empty");
    std::filesystem::remove(empty.file("etc/giro.toml"));
    const Said said = empty.giro({"up"});
    CHECK(said.status == 3);
    CHECK(said.has("giro init"));
}

TEST_CASE("trouble: a second start of the same box is turned away and harms nothing") {
    Box& box = Troubled::box();
    box.up();
    const Said second = box.up_that_fails();
    CHECK(second.status == 75);
    CHECK(second.has("is up already"));
    CHECK(box.status()["up"] == true);
    box.down();
}

TEST_CASE("trouble: a port in use stops the start with the port's name") {
    Box& box = Troubled::box();
    const PortTaken taken(box.port("7801"));
    const Said said = box.up_that_fails();
    INFO(said.text);
    CHECK(said.status != 0);
    CHECK(said.has(std::to_string(box.port("7801"))));
    const Said doctor = box.giro({"doctor"});
    CHECK(doctor.status == 75);
    CHECK(doctor.has("WRONG ports"));
    CHECK_FALSE(doctor.has("WRONG snapshot"));
    const std::filesystem::path refused = box.file("switch/snapshot.refused");
    write_text(refused, "of another time");
    CHECK(box.giro({"doctor"}).has("WRONG snapshot"));
    std::filesystem::remove(refused);
}

TEST_CASE("trouble: a half-written configuration is refused with its line, by every program") {
    Box& box = Troubled::box();
    const std::string whole = read_text(box.file("etc/giro.toml"));
    const Changed half(box.file("etc/giro.toml"), whole.substr(0, whole.size() / 2));
    const Said check = box.giro({"config", "check"});
    CHECK(check.status == 2);
    CHECK(check.has("giro.toml:"));
    CHECK(box.up_that_fails().status == 2);
}

TEST_CASE("trouble: a wrong PIN of the token is told as such") {
    Box& box = Troubled::box();
    const Changed pin(box.file("vault/pin"), "00000000000000000000000000000000");
    const Said said = box.up_that_fails();
    INFO(said.text);
    CHECK(said.status == 3);
    CHECK(said.has("PIN"));
}

TEST_CASE("trouble: usage errors end with 2") {
    Box& box = Troubled::box();
    CHECK(box.giro({"frobnicate"}).status == 2);
    CHECK(box.giro({"pos", "--terminals", "many"}).status == 2);
    CHECK(box.giro({}).status == 2);
    CHECK(box.giro({"--help"}).status == 0);
}

TEST_CASE("trouble: a snapshot that is damaged, or of another version, is named, put aside and done without") {
    Box& box = Troubled::box();
    const auto snapshot = box.file("switch/snapshot"), refused = box.file("switch/snapshot.refused");
    constexpr std::size_t kFileVersionAt = 8, kStateAt = 8 + 4 + 8 + 32 + 32 + 64 + 8;
    for (const std::size_t at : {kFileVersionAt, kStateAt + 100}) {
        std::filesystem::remove(refused);
        std::string bytes = read_text(snapshot);
        REQUIRE(bytes.size() > kStateAt + 100);
        bytes[at] = static_cast<char>(bytes[at] ^ 1);
        write_text(snapshot, bytes);
        box.up();
        CHECK(read_text(refused) == bytes);
        const std::string log = read_text(box.file("log/giro-switch.log"));
        CHECK(log.find(snapshot.string() + (at == kFileVersionAt ? " is damaged; " : " is not what the vault signed; ")) != std::string::npos);
        CHECK(log.find("snapshot at 0,") != std::string::npos);
        CHECK(box.giro({"pos", "buy", "--amount", "10"}).status == 0);
        box.down();
        CHECK(std::filesystem::exists(snapshot));  // a good one
    }
    CHECK(box.giro({"journal", "verify"}).status == 0);
}

TEST_CASE("trouble: the journal of another version is refused with both numbers and what to do") {
    Box& box = Troubled::box();
    const std::string own = std::to_string(giro::journal::kFormatVersion);
    run_sql(box.file("switch/journal.db"), "PRAGMA user_version=1");
    for (const Said& said : {box.up_that_fails(), box.giro({"journal", "verify"}), box.giro({"journal", "list"})}) {
        INFO(said.text);
        CHECK(said.status == 2);
        CHECK(said.has("has format 1, this program reads format " + own + ": use the version of Giro that wrote it"));
    }
    run_sql(box.file("switch/journal.db"), ("PRAGMA user_version=" + own).c_str());
    CHECK(box.giro({"journal", "verify"}).status == 0);
}

TEST_CASE("trouble: a changed journal stops the start and names the entry") {
    Box& box = Troubled::box();
    CHECK(box.giro({"journal", "verify"}).status == 0);
    merge_wal(box.file("switch/journal.db"));
    std::string journal = read_text(box.file("switch/journal.db"));
    const auto payment = box.journal("payment").at(0);
    const auto at = journal.find(payment["rrn"].get<std::string>());
    REQUIRE(at != std::string::npos);
    journal[at] = journal[at] == '9' ? '8' : '9';
    const Changed changed(box.file("switch/journal.db"), journal);

    const std::string seq = std::to_string(payment["seq"].get<std::uint64_t>());
    const Said verify = box.giro({"journal", "verify"});
    INFO(verify.text);
    CHECK(verify.status == 4);
    CHECK(verify.has(seq));
    const Said start = box.up_that_fails();
    INFO(start.text);
    CHECK(start.status == 4);
    CHECK(start.has(seq));
}
