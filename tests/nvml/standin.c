/* A stand-in for libnvidia-ml.so.1: what a scenario file says, at the ABI that pynvml uses.
 *
 * STANDIN_NVML names the file. It is looked at anew at each call, so it may change at any
 * time. It has a "key value" a line; what it does not name is not supported. A value "!15"
 * makes the call return 15. Keys of a device begin with its number, "0.power 310500", those
 * of an instance of it with both, "0.mig2.uuid MIG-…". For any function there are
 * "fail.FUNCTION CODE", "hang.FUNCTION 1", "crash.FUNCTION 1" and "slow.FUNCTION MILLISECONDS";
 * "lost CODE" fails them all but nvmlInit, "0.lost CODE" all of one device. nvmlInit prints
 * what "prints TEXT" says. "calls PATH" has the name of each call appended there.
 *
 * Compiled with -DWITHOUT_… it lacks functions, as an older driver does.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    OK, UNINITIALIZED, INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND = 6,
    INSUFFICIENT_SIZE, TIMEOUT = 10, VERSION_MISMATCH = 25,
};
enum { DEVICES = 16, INSTANCES = 8, KEYS = 4096, TEXT = 1 << 20 };

typedef struct { int index, mig; char prefix[16]; } Unit;
typedef Unit *Handle;
typedef unsigned long long u64;

typedef struct { u64 total, free, used; } Memory;
typedef struct { unsigned version; u64 total, reserved, free, used; } MemoryV2;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned version, sensor; int temperature; } Temperature;
typedef struct { unsigned pid; u64 memory; } ProcessV1;
typedef struct { unsigned pid; u64 memory; unsigned instance, compute; } ProcessV2;
/* Of v3 in R535 before 535.98: entries that nobody else knows. */
typedef struct { ProcessV2 known; u64 protected_memory; } ProcessR535;
typedef struct { unsigned pid; u64 time; unsigned sm, memory, encoder, decoder; } Sample;
typedef union { double d; unsigned ui; unsigned long ul; u64 ull; } Value;
typedef struct {
    uint32_t field, scope;
    int64_t time, latency;
    unsigned type, result;
    Value value;
} FieldValue;
typedef struct { Handle device; u64 type, data; unsigned instance, compute; } Event;

static Unit gpus[DEVICES];
static char text[TEXT];
static struct { const char *key, *value; } entries[KEYS];
static int count;
static int open_times;

/* The scenario. */

static void load(void)
{
    static struct stat known;
    struct stat now;
    const char *path = getenv("STANDIN_NVML");
    if (!path || stat(path, &now))
        return;
    if (now.st_ino == known.st_ino && now.st_size == known.st_size
        && !memcmp(&now.st_mtim, &known.st_mtim, sizeof now.st_mtim))
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, TEXT - 1);
    if (fd >= 0)
        close(fd);
    if (size < 0)
        return;
    known = now;
    text[size] = 0;
    count = 0;
    char *rest;
    for (char *line = strtok_r(text, "\n", &rest); line && count < KEYS;
         line = strtok_r(NULL, "\n", &rest)) {
        char *space = strchr(line, ' ');
        if (!space)
            continue;
        *space = 0;
        entries[count].key = line;
        entries[count++].value = space + 1;
    }
}

static const char *find(const char *prefix, const char *name)
{
    size_t length = strlen(prefix);
    for (int i = 0; i < count; i++)
        if (!strncmp(entries[i].key, prefix, length) && !strcmp(entries[i].key + length, name))
            return entries[i].value;
    return NULL;
}

static int number(const char *prefix, const char *name, long long *value)
{
    const char *found = find(prefix, name);
    if (!found)
        return NOT_SUPPORTED;
    if (*found == '!')
        return atoi(found + 1);
    *value = strtoull(found, NULL, 10);
    return OK;
}

static long long setting(const char *prefix, const char *name)
{
    long long value = 0;
    return number(prefix, name, &value) ? 0 : value;
}

