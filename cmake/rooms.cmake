# Rooms: one folder, one CMake target each.
#
#   oc_room(NAME [DEPENDS room...] [EXTERNAL target...] [PLUGINS table.def MACRO] [OTHER file.c...])
#
# makes the object library oc_NAME of the .c files of the current folder. Its headers lie in the
# same folder and are included by bare name. DEPENDS names rooms below: their headers, and those
# of the rooms they depend on, become visible, and no others do, so that an include that points up
# the ladder does not compile. EXTERNAL names targets of cmake/dependencies.cmake.
# A room without sources is a target without objects.
#
# In a room with plug-ins (PLUGINS) each line MACRO(stem) of the table builds stem.c, and every
# other .c of the folder has to be named by OTHER: a plug-in that was forgotten in the table, or a
# table line without a file, stops the configuration. OFFCUT_TABLE_ERRORS=WARNING lets the rest of a
# half-written tree be built.
set(OFFCUT_TABLE_ERRORS FATAL_ERROR CACHE STRING "What a plug-in without line or file is")
mark_as_advanced(OFFCUT_TABLE_ERRORS)

# Sets `out` to the .c files of the current folder, after checking them against the table.
function(oc_sources out)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PLUGINS;OTHER")
    file(GLOB files CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.c")
    list(TRANSFORM files REPLACE "^.*/" "")

    if(arg_PLUGINS)
        list(GET arg_PLUGINS 0 table)
        list(GET arg_PLUGINS 1 macro)
        file(RELATIVE_PATH where "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
        set(stems "")
        file(GLOB has_table CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${table}")
        if(has_table)
            set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${table}")
            file(STRINGS "${table}" lines REGEX "^[ \t]*${macro}[ \t]*\\(")
            foreach(line IN LISTS lines)
                if(NOT line MATCHES "${macro}[ \t]*\\([ \t]*([a-z0-9_]+)[ \t]*[,)]")
                    message(FATAL_ERROR "${where}/${table}: '${line}' should read ${macro}(stem), "
                        "the stem in lower case")
                endif()
                set(stem "${CMAKE_MATCH_1}")
                if(stem IN_LIST stems)
                    message(FATAL_ERROR "${where}/${table}: ${macro}(${stem}) stands there twice")
                endif()
                if(NOT "${stem}.c" IN_LIST files)
                    message(${OFFCUT_TABLE_ERRORS} "${where}/${table}: ${macro}(${stem}) has no file: "
                        "expected ${where}/${stem}.c")
                endif()
                list(APPEND stems "${stem}")
            endforeach()
        endif()
        foreach(file IN LISTS arg_OTHER)
            if(NOT file IN_LIST files)
                message(${OFFCUT_TABLE_ERRORS} "${where}/CMakeLists.txt: OTHER names ${file}, which does not exist")
            endif()
        endforeach()
        foreach(file IN LISTS files)
            string(REGEX REPLACE "\\.c$" "" stem "${file}")
            if(NOT stem IN_LIST stems AND NOT file IN_LIST arg_OTHER)
                message(${OFFCUT_TABLE_ERRORS} "${where}/${file}: neither a line ${macro}(${stem}) in "
                    "${where}/${table} nor named by OTHER in ${where}/CMakeLists.txt")
            endif()
        endforeach()
    endif()
    set(${out} "${files}" PARENT_SCOPE)
endfunction()

function(oc_room name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;EXTERNAL;PLUGINS;OTHER")
    oc_sources(sources PLUGINS ${arg_PLUGINS} OTHER ${arg_OTHER})
    list(TRANSFORM arg_DEPENDS PREPEND oc_)

    if(sources)
        add_library(oc_${name} OBJECT ${sources})
        set(scope PUBLIC)
        target_link_libraries(oc_${name} PRIVATE oc_warnings)
        set_property(GLOBAL APPEND PROPERTY OC_OBJECT_ROOMS oc_${name})
    else()
        add_library(oc_${name} INTERFACE)
        set(scope INTERFACE)
    endif()
    target_include_directories(oc_${name} ${scope} "${CMAKE_CURRENT_SOURCE_DIR}")
    target_link_libraries(oc_${name} ${scope} oc_flags ${arg_DEPENDS} ${arg_EXTERNAL})
    set_property(GLOBAL APPEND PROPERTY OC_ROOMS oc_${name})
    set_property(GLOBAL APPEND PROPERTY OC_EXTERNAL ${arg_EXTERNAL})
endfunction()
