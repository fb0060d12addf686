/* Cards stored into their buckets and found there in C: filling a worker with millions of them takes half as long,
 * and a look-up, which every transaction has, a third. And receipts filled in, which every reply has.
 *
 * Owns the same `store` and `find` as cards.py, which says what they mean and how records and buckets are laid out,
 * and the same `fill` as filling.py; built by ops/setup/build_native.py where there is a compiler. `store` knows of a
 * record its length and that its token comes first. Invariants: nothing outside the given objects is read, and none
 * of them is written to.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { TOKEN = 8, ACCOUNT = 8, DAY = 16, PROGRAMME = 20, STATUS = 22, PAST = 23, HOLDER = 27, RECORD = 31 };

static uint64_t load(const char *data, int size)
{
    uint64_t number = 0;
    for (int i = size; i-- > 0;)
        number = number << 8 | (uint8_t)data[i];
    return number;
}

static uint64_t token_of(const char *record)
{
    return load(record, TOKEN);
}

/* The bucket of a number, borrowed, or NULL with an exception: it is a bytes object of whole records. */
static PyObject *bucket_at(PyObject *buckets, uint64_t at, Py_ssize_t record_size)
{
    PyObject *bucket = PyList_GET_ITEM(buckets, (Py_ssize_t)at);
    if (PyBytes_Check(bucket) && PyBytes_GET_SIZE(bucket) % record_size == 0)
        return bucket;
    PyErr_SetString(PyExc_ValueError, "a bucket is the bytes of whole records");
    return NULL;
}

/* One bucket more, of those of another's records whose tokens have the bit: -1 with an exception. */
static int split(PyObject *buckets, uint64_t bit, Py_ssize_t record_size)
{
    uint64_t from = (uint64_t)PyList_GET_SIZE(buckets) - bit;
    PyObject *old = bucket_at(buckets, from, record_size), *stays, *goes;
    if (!old)
        return -1;
    const char *data = PyBytes_AS_STRING(old), *end = data + PyBytes_GET_SIZE(old);
    Py_ssize_t going = 0;
    for (const char *record = data; record < end; record += record_size)
        going += token_of(record) & bit ? record_size : 0;
    goes = PyBytes_FromStringAndSize(NULL, going);
    stays = goes ? PyBytes_FromStringAndSize(NULL, end - data - going) : NULL;
    if (!stays) {
        Py_XDECREF(goes);
        return -1;
    }
    char *to_goes = PyBytes_AS_STRING(goes), *to_stays = PyBytes_AS_STRING(stays);
    for (const char *record = data; record < end; record += record_size) {
        char **to = token_of(record) & bit ? &to_goes : &to_stays;
        memcpy(*to, record, (size_t)record_size);
        *to += record_size;
    }
    int failed = PyList_Append(buckets, goes);
    Py_DECREF(goes);
    if (failed) {
        Py_DECREF(stays);
        return -1;
    }
    return PyList_SetItem(buckets, (Py_ssize_t)from, stays);
}

/* Puts a record into its bucket, in the place of the one with its token: 1 if there was none, -1: an exception. */
static int put(PyObject *buckets, uint64_t mask, PyObject *record, Py_ssize_t record_size, PyObject *replaced)
{
    const char *given = PyBytes_AS_STRING(record);
    uint64_t at = token_of(given) & mask;
    if (at >= (uint64_t)PyList_GET_SIZE(buckets))
        at &= mask >> 1;
    PyObject *bucket = bucket_at(buckets, at, record_size);
    if (!bucket)
        return -1;
    const char *data = PyBytes_AS_STRING(bucket);
    Py_ssize_t size = PyBytes_GET_SIZE(bucket), start = 0;
    while (start < size && memcmp(data + start, given, TOKEN))
        start += record_size;
    int is_new = start == size;
    PyObject *made = PyBytes_FromStringAndSize(NULL, is_new ? size + record_size : size);
    if (!made)
        return -1;
    memcpy(PyBytes_AS_STRING(made), data, (size_t)size);
    memcpy(PyBytes_AS_STRING(made) + start, given, (size_t)record_size);
    if (!is_new) {
        PyObject *old = PyBytes_FromStringAndSize(data + start, record_size);
        if (!old || PyList_Append(replaced, old)) {
            Py_XDECREF(old);
            Py_DECREF(made);
            return -1;
        }
        Py_DECREF(old);
    }
    return PyList_SetItem(buckets, (Py_ssize_t)at, made) ? -1 : is_new;
}