/* What may happen to any call; 0 where nothing does. */
static int enter(const char *function, Handle unit)
{
    load();
    const char *path = find("", "calls");
    if (path) {
        int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        dprintf(fd, "%s%s%s\n", unit ? unit->prefix : "", unit ? " " : "", function);
        close(fd);
    }
    while (setting("hang.", function))
        sleep(1000);
    if (setting("crash.", function))
        raise(SIGSEGV);
    long long pause = setting("slow.", function);
    if (pause)
        nanosleep(&(struct timespec){pause / 1000, pause % 1000 * 1000000}, NULL);
    int code = setting("fail.", function);
    int starts = !strcmp(function, "nvmlInitWithFlags");
    if (!code && !starts)
        code = open_times ? setting("", "lost") : UNINITIALIZED;
    if (!code && unit) {
        char gpu[16];
        snprintf(gpu, sizeof gpu, "%d.", unit->index);
        code = setting(gpu, "lost");
    }
    return code;
}

#define ENTER(unit) do { int code = enter(__func__, unit); if (code) return code; } while (0)

static int whole(Handle unit, const char *name, unsigned *value)
{
    long long found;
    int code = number(unit->prefix, name, &found);
    if (!code)
        *value = found;
    return code;
}

static int wide(Handle unit, const char *name, u64 *value)
{
    long long found;
    int code = number(unit->prefix, name, &found);
    if (!code)
        *value = found;
    return code;
}

static int words(Handle unit, const char *name, char *into, unsigned size)
{
    const char *found = find(unit->prefix, name);
    if (!found)
        return NOT_SUPPORTED;
    if (*found == '!')
        return atoi(found + 1);
    if (strlen(found) >= size)
        return INSUFFICIENT_SIZE;
    strcpy(into, found);
    return OK;
}

/* The library. */

int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    ENTER(NULL);
    const char *noise = find("", "prints");
    if (noise) {
        puts(noise);
        fflush(stdout);
    }
    open_times++;
    return OK;
}

int nvmlShutdown(void)
{
    ENTER(NULL);
    open_times--;
    return OK;
}

const char *nvmlErrorString(int code)
{
    (void)code;
    return "an error of the stand-in";
}

int nvmlDeviceGetCount_v2(unsigned *devices)
{
    ENTER(NULL);
    *devices = setting("", "devices");
    return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Handle *device)
{
    if (index >= DEVICES)
        return INVALID_ARGUMENT;
    Unit *unit = &gpus[index];
    unit->index = index;
    unit->mig = -1;
    snprintf(unit->prefix, sizeof unit->prefix, "%u.", index);
    ENTER(unit);
    if (index >= setting("", "devices"))
        return INVALID_ARGUMENT;
    *device = unit;
    return OK;
}

int nvmlDeviceGetName(Handle unit, char *name, unsigned size)
{
    ENTER(unit);
    return words(unit, "name", name, size);
}

int nvmlDeviceGetUUID(Handle unit, char *uuid, unsigned size)
{
    ENTER(unit);
    return words(unit, "uuid", uuid, size);
}

int nvmlDeviceGetUtilizationRates(Handle unit, Utilization *rates)
{
    ENTER(unit);
    int code = whole(unit, "utilization", &rates->gpu);
    return code ? code : whole(unit, "memory_utilization", &rates->memory);
}

/* "used" is without what is reserved. */
static int memory(Handle unit, MemoryV2 *found)
{
    int code = wide(unit, "memory_used", &found->used);
    if (!code)
        code = wide(unit, "memory_total", &found->total);
    found->reserved = setting(unit->prefix, "memory_reserved");
    found->free = found->total - found->used - found->reserved;
    return code;
}

int nvmlDeviceGetMemoryInfo(Handle unit, Memory *info)
{
    ENTER(unit);
    MemoryV2 found = {0};
    int code = memory(unit, &found);
    *info = (Memory){found.total, found.free, found.used + found.reserved};
    return code;
}

#ifndef WITHOUT_MEMORY_V2
int nvmlDeviceGetMemoryInfo_v2(Handle unit, MemoryV2 *info)
{
    ENTER(unit);
    if (info->version != (sizeof *info | 2 << 24))
        return VERSION_MISMATCH;
    return memory(unit, info);
}
#endif

int nvmlDeviceGetTemperature(Handle unit, unsigned sensor, unsigned *celsius)
{
    ENTER(unit);
    return sensor ? INVALID_ARGUMENT : whole(unit, "temperature", celsius);
}

#ifndef WITHOUT_TEMPERATURE_V
int nvmlDeviceGetTemperatureV(Handle unit, Temperature *found)
{
    ENTER(unit);
    if (found->version != (sizeof *found | 1 << 24))
        return VERSION_MISMATCH;
    return found->sensor ? INVALID_ARGUMENT
                         : whole(unit, "temperature", (unsigned *)&found->temperature);
}
#endif

