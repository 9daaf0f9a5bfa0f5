/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes and letters in a picture. */
#include "oc_vision.h"

#include <stdio.h>

#define LINE_PART 150   /* lines are this part of the picture's shorter side */
#define LETTER_PART 270 /* so are the pixels of a letter */

/* A rectangle of whole pixels; right and bottom are outside it. */
typedef struct rectangle {
    int32_t left, top, right, bottom;
} rectangle;

void oc_class_colour(int32_t class_index, uint8_t rgb[3])
{
    const uint32_t hue = (uint32_t)class_index % 1536 * 587 % 1536;
    const uint8_t up = (uint8_t)(hue % 256), down = (uint8_t)(255 - up);
    const uint8_t sides[6][3] = {{255, up, 0},   {down, 255, 0}, {0, 255, up},
                                 {0, down, 255}, {up, 0, 255},   {255, 0, down}};
    const uint32_t tone = (uint32_t)class_index / 8 % 3;
    for (size_t c = 0; c < 3; c++) {
        const uint32_t full = sides[hue / 256][c];
        rgb[c] = (uint8_t)(tone == 0 ? full : tone == 1 ? (full + 255) / 2 : full * 5 / 8);
    }
}

/* Black or white, whichever is easier to read on the colour (luma of BT.601). */
static const uint8_t *ink(const uint8_t rgb[3])
{
    static const uint8_t black[3] = {0, 0, 0}, white[3] = {255, 255, 255};
    return 299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] > 127000 ? black : white;
}

/* What of the rectangle lies in the picture. */
static void fill(const oc_image *image, rectangle r, const uint8_t rgb[3])
{
    for (int32_t y = OC_MAX(r.top, 0); y < OC_MIN(r.bottom, image->height); y++)
        for (int32_t x = OC_MAX(r.left, 0); x < OC_MIN(r.right, image->width); x++)
            memcpy(image->pixels + 3 * ((size_t)y * (size_t)image->width + (size_t)x), rgb, 3);
}

/* A frame of `line` pixels inside the rectangle. */
static void frame(const oc_image *image, rectangle r, int32_t line, const uint8_t rgb[3])
{
    fill(image, (rectangle){r.left, r.top, r.right, r.top + line}, rgb);
    fill(image, (rectangle){r.left, r.bottom - line, r.right, r.bottom}, rgb);
    fill(image, (rectangle){r.left, r.top, r.left + line, r.bottom}, rgb);
    fill(image, (rectangle){r.right - line, r.top, r.right, r.bottom}, rgb);
}

/* Each pixel of a letter is `dot` pixels wide and high. */
static void text(const oc_image *image, const char *letters, int32_t x, int32_t y, int32_t dot,
                 const uint8_t rgb[3])
{
    for (; *letters; letters++, x += (OC_FONT_WIDTH + 1) * dot) {
        const uint8_t *rows = oc_font_rows(*letters);
        for (int32_t r = 0; r < OC_FONT_HEIGHT; r++)
            for (int32_t c = 0; c < OC_FONT_WIDTH; c++)
                if (rows[r] >> (OC_FONT_WIDTH - 1 - c) & 1)
                    fill(
                        image,
                        (rectangle){x + c * dot, y + r * dot, x + (c + 1) * dot, y + (r + 1) * dot},
                        rgb);
    }
}

/* "dog 87%"; of a character beyond ASCII only its first byte counts, and looks like '?'. */
static void caption(const oc_detection *d, const oc_labels *labels, char *out, size_t size)
{
    const char *label =
        labels && (size_t)d->class_index < labels->count ? labels->names[d->class_index] : NULL;
    char name[64];
    size_t length = 0;
    snprintf(name, sizeof(name), "%d", (int)d->class_index);
    for (const char *c = label; c && *c && length + 1 < sizeof(name); c++)
        if (((unsigned char)*c & 0xc0) != 0x80) {
            name[length++] = *c;
            name[length] = '\0';
        }
    snprintf(out, size, "%s %.0f%%", name, 100 * (double)d->score);
}

/* Above the box; inside it where there is no room; never over the picture's right edge if it fits. */
static void put_caption(const oc_image *image, const oc_detection *d, const oc_labels *labels,
                        rectangle box, int32_t line)
{
    char letters[80];
    uint8_t rgb[3];
    const int32_t dot = OC_MAX(OC_MIN(image->width, image->height) / LETTER_PART, 1);
    caption(d, labels, letters, sizeof(letters));
    oc_class_colour(d->class_index, rgb);
    const int32_t w = ((int32_t)strlen(letters) * (OC_FONT_WIDTH + 1) + 1) * dot;
    const int32_t h = (OC_FONT_HEIGHT + 2) * dot;
    const int32_t left = OC_MAX(OC_MIN(OC_MAX(box.left, 0), image->width - w), 0);
    const int32_t top = box.top >= h ? box.top - h : OC_MAX(box.top, 0) + line;
    fill(image, (rectangle){left, top, left + w, top + h}, rgb);
    text(image, letters, left + dot, top + dot, dot, ink(rgb));
}

/* The nearest pixel edge, at most `room` pixels outside the picture. */
static int32_t edge(float at, int32_t size, int32_t room)
{
    const double low = -(double)room, high = (double)size + room;
    return (int32_t)((double)at < low ? low : (double)at > high ? high : (double)at + 0.5);
}

static oc_status make_colour(const oc_image *picture, const oc_allocator *alloc, oc_image *out)
{
    OC_TRY(oc_image_alloc(picture->width, picture->height, 3, UINT64_MAX, alloc, out));
    const size_t pixels = (size_t)picture->width * (size_t)picture->height;
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++)
            out->pixels[3 * i + c] = picture->pixels[picture->channels == 1 ? i : 3 * i + c];
    return OC_OK;
}

oc_status oc_detections_draw(const oc_image *picture, const oc_detections *detections,
                             const oc_labels *labels, const oc_allocator *alloc, oc_image *drawn)
{
    oc_image image = {0};
    OC_TRY(oc_image_check(picture));
    OC_TRY(make_colour(picture, oc_allocator_or_default(alloc), &image));
    const int32_t line = OC_MAX(OC_MIN(image.width, image.height) / LINE_PART, 1);
    /* The best lies on top. */
    for (size_t i = detections->count; i-- > 0;) {
        const oc_detection *d = &detections->items[i];
        const rectangle box = {edge(d->left, image.width, line), edge(d->top, image.height, line),
                               edge(d->right, image.width, line),
                               edge(d->bottom, image.height, line)};
        uint8_t rgb[3];
        oc_class_colour(d->class_index, rgb);
        frame(&image, box, line, rgb);
        put_caption(&image, d, labels, box, line);
    }
    *drawn = image;
    return OC_OK;
}
