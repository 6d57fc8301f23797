/* libnvidia-ml.so.1 without a GPU, for tests: what a scenario file says, through the driver's own
 * functions. nvml.h 13 is the contract: names carry the versions that the binding looks up, the
 * structures have its sizes. sensor_model.py states the same sensor in Python; tests compare them.
 *
 * A scenario is read by nvmlInit from the path in NVML_STUB_SCENARIO, or by stub_load. One fact a
 * line, times in seconds since the scenario was loaded, power in watts:
 *
 *   clock virtual                       time passes by stub_set_time_ns only (else: as it does)
 *   gpus N                              how many
 *   driver reload T                     nothing works after T until nvmlInit; counters begin anew
 *   driver missing T0 T1                nvmlInit answers DRIVER_NOT_LOADED
 *   samples PERIOD COUNT CLOCK          the driver's buffer: realtime, boottime, monotonic
 *   gpu G square LOW HIGH PERIOD SHARE  true power: LOW for SHARE of each period, then HIGH
 *   gpu G ramp FROM TO T0 T1            true power: a straight line from T0 to T1
 *   gpu G instant PERIOD WINDOW LAG     a new value each PERIOD, the mean of WINDOW, LAG late
 *   gpu G average PERIOD WINDOW LAG     the same for the mean; WINDOW 0: not supported
 *   gpu G energy REFRESH START          a new count each REFRESH; the count at 0 s [J]
 *   gpu G gain RATIO                    what the sensor and the counter make of each watt
 *   gpu G limit WATT                    enforced and requested limit
 *   gpu G module RATIO                  module power as a multiple of the GPU's; 0: not supported
 *   gpu G memory RATIO                  memory power, average only; 0: not supported
 *   gpu G reset T                       GPU reset: old handles are lost, the counter begins anew
 *   gpu G error T0 T1 CODE              every call of the GPU answers CODE
 *   gpu G field F SCOPE RESULT          one field answers RESULT; its value is 0
 *   gpu G value F SCOPE NUMBER          one field answers a number
 *   gpu G hang T0 T1                    calls that begin in between return at T1
 *   gpu G samples RESULT                the call for the buffer answers RESULT
 *   gpu G temperature CELSIUS           of the GPU
 *   gpu G persistence T                 persistence mode is switched off at T
 *   gpu G zero T0 T1                    power reads 0: what a driver says that was asked too fast
 *   gpu G latency MICROSECONDS          of each call
 *   gpu G energy_latency MICROSECONDS   of each energy in a call, beside that
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))
#define GPUS 16
#define LIST 128
enum { SUCCESS, UNINITIALIZED = 1, NOT_SUPPORTED = 3, NOT_FOUND = 6, NOT_LOADED = 9, LOST = 15 };
enum { UNSIGNED_INT = 1, UNSIGNED_LONG_LONG = 3 };

typedef struct {
    uint32_t field_id, scope_id;
    int64_t timestamp_us, latency_us;
    int32_t value_type, result;
    uint64_t value;
} field_value;

typedef struct { uint64_t time_us, value; } sample;
typedef struct { double start_s, end_s; int code; } span;
typedef struct { double period_s, window_s, lag_s; } sensor;
typedef struct { int count; span at[LIST]; } spans;
typedef struct { uint32_t field, scope; int result; uint64_t value; } answer;

typedef struct {
    double low_w, high_w, period_s, share;
    double from_w, to_w, start_s, end_s;
    int is_ramp;
    sensor instant, average;
    double refresh_s, start_j, gain, limit_w, module, memory;
    spans errors, hangs, zeros;
    int reset_count, answer_count;
    double reset_s[LIST];
    answer answers[LIST];
    unsigned latency_us, energy_latency_us;
    int samples_result;
    double persistent_until_s;
    int celsius;
    int generation; /* of the handle that was given out last */
} gpu_model;

typedef struct { int gpu, generation; } handle;

static gpu_model gpus[GPUS];
static handle handles[GPUS][LIST + 1];
static int gpu_count, is_virtual, reload_count, sample_count, is_initialized, is_loaded;
static double reload_s[LIST], initialized_s, sample_period_s;
static spans missing;
static clockid_t sample_clock;
static int64_t origin_ns, virtual_ns, sample_shift_ns;
static unsigned long call_count;