int nvmlDeviceGetPowerUsage(Handle unit, unsigned *milliwatts)
{
    ENTER(unit);
    return whole(unit, "power", milliwatts);
}

int nvmlDeviceGetEnforcedPowerLimit(Handle unit, unsigned *milliwatts)
{
    ENTER(unit);
    return whole(unit, "power_limit", milliwatts);
}

int nvmlDeviceGetPowerManagementLimit(Handle unit, unsigned *milliwatts)
{
    ENTER(unit);
    return whole(unit, "power_limit_set", milliwatts);
}

int nvmlDeviceGetClockInfo(Handle unit, unsigned clock, unsigned *mhz)
{
    ENTER(unit);
    return clock == 1   ? whole(unit, "sm_clock", mhz)
           : clock == 2 ? whole(unit, "memory_clock", mhz)
                        : INVALID_ARGUMENT;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(Handle unit, u64 *mask)
{
    ENTER(unit);
    return wide(unit, "throttle", mask);
}

#ifndef WITHOUT_EVENT_REASONS
int nvmlDeviceGetCurrentClocksEventReasons(Handle unit, u64 *mask)
{
    ENTER(unit);
    return wide(unit, "throttle", mask);
}
#endif

int nvmlDeviceGetTotalEccErrors(Handle unit, unsigned kind, unsigned counter, u64 *errors)
{
    ENTER(unit);
    if (counter)
        return INVALID_ARGUMENT;
    return wide(unit, kind ? "ecc_uncorrected" : "ecc_corrected", errors);
}

#ifndef WITHOUT_ENERGY
int nvmlDeviceGetTotalEnergyConsumption(Handle unit, u64 *millijoules)
{
    ENTER(unit);
    return wide(unit, "energy", millijoules);
}
#endif

#ifndef WITHOUT_FIELDS
int nvmlDeviceGetFieldValues(Handle unit, int fields, FieldValue *values)
{
    ENTER(unit);
    for (int i = 0; i < fields; i++) {
        FieldValue *value = &values[i];
        char name[32];
        int links = value->field == 138 || value->field == 139;
        snprintf(name, sizeof name, "field%u", value->field);
        value->result = links && value->scope != UINT32_MAX ? INVALID_ARGUMENT
                                                           : wide(unit, name, &value->value.ull);
        value->type = setting(unit->prefix, "narrow") ? 1 : 3;
    }
    return OK;
}
#endif

/* "PID:BYTES,PID:na", in entries of one size: each version's begin as those of the one before. */
static int processes(Handle unit, const char *name, unsigned *room, void *list, size_t size)
{
    const char *at = find(unit->prefix, name);
    if (!at)
        return NOT_SUPPORTED;
    if (*at == '!')
        return atoi(at + 1);
    unsigned found = 0;
    for (; *at; at += strcspn(at, ","), at += *at == ',') {
        unsigned pid = strtoul(at, NULL, 10);
        const char *bytes = strchr(at, ':') + 1;
        u64 memory = *bytes == 'n' ? UINT64_MAX : strtoull(bytes, NULL, 10);
        ProcessR535 entry = {{pid, memory, UINT32_MAX, UINT32_MAX}, 0};
        if (list && found < *room)
            memcpy((char *)list + found * size, &entry, size);
        found++;
    }
    int fits = found <= *room && (list || !found);
    *room = found;
    return fits ? OK : INSUFFICIENT_SIZE;
}

#define LIST(kind, name, version, Entry)                                                       \
    int nvmlDeviceGet##kind##RunningProcesses##version(                                        \
        Handle unit, unsigned *room, Entry *list)                                              \
    {                                                                                          \
        ENTER(unit);                                                                           \
        return processes(unit, name, room, list, sizeof *list);                                \
    }
#ifdef WITHOUT_SOUND_V3
LIST(Compute, "processes", _v3, ProcessR535)
#elif !defined WITHOUT_PROCESSES_V3
LIST(Compute, "processes", _v3, ProcessV2)
LIST(Graphics, "graphics", _v3, ProcessV2)
LIST(MPSCompute, "mps", _v3, ProcessV2)
#endif
#ifndef WITHOUT_PROCESSES_V2
LIST(Compute, "processes", _v2, ProcessV2)
LIST(Graphics, "graphics", _v2, ProcessV2)
LIST(MPSCompute, "mps", _v2, ProcessV2)
#endif
LIST(Compute, "processes", , ProcessV1)

