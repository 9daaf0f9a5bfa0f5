# liboffcut and oc_internal, both from the objects of all rooms.
get_property(oc_object_rooms GLOBAL PROPERTY OC_OBJECT_ROOMS)
get_property(oc_rooms GLOBAL PROPERTY OC_ROOMS)
get_property(oc_external GLOBAL PROPERTY OC_EXTERNAL)
list(REMOVE_DUPLICATES oc_external)
set(oc_objects "")
foreach(room IN LISTS oc_object_rooms)
    list(APPEND oc_objects $<TARGET_OBJECTS:${room}>)
endforeach()

# What users link. Only symbols marked OC_API are visible.
add_library(offcut ${oc_objects})
add_library(offcut::offcut ALIAS offcut)
set_target_properties(offcut PROPERTIES
    LINKER_LANGUAGE C VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
target_include_directories(offcut INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/runtime/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(offcut PRIVATE ${oc_external} Threads::Threads m)
if(NOT OFFCUT_SANITIZE)
    target_link_options(offcut PRIVATE -Wl,--no-undefined)
endif()

# What tests link: every symbol and every header of every room. An archive, so that a test of a
# low room takes from it only what it calls.
add_library(oc_archive STATIC EXCLUDE_FROM_ALL ${oc_objects})
set_target_properties(oc_archive PROPERTIES LINKER_LANGUAGE C)
add_library(oc_internal INTERFACE)
target_link_libraries(oc_internal INTERFACE oc_archive ${oc_rooms} ${oc_external} Threads::Threads m)
