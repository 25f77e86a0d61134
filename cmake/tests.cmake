# SPDX-License-Identifier: Apache-2.0
# Every test, as CTest runs it. Names are KIND/…; `ctest -L KIND` picks one.
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
find_program(GW_NODE node REQUIRED)
find_program(GW_PYTHON python3 REQUIRED)

set(GW_TEST_ENVIRONMENT
    "GODWIT=$<TARGET_FILE:godwit>"
    "GODWIT_SAMPLE=$<TARGET_FILE:godwit-sample>"
    "GODWIT_BUILD=${PROJECT_BINARY_DIR}"
    "GODWIT_SOURCE=${PROJECT_SOURCE_DIR}"
    "GODWIT_NATIVE=${PROJECT_BINARY_DIR}/native"
    "NO_COLOR=1")

# C, mirroring src/
foreach(module IN LISTS GW_MODULES)
    gw_unit_tests(${module})
endforeach()

# one suite for every store
file(GLOB contract CONFIGURE_DEPENDS tests/contract/*.c)
if(contract)
    gw_cmocka_test(contract/sqlite gw_engine ${contract})
endif()

# what runs on a PostgreSQL of its own; a failure where none is installed
function(gw_postgres_test name)
    gw_add_test(${name} ${PROJECT_SOURCE_DIR}/dev/with_postgres.sh ${ARGN})
    set_tests_properties(${name} PROPERTIES
        TIMEOUT 1800)
endfunction()

if(contract)
    gw_postgres_test(contract/postgresql sh -c
        "$<TARGET_FILE:test_contract_sqlite> \"$GODWIT_TEST_PG_URI?options=-csearch_path%3Dc{}\"")
endif()
gw_postgres_test(conformance/postgresql sh -c
    "${GW_PYTHON} tests/conformance/corpus/run.py $<TARGET_FILE:godwit> tests/conformance/corpus \"$GODWIT_TEST_PG_URI\" -j 2")
file(GLOB postgres CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
    tests/postgres/*.test.mjs)
foreach(file IN LISTS postgres)
    get_filename_component(stem ${file} NAME)
    string(REGEX REPLACE "[.]test[.]mjs$" "" stem ${stem})
    gw_postgres_test(postgres/${stem}
        ${GW_NODE} --test --test-reporter=tap ${file})
endforeach()

# whole runs, by the command line
function(gw_conformance_test name folder)
    gw_add_test(conformance/${name} ${GW_PYTHON}
        ${PROJECT_SOURCE_DIR}/tests/conformance/corpus/run.py
        $<TARGET_FILE:godwit> ${folder} sqlite -j 2)
endfunction()
gw_conformance_test(corpus ${PROJECT_SOURCE_DIR}/tests/conformance/corpus)
file(GLOB own CONFIGURE_DEPENDS tests/conformance/own/*/case.json)
if(own)
    gw_conformance_test(own ${PROJECT_SOURCE_DIR}/tests/conformance/own)
endif()
# a checkout that lies beside a newer corpus runs that too
set(beside ${PROJECT_SOURCE_DIR}/../shared/conformance)
if(EXISTS ${beside})
    execute_process(OUTPUT_QUIET RESULT_VARIABLE differs
        COMMAND diff -rq ${beside} ${PROJECT_SOURCE_DIR}/tests/conformance/corpus)
    if(differs)
        gw_conformance_test(beside ${beside})
    endif()
endif()

# the server's fuzzer, built by clang, for a minute; the others are `make fuzz`
gw_add_test(fuzz/http ${PROJECT_SOURCE_DIR}/dev/fuzz_http.sh)

# the server under ThreadSanitizer, built so too; longer: dev/tsan_http.sh
gw_add_test(tsan/http ${PROJECT_SOURCE_DIR}/dev/tsan_http.sh 10)

# the real program
foreach(kind e2e faults import web)
    file(GLOB files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
        tests/${kind}/*.test.mjs tests/${kind}/*.test.js
        tests/${kind}/*_test.mjs tests/${kind}/*_test.js)
    foreach(file IN LISTS files)
        get_filename_component(stem ${file} NAME)
        string(REGEX REPLACE "[._]test\\.m?js$" "" stem ${stem})
        gw_node_test(${kind}/${stem} ${file})
    endforeach()
endforeach()
