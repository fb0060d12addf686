/* Tokens of card numbers in C: BLAKE2s keyed by a programme's pepper (RFC 7693), of which 8 bytes are kept.
 *
 * Owns the same `Pepper` as pepper.py, where a token is said; built by ops/setup/build_native.py where there is a
 * compiler. Holds the state after the pepper's own block, never the pepper. Invariants: nothing is written to what is
 * given; the state is overwritten when it is no longer used.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 64, KEY_MAX = 32, TOKEN = 8, ROUNDS = 10 };

static const uint32_t START[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
static const uint8_t ORDER[ROUNDS][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

typedef struct {
    PyObject_HEAD
    uint32_t keyed[8];
} Pepper;

static inline uint32_t turned(uint32_t word, int bits)
{
    return word >> bits | word << (32 - bits);
}

static inline void mix(uint32_t v[16], int a, int b, int c, int d, uint32_t x, uint32_t y)
{
    v[a] += v[b] + x;
    v[d] = turned(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = turned(v[b] ^ v[c], 12);
    v[a] += v[b] + y;
    v[d] = turned(v[d] ^ v[a], 8);
    v[c] += v[d];
    v[b] = turned(v[b] ^ v[c], 7);
}

/* RFC 7693 section 3.2; `taken`: bytes so far, those of this block too. */
static void compress(uint32_t state[8], const uint8_t block[BLOCK], uint64_t taken, int is_last)
{
    uint32_t v[16], m[16];
    for (int i = 0; i < 16; i++)
        m[i] = block[4 * i] | (uint32_t)block[4 * i + 1] << 8 | (uint32_t)block[4 * i + 2] << 16 |
               (uint32_t)block[4 * i + 3] << 24;
    memcpy(v, state, sizeof START);
    memcpy(v + 8, START, sizeof START);
    v[12] ^= (uint32_t)taken;
    v[13] ^= (uint32_t)(taken >> 32);
    v[14] ^= is_last ? 0xffffffff : 0;
    for (int round = 0; round < ROUNDS; round++) {
        const uint8_t *s = ORDER[round];
        for (int i = 0; i < 4; i++)
            mix(v, i, 4 + i, 8 + i, 12 + i, m[s[2 * i]], m[s[2 * i + 1]]);
        for (int i = 0; i < 4; i++)
            mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
    }
    for (int i = 0; i < 8; i++)
        state[i] ^= v[i] ^ v[8 + i];
}

static int pepper_init(PyObject *self, PyObject *arguments, PyObject *names)
{
    Pepper *pepper = (Pepper *)self;
    const char *key;
    Py_ssize_t size;
    if (names && PyDict_GET_SIZE(names)) {
        PyErr_SetString(PyExc_TypeError, "the key is given by its place");
        return -1;
    }
    if (!PyArg_ParseTuple(arguments, "y#", &key, &size))
        return -1;
    if (size < 1 || size > KEY_MAX) {
        PyErr_SetString(PyExc_ValueError, "a key has 1 to 32 bytes");
        return -1;
    }
    uint8_t block[BLOCK] = {0};
    memcpy(block, key, (size_t)size);
    memcpy(pepper->keyed, START, sizeof START);
    pepper->keyed[0] ^= 0x01010000 ^ (uint32_t)size << 8 ^ TOKEN;
    compress(pepper->keyed, block, BLOCK, 0);
    for (volatile uint8_t *at = block; at < block + BLOCK; at++)
        *at = 0;
    return 0;
}

static void pepper_dealloc(PyObject *self)
{
    Pepper *pepper = (Pepper *)self;
    for (volatile uint32_t *at = pepper->keyed; at < pepper->keyed + 8; at++)
        *at = 0;
    Py_TYPE(self)->tp_free(self);
}

static PyObject *pepper_token(PyObject *self, PyObject *digits)
{
    if (!PyUnicode_Check(digits) || !PyUnicode_IS_ASCII(digits) || PyUnicode_GET_LENGTH(digits) < 1) {
        PyErr_SetString(PyExc_ValueError, "a card number has digits");
        return NULL;
    }
    uint32_t state[8];
    uint8_t block[BLOCK] = {0};
    const uint8_t *rest = PyUnicode_1BYTE_DATA(digits), *end = rest + PyUnicode_GET_LENGTH(digits);
    uint64_t taken = BLOCK; /* the pepper's */
    memcpy(state, ((Pepper *)self)->keyed, sizeof state);
    for (; end - rest > BLOCK; rest += BLOCK)
        compress(state, rest, taken += BLOCK, 0);
    memcpy(block, rest, (size_t)(end - rest));
    compress(state, block, taken + (uint64_t)(end - rest), 1);
    uint64_t token = 0;
    for (int i = 0; i < TOKEN; i++)
        token = token << 8 | (uint8_t)(state[i / 4] >> 8 * (i % 4));
    return PyLong_FromLongLong((int64_t)token);
}

static PyMethodDef METHODS[] = {{"token", pepper_token, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static PyTypeObject PEPPER = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ledger.registry.native.Pepper",
                              .tp_basicsize = sizeof(Pepper),
                              .tp_flags = Py_TPFLAGS_DEFAULT,
                              .tp_new = PyType_GenericNew,
                              .tp_init = pepper_init,
                              .tp_dealloc = pepper_dealloc,
                              .tp_methods = METHODS};
static PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, .m_name = "native", .m_size = -1};

PyMODINIT_FUNC PyInit_native(void)
{
    PyObject *module = PyModule_Create(&MODULE);
    if (module && PyModule_AddType(module, &PEPPER)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