static int64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static double now_s(void) {
    return (is_virtual ? virtual_ns : clock_ns(CLOCK_MONOTONIC) - origin_ns) * 1e-9;
}

static const span *within(const spans *list, double t_s) {
    for (int i = 0; i < list->count; i++)
        if (list->at[i].start_s <= t_s && t_s < list->at[i].end_s) return &list->at[i];
    return NULL;
}

/* True energy since 0 s [J]; before it the power is that of 0 s on. */
static double true_j(const gpu_model *g, double t_s) {
    if (g->is_ramp) {
        double length_s = g->end_s - g->start_s, x_s = fmin(fmax(t_s - g->start_s, 0), length_s);
        return g->from_w * t_s + (g->to_w - g->from_w) * x_s * x_s / (2 * length_s) +
               (t_s > g->end_s ? (g->to_w - g->from_w) * (t_s - g->end_s) : 0);
    }
    double n = floor(t_s / g->period_s), rest_s = t_s - n * g->period_s;
    double low_s = g->share * g->period_s;
    return n * (g->low_w * low_s + g->high_w * (g->period_s - low_s)) +
           g->low_w * fmin(rest_s, low_s) + g->high_w * fmax(rest_s - low_s, 0);
}

static double sensed_w(const gpu_model *g, const sensor *s, double t_s) {
    double end_s = floor((t_s - s->lag_s) / s->period_s) * s->period_s;
    return g->gain * (true_j(g, end_s) - true_j(g, end_s - s->window_s)) / s->window_s;
}

static double begun_s(const gpu_model *g, double t_s) {
    double begun = -1;
    for (int i = 0; i < g->reset_count; i++)
        if (g->reset_s[i] <= t_s && g->reset_s[i] > begun) begun = g->reset_s[i];
    for (int i = 0; i < reload_count; i++)
        if (reload_s[i] <= t_s && reload_s[i] > begun) begun = reload_s[i];
    return begun;
}

static uint64_t counter_millijoule(const gpu_model *g, double t_s) {
    double begun = begun_s(g, t_s), refreshed_s = floor(t_s / g->refresh_s) * g->refresh_s;
    double since_j = begun < 0 ? -g->start_j : g->gain * true_j(g, begun);
    return (uint64_t)floor(1000 * fmax(g->gain * true_j(g, refreshed_s) - since_j, 0) + 1e-6);
}

static uint64_t milliwatt(double watt) { return (uint64_t)llround(1000 * watt); }

static int field_of(const gpu_model *g, double t_s, field_value *f) {
    double ratio = f->scope_id == 0 ? 1 : f->scope_id == 1 ? g->module : g->memory;
    int is_zero = within(&g->zeros, t_s) != NULL;
    f->value_type = UNSIGNED_INT;
    f->value = 0;
    for (int i = 0; i < g->answer_count; i++)
        if (g->answers[i].field == f->field_id && g->answers[i].scope == f->scope_id) {
            f->value = g->answers[i].value;
            if (f->field_id == 83 || f->field_id == 191) f->value_type = UNSIGNED_LONG_LONG;
            return g->answers[i].result;
        }
    if (f->scope_id > 2 || ratio == 0 || (f->scope_id == 2 && f->field_id != 185))
        return NOT_SUPPORTED;
    switch (f->field_id) {
    case 185:
        if (g->average.window_s == 0) return NOT_SUPPORTED;
        f->value = is_zero ? 0 : milliwatt(ratio * sensed_w(g, &g->average, t_s));
        return SUCCESS;
    case 186:
        f->value = is_zero ? 0 : milliwatt(ratio * sensed_w(g, &g->instant, t_s));
        return SUCCESS;
    case 83:
        if (f->scope_id) return NOT_SUPPORTED;
        /* fall through */
    case 191:
        f->value_type = UNSIGNED_LONG_LONG;
        f->value = (uint64_t)(ratio * counter_millijoule(g, t_s));
        return SUCCESS;
    case 190: case 192:
        f->value = milliwatt(ratio * g->limit_w);
        return SUCCESS;
    case 74: case 76: case 77: case 78: case 79: case 269: case 270: case 271:
        f->value_type = UNSIGNED_LONG_LONG;
        f->value = f->field_id == 74 ? (uint64_t)(1e8 * t_s) : 0; /* capped a tenth of the time */
        return f->scope_id ? NOT_SUPPORTED : SUCCESS;
    }
    return NOT_SUPPORTED;
}

