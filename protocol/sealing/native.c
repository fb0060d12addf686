/* The data channel's tags in C: HMAC-SHA256 (RFC 2104, FIPS 180-4) over frames, and the digest of a request.
 *
 * Owns the same three names as plain.py, which says what they mean; built by ops/setup/build_native.py where there
 * is a compiler. Knows nothing of messages and states. Invariants: nothing outside the given bytes objects is read;
 * tags are compared in constant time; a key's hash states are wiped with their object.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_SHA_NI 1
#include <cpuid.h>
#include <immintrin.h>
#endif

enum { BLOCK = 64, HASH = 32, HEADER = 4, TAG = 16, VERSION = 1, LENGTH = 2, FRAME_MIN = HEADER + 1 + TAG };

/* SHA-256, FIPS 180-4 section 6.2. */

static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

typedef void (*Compress)(uint32_t state[8], const uint8_t *block);

static uint32_t turned(uint32_t word, int bits) { return word >> bits | word << (32 - bits); }

static uint32_t load_32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void store(uint8_t *to, uint64_t number, int bytes)
{
    while (bytes--) {
        to[bytes] = (uint8_t)number;
        number >>= 8;
    }
}

static void compress_anywhere(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = load_32(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t low = turned(w[i - 15], 7) ^ turned(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t high = turned(w[i - 2], 17) ^ turned(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + low + w[i - 7] + high;
    }
    memcpy(v, state, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t e = turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25);
        uint32_t a = turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22);
        uint32_t chosen = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t most = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        uint32_t first = v[7] + e + chosen + ROUND[i] + w[i];
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += first;
        v[0] = first + a + most;
    }
    for (int i = 0; i < 8; i++)
        state[i] += v[i];
}

#ifdef HAS_SHA_NI
/* The same by the processor's own instructions, which hold the state as ABEF and CDGH. */
__attribute__((target("sha,sse4.1,ssse3"))) static void compress_sha_ni(uint32_t state[8], const uint8_t *block)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i w[4];
    __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
    __m128i abef = _mm_alignr_epi8(cdab, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, cdab, 0xF0);
    const __m128i abef_before = abef, cdgh_before = cdgh;
    for (int i = 0; i < 4; i++)
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(block + 16 * i)), big_endian);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        __m128i sum = _mm_add_epi32(w[i & 3], _mm_loadu_si128((const __m128i *)(ROUND + 4 * i)));
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
        if (i < 12) {
            __m128i last = w[(i + 3) & 3], middle = _mm_alignr_epi8(last, w[(i + 2) & 3], 4);
            __m128i first = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
            w[i & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(first, middle), last);
        }
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
    __m128i feba = _mm_shuffle_epi32(abef, 0x1B), dchg = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

static int has_sha_ni(void)
{
    unsigned a, b = 0, c = 0, d;
    int is_new_enough = __get_cpuid(1, &a, &b, &c, &d) && c & bit_SSE4_1 && c & bit_SSSE3;
    return is_new_enough && __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_SHA;
}
#endif

static Compress compress = compress_anywhere;

typedef struct {
    uint32_t state[8];
    uint8_t block[BLOCK];
    uint64_t taken; /* bytes, those of the block too */
} Hash;

static void begin(Hash *hash, const uint32_t state[8], uint64_t taken)
{
    memcpy(hash->state, state, sizeof hash->state);
    hash->taken = taken;
}

static void take(Hash *hash, const uint8_t *data, size_t size)
{
    size_t held = hash->taken % BLOCK;
    hash->taken += size;
    if (held + size < BLOCK) {
        memcpy(hash->block + held, data, size);
        return;
    }
    if (held) {
        memcpy(hash->block + held, data, BLOCK - held);
        compress(hash->state, hash->block);
        data += BLOCK - held;
        size -= BLOCK - held;
    }
    for (; size >= BLOCK; data += BLOCK, size -= BLOCK)
        compress(hash->state, data);
    memcpy(hash->block, data, size);
}

