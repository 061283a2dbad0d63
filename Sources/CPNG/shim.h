// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
// libpng for Swift: its simplified interface as it is, and functions that read and write whole pictures.
//
// libpng reports errors by longjmp, which may not cross Swift's frames. Every function here that libpng can fail in sets
// its own target, calls no Swift, and keeps no local variable that changes on the way: a jump never leaves this file.
#ifndef GATEWAY_CPNG_SHIM_H
#define GATEWAY_CPNG_SHIM_H

#include <png.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// A file that is read from memory.
typedef struct {
    png_structp _Nullable png;
    png_infop _Nullable info;
    const uint8_t *_Nullable rest;
    size_t count;
    uint32_t width, height;
    int channels, passes;
    // Both belong to libpng and live as long as the reader.
    const uint8_t *_Nullable profile, *_Nullable exif;
    uint32_t profile_size, exif_size;
} gateway_png_reader;

static inline void gateway_png_fail(png_structp png, png_const_charp message) {
    (void)message;
    png_longjmp(png, 1);
}

static inline void gateway_png_ignore(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static inline void gateway_png_take(png_structp png, png_bytep target, size_t count) {
    gateway_png_reader *reader = (gateway_png_reader *)png_get_io_ptr(png);
    if (count > reader->count) png_error(png, "the file ends too early");
    memcpy(target, reader->rest, count);
    reader->rest += count;
    reader->count -= count;
}

// Reads what stands before the pixels, and prepares for rows of 8 bits a channel: gray, RGB or RGBA.
static __attribute__((noinline)) int gateway_png_read_header(gateway_png_reader *_Nonnull reader) {
    static const png_byte wanted[] = "iCCP\0eXIf";
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, gateway_png_fail, gateway_png_ignore);
    if (!reader->png) return 0;
    reader->info = png_create_info_struct(reader->png);
    if (!reader->info) return 0;
    if (setjmp(png_jmpbuf(reader->png))) return 0;
    png_set_read_fn(reader->png, reader, gateway_png_take);
    png_set_user_limits(reader->png, 65535, 65535);
    png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_AS_DEFAULT, wanted, 2);
    png_read_info(reader->png, reader->info);
    reader->width = png_get_image_width(reader->png, reader->info);
    reader->height = png_get_image_height(reader->png, reader->info);
    png_set_expand(reader->png);
    png_set_scale_16(reader->png);
    if (png_get_color_type(reader->png, reader->info) == PNG_COLOR_TYPE_GRAY_ALPHA ||
        png_get_valid(reader->png, reader->info, PNG_INFO_tRNS))
        png_set_gray_to_rgb(reader->png);
    reader->passes = png_set_interlace_handling(reader->png);
    png_read_update_info(reader->png, reader->info);
    reader->channels = png_get_channels(reader->png, reader->info);

    png_charp name;
    int compression;
    png_bytep bytes;
    png_uint_32 size;
    if (png_get_iCCP(reader->png, reader->info, &name, &compression, &bytes, &size)) {
        reader->profile = bytes;
        reader->profile_size = size;
    }
    if (png_get_eXIf_1(reader->png, reader->info, &size, &bytes)) {
        reader->exif = bytes;
        reader->exif_size = size;
    }
    return png_get_rowbytes(reader->png, reader->info) == (size_t)reader->width * (size_t)reader->channels;
}

// Reads the pixels and the end of the file; the target has width x height x channels bytes.
static __attribute__((noinline)) int gateway_png_read_pixels(gateway_png_reader *_Nonnull reader,
                                                             uint8_t *_Nonnull target) {
    const size_t stride = (size_t)reader->width * (size_t)reader->channels;
    if (setjmp(png_jmpbuf(reader->png))) return 0;
    for (int pass = 0; pass < reader->passes; pass++)
        for (uint32_t row = 0; row < reader->height; row++) png_read_row(reader->png, target + row * stride, NULL);
    png_read_end(reader->png, NULL);
    return 1;
}

static inline void gateway_png_close(gateway_png_reader *_Nonnull reader) {
    png_destroy_read_struct(&reader->png, &reader->info, NULL);
}

// A file that is written to memory; whoever made it frees `bytes`.
typedef struct {
    png_structp _Nullable png;
    png_infop _Nullable info;
    uint8_t *_Nullable bytes;
    size_t count, capacity;
} gateway_png_writer;

static inline void gateway_png_append(png_structp png, png_bytep source, size_t count) {
    gateway_png_writer *writer = (gateway_png_writer *)png_get_io_ptr(png);
    if (writer->capacity - writer->count < count) {
        size_t capacity = (writer->count + count) * 2;
        uint8_t *bytes = (uint8_t *)realloc(writer->bytes, capacity);
        if (!bytes) png_error(png, "no memory is left");
        writer->bytes = bytes;
        writer->capacity = capacity;
    }
    memcpy(writer->bytes + writer->count, source, count);
    writer->count += count;
}

static inline void gateway_png_flush(png_structp png) {
    (void)png;
}

// Writes a whole picture of 8 bits a channel: 1 is gray, 3 is RGB, 4 is RGBA.
static __attribute__((noinline)) int gateway_png_write(gateway_png_writer *_Nonnull writer,
                                                       const uint8_t *_Nonnull pixels, uint32_t width, uint32_t height,
                                                       int channels, const uint8_t *_Nullable profile,
                                                       uint32_t profile_size) {
    const int color = channels == 1 ? PNG_COLOR_TYPE_GRAY : channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGBA;
    writer->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, gateway_png_fail, gateway_png_ignore);
    if (!writer->png) return 0;
    writer->info = png_create_info_struct(writer->png);
    if (!writer->info) return 0;
    if (setjmp(png_jmpbuf(writer->png))) return 0;
    png_set_write_fn(writer->png, writer, gateway_png_append, gateway_png_flush);
    // A profile that libpng finds fault with is left out, the picture stays.
    png_set_benign_errors(writer->png, 1);
    png_set_IHDR(writer->png, writer->info, width, height, 8, color, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (profile) png_set_iCCP(writer->png, writer->info, "ICC profile", PNG_COMPRESSION_TYPE_BASE, profile, profile_size);
    png_write_info(writer->png, writer->info);
    for (uint32_t row = 0; row < height; row++)
        png_write_row(writer->png, pixels + (size_t)row * width * (size_t)channels);
    png_write_end(writer->png, writer->info);
    return 1;
}

static inline void gateway_png_finish(gateway_png_writer *_Nonnull writer) {
    png_destroy_write_struct(&writer->png, &writer->info);
    free(writer->bytes);
    writer->bytes = NULL;
}

#endif