static void list_span(spans *list, double start_s, double end_s, int code) {
    if (list->count < LIST) list->at[list->count++] = (span){start_s, end_s, code};
}

static void read_gpu_line(gpu_model *g, const char *word, const char *rest) {
    double a = 0, b = 0, c = 0, d = 0;
    int n = sscanf(rest, "%lf %lf %lf %lf", &a, &b, &c, &d);
    if (!strcmp(word, "square") && n == 4) {
        g->low_w = a, g->high_w = b, g->period_s = c, g->share = d, g->is_ramp = 0;
    } else if (!strcmp(word, "ramp") && n == 4) {
        g->from_w = a, g->to_w = b, g->start_s = c, g->end_s = d, g->is_ramp = 1;
    } else if (!strcmp(word, "instant")) g->instant = (sensor){a, b, c};
    else if (!strcmp(word, "average")) g->average = (sensor){a, b, c};
    else if (!strcmp(word, "energy")) g->refresh_s = a, g->start_j = b;
    else if (!strcmp(word, "gain")) g->gain = a;
    else if (!strcmp(word, "limit")) g->limit_w = a;
    else if (!strcmp(word, "module")) g->module = a;
    else if (!strcmp(word, "memory")) g->memory = a;
    else if (!strcmp(word, "latency")) g->latency_us = (unsigned)a;
    else if (!strcmp(word, "energy_latency")) g->energy_latency_us = (unsigned)a;
    else if (!strcmp(word, "samples")) g->samples_result = (int)a;
    else if (!strcmp(word, "temperature")) g->celsius = (int)a;
    else if (!strcmp(word, "persistence")) g->persistent_until_s = a;
    else if (!strcmp(word, "error")) list_span(&g->errors, a, b, (int)c);
    else if (!strcmp(word, "hang")) list_span(&g->hangs, a, b, 0);
    else if (!strcmp(word, "zero")) list_span(&g->zeros, a, b, 0);
    else if (!strcmp(word, "reset") && g->reset_count < LIST) g->reset_s[g->reset_count++] = a;
    else if (!strcmp(word, "field") && g->answer_count < LIST)
        g->answers[g->answer_count++] = (answer){(uint32_t)a, (uint32_t)b, (int)c, 0};
    else if (!strcmp(word, "value") && g->answer_count < LIST)
        g->answers[g->answer_count++] = (answer){(uint32_t)a, (uint32_t)b, SUCCESS, (uint64_t)c};
    else {
        fprintf(stderr, "scenario: gpu line '%s' is not known\n", word);
        abort();
    }
}

static void read_line(const char *line) {
    char word[32], clock[32];
    double a, b;
    int g, at;
    if (sscanf(line, "gpu %d %31s %n", &g, word, &at) == 2 && g >= 0 && g < GPUS)
        read_gpu_line(&gpus[g], word, line + at);
    else if (sscanf(line, "gpus %d", &g) == 1) gpu_count = g < GPUS ? g : GPUS;
    else if (!strncmp(line, "clock virtual", 13)) is_virtual = 1;
    else if (sscanf(line, "driver reload %lf", &a) == 1) reload_s[reload_count++ % LIST] = a;
    else if (sscanf(line, "driver missing %lf %lf", &a, &b) == 2) list_span(&missing, a, b, 0);
    else if (sscanf(line, "samples %lf %d %31s", &sample_period_s, &sample_count, clock) == 3)
        sample_clock = !strcmp(clock, "boottime") ? CLOCK_BOOTTIME
                       : !strcmp(clock, "monotonic") ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    else if (line[0] != '#' && line[0] != '\n') {
        fprintf(stderr, "scenario: line is not known: %s\n", line);
        abort();
    }
}

/* An 8-GPU node of H100-like sensors at 250 and 680 W; the scenario changes what it names. */
static void set_defaults(void) {
    memset(gpus, 0, sizeof gpus);
    gpu_count = 8, is_virtual = 0, reload_count = 0, missing.count = 0;
    sample_period_s = 0.02, sample_count = 120, sample_clock = CLOCK_BOOTTIME, sample_shift_ns = 0;
    for (int i = 0; i < GPUS; i++)
        gpus[i] = (gpu_model){.low_w = 250, .high_w = 680, .period_s = 1.5, .share = 0.6,
                              .instant = {0.1, 0.025, 0}, .average = {0.1, 1, 0},
                              .refresh_s = 0.1, .start_j = 1e6, .gain = 1, .limit_w = 700,
                              .persistent_until_s = INFINITY, .celsius = 61};
}