static PyObject *store(PyObject *module, PyObject *arguments)
{
    PyObject *buckets, *records;
    Py_ssize_t room, record_size, cards_a_bucket;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!O!nnn", &PyList_Type, &buckets, &PyList_Type, &records, &room,
                          &record_size, &cards_a_bucket))
        return NULL;
    if (room < 1 || cards_a_bucket < 1 || record_size < TOKEN || PyList_GET_SIZE(buckets) < 1) {
        PyErr_SetString(PyExc_ValueError, "there is a bucket, room, and a token in each record");
        return NULL;
    }
    PyObject *replaced = PyList_New(0);
    if (!replaced)
        return NULL;
    uint64_t mask = 0;
    while (mask < (uint64_t)PyList_GET_SIZE(buckets) - 1)
        mask = mask * 2 + 1;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(records); i++) {
        PyObject *record = PyList_GET_ITEM(records, i);
        if (!PyBytes_Check(record) || PyBytes_GET_SIZE(record) != record_size) {
            PyErr_SetString(PyExc_ValueError, "a record has the bytes of a record");
            goto failed;
        }
        int is_new = put(buckets, mask, record, record_size, replaced);
        if (is_new < 0)
            goto failed;
        if (is_new && --room == 0) {
            room = cards_a_bucket;
            if ((uint64_t)PyList_GET_SIZE(buckets) > mask)
                mask = mask * 2 + 1;
            if (split(buckets, (mask + 1) >> 1, record_size))
                goto failed;
        }
    }
    return Py_BuildValue("nN", room, replaced);
failed:
    Py_DECREF(replaced);
    return NULL;
}

static PyObject *find(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count != 3 || !PyList_Check(arguments[0]) || PyList_GET_SIZE(arguments[0]) < 1) {
        PyErr_SetString(PyExc_TypeError, "a token is looked for in a list of buckets, by a mask");
        return NULL;
    }
    uint64_t mask = PyLong_AsUnsignedLongLong(arguments[1]);
    if (PyErr_Occurred())
        return NULL;
    uint64_t token = (uint64_t)PyLong_AsLongLong(arguments[2]), at = token & mask;
    if (PyErr_Occurred())
        return NULL;
    if (at >= (uint64_t)PyList_GET_SIZE(arguments[0]))
        at &= mask >> 1;
    if (at >= (uint64_t)PyList_GET_SIZE(arguments[0])) {
        PyErr_SetString(PyExc_ValueError, "a mask is of the low bits that tell the buckets apart");
        return NULL;
    }
    PyObject *bucket = bucket_at(arguments[0], at, RECORD);
    if (!bucket)
        return NULL;
    char key[TOKEN];
    for (int i = 0; i < TOKEN; i++)
        key[i] = (char)(token >> 8 * i);
    const char *record = PyBytes_AS_STRING(bucket), *end = record + PyBytes_GET_SIZE(bucket);
    while (record < end && memcmp(record, key, TOKEN))
        record += RECORD;
    if (record == end)
        Py_RETURN_NONE;
    const long long fields[] = {(int64_t)load(record + ACCOUNT, 8),  (int32_t)load(record + DAY, 4),
                                (int16_t)load(record + PROGRAMME, 2), (uint8_t)record[STATUS],
                                (uint32_t)load(record + PAST, 4),    (uint32_t)load(record + HOLDER, 4)};
    PyObject *found = PyTuple_New(sizeof fields / sizeof *fields);
    for (size_t i = 0; found && i < sizeof fields / sizeof *fields; i++) {
        PyObject *number = PyLong_FromLongLong(fields[i]);
        if (number)
            PyTuple_SET_ITEM(found, (Py_ssize_t)i, number);
        else
            Py_CLEAR(found);
    }
    return found;
}

enum { PLAIN, MONEY, CARD, RECEIPT_MAX = 4096 };

/* What is left of the place a receipt is written to. */
typedef struct {
    char *at, *end;
} Room;

