/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The operator seam: all that is known about one operator, as one const table row. The rows live
 * in runtime/op/, one file each; a graph holds pointers to them. An operator sees shapes, types and
 * attributes, never a graph and never a device.
 */
#ifndef OC_OP_H
#define OC_OP_H

#include "oc_base.h"

#include <offcut/tensor.h>

typedef struct oc_op oc_op;

/** A set of element types, as bits. */
#define OC_TYPE(dtype_) (UINT32_C(1) << OC_DTYPE_##dtype_)
#define OC_TYPES_8BIT (OC_TYPE(int8) | OC_TYPE(uint8))
#define OC_TYPES_INT (OC_TYPES_8BIT | OC_TYPE(int32) | OC_TYPE(int64))
#define OC_TYPES_ALL ((UINT32_C(1) << OC_DTYPE_COUNT) - 1)

/* ---- attributes: options as data ------------------------------------------------------------ */

/** A short list of integers inside an attribute struct (axes, pads, a permutation). */
#define OC_INTS_MAX 16
typedef struct oc_ints {
    int32_t count;
    int32_t v[OC_INTS_MAX];
} oc_ints;

/** Likewise of numbers (scales, a region). */
typedef struct oc_floats {
    int32_t count;
    float v[OC_INTS_MAX];
} oc_floats;

typedef enum oc_attr_type {
    OC_ATTR_INT,   /* int32_t */
    OC_ATTR_FLOAT, /* float */
    OC_ATTR_INTS,  /* oc_ints; min and max bound each element */
    OC_ATTR_FLOATS, /* oc_floats; min and max bound each element; begins as none */
    OC_ATTR_ENUM   /* int32_t, an index into names; its name is what goes to disk */
} oc_attr_type;

typedef struct oc_attr {
    const char *name;
    oc_attr_type type;
    size_t offset;             /* in the operator's attribute struct */
    double initial, min, max;  /* of an INT, FLOAT, ENUM or an element; min == max == 0: unbounded */
    oc_ints initial_ints;      /* of INTS */
    const char *const *names;  /* ENUM: NULL-terminated */
    const char *help;
} oc_attr;

/* ---- a call: one node as its operator sees it ------------------------------------------------ */

typedef struct oc_op_call {
    const oc_op *op;
    const char *name;             /* of the node, for error texts */
    const void *attrs;            /* the operator's own struct */
    const char *numerics;         /* the node's numerics class: which arithmetic to use where an operator has several */
    uint32_t n_in, n_out;
    const oc_desc *const *in;     /* NULL entry: an optional input that is not given */
    const oc_desc *const *out;    /* not set while `shape` runs */
    const bool *is_const;         /* per input: known when a device is prepared */
} oc_op_call;

typedef struct oc_cost {
    uint64_t macs;         /* multiply-adds */
    uint64_t ops;          /* other arithmetic: additions, comparisons, evaluations of a function */
    uint64_t param_elems;  /* elements of constant inputs */
    uint64_t bytes_read;   /* inputs, constants included, each once */
    uint64_t bytes_written;
} oc_cost;

/* ---- launch: what an OpenCL device needs, as plain data ---------------------------------------- */

/** Which instruction sums products of bytes four at a time (kernels-cl/dot8.h: DOT8). */
typedef enum oc_dot8_kind {
    OC_DOT8_NONE,
    OC_DOT8_VNNI, /* VPDPBUSD on 16 lanes, which the device was seen to compute rightly */
    OC_DOT8_OPEN  /* of a device: not tried yet; no operator sees it */
} oc_dot8_kind;

/** What a launch may know of the device it is made for. */
typedef struct oc_traits {
    bool is_cpu;
    oc_dot8_kind dot8;
    uint32_t compute_units;
    uint32_t vector_floats;   /* native float vector width, at least 1 */
    size_t work_group_max;
    size_t local_mem_bytes;
} oc_traits;

typedef enum oc_arg_kind { OC_ARG_IN, OC_ARG_OUT, OC_ARG_PACKED, OC_ARG_TABLE, OC_ARG_SCRATCH } oc_arg_kind;

typedef struct oc_launch_arg {
    oc_arg_kind kind;
    uint32_t index;       /* IN, PACKED: input; OUT: output; SCRATCH: number of the node's scratch buffer */
    size_t bytes;         /* PACKED, TABLE, SCRATCH: size of the buffer */
    /*
     * On the host, when the device is prepared. PACKED: lays the constant input out as this kernel
     * wants it. TABLE: writes what follows from shapes and attributes alone; `src` is NULL.
     */
    oc_status (*pack)(const oc_op_call *call, const void *src, void *dst, size_t dst_bytes);
} oc_launch_arg;

