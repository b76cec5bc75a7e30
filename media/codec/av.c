#include "av.h"

#include <libavcodec/avcodec.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <stdlib.h>
#include <string.h>

struct av_decoder {
  AVCodecContext *codec;
  AVPacket *packet;
  AVFrame *frame;
};

void av_error_text(int err, char *text, size_t size) { av_strerror(err, text, size); }

// find prefers decoders that do it in software: the library lists others first
// where it was built with them.
static const AVCodec *find(int codec) {
  switch (codec) {
  case AV_CODEC_VP9:
    return avcodec_find_decoder_by_name("vp9");
  case AV_CODEC_H264:
    return avcodec_find_decoder_by_name("h264");
  default: {
    const AVCodec *c = avcodec_find_decoder_by_name("libdav1d");
    return c ? c : avcodec_find_decoder_by_name("libaom-av1");
  }
  }
}

// Real-time settings: no frame held back, one thread, and a frame that is
// damaged is an error rather than a guess. Concealment stays on: without it the
// library takes the second slice of an H.264 frame for a damage.
static void configure(AVCodecContext *c, int64_t max_pixels) {
  c->thread_count = 1;
  c->flags |= AV_CODEC_FLAG_LOW_DELAY;
  c->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
  c->max_pixels = max_pixels;
}

av_decoder *av_decoder_new(int codec, int64_t max_pixels, int *err) {
  av_log_set_level(AV_LOG_QUIET); // it would tell standard error what errors tell us
  const AVCodec *found = find(codec);
  if (!found) {
    *err = AVERROR_DECODER_NOT_FOUND;
    return NULL;
  }
  av_decoder *d = calloc(1, sizeof(*d));
  *err = AVERROR(ENOMEM);
  if (!d) return NULL;
  d->codec = avcodec_alloc_context3(found);
  d->packet = av_packet_alloc();
  d->frame = av_frame_alloc();
  if (d->codec && d->packet && d->frame) {
    configure(d->codec, max_pixels);
    *err = avcodec_open2(d->codec, found, NULL);
  }
  if (*err) {
    av_decoder_free(d);
    return NULL;
  }
  return d;
}

// receive takes the newest picture that is ready.
static int receive(av_decoder *d, int *got) {
  for (;;) {
    AVFrame *f = d->frame;
    int err = avcodec_receive_frame(d->codec, f); // drops the one before
    if (err == AVERROR(EAGAIN) || err == AVERROR_EOF) return 0;
    if (err) return err;
    if (f->decode_error_flags || f->flags & AV_FRAME_FLAG_CORRUPT) return AVERROR_INVALIDDATA;
    *got = 1;
    // One frame has one picture to be seen: what comes besides is not waited
    // for, and would replace it.
    if (f->width > 0) return 0;
  }
}

av_picture av_decoder_decode(av_decoder *d, const uint8_t *data, size_t size) {
  av_picture out = {0};
  out.err = av_new_packet(d->packet, (int)size); // with the padding the library reads into
  if (out.err) return out;
  memcpy(d->packet->data, data, size);
  out.err = avcodec_send_packet(d->codec, d->packet);
  av_packet_unref(d->packet);
  if (out.err) return out;
  int got = 0;
  out.err = receive(d, &got);
  if (out.err || !got) return out;

  const AVFrame *f = d->frame;
  out.width = f->width;
  out.height = f->height;
  out.full_range = f->format == AV_PIX_FMT_YUVJ420P || f->color_range == AVCOL_RANGE_JPEG;
  out.foreign = f->format != AV_PIX_FMT_YUV420P && f->format != AV_PIX_FMT_YUVJ420P;
  out.y = f->data[0];
  out.u = f->data[1];
  out.v = f->data[2];
  out.y_stride = f->linesize[0];
  out.c_stride = f->linesize[1];
  if (out.y_stride <= 0 || out.c_stride <= 0 || f->linesize[2] != f->linesize[1]) out.foreign = 1;
  return out;
}

void av_decoder_free(av_decoder *d) {
  avcodec_free_context(&d->codec);
  av_packet_free(&d->packet);
  av_frame_free(&d->frame);
  free(d);
}