static void finish(Hash *hash, uint8_t digest[HASH])
{
    size_t held = hash->taken % BLOCK;
    hash->block[held++] = 0x80;
    if (held > BLOCK - 8) {
        memset(hash->block + held, 0, BLOCK - held);
        compress(hash->state, hash->block);
        held = 0;
    }
    memset(hash->block + held, 0, BLOCK - 8 - held);
    store(hash->block + BLOCK - 8, hash->taken * 8, 8);
    compress(hash->state, hash->block);
    for (int i = 0; i < 8; i++)
        store(digest + 4 * i, hash->state[i], 4);
}

/* One direction of a session: HMAC's two keyed states (RFC 2104 section 4), and the number of the next frame. */
typedef struct {
    PyObject_HEAD
    uint32_t inner[8], outer[8];
    uint64_t sequence;
} Direction;

static void begin_keyed(uint32_t state[8], const uint8_t *key, size_t size, uint8_t pad)
{
    uint8_t block[BLOCK] = {0};
    memcpy(block, key, size);
    for (int i = 0; i < BLOCK; i++)
        block[i] ^= pad;
    memcpy(state, START, sizeof START);
    compress(state, block);
    for (volatile uint8_t *at = block; at < block + BLOCK; at++)
        *at = 0;
}

static int direction_init(PyObject *self, PyObject *arguments, PyObject *names)
{
    Direction *direction = (Direction *)self;
    const char *key;
    Py_ssize_t size;
    if (names && PyDict_GET_SIZE(names)) {
        PyErr_SetString(PyExc_TypeError, "the key is given by its place");
        return -1;
    }
    if (!PyArg_ParseTuple(arguments, "y#", &key, &size))
        return -1;
    if (size > BLOCK) {
        PyErr_SetString(PyExc_ValueError, "a key has at most 64 bytes");
        return -1;
    }
    begin_keyed(direction->inner, (const uint8_t *)key, (size_t)size, 0x36);
    begin_keyed(direction->outer, (const uint8_t *)key, (size_t)size, 0x5c);
    direction->sequence = 0;
    return 0;
}

static void direction_dealloc(PyObject *self)
{
    Direction *direction = (Direction *)self;
    for (volatile uint32_t *at = direction->inner; at < direction->inner + 8; at++)
        *at = 0;
    for (volatile uint32_t *at = direction->outer; at < direction->outer + 8; at++)
        *at = 0;
    Py_TYPE(self)->tp_free(self);
}

static void tag_of(const Direction *direction, const uint8_t *frame, size_t size, uint8_t tag[HASH])
{
    Hash hash;
    uint8_t sequence[8];
    store(sequence, direction->sequence, 8);
    begin(&hash, direction->inner, BLOCK);
    take(&hash, sequence, 8);
    take(&hash, frame, size);
    finish(&hash, tag);
    begin(&hash, direction->outer, BLOCK);
    take(&hash, tag, HASH);
    finish(&hash, tag);
}

static PyObject *opener_open(PyObject *self, PyObject *given)
{
    Direction *direction = (Direction *)self;
    uint8_t tag[HASH], differing = 0;
    if (!PyBytes_Check(given) || PyBytes_GET_SIZE(given) < FRAME_MIN) {
        PyErr_SetString(PyExc_ValueError, "a whole data frame is opened");
        return NULL;
    }
    const uint8_t *frame = (const uint8_t *)PyBytes_AS_STRING(given);
    size_t tagged = (size_t)PyBytes_GET_SIZE(given) - TAG;
    tag_of(direction, frame, tagged, tag);
    for (int i = 0; i < TAG; i++)
        differing |= tag[i] ^ frame[tagged + i];
    if (differing)
        Py_RETURN_NONE;
    direction->sequence++;
    return PyBytes_FromStringAndSize((const char *)frame + HEADER, (Py_ssize_t)(tagged - HEADER));
}

