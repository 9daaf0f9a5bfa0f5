# cmake --install: the library, its headers, offcut.pc, the CMake package, the command.
include(CMakePackageConfigHelpers)
set(oc_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/offcut")

install(TARGETS offcut EXPORT offcutTargets)
install(DIRECTORY runtime/include/offcut DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT offcutTargets NAMESPACE offcut:: DESTINATION "${oc_package_dir}")

# A static library makes its users link what it needs itself; a shared one does not.
if(BUILD_SHARED_LIBS)
    set(OC_PC_REQUIRES "")
    set(OC_PC_LIBS "")
else()
    list(JOIN OC_PKG_MODULES " " OC_PC_REQUIRES)
    set(OC_PC_LIBS "-pthread -lm")
endif()
file(RELATIVE_PATH OC_PC_UP "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_package_config_file(cmake/offcutConfig.cmake.in offcutConfig.cmake
    INSTALL_DESTINATION "${oc_package_dir}")
write_basic_package_version_file(offcutConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/offcutConfig.cmake"
    "${CMAKE_CURRENT_BINARY_DIR}/offcutConfigVersion.cmake" DESTINATION "${oc_package_dir}")

configure_file(cmake/offcut.pc.in offcut.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/offcut.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