#ifndef WITHOUT_PROCESS_UTILIZATION
/* "PID:MICROSECONDS:PERCENT,…"; times of 0 and less are from now on. One slot more than there
 * are samples is offered, and left as it is, as some drivers do. */
int nvmlDeviceGetProcessUtilization(Handle unit, Sample *samples, unsigned *room, u64 since)
{
    ENTER(unit);
    const char *at = find(unit->prefix, "samples");
    if (!at)
        return NOT_SUPPORTED;
    if (*at == '!')
        return atoi(at + 1);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    unsigned found = 0;
    for (; *at; at += strcspn(at, ","), at += *at == ',') {
        Sample sample = {0};
        char *end;
        sample.pid = strtoul(at, &end, 10);
        long long when = strtoll(end + 1, &end, 10);
        sample.time = when > 0 ? when : now.tv_sec * 1000000LL + now.tv_nsec / 1000 + when;
        sample.sm = strtoul(end + 1, NULL, 10);
        if (sample.time <= since)
            continue;
        if (samples && found < *room)
            samples[found] = sample;
        found++;
    }
    if (!found)
        return NOT_FOUND;
    int fits = samples && found < *room;
    *room = found + 1;
    return fits ? OK : INSUFFICIENT_SIZE;
}
#endif

#ifndef WITHOUT_MIG
static Unit instances[DEVICES][INSTANCES];

int nvmlDeviceGetMigMode(Handle unit, unsigned *current, unsigned *pending)
{
    ENTER(unit);
    *pending = 0;
    return whole(unit, "mig_mode", current);
}

int nvmlDeviceGetMaxMigDeviceCount(Handle unit, unsigned *most)
{
    ENTER(unit);
    *most = INSTANCES;
    return OK;
}

int nvmlDeviceGetMigDeviceHandleByIndex(Handle unit, unsigned index, Handle *device)
{
    ENTER(unit);
    Unit *instance = &instances[unit->index][index];
    instance->index = unit->index;
    instance->mig = index;
    snprintf(instance->prefix, sizeof instance->prefix, "%d.mig%u.", unit->index, index);
    if (!find(instance->prefix, "uuid"))
        return NOT_FOUND;
    *device = instance;
    return OK;
}
#endif

#ifndef WITHOUT_EVENTS
static int registered[DEVICES];
static int events_told;

int nvmlEventSetCreate(void **set)
{
    ENTER(NULL);
    *set = &registered;
    return OK;
}

int nvmlEventSetFree(void *set)
{
    ENTER(NULL);
    return set == &registered ? OK : INVALID_ARGUMENT;
}

int nvmlDeviceRegisterEvents(Handle unit, u64 kinds, void *set)
{
    ENTER(unit);
    if (set != &registered || kinds != 8)
        return INVALID_ARGUMENT;
    registered[unit->index] = 1;
    return setting(unit->prefix, "no_events") ? NOT_SUPPORTED : OK;
}

/* "xid DEVICE:NUMBER,…": each is told once. */
int nvmlEventSetWait_v2(void *set, Event *event, unsigned milliseconds)
{
    ENTER(NULL);
    if (set != &registered || milliseconds)
        return INVALID_ARGUMENT;
    const char *at = find("", "xid");
    for (int i = 0; at && *at; i++, at += strcspn(at, ","), at += *at == ',') {
        if (i < events_told)
            continue;
        events_told++;
        char *end;
        unsigned index = strtoul(at, &end, 10);
        *event = (Event){&gpus[index], 8, strtoull(end + 1, NULL, 10), 0, 0};
        return registered[index] ? OK : TIMEOUT;
    }
    return TIMEOUT;
}
#endif

/* The sizes of all structures, for a test to compare. */
void standin_sizes(unsigned *sizes)
{
    unsigned all[] = {sizeof(Memory), sizeof(MemoryV2), sizeof(Utilization),
                      sizeof(Temperature), sizeof(ProcessV2), sizeof(Sample),
                      sizeof(FieldValue), sizeof(Event)};
    memcpy(sizes, all, sizeof all);
}
