/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a pool's kernel finishes a vector of `elements`: floats by the activation ACT, integers
 * between CLIP_LO and CLIP_HI where these are given.
 */
#if defined(CLIP_LO)
#define oc_pool_act(x_) clamp(x_, (elements)(CLIP_LO), (elements)(CLIP_HI))
#elif defined(ACT)
#define oc_pool_act(x_) oc_lanes_act(x_)
#else
#define oc_pool_act(x_) (x_)
#endif
