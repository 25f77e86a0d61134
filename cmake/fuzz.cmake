# SPDX-License-Identifier: Apache-2.0
# One libFuzzer program of every tests/fuzz/*_fuzz.c.
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)

# gw_fuzzer(NAME LINK target… [SOURCES more…])
function(gw_fuzzer name)
    cmake_parse_arguments(F "" "" "SOURCES;LINK" ${ARGN})
    gw_program(${name} SOURCES tests/fuzz/${name}.c ${F_SOURCES}
        LINK ${F_LINK})
    target_include_directories(${name} PRIVATE tests)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()

gw_fuzzer(json_fuzz LINK gw_engine PkgConfig::jansson)
# the double's calls are found before those of libmicrohttpd
gw_fuzzer(http_fuzz SOURCES tests/fuzz/mhd_double.c
    LINK gw_http PkgConfig::libmicrohttpd)