static int put_bytes(Room *room, const char *data, Py_ssize_t size)
{
    if (size > room->end - room->at) {
        PyErr_SetString(PyExc_ValueError, "a receipt is too long");
        return -1;
    }
    memcpy(room->at, data, (size_t)size);
    room->at += size;
    return 0;
}

static int put_text(Room *room, PyObject *text)
{
    Py_ssize_t size;
    const char *data = PyUnicode_AsUTF8AndSize(text, &size);
    return data ? put_bytes(room, data, size) : -1;
}

/* Decimal digits, with a minus where there is one, written as a figure's way wants it. */
static int put_digits(Room *room, const char *digits, Py_ssize_t size, int way, PyObject *cents)
{
    if (way == CARD && *digits == '-')
        return put_bytes(room, "****????", 8);
    if (way == CARD)
        return put_bytes(room, "****000", size < 4 ? 8 - size : 4) || put_bytes(room, digits, size);
    if (way == PLAIN)
        return put_bytes(room, digits, size);
    if (*digits == '-') {
        if (put_bytes(room, digits, 1))
            return -1;
        digits++;
        size--;
    }
    int rest = digits[size - 1] - '0' + (size > 1 ? 10 * (digits[size - 2] - '0') : 0);
    if (size > 2 ? put_bytes(room, digits, size - 2) : put_bytes(room, "0", 1))
        return -1;
    return put_text(room, PyList_GET_ITEM(cents, rest));
}

static int put_figure(Room *room, PyObject *figure, int way, PyObject *cents)
{
    if (way == PLAIN && PyUnicode_Check(figure))
        return put_text(room, figure);
    if (!PyLong_Check(figure)) { /* whose conversion could run anything, and change what is read here */
        PyErr_SetString(PyExc_TypeError, "a figure is an int, or a plain one a str");
        return -1;
    }
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(figure, &overflow);
    if (number == -1 && PyErr_Occurred())
        return -1;
    if (overflow) {
        Py_ssize_t size;
        PyObject *text = PyNumber_ToBase(figure, 10); /* its digits, whatever a subclass prints */
        const char *digits = text ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
        int failed = digits ? put_digits(room, digits, size, way, cents) : -1;
        Py_XDECREF(text);
        return failed;
    }
    char digits[24], *end = digits + sizeof digits, *begin = end;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do
        *--begin = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--begin = '-';
    return put_digits(room, begin, end - begin, way, cents);
}

static PyObject *fill(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count != 3 || !PyTuple_Check(arguments[0]) || !PyTuple_Check(arguments[1]) || !PyList_Check(arguments[2]) ||
        PyList_GET_SIZE(arguments[2]) != 100) {
        PyErr_SetString(PyExc_TypeError, "parts are filled in with figures, and with how 100 cents are written");
        return NULL;
    }
    PyObject *parts = arguments[0], *figures = arguments[1];
    char text[RECEIPT_MAX];
    Room room = {text, text + sizeof text};
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parts); i++) {
        PyObject *part = PyTuple_GET_ITEM(parts, i);
        if (PyUnicode_Check(part)) {
            if (put_text(&room, part))
                return NULL;
            continue;
        }
        if (!PyLong_Check(part)) {
            PyErr_SetString(PyExc_TypeError, "a part is a text, or the place of a figure");
            return NULL;
        }
        long place = PyLong_AsLong(part);
        if (place == -1 && PyErr_Occurred())
            return NULL;
        if (place < 0 || place >> 2 >= PyTuple_GET_SIZE(figures)) {
            PyErr_SetString(PyExc_IndexError, "there is no such figure");
            return NULL;
        }
        if (put_figure(&room, PyTuple_GET_ITEM(figures, place >> 2), place & 3, arguments[2]))
            return NULL;
    }
    return PyUnicode_DecodeUTF8(text, room.at - text, NULL);
}

static PyMethodDef FUNCTIONS[] = {{"store", store, METH_VARARGS, NULL},
                                  {"find", (PyCFunction)(void (*)(void))find, METH_FASTCALL, NULL},
                                  {"fill", (PyCFunction)(void (*)(void))fill, METH_FASTCALL, NULL},
                                  {NULL, NULL, 0, NULL}};
static PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, .m_name = "native", .m_size = -1, .m_methods = FUNCTIONS};

PyMODINIT_FUNC PyInit_native(void)
{
    return PyModule_Create(&MODULE);
}
