# What others wrote, found through pkg-config; docs/adr/0002-dependencies.md says why each.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# Makes the imported target PkgConfig::NAME of a pkg-config module. OC_PKG_MODULES lists the modules;
# OC_PKG_CALLS finds them again in the installed package of a static library.
macro(oc_pkg name module)
    pkg_check_modules(${name} QUIET IMPORTED_TARGET ${module})
    if(NOT ${name}_FOUND)
        message(FATAL_ERROR "pkg-config does not know '${module}': run scripts/install-deps.sh")
    endif()
    list(APPEND OC_PKG_MODULES ${module})
    string(APPEND OC_PKG_CALLS "    pkg_check_modules(${name} REQUIRED QUIET IMPORTED_TARGET ${module})\n")
endmacro()

oc_pkg(CRYPTO libcrypto)
oc_pkg(CYAML libcyaml)
oc_pkg(JANSSON jansson)
oc_pkg(ZLIB zlib)
oc_pkg(PNG libpng)
oc_pkg(JPEG libjpeg)
oc_pkg(OPENCL OpenCL)
oc_pkg(GRPC grpc)
oc_pkg(PROTOBUF_C libprotobuf-c)

find_program(PROTOC_C protoc-c)
if(NOT PROTOC_C)
    message(FATAL_ERROR "protoc-c is not installed: run scripts/install-deps.sh")
endif()

# gRPC's pkg-config file lists its own parts too, some sixty libraries; shared ones find them alone.
get_target_property(grpc_libraries PkgConfig::GRPC INTERFACE_LINK_LIBRARIES)
list(FILTER grpc_libraries INCLUDE REGEX "lib(grpc|gpr)\\.")
set_property(TARGET PkgConfig::GRPC PROPERTY INTERFACE_LINK_LIBRARIES ${grpc_libraries})

# OpenCL 1.2 is what we ask of a device; the headers shall not offer more.
set_property(TARGET PkgConfig::OPENCL APPEND PROPERTY
    INTERFACE_COMPILE_DEFINITIONS CL_TARGET_OPENCL_VERSION=120)
