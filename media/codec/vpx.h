// The little of libvpx that is needed, shaped so that Go passes plain values
// and pointers to pixels only, and gets results back by value.

#ifndef CANDID_VPX_H
#define CANDID_VPX_H

#include <stddef.h>
#include <stdint.h>

typedef struct vp8_encoder vp8_encoder;
typedef struct vp8_decoder vp8_decoder;

typedef struct {
  int width, height;
  int kbps;
  int speed; // cpu-used: negative is a fixed speed
  int screen; // 1: text that stands still and jumps, 0: a camera
} vp8_settings;

// One encoded frame.
typedef struct {
  const void *data; // the library's memory, until its next call
  size_t size;
  int key;
  int err;
} vp8_packet;

// One decoded picture.
typedef struct {
  const uint8_t *y, *u, *v; // the library's memory, until its next call
  int y_stride, c_stride;
  int width, height; // 0: no picture
  int corrupted;
  int err;
} vp8_picture;

vp8_encoder *vp8_encoder_new(vp8_settings s, int *err);
vp8_packet vp8_encoder_encode(vp8_encoder *e, const uint8_t *y, const uint8_t *u, const uint8_t *v,
                              int y_stride, int c_stride, int64_t pts, int64_t duration, int key);
int vp8_encoder_set_rate(vp8_encoder *e, int kbps);
void vp8_encoder_free(vp8_encoder *e);

vp8_decoder *vp8_decoder_new(int *err);
vp8_picture vp8_decoder_decode(vp8_decoder *d, const uint8_t *data, size_t size);
void vp8_decoder_free(vp8_decoder *d);

const char *vpx_error_text(int err);

#endif
