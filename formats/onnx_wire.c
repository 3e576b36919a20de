/*
 * Messages are unpacked by the library's recursion into structures that may be
 * a hundred times as large as their bytes; so they are looked through first.
 */
#include "onnx_parts.h"

#include "status.h"

#define DEPTH_MAX 100 /* of messages in messages, as other readers have it */

/* Bytes that a model may take beyond 16 times its own. */
#define MEMORY_FREE ((uint64_t)1 << 26)

struct scan {
    uint64_t memory, limit;
};

struct bytes {
    const uint8_t *at, *end;
};

static int damaged(const char *what)
{
    return pare_fail(PARE_EFORMAT, "not an ONNX file, or damaged: %s", what);
}

static bool take_varint(uint64_t *v, struct bytes *b)
{
    *v = 0;
    for (unsigned shift = 0; shift < 64 && b->at < b->end; shift += 7) {
        uint8_t byte = *b->at++;

        *v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

static int scan_message(struct scan *s, struct bytes b,
                        const ProtobufCMessageDescriptor *type, int depth);

/* A field of a length: a message, a text, bytes or numbers in a row. */
static int scan_length(struct scan *s, struct bytes *b,
                       const ProtobufCFieldDescriptor *field, int depth)
{
    struct bytes in = {b->at, b->at};
    uint64_t n;

    if (!take_varint(&n, b) || n > (uint64_t)(b->end - b->at))
        return damaged("a field goes past the end");
    in.at = b->at;
    in.end = b->at += n;
    if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
        return scan_message(s, in, field->descriptor, depth + 1);
    /* Numbers in a row have a byte at least and become eight. */
    s->memory += 48 + 8 * n;
    if (field && (field->type == PROTOBUF_C_TYPE_BYTES ||
                  field->type == PROTOBUF_C_TYPE_STRING))
        s->memory -= 7 * n;
    return 0;
}

static int scan_field(struct scan *s, struct bytes *b,
                      const ProtobufCMessageDescriptor *type, int depth)
{
    uint64_t tag, v;
    size_t skip;

    if (!take_varint(&tag, b) || tag > UINT32_MAX)
        return damaged("a field's number");
    s->memory += 16;
    switch (tag & 7) {
    case 0:
        return take_varint(&v, b) ? 0 : damaged("a number has no end");
    case 2:
        return scan_length(
            s, b,
            protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3)),
            depth);
    case 1:
    case 5:
        skip = (tag & 7) == 1 ? 8 : 4;
        if ((size_t)(b->end - b->at) < skip)
            return damaged("a number goes past the end");
        b->at += skip;
        return 0;
    default:
        return damaged("a field of no known kind");
    }
}

static int scan_message(struct scan *s, struct bytes b,
                        const ProtobufCMessageDescriptor *type, int depth)
{
    int rc = 0;

    if (depth > DEPTH_MAX)
        return pare_fail(PARE_ELIMIT, "messages are nested deeper than %d",
                         DEPTH_MAX);
    s->memory += type->sizeof_message + 32;
    while (!rc && b.at < b.end) {
        rc = scan_field(s, &b, type, depth);
        if (!rc && s->memory > s->limit)
            rc = pare_fail(PARE_ELIMIT,
                           "it would take more than 16 times its size");
    }
    return rc;
}

int pare_onnx_unpack(ProtobufCMessage **message,
                     const ProtobufCMessageDescriptor *type,
                     const uint8_t *bytes, size_t n)
{
    struct scan s = {.limit = MEMORY_FREE + 16 * (uint64_t)n};
    struct bytes b = {bytes, bytes + n};
    ProtobufCMessage *m;
    int rc = scan_message(&s, b, type, 0);

    if (rc)
        return rc;
    m = protobuf_c_message_unpack(type, NULL, n, bytes);
    if (!m)
        return damaged("its fields are not those of the format");
    *message = m;
    return 0;
}
