# Language and flags of all our own C code.
#
# oc_flags      what every room needs: public headers, feature macros, OC_VERSION. Linked PUBLIC.
# oc_warnings   what we ask of our own sources only; generated code does without.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

# Contraction of a*b+c to a fused multiply-add is a compiler's choice and changes bits; promise 1
# (every cut gives the same bits on every machine) needs it to be ours.
add_compile_options(-ffp-contract=off)

add_library(oc_flags INTERFACE)
target_include_directories(oc_flags INTERFACE "${PROJECT_SOURCE_DIR}/runtime/include")
target_compile_definitions(oc_flags INTERFACE
    _DEFAULT_SOURCE _POSIX_C_SOURCE=200809L OC_VERSION="${PROJECT_VERSION}")

# -Wmaybe-uninitialized is off: gcc cannot know that oc_fail never returns OC_OK, and so doubts every
# output that follows an OC_TRY.
add_library(oc_warnings INTERFACE)
target_compile_options(oc_warnings INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
    -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough
    $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    $<$<BOOL:${OFFCUT_WERROR}>:-Werror>)

# What libFuzzer needs to see of all code; its main goes into the fuzz targets alone.
if(OFFCUT_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(OFFCUT_SANITIZE)
    add_compile_options(-fsanitize=${OFFCUT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${OFFCUT_SANITIZE})
endif()
