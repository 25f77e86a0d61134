# SPDX-License-Identifier: Apache-2.0
# Turns a text file into a C header that holds it:
#   cmake -DIN=file.sql -DOUT=file.h -DNAME=gw_file -P embed_text.cmake
# gives `static const char gw_file[]`, NUL-terminated. Bytes are written as
# character constants: no limit on the length of literals, no signedness.
foreach(variable OUT NAME IN)
    if(NOT DEFINED ${variable})
        message(FATAL_ERROR "embed_text.cmake: -D${variable}=... is missing")
    endif()
endforeach()
file(READ "${IN}" hex HEX)
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
string(REPLACE "'\\x0a'," "'\\n',\n" bytes "${bytes}")
get_filename_component(source "${IN}" NAME)
file(WRITE "${OUT}" "/* Made of ${source} by embed_text.cmake. */\n"
    "static const char ${NAME}[] = {\n${bytes}'\\0'};\n")
