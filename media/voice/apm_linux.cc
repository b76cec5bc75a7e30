//go:build cgo

#include "apm_linux.h"

#include <webrtc/modules/audio_processing/include/audio_processing.h>

#include <cmath>
#include <memory>
#include <new>

namespace {

const int kRate = 48000;
const int kBlock = kRate / 100;
const float kFullScale = 32768.0f;

void to_float(const int16_t *in, float *out) {
  for (int i = 0; i < kBlock; i++) out[i] = in[i] / kFullScale;
}

void to_int16(const float *in, int16_t *out) {
  for (int i = 0; i < kBlock; i++) {
    float v = in[i] * kFullScale;
    out[i] = v >= 32767.0f ? 32767 : v <= -32768.0f ? -32768 : static_cast<int16_t>(std::lrintf(v));
  }
}

}  // namespace

struct apm {
  std::unique_ptr<webrtc::AudioProcessing> processing;
  float near_end[kBlock];
  float far_end[kBlock];
};

extern "C" {

apm *apm_new(int *err) {
  std::unique_ptr<apm> a(new (std::nothrow) apm());
  *err = webrtc::AudioProcessing::kCreationFailedError;
  if (!a) return nullptr;
  webrtc::Config config;
  config.Set<webrtc::DelayAgnostic>(new webrtc::DelayAgnostic(true));
  config.Set<webrtc::ExtendedFilter>(new webrtc::ExtendedFilter(true));
  a->processing.reset(webrtc::AudioProcessing::Create(config));
  if (!a->processing) return nullptr;
  webrtc::AudioProcessing *p = a->processing.get();
  const webrtc::StreamConfig mono(kRate, 1);
  *err = p->Initialize({{mono, mono, mono, mono}});
  if (*err) return nullptr;
  p->echo_cancellation()->set_suppression_level(webrtc::EchoCancellation::kModerateSuppression);
  p->noise_suppression()->set_level(webrtc::NoiseSuppression::kModerate);
  p->gain_control()->set_mode(webrtc::GainControl::kAdaptiveDigital);
  p->gain_control()->enable_limiter(true);
  return a.release();
}

int apm_set_options(apm *a, int echo, int noise, int gain) {
  webrtc::AudioProcessing *p = a->processing.get();
  int err = p->echo_cancellation()->Enable(echo != 0);
  if (!err) err = p->noise_suppression()->Enable(noise != 0);
  if (!err) err = p->gain_control()->Enable(gain != 0);
  if (!err) err = p->high_pass_filter()->Enable(true);
  return err;
}

int apm_render(apm *a, const int16_t *block) {
  const webrtc::StreamConfig mono(kRate, 1);
  to_float(block, a->far_end);
  float *channels[1] = {a->far_end};
  return a->processing->ProcessReverseStream(channels, mono, mono, channels);
}

int apm_capture(apm *a, int16_t *block, int delay_ms) {
  const webrtc::StreamConfig mono(kRate, 1);
  to_float(block, a->near_end);
  float *channels[1] = {a->near_end};
  a->processing->set_stream_delay_ms(delay_ms);
  int err = a->processing->ProcessStream(channels, mono, mono, channels);
  if (!err) to_int16(a->near_end, block);
  return err;
}

void apm_free(apm *a) { delete a; }

}  // extern "C"