EXPORT int stub_load(const char *path) {
    char line[256];
    FILE *file = fopen(path, "r");
    if (!file) return NOT_FOUND;
    set_defaults();
    is_loaded = 1;
    origin_ns = clock_ns(CLOCK_MONOTONIC), virtual_ns = 0, initialized_s = 0, call_count = 0;
    is_initialized = 0;
    while (fgets(line, sizeof line, file)) read_line(line);
    fclose(file);
    return SUCCESS;
}
EXPORT void stub_set_time_ns(int64_t time_ns) { virtual_ns = time_ns; }
EXPORT int64_t stub_origin_ns(void) { return origin_ns; }
EXPORT unsigned long stub_call_count(void) { return call_count; }

static int is_unloaded(double t_s) {
    for (int i = 0; i < reload_count; i++)
        if (initialized_s < reload_s[i] && reload_s[i] <= t_s) return 1;
    return !is_initialized;
}

static void take_us(unsigned latency_us) {
    struct timespec wait = {latency_us / 1000000, latency_us % 1000000 * 1000L};
    if (latency_us) nanosleep(&wait, NULL);
}

/* Every call of a GPU passes here: it may be slow, hang, fail, or find its handle lost. */
static int enter(const void *device, gpu_model **found, double *t_s) {
    const handle *h = device;
    gpu_model *g = *found = &gpus[h->gpu];
    const span *s;
    *t_s = now_s();
    call_count++;
    if (is_unloaded(*t_s)) return UNINITIALIZED;
    if (!is_virtual && (s = within(&g->hangs, *t_s)))
        while (now_s() < s->end_s) {
            struct timespec wait = {0, 1000000};
            nanosleep(&wait, NULL);
        }
    take_us(g->latency_us);
    if ((s = within(&g->errors, *t_s))) return s->code;
    int generation = 0;
    for (int i = 0; i < g->reset_count; i++) generation += g->reset_s[i] <= *t_s;
    return h->generation < generation ? LOST : SUCCESS;
}

EXPORT int nvmlInitWithFlags(unsigned flags) {
    const char *path = getenv("NVML_STUB_SCENARIO");
    (void)flags;
    if (!is_loaded && path && stub_load(path)) return NOT_LOADED;
    if (!is_loaded) set_defaults();
    is_loaded = 1;
    if (within(&missing, now_s())) return NOT_LOADED;
    is_initialized = 1;
    initialized_s = now_s();
    return SUCCESS;
}
EXPORT int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
EXPORT int nvmlShutdown(void) {
    if (!is_initialized) return UNINITIALIZED;
    is_initialized = 0;
    return SUCCESS;
}
EXPORT int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = gpu_count;
    return is_unloaded(now_s()) ? UNINITIALIZED : SUCCESS;
}
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    double t_s = now_s();
    const span *s;
    int generation = 0;
    if (is_unloaded(t_s)) return UNINITIALIZED;
    if ((int)index >= gpu_count) return 2;
    for (int i = 0; i < gpus[index].reset_count; i++) generation += gpus[index].reset_s[i] <= t_s;
    handles[index][generation] = (handle){(int)index, generation};
    *device = &handles[index][generation];
    return (s = within(&gpus[index].errors, t_s)) ? s->code : SUCCESS;
}
EXPORT int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    int index;
    if (sscanf(uuid, "GPU-stub-%d", &index) != 1 || index >= gpu_count) return NOT_FOUND;
    return nvmlDeviceGetHandleByIndex_v2((unsigned)index, device);
}