static PyObject *sealer_seal(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    Direction *direction = (Direction *)self;
    uint8_t tag[HASH];
    long type = count == 2 ? PyLong_AsLong(arguments[0]) : -1;
    if (type == -1 && PyErr_Occurred())
        return NULL;
    if (type < 0 || type > 0xff || !PyBytes_Check(arguments[1]) ||
        PyBytes_GET_SIZE(arguments[1]) > 0xffff - TAG - HEADER + LENGTH) {
        PyErr_SetString(PyExc_ValueError, "a type byte and the bytes of a body are sealed");
        return NULL;
    }
    Py_ssize_t size = HEADER + PyBytes_GET_SIZE(arguments[1]);
    PyObject *sealed = PyBytes_FromStringAndSize(NULL, size + TAG);
    if (!sealed)
        return NULL;
    uint8_t *frame = (uint8_t *)PyBytes_AS_STRING(sealed);
    store(frame, (uint64_t)(size + TAG - LENGTH), LENGTH);
    frame[LENGTH] = VERSION;
    frame[LENGTH + 1] = (uint8_t)type;
    memcpy(frame + HEADER, PyBytes_AS_STRING(arguments[1]), (size_t)(size - HEADER));
    tag_of(direction, frame, (size_t)size, tag);
    memcpy(frame + size, tag, TAG);
    direction->sequence++;
    return sealed;
}

static PyObject *request_digest(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    Hash hash;
    uint8_t digest[HASH];
    (void)module;
    long type = count == 2 ? PyLong_AsLong(arguments[0]) : -1;
    if (type == -1 && PyErr_Occurred())
        return NULL;
    if (type < 0 || type > 0xff || !PyBytes_Check(arguments[1])) {
        PyErr_SetString(PyExc_ValueError, "a type byte and the bytes of a body are digested");
        return NULL;
    }
    uint8_t number = (uint8_t)type & 0x3f;
    begin(&hash, START, 0);
    take(&hash, &number, 1);
    take(&hash, (const uint8_t *)PyBytes_AS_STRING(arguments[1]), (size_t)PyBytes_GET_SIZE(arguments[1]));
    finish(&hash, digest);
    return PyLong_FromLongLong((int64_t)((uint64_t)load_32(digest) << 32 | load_32(digest + 4)));
}

static PyObject *use_instructions(PyObject *module, PyObject *wanted)
{
    (void)module;
    int is_wanted = PyObject_IsTrue(wanted);
    if (is_wanted < 0)
        return NULL;
    compress = compress_anywhere;
#ifdef HAS_SHA_NI
    if (is_wanted && has_sha_ni())
        compress = compress_sha_ni;
#endif
    return PyBool_FromLong(compress != compress_anywhere);
}

static PyMethodDef OPENER_METHODS[] = {{"open", opener_open, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static PyMethodDef SEALER_METHODS[] = {{"seal", (PyCFunction)(void (*)(void))sealer_seal, METH_FASTCALL, NULL},
                                       {NULL, NULL, 0, NULL}};
static PyMethodDef FUNCTIONS[] = {
    {"request_digest", (PyCFunction)(void (*)(void))request_digest, METH_FASTCALL, NULL},
    {"use_instructions", use_instructions, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

static PyTypeObject OPENER = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "protocol.sealing.native.Opener",
                              .tp_basicsize = sizeof(Direction),
                              .tp_flags = Py_TPFLAGS_DEFAULT,
                              .tp_new = PyType_GenericNew,
                              .tp_init = direction_init,
                              .tp_dealloc = direction_dealloc,
                              .tp_methods = OPENER_METHODS};
static PyTypeObject SEALER = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "protocol.sealing.native.Sealer",
                              .tp_basicsize = sizeof(Direction),
                              .tp_flags = Py_TPFLAGS_DEFAULT,
                              .tp_new = PyType_GenericNew,
                              .tp_init = direction_init,
                              .tp_dealloc = direction_dealloc,
                              .tp_methods = SEALER_METHODS};
static PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, .m_name = "native", .m_size = -1, .m_methods = FUNCTIONS};

PyMODINIT_FUNC PyInit_native(void)
{
#ifdef HAS_SHA_NI
    if (has_sha_ni())
        compress = compress_sha_ni;
#endif
    PyObject *module = PyModule_Create(&MODULE);
    if (!module)
        return NULL;
    if (PyModule_AddType(module, &OPENER) || PyModule_AddType(module, &SEALER) ||
        PyModule_AddObject(module, "LAYOUT", Py_BuildValue("(iii)", HEADER, TAG, VERSION))) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
