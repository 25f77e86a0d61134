# SPDX-License-Identifier: Apache-2.0
# Turns a file into a C header that holds it:
#   cmake -DIN=file.sql -DOUT=file.h -DNAME=gw_file -P embed_text.cmake
# gives `static const char gw_file[]`, NUL-terminated. Bytes are written as
# character constants: no limit on the length of literals, no signedness.
#
# With -DWEB=ON also `gw_file_gz[]`, the file compressed, and gw_file_etag.
foreach(variable OUT NAME IN)
    if(NOT DEFINED ${variable})
        message(FATAL_ERROR "embed_text.cmake: -D${variable}=... is missing")
    endif()
endforeach()

function(append_array name file)
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
    string(REPLACE "'\\x0a'," "'\\n',\n" bytes "${bytes}")
    file(APPEND "${OUT}"
        "static const char ${name}[] = {\n${bytes}'\\0'};\n")
endfunction()

get_filename_component(source "${IN}" NAME)
file(WRITE "${OUT}" "/* Made of ${source} by embed_text.cmake. */\n")
append_array(${NAME} "${IN}")
if(WEB)
    execute_process(COMMAND gzip -9 -n -c INPUT_FILE "${IN}"
        OUTPUT_FILE "${OUT}.gz" COMMAND_ERROR_IS_FATAL ANY)
    append_array(${NAME}_gz "${OUT}.gz")
    file(SHA256 "${IN}" sum)
    string(SUBSTRING ${sum} 0 20 sum)
    file(APPEND "${OUT}" "#define ${NAME}_etag \"${sum}\"\n")
endif()