#define TEXT(name, pattern, ...)                                  \
    EXPORT int name(void *device, char *text, unsigned size) {    \
        gpu_model *g;                                             \
        double t_s;                                               \
        int code = enter(device, &g, &t_s);                       \
        if (!code) snprintf(text, size, pattern, ##__VA_ARGS__);  \
        return code;                                              \
    }
TEXT(nvmlDeviceGetUUID, "GPU-stub-%d", ((handle *)device)->gpu)
TEXT(nvmlDeviceGetName, "NVIDIA Stub H100")
TEXT(nvmlDeviceGetSerial, "16506230%05d", ((handle *)device)->gpu)
TEXT(nvmlDeviceGetVbiosVersion, "96.00.61.00.01")
EXPORT int nvmlSystemGetDriverVersion(char *text, unsigned size) {
    snprintf(text, size, "580.95.05");
    return is_unloaded(now_s()) ? UNINITIALIZED : SUCCESS;
}

#define NUMBER(name, type, number)                 \
    EXPORT int name(void *device, type *value) {   \
        gpu_model *g;                              \
        double t_s;                                \
        *value = (number);                         \
        return enter(device, &g, &t_s);            \
    }
NUMBER(nvmlDeviceGetPersistenceMode, unsigned, now_s() < gpus[((handle *)device)->gpu].persistent_until_s)
NUMBER(nvmlDeviceGetCurrentClocksEventReasons, unsigned long long, 0x4)
NUMBER(nvmlDeviceGetPowerManagementLimit, unsigned, (unsigned)(1000 * gpus[((handle *)device)->gpu].limit_w))
EXPORT int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending) {
    gpu_model *g;
    double t_s;
    *current = *pending = 0;
    return enter(device, &g, &t_s);
}
EXPORT int nvmlDeviceGetClockInfo(void *device, unsigned kind, unsigned *megahertz) {
    gpu_model *g;
    double t_s;
    *megahertz = kind == 2 ? 2619 : 1755;
    return enter(device, &g, &t_s);
}
EXPORT int nvmlDeviceGetTemperature(void *device, unsigned kind, unsigned *celsius) {
    gpu_model *g;
    double t_s;
    (void)kind;
    int code = enter(device, &g, &t_s);
    *celsius = (unsigned)g->celsius;
    return code;
}
EXPORT int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) {
    gpu_model *g;
    double t_s;
    int code = enter(device, &g, &t_s);
    field_value f = {.field_id = 185};
    return code ? code : (code = field_of(g, t_s, &f), *milliwatts = (unsigned)f.value, code);
}
EXPORT int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoule) {
    gpu_model *g;
    double t_s;
    int code = enter(device, &g, &t_s);
    if (!code) *millijoule = counter_millijoule(g, t_s);
    return code;
}
EXPORT int nvmlDeviceGetFieldValues(void *device, int count, field_value *values) {
    gpu_model *g;
    double t_s;
    int code = enter(device, &g, &t_s);
    if (code) return code;
    for (int i = 0; i < count; i++) {
        if (values[i].field_id == 83 || values[i].field_id == 191) take_us(g->energy_latency_us);
        values[i].result = field_of(g, t_s, &values[i]);
        values[i].latency_us = 0;
        values[i].timestamp_us = clock_ns(CLOCK_REALTIME) / 1000;
    }
    return SUCCESS;
}
/* The newest samples after last_us, oldest first; a slot that was never filled has the stamp 0. */
EXPORT int nvmlDeviceGetSamples(void *device, int kind, unsigned long long last_us, int *value_type,
                                unsigned *count, sample *samples) {
    gpu_model *g;
    double t_s;
    int code = enter(device, &g, &t_s);
    if (code) return code;
    if (g->samples_result) return g->samples_result;
    if (kind != 0) return NOT_SUPPORTED;
    *value_type = UNSIGNED_INT;
    if (!samples) {
        *count = (unsigned)sample_count;
        return SUCCESS;
    }
    int64_t newest = (int64_t)floor(t_s / sample_period_s);
    if (is_virtual || !sample_shift_ns) /* once: a sample keeps its stamp to the microsecond */
        sample_shift_ns = clock_ns(sample_clock) - (int64_t)(t_s * 1e9);
    unsigned n = 0;
    sensor s = {sample_period_s, g->instant.window_s, 0};
    for (int64_t k = newest - sample_count + 1; k <= newest && n < *count; k++) {
        double at_s = k * sample_period_s;
        uint64_t at_us = at_s < 0 ? 0 : (uint64_t)((int64_t)(at_s * 1e9) + sample_shift_ns) / 1000;
        if (at_us && at_us <= last_us) continue;
        samples[n++] = (sample){at_us, at_us ? milliwatt(sensed_w(g, &s, at_s)) : 0};
    }
    *count = n;
    return n ? SUCCESS : NOT_FOUND;
}
EXPORT const char *nvmlErrorString(int code) {
    return code == UNINITIALIZED ? "Uninitialized" : code == NOT_LOADED ? "Driver Not Loaded" : "Error";
}
