// webrtc-audio-processing 0.3 for one channel at 48 kHz, as plain C.

#ifndef CANDID_APM_H
#define CANDID_APM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct apm apm;

// All return 0, or an error of the library (negative).
apm *apm_new(int *err);
int apm_set_options(apm *a, int echo, int noise, int gain);
int apm_render(apm *a, const int16_t *block);
int apm_capture(apm *a, int16_t *block, int delay_ms);
void apm_free(apm *a);

#ifdef __cplusplus
}
#endif

#endif
