# SPDX-License-Identifier: Apache-2.0
# One libFuzzer program of every tests/fuzz/*_fuzz.c.
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
file(GLOB files CONFIGURE_DEPENDS tests/fuzz/*_fuzz.c)
foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    gw_program(${name} SOURCES ${file} LINK gw_engine PkgConfig::jansson)
    target_include_directories(${name} PRIVATE tests)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endforeach()
