#include "vpx.h"

#include <stdlib.h>
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>

struct vp8_encoder {
  vpx_codec_ctx_t codec;
  vpx_codec_enc_cfg_t cfg;
  vpx_image_t image;
};

struct vp8_decoder {
  vpx_codec_ctx_t codec;
};

const char *vpx_error_text(int err) { return vpx_codec_err_to_string((vpx_codec_err_t)err); }

// Real-time settings, as WebRTC uses them: constant bitrate, no frames held
// back, key frames when asked for, one of them no larger than three frames.
static void configure(vpx_codec_enc_cfg_t *c, vp8_settings s) {
  c->g_w = (unsigned)s.width;
  c->g_h = (unsigned)s.height;
  c->g_timebase.num = 1;
  c->g_timebase.den = 90000;
  c->g_threads = 1; // libvpx's threads spin on each other: on two busy cores, stalls of 100 ms
  c->g_pass = VPX_RC_ONE_PASS;
  c->g_lag_in_frames = 0;
  c->g_error_resilient = 0;
  c->rc_end_usage = VPX_CBR;
  c->rc_target_bitrate = (unsigned)s.kbps;
  c->rc_min_quantizer = 2;
  c->rc_max_quantizer = 56;
  c->rc_undershoot_pct = 100;
  c->rc_overshoot_pct = 15;
  c->rc_buf_initial_sz = 500;
  c->rc_buf_optimal_sz = 600;
  c->rc_buf_sz = 1000;
  c->rc_dropframe_thresh = 0;
  c->kf_mode = VPX_KF_AUTO;
  c->kf_min_dist = 0;
  c->kf_max_dist = 3000;
  if (s.screen) {
    // Letters rather than motion: what cannot be coded sharply is not sent, and
    // the picture before it stays.
    c->rc_max_quantizer = 44;
    c->rc_dropframe_thresh = 30;
    c->rc_buf_initial_sz = 1000;
    c->rc_buf_optimal_sz = 1000;
    c->rc_buf_sz = 2000;
  }
}

vp8_encoder *vp8_encoder_new(vp8_settings s, int *err) {
  vp8_encoder *e = calloc(1, sizeof(*e));
  if (!e) {
    *err = VPX_CODEC_MEM_ERROR;
    return NULL;
  }
  *err = vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &e->cfg, 0);
  if (*err) {
    free(e);
    return NULL;
  }
  configure(&e->cfg, s);
  *err = vpx_codec_enc_init(&e->codec, vpx_codec_vp8_cx(), &e->cfg, 0);
  if (*err) {
    free(e);
    return NULL;
  }
  vpx_codec_control(&e->codec, VP8E_SET_CPUUSED, s.speed);
  vpx_codec_control(&e->codec, VP8E_SET_STATIC_THRESHOLD, s.screen ? 100 : 1);
  vpx_codec_control(&e->codec, VP8E_SET_SCREEN_CONTENT_MODE, s.screen);
  vpx_codec_control(&e->codec, VP8E_SET_MAX_INTRA_BITRATE_PCT, s.screen ? 0 : 300);
  vpx_codec_control(&e->codec, VP8E_SET_NOISE_SENSITIVITY, 0);
  vpx_codec_control(&e->codec, VP8E_SET_TOKEN_PARTITIONS, VP8_ONE_TOKENPARTITION);
  // The planes are set anew for each picture; wrap wants a pointer to work with.
  vpx_img_wrap(&e->image, VPX_IMG_FMT_I420, e->cfg.g_w, e->cfg.g_h, 1, (unsigned char *)&e->cfg);
  return e;
}

vp8_packet vp8_encoder_encode(vp8_encoder *e, const uint8_t *y, const uint8_t *u, const uint8_t *v,
                              int y_stride, int c_stride, int64_t pts, int64_t duration, int key) {
  vp8_packet out = {0};
  vpx_image_t *img = &e->image;
  img->planes[VPX_PLANE_Y] = (unsigned char *)y;
  img->planes[VPX_PLANE_U] = (unsigned char *)u;
  img->planes[VPX_PLANE_V] = (unsigned char *)v;
  img->stride[VPX_PLANE_Y] = y_stride;
  img->stride[VPX_PLANE_U] = c_stride;
  img->stride[VPX_PLANE_V] = c_stride;
  out.err = vpx_codec_encode(&e->codec, img, pts, (unsigned long)duration,
                             key ? VPX_EFLAG_FORCE_KF : 0, VPX_DL_REALTIME);
  // Go's memory is not to be kept past the call.
  img->planes[VPX_PLANE_Y] = img->planes[VPX_PLANE_U] = img->planes[VPX_PLANE_V] = NULL;
  if (out.err) return out;

  vpx_codec_iter_t iter = NULL;
  const vpx_codec_cx_pkt_t *pkt;
  while ((pkt = vpx_codec_get_cx_data(&e->codec, &iter))) {
    if (pkt->kind != VPX_CODEC_CX_FRAME_PKT) continue;
    out.data = pkt->data.frame.buf;
    out.size = pkt->data.frame.sz;
    out.key = (pkt->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
    break;
  }
  return out;
}

int vp8_encoder_set_rate(vp8_encoder *e, int kbps) {
  e->cfg.rc_target_bitrate = (unsigned)kbps;
  return vpx_codec_enc_config_set(&e->codec, &e->cfg);
}

void vp8_encoder_free(vp8_encoder *e) {
  vpx_codec_destroy(&e->codec);
  free(e);
}

vp8_decoder *vp8_decoder_new(int *err) {
  vp8_decoder *d = calloc(1, sizeof(*d));
  if (!d) {
    *err = VPX_CODEC_MEM_ERROR;
    return NULL;
  }
  vpx_codec_dec_cfg_t cfg = {.threads = 1};
  *err = vpx_codec_dec_init(&d->codec, vpx_codec_vp8_dx(), &cfg, 0);
  if (*err) {
    free(d);
    return NULL;
  }
  return d;
}

vp8_picture vp8_decoder_decode(vp8_decoder *d, const uint8_t *data, size_t size) {
  vp8_picture out = {0};
  out.err = vpx_codec_decode(&d->codec, data, (unsigned)size, NULL, 0);
  if (out.err) return out;
  vpx_codec_control(&d->codec, VP8D_GET_FRAME_CORRUPTED, &out.corrupted);

  vpx_codec_iter_t iter = NULL;
  const vpx_image_t *img = vpx_codec_get_frame(&d->codec, &iter);
  if (!img) return out;
  out.y = img->planes[VPX_PLANE_Y];
  out.u = img->planes[VPX_PLANE_U];
  out.v = img->planes[VPX_PLANE_V];
  out.y_stride = img->stride[VPX_PLANE_Y];
  out.c_stride = img->stride[VPX_PLANE_U];
  out.width = (int)img->d_w;
  out.height = (int)img->d_h;
  return out;
}

void vp8_decoder_free(vp8_decoder *d) {
  vpx_codec_destroy(&d->codec);
  free(d);
}