#define OC_LAUNCH_ARGS 12
#define OC_LAUNCH_OPTIONS 768
typedef struct oc_launch {
    const char *stem;     /* kernels-cl/<stem>.cl */
    const char *kernel;   /* function in it */
    char options[OC_LAUNCH_OPTIONS]; /* "-DKH=3 -DKW=3 ..."; floats as hexadecimal constants */
    oc_launch_arg args[OC_LAUNCH_ARGS];
    uint32_t n_args;
    uint32_t dims;        /* 1 to 3 */
    size_t global[3];
    size_t local[3];      /* all 0: the device chooses */
    size_t offset[3];     /* where global ids begin */
} oc_launch;

/*
 * Choices: what a launch may do one way or another with the same bits, for example how many rows a tile has. The rule's
 * value comes first; a device may have measured that another one is faster here (runtime/exec/tune.c). They are told
 * apart by name, and written as "rows=7 vectors=2".
 */
#define OC_CHOICES 4        /* of one call */
#define OC_CHOICE_VALUES 8  /* of one choice */
#define OC_CHOICE_TEXT 96

typedef struct oc_choice {
    const char *name;
    int32_t values[OC_CHOICE_VALUES]; /* the rule's first; each once */
    uint32_t n_values, taken;         /* the index of the one that the launch took */
} oc_choice;

typedef struct oc_choices {
    oc_choice of[OC_CHOICES];
    uint32_t count;
} oc_choices;

/** The launches of a node, run in order. */
typedef struct oc_launch_list {
    const oc_allocator *alloc;
    oc_launch *items;
    size_t count, capacity;
    const char *wanted;   /* what to choose, where it is a value that the launch has; NULL: as the rule says */
    oc_choices choices;   /* what was chosen, in the order of asking */
} oc_launch_list;

/** Append an empty launch of kernel `kernel` in `stem`. `*launch` is valid until the next add. */
OC_MUST_USE oc_status oc_launch_add(oc_launch_list *list, const char *stem, const char *kernel, oc_launch **launch);
/** Append to the options. Errors: OC_E_INTERNAL when they do not fit. */
OC_MUST_USE oc_status oc_launch_define(oc_launch *launch, const char *fmt, ...) OC_PRINTF(2, 3);
OC_MUST_USE oc_status oc_launch_define_float(oc_launch *launch, const char *name, float value);
void oc_launch_arg_add(oc_launch *launch, oc_launch_arg arg);
void oc_launch_range(oc_launch *launch, size_t x, size_t y, size_t z);
/**
 * Choose between `rule` and `others` (repetitions count once): this call inside `launch` is all that an operator does to
 * be tuned. Later choices may depend on earlier ones. `name`: a word, at most once a launch; static.
 */
int32_t oc_launch_choose(oc_launch_list *list, const char *name, int32_t rule, const int32_t *others, size_t n_others);
/** "rows=7 vectors=2"; "" where nothing was to be chosen. Returns `text`. */
char *oc_choices_print(const oc_choices *choices, char text[OC_CHOICE_TEXT]);
/** What to want so that choice `which` takes its value number `value`: earlier choices as they were made, later ones as the rule says. Returns `text`. */
char *oc_choices_vary(const oc_choices *choices, uint32_t which, uint32_t value, char text[OC_CHOICE_TEXT]);

/* ---- several calls as one ---------------------------------------------------------------------- */

/** Of `batch_axis`: all calls have this input in common. */
#define OC_BATCH_SHARED (-1)

/* ---- parts of tensors --------------------------------------------------------------------------- */

/** The elements from[i] up to, but without, to[i] along each axis of a tensor; 0 beyond its rank. */
typedef struct oc_box {
    int32_t from[OC_RANK_MAX], to[OC_RANK_MAX];
} oc_box;

/* ---- cases: shapes that unit test, kernel test, gradient test and benchmark share --------------- */

#define OC_CASE_IN 8
#define OC_CASE_SETS 12
/** One attribute by name; which field counts is said by the operator's row. */
typedef struct oc_case_set {
    const char *attr;
    double number;        /* INT, FLOAT */
    oc_ints ints;         /* INTS */
    oc_floats floats;     /* FLOATS */
    const char *name;     /* ENUM */
} oc_case_set;

typedef struct oc_op_case {
    const char *name;
    oc_case_set sets[OC_CASE_SETS];   /* ends at the first NULL attr */
    oc_desc in[OC_CASE_IN];
    const char *numerics;    /* NULL: the operator's */
    uint32_t n_in;
    uint32_t const_mask;     /* bit i: input i is constant */
    uint32_t absent_mask;    /* bit i: optional input i is not given */
    float lo, hi;            /* range of the seeded input elements; 0,0: -1..1 */
    /* The same of one input, integers too; 0,0: lo and hi, and all values of an integer type. */
    float in_lo[OC_CASE_IN], in_hi[OC_CASE_IN];
} oc_op_case;

