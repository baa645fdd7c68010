/* The switches in FLOPSTEP_EMULATE: what kind of card is emulated and what goes wrong with it. */
#include "tests/cuda_on_host/host_device.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace cuda_on_host {

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("cuda emulation: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

namespace {

/* A whole number with an optional binary suffix. */
bool read_number(const char *text, unsigned long long *value) {
    if (*text < '0' || *text > '9') return false;
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (errno) return false;
    static const char suffixes[] = "kMGT";
    if (*end) {
        const char *suffix = strchr(suffixes, *end == 'K' ? 'k' : *end);
        if (!suffix) return false;
        *value <<= 10 * (suffix - suffixes + 1), end++;
        if (*end == 'i') end++;
    }
    return *end == 0;
}

struct number_switch {
    const char *name;
    unsigned long long least, most;
    void (*set)(switches *, unsigned long long);
};
const number_switch numbers[] = {
    {"devices", 0, 16, [](switches *s, unsigned long long v) { s->devices = (int)v; }},
    {"memory", 1 << 20, 1ull << 40,
     [](switches *s, unsigned long long v) { s->memory = (size_t)v; }},
    {"lost-after", 1, 1ull << 60,
     [](switches *s, unsigned long long v) { s->lost_after = (long)v; }},
    {"refuse-after", 1, 1ull << 60,
     [](switches *s, unsigned long long v) { s->refuse_after = (long)v; }},
    {"wrong-after", 1, 1ull << 60,
     [](switches *s, unsigned long long v) { s->wrong_after = (long)v; }},
};

struct plain_switch {
    const char *word;
    void (*set)(switches *);
};
const plain_switch plain[] = {
    {"no-driver", [](switches *s) { s->driver = false; }},
    {"no-image", [](switches *s) { s->image = false; }},
    {"order=forward", [](switches *s) { s->reverse = false; }},
    {"order=reverse", [](switches *s) { s->reverse = true; }},
    {"late", [](switches *s) { s->late = true; }},
    {"strict", [](switches *s) { s->strict = true; }},
    {"not-strict", [](switches *s) { s->strict = false; }},
};

bool set_word(switches *s, const std::string &word) {
    for (const plain_switch &row : plain)
        if (word == row.word) {
            row.set(s);
            return true;
        }
    size_t equals = word.find('=');
    if (equals == std::string::npos) return false;
    std::string name = word.substr(0, equals), text = word.substr(equals + 1);
    if (name == "arch") {
        int used = 0;
        return sscanf(text.c_str(), "%2d.%1d%n", &s->major, &s->minor, &used) == 2 &&
               used == (int)text.size() && s->major > 0 && s->minor >= 0;
    }
    for (const number_switch &row : numbers) {
        unsigned long long value;
        if (name != row.name) continue;
        if (!read_number(text.c_str(), &value) || value < row.least || value > row.most)
            return false;
        row.set(s, value);
        return true;
    }
    return false;
}

/* As CUDA does: what comes after the first entry that names no device doesn't count. Only
 * ordinals are known here. */
int visible(int devices) {
    const char *list = getenv("CUDA_VISIBLE_DEVICES");
    if (!list) return devices;
    int count = 0;
    for (; count < devices; count++) {
        char *end;
        long ordinal = strtol(list, &end, 10);
        if (end == list || (*end && *end != ',') || ordinal < 0 || ordinal >= devices) break;
        list = *end ? end + 1 : end;
    }
    return count;
}

switches read_switches() {
    switches s;
    const char *list = getenv("FLOPSTEP_EMULATE");
    std::string rest = list ? list : "";
    while (!rest.empty()) {
        size_t comma = rest.find(',');
        std::string word = rest.substr(0, comma);
        rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
        if (!set_word(&s, word))
            die("FLOPSTEP_EMULATE: '%s' is not a switch with a value it can have; see "
                "tests/cuda_on_host/README.md",
                word.c_str());
    }
    s.devices = visible(s.devices);
    return s;
}

} // namespace

const switches &options() {
    static const switches read = read_switches();
    return read;
}

} // namespace cuda_on_host
