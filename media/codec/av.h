// The little of libavcodec that is needed, shaped as vpx.h is.

#ifndef CANDID_AV_H
#define CANDID_AV_H

#include <stddef.h>
#include <stdint.h>

typedef struct av_decoder av_decoder;

// One decoded picture.
typedef struct {
  const uint8_t *y, *u, *v; // the library's memory, until its next call
  int y_stride, c_stride;
  int width, height; // 0: no picture
  int full_range;
  int foreign; // not 8 bit 4:2:0
  int err;
} av_picture;

enum { AV_CODEC_VP9, AV_CODEC_H264, AV_CODEC_AV1 };

av_decoder *av_decoder_new(int codec, int64_t max_pixels, int *err);
av_picture av_decoder_decode(av_decoder *d, const uint8_t *data, size_t size);
void av_decoder_free(av_decoder *d);

void av_error_text(int err, char *text, size_t size);

#endif
