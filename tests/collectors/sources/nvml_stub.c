/* A driver library without a GPU: answers what a test sets. The structure is nvmlFieldValue_t of
 * nvml.h 13, 40 bytes; function names carry the versions that the binding looks up. */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    uint32_t field_id, scope_id;
    int64_t timestamp, latency_us;
    int32_t value_type, result;
    uint64_t value;
} field_value;

typedef struct { int result; int32_t value_type; uint64_t value; } answer;

#define GPUS 2
#define NOT_SUPPORTED 3
static answer answers[GPUS][512][4];
static int call_result[GPUS], init_result, gpu_count = GPUS;
static int stale[GPUS], unloaded;
static unsigned delay_us;
static char *uuids[GPUS] = {"GPU-a", "GPU-b"};

void stub_reset(void) {
    memset(answers, 0, sizeof answers);
    memset(call_result, 0, sizeof call_result);
    memset(stale, 0, sizeof stale);
    unloaded = 0;
    for (int g = 0; g < GPUS; g++)
        for (int f = 0; f < 512; f++)
            for (int s = 0; s < 4; s++) answers[g][f][s].result = NOT_SUPPORTED;
    init_result = 0;
    gpu_count = GPUS;
    delay_us = 0;
}
void stub_field(int gpu, int field, int scope, int result, int type, uint64_t value) {
    answers[gpu][field][scope] = (answer){result, type, value};
}
void stub_call_result(int gpu, int result) { call_result[gpu] = result; }
void stub_init_result(int result) { init_result = result; }
/* After a GPU reset old handles are lost; after a driver reload nothing works until init. */
void stub_gpu_was_reset(int gpu) { stale[gpu] = 1; }
void stub_driver_was_reloaded(void) { unloaded = 1; }
void stub_delay_us(unsigned us) { delay_us = us; }
void stub_gpu_count(int count) { gpu_count = count; }

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    unloaded = 0;
    return init_result;
}
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = gpu_count; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    *device = &uuids[index];
    return call_result[index];
}
int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    for (int g = 0; g < GPUS; g++)
        if (!strcmp(uuid, uuids[g])) {
            *device = &uuids[g];
            stale[g] = 0;
            return call_result[g];
        }
    return 6;
}
int nvmlDeviceGetUUID(void *device, char *text, unsigned size) {
    strncpy(text, *(char **)device, size);
    return 0;
}
int nvmlDeviceGetName(void *device, char *text, unsigned size) {
    (void)device;
    strncpy(text, "NVIDIA Stub", size);
    return 0;
}
int nvmlSystemGetDriverVersion(char *text, unsigned size) {
    strncpy(text, "580.1", size);
    return 0;
}
int nvmlDeviceGetFieldValues(void *device, int count, field_value *values) {
    int gpu = (char **)device - uuids;
    if (unloaded) return 1;
    if (stale[gpu]) return 15;
    if (delay_us) usleep(delay_us);
    for (int i = 0; i < count; i++) {
        answer a = answers[gpu][values[i].field_id][values[i].scope_id];
        values[i].result = a.result;
        values[i].value_type = a.value_type;
        values[i].value = a.value;
    }
    return call_result[gpu];
}