/* ---- the row --------------------------------------------------------------------------------- */

struct oc_op {
    const char *name;             /* also the stem of its .c and .cl */
    const char *help;             /* one line: inputs -> output, with shapes */
    size_t attrs_size;
    const oc_attr *attrs;
    size_t n_attrs;
    uint32_t in_min, in_max;      /* number of inputs; OC_NODE_IO_MAX for any */
    uint32_t n_out;
    uint32_t types;               /* which element types input 0 may have: OC_TYPE bits */
    /**
     * Numerics class of a float node: the exact arithmetic, described in the operator's file. All
     * devices that run the node must give these bits.
     */
    const char *numerics;
    /** Further classes that a call may have, ended by NULL; NULL: none. */
    const char *const *more_numerics;
    /**
     * Where there are further ones, the class of this call: `wanted`, or `numerics` where the call cannot
     * have that; the one that costs least where `wanted` is NULL. Knows the call's shapes and which inputs are
     * constant, but not how many images it takes: edge and worker choose alike.
     */
    const char *(*choose_numerics)(const oc_op_call *call, const char *wanted);
    bool is_view;                 /* output 0 is input 0's bytes under another shape: no kernel runs */
    /** Row name of the ENUM attribute that holds a fused activation, or NULL ("act"; "act_a", "act_b" hold its parameters). */
    const char *act_attr;
    /** For an operator that is itself an elementwise function of one input: row name of the ENUM that names it ("fn"; "a", "b" hold the parameters), else NULL. */
    const char *unary_attr;

    /** Checks attributes and inputs, gives the outputs' descs. Errors: OC_E_SHAPE, OC_E_DTYPE, OC_E_ARG with the node's name. */
    oc_status (*shape)(const oc_op_call *call, oc_desc *out);

    /**
     * The operator on tensors whose axes are permuted (axis i of the new tensor is axis perm[i] of
     * the old one) as the same operator with other attributes: writes them into `attrs` (a copy of the old).
     * All inputs and outputs are permuted alike, and every element keeps its bits; inputs of lower
     * rank are not allowed. Errors: OC_E_UNSUPPORTED. NULL: cannot.
     */
    oc_status (*permute)(const oc_op_call *call, const int32_t *perm, int32_t rank, void *attrs);

    /**
     * `n` calls of one shape as one call. Input i of that call is the n calls' inputs joined along
     * axis in[i], or where in[i] is OC_BATCH_SHARED (also where it is not given) the one input that
     * all have in common. Says along which axes its outputs are the n calls' outputs joined, bit for
     * bit, and writes its attributes into `attrs` (a copy of the call's). Serial loop that it
     * equals: for r < n: call r by itself.
     *
     * `call` is any of the n, n >= 1; at least one input is joined, each along an axis that it has.
     * Errors: OC_E_UNSUPPORTED, with the node's name, where elements of different calls would meet.
     * NULL: not batchable.
     */
    oc_status (*batch_axis)(const oc_op_call *call, const int32_t *in, int32_t n, int32_t *out,
                            void *attrs);

    /**
     * Which part of each input the part `out` of output 0 (the only one) comes from: in[i] for each
     * input that is given. The rest of an input may hold anything: these elements keep their bits.
     * A box may be larger than needed; it is empty where nothing is.
     *
     * `out` lies inside the output and is not empty. Errors: OC_E_UNSUPPORTED, with the node's name.
     * NULL: not tileable.
     */
    oc_status (*halo)(const oc_op_call *call, const oc_box *out, oc_box *in);

    oc_status (*cost)(const oc_op_call *call, oc_cost *cost);

    /** The definition. Dense tensors; in[i] NULL where absent. Not called where oc_op_is_empty. Errors: OC_E_NOMEM only. */
    oc_status (*reference)(const oc_op_call *call, const void *const *in, void *const *out);

    /** How OpenCL devices run it; what oc_launch_choose is asked shows in no bit. Not called where oc_op_is_empty. Errors: OC_E_UNSUPPORTED (with why), OC_E_NOMEM. NULL only for views. */
    oc_status (*launch)(const oc_op_call *call, const oc_traits *traits, oc_launch_list *list);

    const oc_op_case *cases;
    size_t n_cases;
};

/** No output of the call has an element: there is nothing to compute. */
bool oc_op_is_empty(const oc_op_call *call);

/** Attribute rows: the row of that name or NULL; defaults; text "strides=[2,2] groups=1" in row order (the digest's and `inspect`'s form). */
const oc_attr *oc_attr_find(const oc_op *op, const char *name);
void oc_attrs_default(const oc_op *op, void *attrs);
OC_MUST_USE oc_status oc_attrs_print(const oc_op *op, const void *attrs, oc_buf *text);

#endif
